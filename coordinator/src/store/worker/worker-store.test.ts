// What is the threads' own: who waits for whom, what crosses from one to the other, what happens when one ends, and who owns the file.
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { FleetError } from '@blackroad/protocol';
import { type Clock, sleep, systemClock } from '@blackroad/std/clock';
import { type Log, silentLog } from '@blackroad/std/log';
import Sqlite from 'better-sqlite3';
import t from 'tap';
import { claimed } from '../../../../test/fixtures/coordinator/claimed-store.ts';
import { storeFiles } from '../../../../test/fixtures/coordinator/store-files.ts';
import {
  auditOf,
  eventOf,
  memoryEntries,
  nodeRow,
  refused,
} from '../../../../test/fixtures/coordinator/stored-rows.ts';
import type { DurableChange } from '../../state/change.ts';
import { openDatabase } from '../sqlite/database.ts';
import { newestVersion } from '../sqlite/migrations.ts';
import { openSqliteStore } from '../sqlite/sqlite-store.ts';
import { openWorkerStore } from './worker-store.ts';

const { folder, newPath } = storeFiles(t);
const never = (error: Error) => {
  throw error;
};
interface Opening {
  log?: Log;
  clock?: Clock;
  died?: (error: Error) => void;
}
const open = (path: string, { log = silentLog, clock = systemClock, died = never }: Opening = {}) =>
  openWorkerStore({ path, log, clock, died });
const openHere = (path: string) => openSqliteStore({ path, log: silentLog, clock: systemClock });

/** In every database of this file the audit log takes a second or more to be read, and to be written. */
async function slowAudit(): Promise<string> {
  const path = newPath();
  await (await openHere(path)).close();
  const raw = new Sqlite(path);
  raw.exec(`ALTER TABLE audit RENAME TO quick_audit;
    CREATE VIEW audit AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000)
      SELECT count(*) AS id, 1 AS at_ms, 'a' AS actor, 'node-drain' AS action, 's' AS subject, 't' AS text, '{}' AS params FROM n;
    CREATE TRIGGER audit_put INSTEAD OF INSERT ON audit BEGIN SELECT count(*) FROM audit; END;
    CREATE TRIGGER audit_drop INSTEAD OF DELETE ON audit BEGIN SELECT 1; END;`);
  raw.close();
  return path;
}
const node = (id: string): DurableChange => ({ type: 'node', row: nodeRow(id) });
/** Of the threads that are started from now on. */
function threads(t: { teardown(run: () => void): void }): Worker[] {
  const started: Worker[] = [];
  const note = (worker: Worker) => void started.push(worker);
  process.on('worker', note);
  t.teardown(() => void process.off('worker', note));
  return started;
}
function lines() {
  const said: string[] = [];
  const log: Log = { ...silentLog, warn: (fields, text) => void said.push(`${text} ${JSON.stringify(fields)}`) };
  return { log, said };
}

t.test('a slow read delays no commit and no timer, and a slow commit no read', async (t) => {
  const store = await claimed(await open(await slowAudit()));
  t.teardown(() => store.close());
  const order: string[] = [];
  const note = (what: string) => () => void order.push(what);
  const read = store.audit({ limit: 1 }).then(note('the slow read'));
  for (const id of ['alice', 'bob']) await store.commit([node(id)]).then(note('a commit'));
  await sleep(systemClock, 1).then(note('a timer'));
  await read;
  t.strictSame(order.splice(0), ['a commit', 'a commit', 'a timer', 'the slow read']);
  const commit = store.commit([{ type: 'audit', row: auditOf('slow') }, node('carol')]).then(note('the slow commit'));
  await store.task('t1').then(note('a read'));
  await sleep(systemClock, 1).then(note('a timer'));
  await commit;
  t.strictSame(order, ['a read', 'a timer', 'the slow commit']);
});

t.test('answers reach whoever asked, in whatever order they come', async (t) => {
  const store = await claimed(await open(newPath()));
  t.teardown(() => store.close());
  await store.commit([{ type: 'event', row: eventOf('one') }, node('alice')]);
  const [events, counts, none, series, committed] = await Promise.all([
    store.events({ limit: 5 }),
    store.taskCounts(0),
    store.task('t1'),
    store.series(),
    store.commit([{ type: 'event', row: eventOf('two') }]),
  ]);
  t.match(events.at(-1), { text: 'one' });
  t.strictSame(counts, { endedSince: 0, deadLetters: 0 });
  t.strictSame([none, series], [null, []]);
  t.match(committed.events, [{ text: 'two' }]);
});

