// The limits of the client: every wait ends, every body is bounded.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@blackroad/std/clock';
import t, { type Test } from 'tap';
import { type HttpCall, JsonClient, linesOf } from './http-json.ts';

async function subject(t: Test, reply: (response: ServerResponse, path: string) => void) {
  const server = createServer((request, response) => reply(response, request.url ?? ''));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new JsonClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clock: systemClock,
  });
  t.teardown(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  return client;
}
const get = (more: Partial<HttpCall> = {}): HttpCall => ({ method: 'GET', path: 'x', answerMs: 5000, ...more });

t.test('an answer that does not come', async (t) => {
  const client = await subject(t, () => {});
  await t.rejects(client.call(get({ answerMs: 20 })), { code: 'unavailable', message: /no answer within/ });
});

t.test('an answer that stops in the middle', async (t) => {
  const client = await subject(t, (response) => response.write('{"a":'));
  await t.rejects(client.call(get({ stallMs: 20 })), { code: 'unavailable', message: /nothing came for/ });
});

t.test('a body without end', async (t) => {
  const client = await subject(t, (response) => {
    response.writeHead(500);
    const more = () => response.write(Buffer.alloc(16_384, 97), (error) => error || response.destroyed || more());
    more();
  });
  await t.rejects(client.stream(get()), { code: 'unavailable', message: /more than 65536 bytes/ });
});

t.test('lines: broken anywhere, with either line end, the last one without', async (t) => {
  const client = await subject(t, async (response) => {
    for (const byte of Buffer.from('é\r\n\nzwei\nlast')) {
      response.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    response.end();
  });
  const answer = await client.stream(get());
  const lines = [];
  if ('pieces' in answer) for await (const line of linesOf(answer.pieces)) lines.push(line);
  t.strictSame(lines, ['é', '', 'zwei', 'last']);
});

t.test('an abort while waiting, and a closed client', async (t) => {
  const client = await subject(t, () => {});
  const abort = new AbortController();
  const waiting = client.call(get({ signal: abort.signal }));
  setImmediate(() => abort.abort());
  await t.rejects(waiting, { code: 'aborted' });
  client.close();
  await t.rejects(client.call(get()), { code: 'unavailable' });
});
