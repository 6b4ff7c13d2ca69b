// What a node-agent tells of a server that the coordinator may ask itself.
import { X509Certificate } from 'node:crypto';
import { createServer as createPlain, type RequestListener } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t, { type Test } from 'tap';
import { createThrowawayCa } from '../../../test/fixtures/node-agent/throwaway-ca.ts';
import { createOpenAi } from './openai.ts';

const lists: RequestListener = (request, response) => {
  const rows = { data: [{ id: 'm', owned_by: 'vllm', max_model_len: 4096 }] };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(request.url?.endsWith('/v1/models') ? rows : {}));
};
async function listening(t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}
const common = { clock: systemClock, log: silentLog };

t.test('without TLS: port, path, key, and its name for the repeat penalty', async (t) => {
  const port = await listening(t, createPlain(lists));
  const url = `http://127.0.0.1:${port}/box/v1`;
  const runtime = createOpenAi({ ...common, url, apiKey: 'sk-1', isDirect: true });
  t.teardown(() => runtime.close());
  await runtime.models();
  t.same(runtime.direct?.(), { port, path: '/box', key: 'sk-1', penalty: 'repetition_penalty' });
  t.equal(createOpenAi({ ...common, url }).direct?.(), null, 'only where a person allowed it');
});

t.test('with TLS: the certificate that it showed, once it has', async (t) => {
  const tls = await (await createThrowawayCa()).server();
  const port = await listening(t, createTls(tls, lists));
  const url = `https://127.0.0.1:${port}`;
  const runtime = createOpenAi({ ...common, url, isDirect: true });
  t.teardown(() => runtime.close());
  t.equal(runtime.direct?.(), null);
  t.equal((await runtime.models())[0]?.name, 'm', 'a certificate of its own is accepted on this machine');
  t.match(runtime.direct?.(), { port, certificate: new X509Certificate(tls.cert).fingerprint256 });
  const strict = createOpenAi({ ...common, url });
  t.teardown(() => strict.close());
  await t.rejects(strict.models(), { code: 'unavailable' });
});
