// Pulls of Ollama through the cache of the coordinator: the relay, the name that the model has in the end, and what happens when the cache is
// away or lacks the model. The cache, the relay and both HTTP servers are real; only TLS is missing (test/e2e/model-cache.test.ts has it).
import { randomBytes } from 'node:crypto';
import type { RuntimeError } from '@blackroad/model-server/runtime-error';
import { systemClock as clock } from '@blackroad/std/clock';
import { silentLog as log } from '@blackroad/std/log';
import t from 'tap';
import { type OpenCache, openCache } from '../../../test/fixtures/coordinator/open-cache.ts';
import { plainCache } from '../../../test/fixtures/node-agent/plain-cache.ts';
import { openPullingOllama } from '../../../test/fixtures/node-agent/pulling-ollama.ts';
import { openRelay } from '../cache/relay.ts';
import { createOllama } from './ollama.ts';
import { isRelayName } from './ollama-pull.ts';

type Teardown = { teardown(run: () => unknown): unknown };

async function rig(t: Teardown) {
  const open = await openCache(t as Parameters<typeof openCache>[0]);
  const ollama = await openPullingOllama();
  let away = '';
  const cache = plainCache(() => away || open.url);
  const options = { contextTokens: 2048, keepAlive: '10m', clock, log };
  const runtime = createOllama({
    ...options,
    url: ollama.url,
    cache: { cache, openRelay: (names) => openRelay(cache, names) },
  });
  t.teardown(async () => {
    await runtime.close();
    ollama.close();
  });
  const pull = async (name: string) => {
    const steps: string[] = [];
    for await (const { status } of runtime.pull(name)) steps.push(status);
    return steps;
  };
  const goAway = (url: string) => {
    away = url;
  };
  return { open, ollama, runtime, pull, goAway };
}

const addModel = (open: OpenCache, name: string) =>
  open.registry.addModel(name, [randomBytes(1_000_000), Buffer.from('{}'), Buffer.from('[]')]).digests;

