// The model cache as it runs: a coordinator, the process of its cache, nodes with their certificates, a registry that is slow and breaks.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock } from '@blackroad/std/clock';
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { createFleetCache } from '../../node-agent/src/cache/fleet-cache.ts';
import { type Identity, loadIdentity } from '../../node-agent/src/identity/identity.ts';
import { digestOf, openScriptedRegistry } from '../fixtures/coordinator/scripted-registry.ts';
import { openPullingOllama } from '../fixtures/node-agent/pulling-ollama.ts';
import { ollamaPull } from '../fixtures/ollama-client.ts';
import { freePort } from '../fixtures/ports.ts';
import {
  type Fleet,
  fromSource,
  runFleet,
  runNodeAgent,
  startFleet,
  startProcess,
  until,
} from '../fixtures/processes.ts';

const registry = await openScriptedRegistry();
t.teardown(() => registry.close());
const fleet = await startFleet(t, {
  args: ['--cache', 'on', '--cache-registry', registry.url, '--cache-hub', registry.url, '--cache-open', 'on'],
});

const view = () => fleet.client.call('modelCache');
const working = () => until('the cache listens', async () => ((await view()).port ? view() : null));

async function joined(name: string): Promise<Identity> {
  const data = join(fleet.folder, name);
  const { code, stderr } = await runNodeAgent(['join', await fleet.token(1), '--data', data, '--name', name]);
  if (code !== 0) throw new Error(stderr);
  return loadIdentity(data) as Identity;
}
async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
/** The process of the cache. */
function cachePid(of: Fleet): number {
  const { pid } = of.coordinator.child;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return Number(children[0]);
}
const runs = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const { port, openPort } = await working();
const alice = await joined('alice');
const bob = await joined('bob');

t.test('a node reads with its certificate; others do not', async (t) => {
  t.equal(port, fleet.tlsPort + 2, 'where a node looks for it before it was told');
  const weights = randomBytes(300_000);
  const digest = registry.addFile(`/owner/name/resolve/${'a'.repeat(40)}/model.gguf`, weights);
  const path = `/models/hub/owner/name/${'a'.repeat(40)}/model.gguf?sha256=${digest.slice(7)}&bytes=300000`;
  const cache = createFleetCache(() => alice, clock);
  t.ok(cache.isThere);
  const answer = await cache.open({ path });
  t.equal(answer.statusCode, 200);
  t.equal(digestOf(await bodyOf(answer)), digest);
  const part = await createFleetCache(() => bob, clock).open({ path, headers: { range: 'bytes=299990-' } });
  t.equal(part.statusCode, 206);
  t.equal((await bodyOf(part)).length, 10);

  const { certificate: _, ...rest } = alice;
  const other = { ...rest, certificate: bob.certificate, key: bob.key };
  t.equal((await createFleetCache(() => other, clock).open({ path })).statusCode, 200, 'the certificate decides');
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  const stranger = await fetch(`https://127.0.0.1:${port}${path}`);
  delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  t.equal(stranger.status, 403);
  t.match(await stranger.text(), /no-certificate/);

  await fleet.client.call('nodeForget', { params: { node: 'bob' } });
  const forgotten = await createFleetCache(() => bob, clock).open({ path });
  t.equal(forgotten.statusCode, 403);
  t.match((await bodyOf(forgotten)).toString(), /unknown-node/);
});

t.test('a killed coordinator takes the cache along, and both go on where they were', async (t) => {
  const weights = randomBytes(2_000_000);
  const { digests } = registry.addModel('slow:1b', [weights, Buffer.from('{}')]);
  registry.bytesPerS = 1_000_000;
  const before = registry.sentBytes;
  const pid = cachePid(fleet);
  await fetch(`http://127.0.0.1:${openPort}/v2/library/slow/manifests/1b`);
  const early = await fetch(`http://127.0.0.1:${openPort}/v2/library/slow/blobs/${digests[0]}`, {
    headers: { range: 'bytes=0-699999' },
  });
  t.equal((await early.arrayBuffer()).byteLength, 700_000);
  await fleet.restartCoordinator('SIGKILL');
  await until('the old process of the cache is gone', async () => !runs(pid));
  await working();
  registry.bytesPerS = 0;
  const { blobs } = await ollamaPull({
    host: `127.0.0.1:${openPort}`,
    model: 'library/slow',
    tag: '1b',
    partBytes: 250_000,
  });
  t.equal(digestOf(blobs.get(digests[0]!) as Buffer), digests[0]);
  const fetched = registry.sentBytes - before;
  t.ok(fetched < 2_600_000, `${fetched} bytes were fetched for 2,000,000`);
  const { names } = await view();
  t.match(
    names.find(({ name }) => name === 'slow:1b'),
    { bytes: Number, fetching: false },
  );
});

