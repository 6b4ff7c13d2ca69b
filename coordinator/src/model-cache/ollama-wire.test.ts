// What a real `ollama pull` asks, replayed against the cache, and what Ollama checks of the answers. The recorded requests are those of a
// real Ollama; the client here sends the same ones, which the first test shows.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { openCache } from '../../../test/fixtures/coordinator/open-cache.ts';
import { digestOf } from '../../../test/fixtures/coordinator/scripted-registry.ts';
import { type OllamaPull, ollamaPull } from '../../../test/fixtures/ollama-client.ts';

interface Sent {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  status: number;
}
const recorded = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/ollama-pull-wire.json', import.meta.url), 'utf8'),
) as { partBytes: number; blobs: number[]; requests: Sent[] };

/** What was sent through here to the cache. */
async function watched(t: { teardown(run: () => unknown): unknown }, to: string) {
  const sent: Sent[] = [];
  const server = createServer((incoming, response) => {
    const { method = '', url: path = '', headers } = incoming;
    const row: Sent = { method, path, headers, status: 0 };
    sent.push(row);
    const asked = request(`${to}${path}`, { method, headers, agent: false }, (answer) => {
      row.status = answer.statusCode ?? 0;
      response.writeHead(row.status, answer.headers);
      answer.pipe(response);
    });
    response.on('close', () => asked.destroy());
    asked.on('error', () => response.destroy());
    asked.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, sent };
}

/** The form in which two pulls of models of other sizes are equal. Ranges of one blob come at once, in any order. */
function normal(sent: readonly Sent[], partBytes: number, digests: readonly string[] = []): string[] {
  return sent
    .map(({ method, path, headers, status }) => {
      const named = digests.reduce((text, digest, index) => text.replace(digest, `<blob ${index}>`), path);
      const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
      const part = range ? ` part ${Number(range[1]) / partBytes}` : '';
      return `${method} ${named}${part} ${headers['user-agent']} ${headers.accept ?? ''} ${status}`;
    })
    .map((line, index, all) =>
      line.includes(' part ')
        ? line
        : `${all.slice(0, index).filter((each) => !each.includes(' part ')).length} ${line}`,
    )
    .sort();
}

t.test('the requests of a real Ollama, and answers it is content with', async (t) => {
  const open = await openCache(t);
  const { host, sent } = await watched(t, open.url);
  const scale = 100;
  const content = recorded.blobs.map((size) => randomBytes(size > 1000 ? size / scale : size));
  const { digests, manifest } = open.registry.addModel('tiny:1b', content);
  const order: OllamaPull = { host, model: 'library/tiny', tag: '1b', partBytes: recorded.partBytes / scale };
  const pulled = await ollamaPull(order);
  t.same(normal(sent, order.partBytes, digests), normal(recorded.requests, recorded.partBytes));
  t.equal(digestOf(pulled.manifest), digestOf(manifest));
  t.same([...pulled.blobs.keys()], digests, 'each has its digest, which the client checked');

  await open.registry.close();
  const again = await ollamaPull(order);
  t.same([...again.blobs.keys()], digests, 'another node, with the internet gone');
  await t.rejects(ollamaPull({ ...order, model: 'library/nope' }), { message: /^pull model manifest: 502: / });
});

t.test('many Ollamas at once while it is fetched, over breaks', async (t) => {
  const open = await openCache(t);
  const { digests } = open.registry.addModel('tiny:1b', [randomBytes(1_600_000), Buffer.from('{}'), Buffer.from('[]')]);
  open.registry.bytesPerS = 1_600_000;
  open.registry.breakAfter.push(300_000, 700_000);
  const host = new URL(open.url).host;
  const order: OllamaPull = { host, model: 'library/tiny', tag: '1b', partBytes: 100_000 };
  const pulled = await Promise.all(Array.from({ length: 3 }, () => ollamaPull(order)));
  for (const { blobs } of pulled) t.same([...blobs.keys()], digests);
  t.ok(open.registry.sentBytes < 1_900_000, `${open.registry.sentBytes} bytes came for three pulls of 1,600,000`);
});

t.test('a refused range has no body that could be taken for bytes', async (t) => {
  const open = await openCache(t);
  open.registry.addModel('tiny:1b', [randomBytes(59), Buffer.from('{}'), Buffer.from('[]')]);
  open.registry.lies = true;
  const host = new URL(open.url).host;
  await t.rejects(ollamaPull({ host, model: 'library/tiny', tag: '1b', partBytes: 100_000, retryMs: 5 }));
  const { digests } = open.registry.addModel('other:1b', [randomBytes(59), Buffer.from('{}'), Buffer.from('[]')]);
  await open.get('/v2/library/other/manifests/1b');
  await open.get(`/v2/library/other/blobs/${digests[0]}`).then((response) => response.arrayBuffer().catch(() => {}));
  const refused = await open.get(`/v2/library/other/blobs/${digests[0]}`, { range: '0-58' });
  t.equal(refused.status, 502);
  t.equal((await refused.arrayBuffer()).byteLength, 0);
  t.match(refused.headers.get('x-fleet-problem'), /^digest: /);
});

t.test('names that are no names of Ollama', async (t) => {
  const open = await openCache(t);
  for (const path of [
    '/v2/a/b/c/manifests/1',
    '/v2/library/%2e%2e/manifests/1',
    '/v2/library/x/blobs/sha256:12',
    '/etc/passwd',
    '/v2/library/x/manifests/%00',
  ])
    t.equal((await open.get(path)).status, 404, path);
  t.same(open.registry.asked, []);
});
