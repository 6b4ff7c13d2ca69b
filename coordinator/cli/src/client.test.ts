import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { createClient, harmlessClient } from './client.ts';

t.test('text of others cannot steer the terminal: answers and streams', async (t) => {
  const hostile = '\u001b]0;owned\u0007 \u001b[2Jred\u009b31m \u202egnp.exe\nnext\tline';
  const server = createServer((request, response) => {
    if (request.headers.accept?.includes('event-stream')) {
      response.setHeader('content-type', 'text/event-stream');
      response.end(`event: chunk\ndata: ${JSON.stringify({ attempt: 1, offset: 0, text: hostile })}\n\n`);
    } else {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify([{ name: hostile, [hostile]: 1 }]));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = harmlessClient(createClient({ url: `http://127.0.0.1:${port}`, key: 'k', ca: null }));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be left
  const harmful = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
  const [agent] = (await client.call('agents')) as unknown as Record<string, string>[];
  for (const text of Object.entries(agent ?? {}).flat()) t.notMatch(String(text), harmful);
  t.match(agent?.name, /\n/, 'lines stay lines');
  for await (const { data } of client.stream(
    'ask',
    { params: { agent: 'x' } } as never,
    new AbortController().signal,
  )) {
    const { text } = data as { text: string };
    t.notMatch(text, harmful);
    t.equal(text.length, hostile.length, 'as long as before: offsets hold');
  }
});