t.test('a cache process that ends is started again, and the coordinator goes on', async (t) => {
  const pid = cachePid(fleet);
  process.kill(pid, 'SIGKILL');
  await until('its end is seen', async () => (await view()).problem !== null);
  await working();
  t.not(cachePid(fleet), pid);
  t.equal((await fetch(`http://127.0.0.1:${openPort}/v2/`)).status, 200);
});

t.test('a model that a node is told to pull comes from the cache, also with the internet gone', async (t) => {
  const { digests } = registry.addModel('tiny:1b', [randomBytes(500_000), Buffer.from('{}'), Buffer.from('[]')]);
  const first = await openPullingOllama();
  const second = await openPullingOllama();
  t.teardown(() => [first, second].map((each) => each.close()));
  await fleet.runNode('alice', { extra: ['--ollama', first.url] });
  await joined('carol');
  await fleet.runNode('carol', { extra: ['--ollama', second.url] });
  for (const node of ['alice', 'carol'])
    await until(`${node} is there`, async () => (await fleet.client.call('node', { params: { node } })).capacity);
  const before = registry.sentBytes;
  await fleet.client.call('nodePull', { params: { node: 'alice' }, body: { model: 'tiny:1b' } });
  await until('alice has it', async () => first.models.has('tiny:1b'));
  t.same(first.models.get('tiny:1b'), digests);
  registry.isSilent = true;
  await fleet.client.call('nodePull', { params: { node: 'carol' }, body: { model: 'tiny:1b' } });
  await until('carol has it', async () => second.models.has('tiny:1b'));
  t.same(second.models.get('tiny:1b'), digests);
  await until('no name of a relay is left', async () => first.models.size === 1 && second.models.size === 1);
  t.ok(registry.sentBytes - before < 600_000, `the internet was used once: ${registry.sentBytes - before} bytes`);
  registry.isSilent = false;
});

t.test('a hundred machines at once are one download', async (t) => {
  const { digests } = registry.addModel('many:1b', [randomBytes(1_000_000), Buffer.from('{}'), Buffer.from('[]')]);
  registry.bytesPerS = 500_000;
  const before = registry.sentBytes;
  const pulls = Array.from({ length: 100 }, (_, index) => {
    const order = { host: `127.0.0.1:${openPort}`, model: 'library/many', tag: '1b', partBytes: 250_000, retryMs: 500 };
    // Each from a network of its own, as the door sees it.
    return ollamaPull({ ...order, from: `127.1.${index}.1` });
  });
  for (const { blobs } of await Promise.all(pulls)) if (!blobs.has(digests[0]!)) t.fail('a pull is not whole');
  t.ok(registry.sentBytes - before < 1_100_000, `${registry.sentBytes - before} bytes were fetched`);
  registry.bytesPerS = 0;
});

t.test('people see what it holds, and remove it', async (t) => {
  const cli = (...args: string[]) => runFleet([...args, '--data', fleet.folder]);
  const listed = await cli('cache');
  t.equal(listed.code, 0, listed.stderr);
  t.match(listed.stdout, /tiny:1b/);
  t.match(listed.stdout, /given to nodes/);
  const removed = await cli('cache', 'remove', 'tiny:1b');
  t.match(removed, { code: 0, stdout: /^tiny:1b is removed from the cache: .* freed\.\n$/ });
  t.match(await cli('cache', 'remove', 'tiny:1b'), { code: 4, stderr: /the cache does not hold tiny:1b/ });
  t.match(await cli('cache', 'prune'), { code: 0, stdout: /freed/ });
  const audit = await fleet.client.call('audit');
  t.ok(audit.some(({ action, subject }) => action === 'cache-remove' && subject === 'tiny:1b'));
  t.ok(audit.some(({ action }) => action === 'cache-prune'));
  const metrics = await fetch(`${fleet.coordinator.ready.url}/metrics`, {
    headers: { authorization: `Bearer ${readFileSync(fleet.coordinator.ready.keyFile as string, 'utf8').trim()}` },
  }).then((response) => response.text());
  t.match(metrics, /blackroad_model_cache_bytes_total\{way="served"\} [1-9]/);
  t.match(metrics, /blackroad_model_cache_up 1/);
});

t.test('a coordinator that reloads on save has its cache, too', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-watched-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const port = await freePort();
  // As `node --watch` starts it: the process of the cache then tells its parent of every file that it loads.
  const watched = await startProcess(
    t,
    fromSource.coordinator,
    [
      '--data',
      folder,
      '--port',
      String(port),
      '--host',
      '127.0.0.1',
      '--cache-hub',
      'none',
      '--cache-registry',
      'none',
    ],
    60_000,
    { WATCH_REPORT_DEPENDENCIES: '1' },
  );
  const key = readFileSync(watched.ready.keyFile as string, 'utf8').trim();
  const client = createClient({ url: watched.ready.url as string, key, ca: null });
  await until('the cache listens', async () => (await client.call('modelCache')).port);
  t.equal(watched.child.exitCode, null);
});