t.test('what the store refuses is refused as it says it, and the store goes on', async (t) => {
  const store = await claimed(await open(newPath()));
  t.teardown(() => store.close());
  await t.rejects(store.events({ limit: 1, before: 'yesterday' }), {
    name: 'FleetError',
    code: 'invalid-request',
    details: { detail: /^before: expected the id of a row/ },
  });
  const [entry] = memoryEntries('greeter', [{}]);
  const batch = { type: 'memory', space: 'default', agent: 'other', entries: [entry] } as DurableChange;
  const error = await store.commit([batch]).then(
    () => null,
    (error) => error,
  );
  t.ok(error instanceof FleetError);
  t.match(error, { code: 'storage-failed', details: { detail: /\[INV-one-log\]/, retryAfterSeconds: undefined } });
  const uncloneable = { type: 'node', row: { ...nodeRow('alice'), name: () => 'alice' } } as never as DurableChange;
  t.equal((await refused(store.commit([uncloneable]))).code, 'storage-failed');
  await store.commit([node('alice')]);
});

t.test('a file that is refused is refused in the same words, and nothing is left of the threads', async (t) => {
  const foreign = newPath();
  const other = new Sqlite(foreign);
  other.exec('CREATE TABLE states (entity TEXT)');
  other.close();
  const text = newPath();
  writeFileSync(text, 'This is a shopping list, not a database. '.repeat(100));
  const newer = newPath();
  await (await openHere(newer)).close();
  const raw = new Sqlite(newer);
  raw.prepare('INSERT INTO schema_migration VALUES (?, ?, 0)').run(newestVersion + 1, 'from the future');
  raw.close();
  mkdirSync(join(folder, 'a-folder'));
  for (const path of [foreign, text, newer, join(folder, 'a-folder'), join(folder, 'no', 'such', 'folder.db')]) {
    const here = await refused(openHere(path));
    t.strictSame(await refused(open(path)), here, here.text);
  }
});

t.test('one process owns the file, whichever way it and others have opened it', async (t) => {
  const path = newPath();
  const store = await open(path);
  const taken = { code: 'storage-failed', message: /another process has the database open/ };
  t.throws(() => openDatabase(path, 0), taken);
  await t.rejects(open(path), taken);
  await store.close();
  t.notOk(existsSync(`${path}-wal`) || existsSync(`${path}-shm`), 'everything is in one file');
  const alone = openDatabase(path, 0);
  await t.rejects(open(path), taken);
  alone.close();
  await (await open(path)).close();
});

t.test('a thread that ends leaves nobody waiting: calls fail, and the process is told once', async (t) => {
  for (const ends of ['store-writer', 'store-reader']) {
    const started = threads(t);
    const deaths: Error[] = [];
    const store = await claimed(await open(await slowAudit(), { died: (error) => void deaths.push(error) }));
    const slow =
      ends === 'store-writer'
        ? [store.commit([{ type: 'audit', row: auditOf('slow') }]), store.commit([node('alice')])]
        : [store.audit({ limit: 1 }), store.task('t1')];
    const failures = slow.map((call) => refused(call as Promise<unknown>));
    const [writer, reader] = started as [Worker, Worker];
    void (ends === 'store-writer' ? writer : reader).terminate();
    for (const { code, text } of await Promise.all(failures)) {
      t.equal(code, 'storage-failed');
      t.match(text, `${ends.slice(6)} of the database ended`);
    }
    t.equal(deaths.length, 1);
    t.match(deaths, [{ code: 'storage-failed', details: { retryAfterSeconds: undefined } }]);
    t.equal((await refused(store.commit([node('bob')]))).code, 'storage-failed', 'the loop ends at its next commit');
    t.equal((await refused(store.task('t1'))).code, 'storage-failed');
    await store.close().catch(() => {});
    t.equal(deaths.length, 1);
  }
});

t.test('close waits for what is under way, and what comes later is refused', async (t) => {
  const path = await slowAudit();
  // On a machine that is busy with other things as well, two seconds may be too few.
  const clock: Clock = { ...systemClock, after: (delayMs, run) => systemClock.after(100 * delayMs, run) };
  const store = await claimed(await open(path, { clock }));
  const underWay = [store.audit({ limit: 1 }), store.commit([node('alice')]), store.taskCounts(0)];
  const closing = store.close();
  const late = refused(store.task('t1'));
  t.match(await Promise.all(underWay), [[{ id: 4_000_000 }], { how: 'stored' }, {}]);
  await closing;
  t.equal((await late).code, 'storage-failed');
  t.equal((await refused(store.task('t1'))).code, 'storage-failed');
  await store.close();
  t.notOk(existsSync(`${path}-wal`), 'everything is in one file');
});

