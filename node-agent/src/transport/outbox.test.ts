import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { type Log, silentLog } from '@blackroad/std/log';
import Database from 'better-sqlite3';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import type { Until } from './recent-rows.ts';

const dir = mkdtempSync(join(tmpdir(), 'fleet-outbox-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;
const fresh = () => join(dir, `${++files}.db`);
const open = (path: string, more: Partial<OutboxOptions> = {}) =>
  new Outbox({ path, clock: systemClock, log: silentLog, ...more });
const put = (outbox: Outbox, key: string, until: Until, payload = key) =>
  outbox.put({ key, until, topic: `t/${key}`, payload, qos: 1, retain: false });
/** Resolves when all rows are sendable, which they are once on the disk. */
const sendable = (outbox: Outbox, count: number) =>
  new Promise<string[]>((resolve) => {
    const look = () => {
      const keys = outbox.next(0, 100_000).map(({ key }) => key);
      if (keys.length >= count) resolve(keys);
    };
    outbox.onReady = look;
    look();
  });

/** A disk that can be made full, as SQLite sees it. */
function fillable() {
  const db = new Database(':memory:');
  const close = db.close.bind(db);
  db.close = () => db;
  return {
    close,
    disk: { open: () => db, sync: (_: string, done: (error: Error | null) => void) => setImmediate(done, null) },
    full(is: boolean) {
      const pages = db.pragma('page_count', { simple: true }) as number;
      db.pragma(`max_page_count = ${is ? pages : 1_000_000}`);
    },
    rows: () => db.prepare('SELECT key FROM outbox ORDER BY seq').pluck().all(),
  };
}
const large = 'x'.repeat(8_000);

t.test('while the disk is full rows are told from memory, and stored when it takes them again', async (t) => {
  const { disk, full, rows, close } = fillable();
  t.teardown(close);
  const clock = new HandClock();
  const outbox = open('', { disk, clock });
  t.ok(put(outbox, 'a', 'settled', large));
  full(true);
  for (const key of ['b', 'c', 'd']) t.ok(put(outbox, key, 'settled', large), key);
  t.ok(put(outbox, 'event', 'sent', large));
  t.equal(outbox.unstored, 4);
  t.same(rows(), ['a']);
  const told = () => outbox.next(0, 10).map(({ key }) => key);
  t.same(await sendable(outbox, 5), ['a', 'b', 'c', 'd', 'event'], 'at once, in order');
  t.same(outbox.unsettledKeys(), ['a', 'b', 'c', 'd']);
  outbox.settle(['b']);
  outbox.sent(outbox.next(0, 10).at(-1)!.seq);
  t.ok(put(outbox, 'c', 'settled', `${large} again`), 'one a key, also in memory');
  t.same(told(), ['a', 'd', 'c']);
  await clock.advance(60_000);
  t.equal(outbox.unstored, 2, 'it is tried in vain');
  full(false);
  await clock.advance(10_000);
  t.equal(outbox.unstored, 0);
  t.same(rows(), ['a', 'd', 'c'], 'no restart is needed');
  t.same(told(), ['a', 'd', 'c']);
  outbox.settle(['a', 'c', 'd']);
  t.same(rows(), []);
  outbox.close();
});

t.test('rows in memory are told also when newer ones lie between them and the disk', async (t) => {
  const { disk, full, close } = fillable();
  t.teardown(close);
  const outbox = open('', { disk });
  t.ok(put(outbox, 'first', 'settled', large));
  full(true);
  t.ok(put(outbox, 'first', 'settled', `${large} newer`));
  full(false);
  for (let i = 0; i < 300; i++) t.ok(put(outbox, `k${i}`, 'settled', large));
  await sendable(outbox, 301);
  const rows = outbox.next(0, 1000);
  t.equal(rows.length, 301, 'the row that the newer one replaces is not told');
  t.match(rows[0], { key: 'first', payload: `${large} newer` });
  outbox.close();
});

t.test('memory in place of the disk has its bound', async (t) => {
  const { disk, full, close } = fillable();
  t.teardown(close);
  const outbox = open('', { disk });
  full(true);
  let kept = 0;
  while (kept < 5_000 && put(outbox, `k${kept}`, 'settled', large)) kept++;
  t.ok(kept >= 1_000 && kept <= 1_100, `${kept} kept`);
  t.equal(outbox.refused, 1);
  outbox.close();
});

for (const path of [':memory:', 'a file']) {
  const at = () => (path === ':memory:' ? path : fresh());
  t.test(`${path}: rows come out in order, one a key, until they are settled or sent`, async (t) => {
    const outbox = open(at());
    t.teardown(() => outbox.close());
    for (const key of ['a', 'b', 'c']) t.ok(put(outbox, key, 'settled'));
    t.ok(put(outbox, 'd', 'sent'));
    t.same(await sendable(outbox, 4), ['a', 'b', 'c', 'd']);
    const [a, , , d] = outbox.next(0, 10);
    t.match(a, { seq: 1, key: 'a', until: 'settled', topic: 't/a', payload: 'a', qos: 1, retain: false });
    outbox.sent(a!.seq);
    t.equal(outbox.depth, 4, "a PUBACK settles nothing that waits for the coordinator's word");
    outbox.sent(d!.seq);
    outbox.settle(['b', 'unknown', 'b']);
    t.same(
      outbox.next(0, 10).map(({ key }) => key),
      ['a', 'c'],
    );
    t.ok(put(outbox, 'a', 'settled', 'a again'));
    t.same(await sendable(outbox, 2), ['c', 'a']);
    t.same(outbox.unsettledKeys(), ['c', 'a']);
    t.match(outbox.next(1, 10).at(-1), { key: 'a', payload: 'a again' });
    t.same(
      outbox.next(outbox.next(0, 1)[0]!.seq, 10).map(({ key }) => key),
      ['a'],
    );
  });

  t.test(`${path}: when full, the oldest perishable rows go, promises never`, async (t) => {
    const outbox = open(at(), { maxMessages: 4 });
    t.teardown(() => outbox.close());
    put(outbox, 'event1', 'sent');
    put(outbox, 'result1', 'settled');
    put(outbox, 'event2', 'sent');
    put(outbox, 'result2', 'settled');
    t.equal(put(outbox, 'result3', 'settled'), true);
    t.same(await sendable(outbox, 4), ['result1', 'event2', 'result2', 'result3']);
    t.equal(put(outbox, 'event3', 'sent'), true);
    t.equal(put(outbox, 'result4', 'settled'), true);
    t.equal(outbox.dropped, 3);
    t.equal(put(outbox, 'result5', 'settled'), false, 'only promises are left');
    t.equal(put(outbox, 'event4', 'sent'), false);
    t.equal(outbox.refused, 2);
    t.equal(put(outbox, 'result4', 'settled', 'newer'), true, 'replacing needs no room');
    t.same(await sendable(outbox, 4), ['result1', 'result2', 'result3', 'result4']);
  });
}

t.test('a row that is not on the disk yet is not sent', async (t) => {
  const outbox = open(fresh());
  t.teardown(() => outbox.close());
  put(outbox, 'event', 'sent');
  t.equal(outbox.next(0, 10).length, 1, 'a perishable row waits for nothing');
  put(outbox, 'result', 'settled');
  put(outbox, 'later event', 'sent');
  t.same(
    outbox.next(0, 10).map(({ key }) => key),
    ['event'],
    'nor does anything overtake it',
  );
  t.same(await sendable(outbox, 3), ['event', 'result', 'later event']);
});

t.test('what was stored is there after the process ended, and new rows come behind it', async (t) => {
  const path = fresh();
  const first = open(path);
  put(first, 'a', 'settled');
  put(first, 'b', 'sent');
  put(first, 'c', 'settled');
  first.settle(['a']);
  first.close();
  const second = open(path);
  t.teardown(() => second.close());
  t.same(second.unsettledKeys(), ['c']);
  put(second, 'd', 'settled');
  t.same(await sendable(second, 3), ['b', 'c', 'd']);
  t.equal(second.durable, true);
});

t.test('each row that put took survives SIGKILL', async (t) => {
  const path = fresh();
  const program = `
    import { Outbox } from ${JSON.stringify(new URL('./outbox.ts', import.meta.url).href)};
    import { writeSync } from 'node:fs';
    import { systemClock } from '@blackroad/std/clock';
    import { silentLog } from '@blackroad/std/log';
    const outbox = new Outbox({ path: ${JSON.stringify(path)}, clock: systemClock, log: silentLog });
    for (let i = 0; i < 40_000; i++) {
      const message = { key: 'r' + i, until: 'settled', topic: 't', payload: 'x'.repeat(500), qos: 1, retain: false };
      if (!outbox.put(message)) throw new Error('refused');
      writeSync(1, i + '\\n');
      // Now and then the event loop turns, so that syncs run among the writes.
      if (i % 7 === 0) await new Promise(setImmediate);
    }
    new MessageChannel().port1.ref();`;
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  await new Promise<void>((resolve) => {
    child.stdout!.on('data', (part) => {
      said += part;
      if (said.split('\n').length > 300) child.kill('SIGKILL');
    });
    child.once('close', () => resolve());
  });
  const promised = Number(said.split('\n').at(-2));
  const outbox = open(path);
  t.teardown(() => outbox.close());
  const keys = outbox.unsettledKeys();
  t.ok(promised >= 299 && keys.length > promised, `${promised + 1} promised, ${keys.length} found`);
  t.same(
    keys,
    Array.from(keys, (_, i) => `r${i}`),
    'none missing, in order',
  );
});

t.test('a damaged file is put aside and said', async (t) => {
  const path = fresh();
  const before = open(path);
  put(before, 'a', 'settled');
  before.close();
  const bytes = readFileSync(path);
  bytes.write('this is no database', 0);
  writeFileSync(path, bytes);
  const said: string[] = [];
  const log: Log = { ...silentLog, error: (_, text) => said.push(text) };
  const outbox = open(path, { log });
  t.teardown(() => outbox.close());
  t.equal(outbox.depth, 0);
  t.ok(put(outbox, 'b', 'settled'));
  t.match(said, [/\.db was damaged .* and is set aside as .*\.damaged-\d+; what this node had still to tell is lost/]);
  t.equal(readdirSync(dir).filter((name) => name.includes('.damaged-')).length, 1);
});

t.test('without a usable disk the node still talks, from memory, and says so', async (t) => {
  const said: string[] = [];
  const log: Log = { ...silentLog, error: (_, text) => said.push(text) };
  const outbox = open(join(dir, 'no', 'such', 'folder', 'outbox.db'), { log });
  t.teardown(() => outbox.close());
  t.equal(outbox.durable, false);
  t.ok(put(outbox, 'a', 'settled'));
  t.same(outbox.next(0, 1).length, 1);
  t.match(said, [/in memory only/]);
});

t.test('after closing nothing is taken and nothing breaks', async (t) => {
  const outbox = open(fresh());
  put(outbox, 'a', 'settled');
  outbox.close();
  outbox.close();
  t.equal(put(outbox, 'b', 'settled'), false);
  outbox.settle(['a']);
  t.same(outbox.next(0, 10), []);
});

t.test('what was confirmed while the disk took no writes is forgotten when it does again', async (t) => {
  const clock = new HandClock();
  const db = new Database(':memory:');
  t.teardown(() => db.close());
  const outbox = open(':memory:', { clock, disk: { open: () => db, sync: (_, done) => done(null) } });
  for (const key of ['a', 'b']) put(outbox, key, 'settled');
  put(outbox, 'c', 'sent');
  const stored = () => db.prepare('SELECT key FROM outbox ORDER BY seq').pluck().all();
  db.pragma('query_only = ON');
  outbox.settle(['a', 'b']);
  outbox.sent(3);
  await clock.advance(30_000);
  t.same(stored(), ['a', 'b', 'c']);
  db.pragma('query_only = OFF');
  await clock.advance(10_000);
  t.same(stored(), []);
  t.equal(outbox.depth, 0);
});

t.test('what this machine said under another name is dropped: nobody would ever confirm it', async (t) => {
  const path = fresh();
  const before = open(path);
  put(before, 'a', 'settled');
  put(before, 'b', 'settled');
  before.close();
  const outbox = open(path, { isOwn: (topic) => topic === 't/b' });
  t.teardown(() => outbox.close());
  t.same(outbox.unsettledKeys(), ['b']);
  t.same(
    outbox.next(0, 10).map(({ key }) => key),
    ['b'],
  );
});
