// What stays on a node's disk and what goes, against a model server with a disk: the owner's models, pins, what agents need, the order.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { FetchFault } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { type OllamaServerOptions, startOllamaServer } from '../../../test/fixtures/ollama-server.ts';
import { createOllama } from '../runtimes/ollama.ts';
import { openKeptModels } from './kept-models.ts';
import { createLearned } from './learned.ts';
import { ModelPool } from './model-pool.ts';

const never = new AbortController().signal;
const ignore = () => {};
const diskBytes = 10e9;
const usage = { promptTokens: 1, completionTokens: 1, loadMs: 0, prefillMs: 1, decodeMs: 1 };

async function rig(t: Test, given: { server?: OllamaServerOptions; frees?: boolean; diskLimit?: number } = {}) {
  const server = await startOllamaServer(given.server);
  const dir = mkdtempSync(join(tmpdir(), 'kept-'));
  const path = join(dir, 'kept.json');
  const evicted: string[] = [];
  let otherBytes = 0;
  const common = { clock: systemClock, log: silentLog };
  const open = () => {
    const pool = new ModelPool({
      runtimes: [createOllama({ url: server.url, contextTokens: 2048, keepAlive: '10m', ...common })],
      probes: {
        modelMemory: () => ({ totalBytes: 8e9, freeBytes: 8e9 }),
        diskFreeBytes: () => diskBytes - otherBytes - server.usedBytes(),
        diskUsed: () => (otherBytes + (given.frees === false ? 0 : server.usedBytes())) / diskBytes,
      },
      bandwidth: () => 10e9,
      runsModels: () => true,
      queue: 4,
      kept: { path, diskLimit: given.diskLimit ?? 0.9 },
      learned: createLearned({ path: ':memory:', ...common }),
      random: seededRandom(1),
      ...common,
    });
    pool.onEvicted = ({ model }) => evicted.push(model);
    return pool;
  };
  const pools = [open()];
  t.teardown(async () => {
    await Promise.all(pools.map((pool) => pool.close()));
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    server,
    path,
    evicted,
    pool: pools[0] as ModelPool,
    reopen: async () => {
      await pools.at(-1)?.close();
      const pool = open();
      pools.push(pool);
      return pool;
    },
    fill: (bytes: number) => {
      otherBytes = bytes;
    },
  };
}
const pulls = async (pool: ModelPool, ...names: string[]) => {
  for (const name of names) await pool.pull(name, ignore, never);
};

t.test(
  'the least recently used goes first, down to well below the limit, and never what its owner fetched',
  async (t) => {
    const { server, pool, fill, evicted } = await rig(t);
    server.put('theirs:1b');
    await pool.refresh();
    await pulls(pool, 'a:1b', 'b:1b', 'c:1b');
    t.same(pool.capacity('b').evictable, ['a:1b', 'b:1b', 'c:1b']);
    pool.learn('a:1b', usage);
    fill(5.05e9);
    await pool.refresh();
    t.same(evicted, ['b:1b'], 'used share .905, then .805');
    fill(7.9e9);
    await pool.refresh();
    t.same(evicted, ['b:1b', 'c:1b', 'a:1b'], 'by use, not by the order of fetching');
    fill(9.9e9);
    await pool.refresh();
    t.same(server.names(), ['theirs:1b'], 'whatever the disk');
    t.notOk(pool.capacity('b').evictable);
  },
);

t.test('what is needed, pinned, loaded or the last of its kind stays', async (t) => {
  const { server, pool, fill, evicted } = await rig(t);
  await pool.refresh();
  await pulls(pool, 'agent:1b', 'pinned:1b', 'loaded:1b', 'spare:1b');
  server.put('embed', { kind: 'embed', sizeBytes: 1 });
  await pulls(pool, 'nobody:1b');
  pool.want('ada', 'agent:1b');
  pool.keep([{ model: 'pinned:1b', fetch: false }]);
  server.put('loaded:1b', { resident: true });
  fill(9.5e9);
  await pool.refresh();
  t.same(evicted, ['spare:1b', 'nobody:1b']);
  t.same(server.names(), ['agent:1b', 'pinned:1b', 'loaded:1b', 'embed:latest']);
  pool.drop('ada');
  pool.keep([]);
  for (const name of ['agent:1b', 'pinned:1b', 'loaded:1b']) server.put(name, { resident: false });
  await pool.refresh();
  t.same(server.names(), ['loaded:1b', 'embed:latest'], 'an agent must be able to answer');
});

t.test('where a removal frees nothing, no further one is made: models lie on another disk', async (t) => {
  const { server, pool, fill, evicted } = await rig(t, { frees: false });
  await pool.refresh();
  await pulls(pool, 'a:1b', 'b:1b', 'c:1b');
  fill(9.9e9);
  await pool.refresh();
  await pool.refresh();
  t.same(evicted, ['a:1b']);
  t.same(server.names(), ['b:1b', 'c:1b']);
});

t.test('the limit of 1 removes nothing', async (t) => {
  const { pool, fill, evicted } = await rig(t, { diskLimit: 1 });
  await pool.refresh();
  await pulls(pool, 'a:1b', 'b:1b');
  fill(9.9e9);
  await pool.refresh();
  t.same(evicted, []);
});

t.test(
  'what the fleet fetched is remembered over a restart; a fetch of what is here makes nothing its own',
  async (t) => {
    const { server, pool, reopen } = await rig(t);
    server.put('theirs:1b');
    await pool.refresh();
    await pulls(pool, 'theirs:1b', 'a:1b');
    t.same(pool.capacity('b').evictable, ['a:1b']);
    pool.keep([{ model: 'kept:1b', fetch: true }]);
    await until(() => pool.capacity('b').evictable?.includes('kept:1b') === true);
    const again = await reopen();
    await again.refresh();
    t.same(again.capacity('b').evictable, ['a:1b', 'kept:1b']);
    t.same(server.pulled, ['theirs:1b', 'a:1b', 'kept:1b'], 'a pin whose model is here fetches nothing');
    t.notOk(again.find('kept:1b')?.model.resident, 'a pin loads nothing');
  },
);

t.test('a pin fetches what is missing, also where the node starts alone', async (t) => {
  const { server, pool, reopen, path } = await rig(t);
  await pool.refresh();
  pool.keep([{ model: 'p:1b', fetch: true }]);
  await until(() => server.names().includes('p:1b'));
  t.match(JSON.parse(readFileSync(path, 'utf8')), { pins: [{ model: 'p:1b', fetch: true }] });
  await pool.close();
  server.put('other:1b');
  const again = await reopen();
  await again.refresh();
  await t.rejects(again.remove('p:1b'), { code: 'overloaded', message: /needed here/ }, 'and is not removed');
  again.keep([]);
  await again.remove('p:1b');
  t.same(server.names(), ['other:1b']);
  await t.rejects(again.remove('p:1b'), { code: 'unknown-model' });
});

t.test('a fetch that a person stops ends for all who wait, and the server hears it', async (t) => {
  const { server, pool } = await rig(t, { server: { steps: 1000, stepMs: 5 } });
  await pool.refresh();
  const begun = Promise.withResolvers<void>();
  const asker = pool.pull('slow:1b', ({ totalBytes }) => totalBytes > 0 && begun.resolve(), never);
  const other = pool.pull('slow:1b', ignore, never);
  const waiting = pool.pull('next:1b', ignore, never);
  for (const each of [asker, other, waiting]) each.catch(() => {});
  await begun.promise;
  t.equal(pool.stopPull('next:1b'), true, 'one that has not begun, too');
  t.equal(await faultOf(waiting), 'stopped');
  t.equal(pool.stopPull('Slow:1B'), true);
  await t.rejects(asker, { code: 'aborted', message: /a person stopped/ });
  t.equal(await faultOf(other), 'stopped');
  t.notOk(pool.capacity('b').fetches);
  t.equal(pool.stopPull('slow:1b'), false);
  await until(() => server.left === 1);
  t.same(server.pulled, ['slow:1b']);
});

t.test('a fetch that fails says which of name, disk, digest and network it was', async (t) => {
  const { pool } = await rig(t);
  await pool.refresh();
  const rows: [model: string, fault: FetchFault][] = [
    ['nosuch:1b', 'name'],
    ['full:1b', 'disk'],
    ['broken:1b', 'digest'],
    ['offline:1b', 'network'],
  ];
  for (const [model, fault] of rows) {
    t.equal(await faultOf(pool.pull(model, ignore, never)), fault, model);
    t.match(
      pool.capacity('b').fetches?.find((each) => each.model === model),
      { fault, problem: new RegExp(model) },
    );
  }
});

t.test('a use costs no write: it is kept at the stop, or within an hour', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'kept-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'kept.json');
  const clock = new HandClock();
  const book = openKeptModels({
    path,
    diskLimit: 1,
    diskUsed: () => 0,
    models: () => [],
    isNeeded: () => false,
    want: ignore,
    drop: ignore,
    remove: async () => {},
    onEvicted: ignore,
    clock,
    log: silentLog,
  });
  book.fetched('a');
  const stored = () => readFileSync(path, 'utf8');
  const before = stored();
  for (let i = 0; i < 1000; i++) book.used('a');
  book.used('never fetched');
  t.equal(stored(), before);
  await clock.advance(3_600_000);
  t.match(JSON.parse(stored()), { fetched: [{ model: 'a', use: 1001 }] });
  book.used('a');
  book.close();
  t.match(JSON.parse(stored()), { fetched: [{ use: 1002 }] });
});