t.test('a model of the cache has its own name in the end, and no other', async (t) => {
  const { open, ollama, runtime, pull } = await rig(t);
  const digests = addModel(open, 'tiny:1b');
  const steps = await pull('tiny:1b');
  t.equal(steps.at(-1), 'success');
  t.ok(
    steps.some((step) => /^pulling [0-9a-f]{12} from the fleet's cache$/.test(step)),
    steps.join('; '),
  );
  t.same([...ollama.models], [['tiny:1b', digests]]);
  t.match(ollama.pulled, [/^127\.0\.0\.1:\d+\/fleet-cache\/tiny:1b$/]);
  addModel(open, 'someone/other:latest');
  t.equal((await pull('someone/other')).at(-1), 'success');
  t.match(ollama.pulled.at(-1), /^127\.0\.0\.1:\d+\/fleet-cache_someone\/other:latest$/);
  t.same([...ollama.models.keys()].sort(), ['someone/other', 'tiny:1b']);

  // As a process leaves it that was killed amid a pull.
  ollama.models.set('127.0.0.1:9/fleet-cache/old:1b', []);
  ollama.models.set('127.0.0.1:9/library/mine:1b', []);
  t.same((await runtime.models()).map(({ name }) => name).sort(), [
    '127.0.0.1:9/library/mine:1b',
    'someone/other',
    'tiny:1b',
  ]);
  await pull('tiny:1b');
  t.same([...ollama.models.keys()].sort(), ['127.0.0.1:9/library/mine:1b', 'someone/other', 'tiny:1b']);
});

t.test('with the internet gone a second machine gets it from the cache', async (t) => {
  const { open, pull } = await rig(t);
  addModel(open, 'tiny:1b');
  await pull('tiny:1b');
  await open.registry.close();
  const second = await openPullingOllama();
  t.teardown(() => second.close());
  const cache = plainCache(() => open.url);
  const through = { cache, openRelay: (names: { asked: string; meant: string }) => openRelay(cache, names) };
  const runtime = createOllama({ url: second.url, contextTokens: 2048, keepAlive: '10m', clock, log, cache: through });
  for await (const _ of runtime.pull('tiny:1b'));
  t.same([...second.models.keys()], ['tiny:1b']);
  await runtime.close();
});

t.test('without the cache, or a model in it, Ollama pulls it itself; where that fails both say why', async (t) => {
  const { open, ollama, pull, goAway } = await rig(t);
  addModel(open, 'tiny:1b');
  ollama.ownRegistry = new URL(open.registry.url).host;
  goAway('http://127.0.0.1:9');
  t.equal((await pull('tiny:1b')).at(-1), 'success');
  t.same(ollama.pulled, ['tiny:1b']);
  goAway('');
  await open.reopen({ registryUrl: null });
  addModel(open, 'other:1b');
  await t.rejects(pull('nope:1b'), {
    message: /file does not exist; the cache of the coordinator: network: the cache does not hold nope:1b/,
  });
  t.equal((await pull('other:1b')).at(-1), 'success');
  ollama.ownRegistry = null;
  await t.rejects(pull('third:1b'), { message: /no such host; the cache of the coordinator: network: / });
  t.notOk([...ollama.models.keys()].some(isRelayName));
});

t.test('a name with a host is pulled from there', async (t) => {
  const { open, ollama, pull } = await rig(t);
  addModel(open, 'tiny:1b');
  const name = `${new URL(open.registry.url).host}/library/tiny:1b`;
  t.equal((await pull(name)).at(-1), 'success');
  t.same(ollama.pulled, [name]);
});

t.test('a pull that is stopped leaves nothing of the relay', async (t) => {
  const { open, ollama, runtime } = await rig(t);
  addModel(open, 'tiny:1b');
  open.registry.bytesPerS = 100_000;
  const stop = new AbortController();
  const pulling = (async () => {
    for await (const _ of runtime.pull('tiny:1b', stop.signal));
  })();
  setTimeout(() => stop.abort(), 300);
  await t.rejects(pulling, { code: 'aborted' } as Partial<RuntimeError> as Error);
  t.same([...ollama.models.keys()], []);
  t.equal(ollama.pulled.length, 1, 'no second try');
});

t.test('the relay answers one model, and waits in order', async (t) => {
  const open = await openCache(t);
  const [weights] = addModel(open, 'tiny:1b');
  const relay = await openRelay(
    plainCache(() => open.url),
    { asked: 'fleet-cache/tiny', meant: 'library/tiny' },
  );
  t.teardown(() => relay.close());
  const at = (path: string, init?: RequestInit) => fetch(`http://${relay.host}${path}`, init);
  t.equal((await at('/v2/fleet-cache/tiny/manifests/1b')).status, 200);
  t.equal((await at('/v2/library/tiny/manifests/1b')).status, 404);
  t.equal((await at('/v2/fleet-cache/tiny/manifests/../../../x/manifests/1')).status, 404);
  t.equal((await at('/v2/fleet-cache/tiny/manifests/1b', { method: 'DELETE' })).status, 404);
  t.equal((await at('/models/blobs/x')).status, 404);
  const head = await at(`/v2/fleet-cache/tiny/blobs/${weights}`, { method: 'HEAD' });
  t.equal(head.headers.get('location'), `/v2/fleet-cache/tiny/blobs/${weights}`);
  const all = Array.from({ length: 20 }, (_, index) =>
    at(`/v2/fleet-cache/tiny/blobs/${weights}`, {
      headers: { range: `bytes=${index * 50_000}-${index * 50_000 + 49_999}` },
    }).then((response) => response.arrayBuffer()),
  );
  t.equal(
    (await Promise.all(all)).reduce((sum, { byteLength }) => sum + byteLength, 0),
    1_000_000,
  );
});