t.test('close waits no longer than it may', async (t) => {
  // No time is left as soon as somebody waits.
  const clock: Clock = {
    ...systemClock,
    after: (_delayMs, run) => {
      systemClock.soon(run);
      return { cancel() {} };
    },
  };
  const { log, said } = lines();
  const store = await claimed(await open(await slowAudit(), { log, clock }));
  const underWay = [store.audit({ limit: 1 }), store.commit([{ type: 'audit', row: auditOf('slow') }])].map(refused);
  t.match(await refused(store.close()), { code: 'storage-failed', text: /not through in time/ });
  const closed = { code: 'storage-failed', text: 'the store is closed' };
  t.match(await Promise.all(underWay), [closed, closed]);
  t.match(said, [/closed before all is read/]);
});

t.test('more calls than can wait are refused, and may come again', async (t) => {
  const store = await open(await slowAudit());
  const calls = Array.from({ length: 50_001 }, () => store.lastRollupS(60));
  calls.unshift(store.audit({ limit: 1 }) as never);
  const ends = await Promise.allSettled(calls);
  const refusals = ends.filter(({ status }) => status === 'rejected');
  t.match(refusals, [{ reason: { code: 'unavailable', details: { retryAfterSeconds: 1 } } }, {}]);
  t.equal(refusals.length, 2);
  t.equal(await store.lastRollupS(60), null);
  await store.close();
});

t.test(
  'searches come one after the other: what the loop looks up waits for one at most, and too many are refused',
  async (t) => {
    const store = await claimed(await open(newPath()));
    t.teardown(() => store.close());
    await store.commit([node('alice')]);
    const order: string[] = [];
    const searches = Array.from({ length: 101 }, () => store.searchMemory({ text: 'garage', limit: 1 }));
    const ends = Promise.allSettled(searches).then((ends) => {
      order.push('all searches');
      return ends;
    });
    await searches[0];
    await store.task('t1').then(() => order.push('a look-up'));
    const refusals = (await ends).filter(({ status }) => status === 'rejected');
    t.match(refusals, [{ reason: { code: 'unavailable', details: { retryAfterSeconds: 5 } } }]);
    t.equal(refusals.length, 1);
    t.strictSame(order, ['a look-up', 'all searches']);
    t.strictSame(await store.searchMemory({ text: 'garage', limit: 1 }), []);
  },
);

t.test('a log that grew long under a read that lasted is emptied by the next one', async (t) => {
  const path = newPath();
  const store = await claimed(await open(path));
  t.teardown(() => store.close());
  const reading = new Sqlite(path);
  t.teardown(() => reading.close());
  reading.exec('BEGIN; SELECT count(*) FROM sqlite_master');
  const cells = new Uint8Array(4 * 1024 * 1024);
  for (let atS = 0; atS < 20; atS++) await store.putRollups({ rows: [{ tier: 60, part: 0, atS, cells }] });
  const bytes = () => statSync(`${path}-wal`).size;
  t.ok(bytes() > 64 * 1024 * 1024, 'the writer could not begin it anew');
  await store.lastRollupS(60);
  t.ok(bytes() > 64 * 1024 * 1024, 'nor can the reader, and it waits for nobody');
  reading.exec('COMMIT');
  t.equal(await store.lastRollupS(60), 19);
  t.equal(bytes(), 0);
  await store.commit([node('alice')]);
});

t.test('a damaged word index is mended by the thread that writes, and the log says so', async (t) => {
  const { log, said } = lines();
  const path = newPath();
  const store = await claimed(await open(path, { log }));
  t.teardown(() => store.close());
  const entries = memoryEntries('greeter', [{ text: 'the garage code' }, { text: 'the door' }]);
  await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries }]);
  const raw = new Sqlite(path);
  t.teardown(() => raw.close());
  raw.unsafeMode(true);
  raw.exec(`UPDATE memory_words_data SET block = x'ffffffffff'`);
  const found = await Promise.all(['garage', 'door'].map((text) => store.searchMemory({ text, limit: 5 })));
  t.match(found, [[{ seq: 1 }], [{ seq: 2 }]]);
  t.match(said, [/word index of memories rebuilt .*"entries":2/]);
  t.equal(said.length, 1, 'once for both');
});

t.test('where two connections can share no memory, one thread does all', async (t) => {
  const { log, said } = lines();
  const path = newPath();
  mkdirSync(`${path}-shm`);
  const store = await claimed(await open(path, { log }));
  await store.commit([{ type: 'event', row: eventOf('kept') }]);
  t.match(await store.events({ limit: 1 }), [{ text: 'kept' }]);
  t.match(said, [/shares no memory/]);
  await store.close();
  rmSync(`${path}-shm`, { recursive: true });
  const again = await open(path);
  t.match(await again.events({ limit: 1 }), [{ text: 'kept' }]);
  await again.close();
});