t.test('a damaged file is set aside, and says that nothing old is removed', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'kept-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'kept.json');
  const rows = { fetched: [{ model: 7 }, { model: 'a', use: 1, usedMs: 1 }, null], pins: [{ model: 'p' }, 5] };
  const damages: string[] = [];
  const open = () =>
    openKeptModels({
      path,
      diskLimit: 0.9,
      diskUsed: () => 0,
      models: () => [],
      isNeeded: () => false,
      want: () => t.fail('no pin is whole'),
      drop: ignore,
      remove: async () => {
        throw new RuntimeError('unsupported', 'no');
      },
      onEvicted: ignore,
      clock: systemClock,
      log: silentLog,
      onDamage: (text) => damages.push(text),
    });
  writeFileSync(path, JSON.stringify(rows));
  const book = open();
  await book.looked();
  t.same(book.evictable([{ name: 'a' }, { name: 'b' }] as never), ['a'], 'rows that are whole count');
  book.close();
  writeFileSync(path, '{"fetched": [');
  open().close();
  t.match(damages, [/was damaged .* set aside .* not removed for want of disk/]);
});

const faultOf = (work: Promise<void>) =>
  work.then(
    () => 'none',
    (error: RuntimeError) => error.fault,
  );
async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  if (!isSo()) throw new Error('it never came');
}
