// What is SQLite's own: files that are old, newer, foreign, damaged, locked; a full or read-only disk; the disposable word index.
import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { entryFault, type MemoryEntry } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { type Log, silentLog } from '@blackroad/std/log';
import Sqlite from 'better-sqlite3';
import t from 'tap';
import { loadedView } from '../../../../test/conformance/store/commit.ts';
import { claimed } from '../../../../test/fixtures/coordinator/claimed-store.ts';
import { ada, samplePolicy } from '../../../../test/fixtures/coordinator/sample-rows.ts';
import { storeFiles } from '../../../../test/fixtures/coordinator/store-files.ts';
import {
  agentRow,
  endedTask,
  memoryEntries,
  nodeRow,
  refused,
  taskId,
  taskRow,
} from '../../../../test/fixtures/coordinator/stored-rows.ts';
import type { DurableChange } from '../../state/change.ts';
import type { Placement, TaskRow } from '../../state/rows.ts';
import { cancelTask } from '../../tasks/submit.ts';
import type { Store } from '../store.ts';
import { applicationId, openDatabase } from './database.ts';
import { migrate, migrations, newestVersion, schemaVersion } from './migrations.ts';
import { openSqliteStore, sqliteStore } from './sqlite-store.ts';
import { renewWords } from './word-index.ts';

const { folder, newPath } = storeFiles(t);
const open = async (path: string, log: Log = silentLog) =>
  claimed(await openSqliteStore({ path, log, clock: systemClock }));
/** The connection too, to do to it what disks do. */
async function openBoth(path: string, log: Log = silentLog) {
  const db = openDatabase(path, 0);
  migrate(db, path, 0, log);
  return { db, store: await claimed(sqliteStore(db, log, systemClock)) };
}
/** As a program that knew the schema up to this version left it. */
function databaseOf(path: string, newest: number): InstanceType<typeof Sqlite> {
  const old = new Sqlite(path);
  old.exec(
    'CREATE TABLE schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL)',
  );
  old.pragma(`application_id = ${applicationId}`);
  for (const { version, name, sql } of migrations.filter(({ version }) => version <= newest)) {
    old.exec(sql);
    old.prepare('INSERT INTO schema_migration VALUES (?, ?, 0)').run(version, name);
  }
  return old;
}
const note = (text: string): DurableChange => ({
  type: 'memory',
  space: 'default',
  agent: 'greeter',
  entries: memoryEntries('greeter', [{ text }]),
});
function warnings() {
  const lines: string[] = [];
  const log: Log = { ...silentLog, warn: (fields, text) => void lines.push(`${text} ${JSON.stringify(fields)}`) };
  return { log, lines };
}

t.test('a database of schema 1 is upgraded with all it holds', async (t) => {
  const path = newPath();
  const old = new Sqlite(path);
  old.exec(readFileSync(join(import.meta.dirname, '../../../../test/fixtures/coordinator/schema-1.sql'), 'utf8'));
  t.equal(schemaVersion(old), 1);
  old.close();
  const store = await open(path);
  t.teardown(() => store.close());
  const view = await loadedView(store);
  t.strictSame(view.nodes.get('alice'), nodeRow('alice'));
  t.strictSame(view.tasks.get(taskId(1)), taskRow(1, { idempotencyKey: 'k1' }));
  await store.commit([
    { type: 'task-end', row: endedTask(taskRow(1, { idempotencyKey: 'k1' }), { state: 'failed' }) },
    { type: 'task-dismissed', id: taskId(1), atMs: 7 },
  ]);
  t.match(await store.task(taskId(1)), { state: 'failed', dismissedMs: 7 });
  t.equal(view.heads.get('greeter')?.entries, 3);
  t.strictSame((await store.memoryLog('greeter', 0, 10)).map(entryFault), [null, null, null]);
  t.equal((await store.events({ limit: 1 }))[0]?.text, 'alice came online');
  t.equal(
    (await store.searchMemory({ text: 'garage code', limit: 5 }))[0]?.seq,
    2,
    'old memories got their words indexed',
  );
  const vector = { model: 'minilm', values: Float32Array.from([0.6, 0.8]) };
  t.equal((await store.searchMemory({ text: '', vector, limit: 5 }))[0]?.seq, 2);
  await store.close();
  const raw = new Sqlite(path);
  t.teardown(() => raw.close());
  t.equal(schemaVersion(raw), newestVersion);
});

t.test('what would fix an agent was a sentence: it loads as not known yet', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 7);
  const fix = [[{ verb: 'uncordon-node' as const, node: 'alice' }]];
  const why = {
    text: 'the only node is cordoned',
    refused: [{ filter: 'cordoned', nodes: 1, text: 'alice: by hand' }],
  };
  const put = (name: string, unplaced: object | null) =>
    old.prepare('INSERT INTO agent VALUES (?, ?)').run(name, JSON.stringify({ ...agentRow(name), unplaced }));
  put('greeter', { ...why, fix: 'fleet uncordon alice' });
  put('placed', null);
  old.close();
  const store = await open(path);
  t.teardown(() => store.close());
  const view = await loadedView(store);
  t.strictSame(view.agents.get('greeter')?.unplaced, { ...why, fix: [] });
  t.strictSame(view.agents.get('placed')?.unplaced, null);
  await store.commit([{ type: 'agent', row: { ...agentRow('greeter'), unplaced: { ...why, fix } } }]);
  t.strictSame((await loadedView(store)).agents.get('greeter')?.unplaced, { ...why, fix });
});
t.test(
  'events of another version are read: in their words, without params, of a type that is known here',
  async (t) => {
    const path = newPath();
    const old = databaseOf(path, 7);
    const event = old.prepare('INSERT INTO event (at_ms, node, agent, type, severity, text) VALUES (?, ?, ?, ?, ?, ?)');
    event.run(1, 'alice', null, 'node-online', 'info', 'alice came online');
    event.run(2, 'alice', 'greeter', 'agent-flew', 'warning', 'greeter flew to alice');
    old.close();
    const { db, store } = await openBoth(path);
    t.teardown(() => store.close());
    db.exec(
      `INSERT INTO event (at_ms, type, severity, text, params) VALUES (3, 'clock-set', 'info', 'it was set', '{"byMs":')`,
    );
    const none = { node: null, agent: null };
    t.strictSame(await store.events({ limit: 10 }), [
      { id: 3, atMs: 3, ...none, type: 'clock-set', params: {}, severity: 'info', text: 'it was set' },
      {
        id: 2,
        atMs: 2,
        node: 'alice',
        agent: 'greeter',
        type: 'log',
        params: { type: 'agent-flew' },
        severity: 'warning',
        text: 'greeter flew to alice',
      },
      {
        id: 1,
        atMs: 1,
        node: 'alice',
        agent: null,
        type: 'node-online',
        params: {},
        severity: 'info',
        text: 'alice came online',
      },
    ]);
  },
);

t.test('entries of the audit log of another version are read in their words', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 11);
  const entry = old.prepare('INSERT INTO audit (at_ms, actor, action, subject, text) VALUES (?, ?, ?, ?, ?)');
  entry.run(1, 'key:ada', 'node-drain', 'alice', 'its agents move away');
  entry.run(2, 'key:ada', 'node-fly', 'alice', 'to the moon');
  old.close();
  const store = await open(path);
  t.teardown(() => store.close());
  const ada = { actor: 'key:ada', subject: 'alice' };
  t.match(await store.audit({ limit: 10 }), [
    { id: 2, atMs: 2, ...ada, action: 'other', params: { action: 'node-fly' }, text: 'to the moon' },
    { id: 1, atMs: 1, ...ada, action: 'node-drain', params: {}, text: 'its agents move away' },
  ]);
});

t.test('who held which agent is found in what an older version wrote down', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 3);
  const put = (table: string, key: string, row: object) =>
    old.prepare(`INSERT INTO ${table} VALUES (?, ?)`).run(key, JSON.stringify(row));
  for (const [id, enrolledMs] of [
    ['alice', 10],
    ['bob', 20],
  ] as const)
    put('node', id, nodeRow(id, { enrolledMs }));
  const placed = agentRow('greeter', { epoch: 4 });
  put('agent', 'greeter', { ...placed, placement: { ...placed.placement, node: 'bob', epoch: 4 } });
  put('agent', 'quiet', agentRow('quiet', { epoch: 9, placement: { ...(placed.placement as Placement), epoch: 9 } }));
  put('setting', 'agent-gone:echo', { epoch: 2, version: 5 });
  const event = old.prepare('INSERT INTO event (at_ms, node, agent, type, severity, text) VALUES (?, ?, ?, ?, ?, ?)');
  // The first placements of greeter were pruned; carol is no node any more; what a node says of itself is no proof.
  for (const [node, agent, type] of [
    ['alice', 'greeter', 'agent-moved'],
    ['carol', 'greeter', 'agent-moved'],
    ['alice', 'greeter', 'agent-failed'],
    ['bob', 'greeter', 'agent-moved'],
    ['alice', 'echo', 'agent-placed'],
    ['bob', 'echo', 'agent-moved'],
    ['bob', 'echo', 'agent-unplaced'],
  ] as const)
    event.run(1, node, agent, type, 'info', '');
  old.close();
  const store = await open(path);
  t.teardown(() => store.close());
  const { holders } = await loadedView(store);
  t.strictSame(Object.fromEntries(holders), {
    echo: [
      { epoch: 1, node: 'alice', joinedMs: 10 },
      { epoch: 2, node: 'bob', joinedMs: 20 },
    ],
    greeter: [
      { epoch: 2, node: 'alice', joinedMs: 10 },
      { epoch: 4, node: 'bob', joinedMs: 20 },
    ],
    quiet: [{ epoch: 9, node: 'alice', joinedMs: 10 }],
  });
});

t.test('keys, join tokens and sessions that are older than spaces are of the only one that there was', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 6);
  for (const [table, row] of [
    ['access_key', { id: 'k1', name: 'ada', role: 'operator' }],
    ['token', { id: 't1', uses: 1 }],
    ['session', { id: 's1', name: 'ada', role: 'operator', keyId: 'k1' }],
    ['access_key', { id: 'k2', name: 'bob', role: 'viewer', space: 'attic' }],
  ] as const)
    old.prepare(`INSERT INTO ${table} (id, row) VALUES (?, ?)`).run(row.id, JSON.stringify(row));
  old.close();
  const store = await open(path);
  const { keys, tokens, sessions } = await loadedView(store);
  await store.close();
  t.strictSame(keys.get('k1'), { id: 'k1', name: 'ada', role: 'operator', space: 'default' });
  t.match(keys.get('k2'), { space: 'attic' });
  t.match(tokens.get('t1'), { space: 'default' });
  t.strictSame(sessions.get('s1'), { id: 's1', name: 'ada', keyId: 'k1', roles: ['operator'], space: 'default' });
});

t.test('tasks of an older version are kept as those of whom nobody knows who asked', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 6);
  const insert = old.prepare(
    `INSERT INTO task (id, agent, state, prompt, priority, origin, created_ms, deadline_ms, attempt, attempts, not_before_ms, ended_ms)
     VALUES (?, 'greeter', ?, 'Old.', 50, 'api', 1, 2, 0, 3, 0, ?)`,
  );
  insert.run(taskId(0), 'expired', 5);
  insert.run(taskId(1), 'queued', null);
  old.close();
  const store = await open(path);
  t.teardown(() => store.close());
  const { tasks } = await loadedView(store);
  t.same([...tasks.keys()], [taskId(1)]);
  t.notOk('by' in (tasks.get(taskId(1)) as object));
  const by = { kind: 'key', id: 'k1', name: 'ada' } as const;
  await store.commit([
    { type: 'task-end', row: endedTask(tasks.get(taskId(1)) as TaskRow) },
    { type: 'task-new', row: taskRow(2, { by }) },
  ]);
  const rows = await store.tasks({ limit: 10 });
  t.same(
    rows.map(({ id, by }) => [id, by]),
    [
      [taskId(2), by],
      [taskId(1), undefined],
      [taskId(0), undefined],
    ],
  );
});

t.test('why a node is away is found in the words of an older version', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 9);
  const said = [
    ['never', 'active', 'enrolled, not heard of yet', 'enrolled'],
    ['online', 'active', 'heard again', 'connected'],
    ['lost', 'active', 'stopped', 'stopped'],
    ['suspect', 'active', 'silent', 'silent'],
    ['suspect', 'active', 'the coordinator restarted', 'restarted'],
    ['lost', 'active', 'its connection broke', 'broken'],
    ['lost', 'quarantined', 'quarantined: a twin', 'quarantined'],
  ] as const;
  for (const [i, [presence, status, presenceReason]] of said.entries()) {
    const { presenceCause: _, ...row } = nodeRow(`n${i}`, { presence, status, presenceReason });
    old.prepare('INSERT INTO node VALUES (?, ?)').run(row.id, JSON.stringify(row));
  }
  old.close();
  const store = await open(path);
  t.teardown(() => store.close());
  const { nodes } = await loadedView(store);
  t.same(
    [...nodes.values()].map(({ presenceCause }) => presenceCause),
    said.map(([, , , cause]) => cause),
  );
});

t.test('who asked over MQTT before the upgrade is answered after it', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 8);
  const insert = old.prepare(
    `INSERT INTO task (id, agent, state, prompt, priority, origin, created_ms, deadline_ms, attempt, attempts, not_before_ms, ended_ms, idempotency_key)
     VALUES (?, 'greeter', ?, 'Old.', 50, ?, 1, 2, 0, 3, 0, ?, ?)`,
  );
  insert.run(taskId(0), 'queued', 'mqtt', null, 'mqtt:greeter:hall:1');
  insert.run(taskId(1), 'queued', 'api', null, 'mqtt:greeter:api');
  insert.run(taskId(2), 'queued', 'mqtt', null, 'mqtt:greet:other');
  insert.run(taskId(3), 'done', 'mqtt', 5, 'mqtt:greeter:ended');
  insert.run(taskId(4), 'queued', 'mqtt', null, null);
  old.close();
  const store = await open(path);
  t.teardown(() => store.close());
  const view = await loadedView(store);
  const replyTo = { kind: 'mqtt', agent: 'greeter', id: 'hall:1' };
  t.strictSame(
    [0, 1, 2, 4].map((n) => view.tasks.get(taskId(n))?.replyTo),
    [replyTo, undefined, undefined, undefined],
  );
  const { messages } = cancelTask(view, { by: ada, id: taskId(0) }, 10, samplePolicy);
  t.match(messages, [
    { name: 'answer', params: { agent: 'greeter', id: 'hall:1' }, message: { task: taskId(0), ok: false } },
  ]);
});

t.test('an agent that is older than ids keeps its name for one, and its chain verifies', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 12);
  const { id: _, space: __, ...row } = agentRow('greeter');
  old.prepare('INSERT INTO agent VALUES (?, ?)').run('greeter', JSON.stringify({ name: 'greeter', ...row }));
  old.prepare("INSERT INTO agent_version VALUES ('greeter', 1, 1, 'key:ada', ?)").run(JSON.stringify(row.spec));
  const setting = old.prepare('INSERT INTO setting VALUES (?, ?)');
  const quiet = { untilMs: 5, boot: 'b', epoch: 3 };
  setting.run('agent-gone:left', JSON.stringify({ epoch: 3, version: 2, quiet }));
  setting.run('agent-gone:older', JSON.stringify({ epoch: 1 }));
  // Applied again since.
  setting.run('agent-gone:greeter', JSON.stringify({ epoch: 1, version: 1 }));
  const task = old.prepare(
    `INSERT INTO task (id, agent, state, prompt, priority, origin, created_ms, deadline_ms, attempt, attempts, not_before_ms, idempotency_key)
     VALUES (?, 'greeter', 'queued', 'Old.', 50, 'mqtt', 1, 2, 0, 3, 0, ?)`,
  );
  task.run(taskId(0), 'mqtt:greeter:hall');
  const entry = old.prepare(
    `INSERT INTO memory_entry (agent, seq, epoch, hash, previous_hash, payload_commitment, actor, kind, created_at, received_ms, salt, payload)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
  );
  const log = memoryEntries('greeter', [{}, { text: 'The code is 7.' }, {}]);
  for (const { seq, epoch, hash, previousHash, payloadCommitment, actorId, kind, createdAt, salt, payload } of log)
    entry.run(
      'greeter',
      seq,
      epoch,
      hash,
      previousHash,
      payloadCommitment,
      actorId,
      kind,
      createdAt,
      salt,
      JSON.stringify(payload),
    );
  const head = old.prepare('INSERT INTO memory_head VALUES (?, 1, ?, ?, ?)');
  head.run('greeter', 3, log.at(-1)?.hash, 3);
  head.run('forsaken', 1, 'a'.repeat(64), 1);
  const branch = { id: 'greeter.alice.1', agent: 'greeter', node: 'alice', epoch: 1, fromSeq: 2, uptoSeq: 3 };
  const open1 = { ...branch, complete: true, merged: false, receivedMs: 1 };
  old.prepare('INSERT INTO branch VALUES (?, 0, ?)').run(branch.id, JSON.stringify(open1));
  old.close();

  const store = await open(path);
  t.teardown(() => store.close());
  const view = await loadedView(store);
  t.strictSame([...view.agents], [['greeter', agentRow('greeter')]]);
  t.strictSame([...view.agentIds], [['default/greeter', 'greeter']]);
  t.match(await store.agentVersions('greeter'), [{ version: 1, by: 'key:ada' }]);
  const left = { space: 'default', epoch: 3, version: 2, quiet };
  t.strictSame(
    [...view.removedAgents.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    [
      { id: 'forsaken', name: 'forsaken', space: 'default', epoch: 1, version: 0 },
      { id: 'left', name: 'left', ...left },
      { id: 'older', name: 'older', space: 'default', epoch: 1, version: 0 },
    ],
    'of a memory without its agent the name is known, too',
  );
  t.match(view.tasks.get(taskId(0)), { space: 'default', agent: 'greeter' });
  t.match(await store.taskByIdempotencyKey('default', 'mqtt:greeter:hall'), { id: taskId(0) });
  t.match(view.branches.get(branch.id), { ...open1, space: 'default' });
  const stored = await store.memoryLog('greeter', 0, 10);
  t.strictSame(stored, log);
  t.strictSame(stored.map(entryFault), [null, null, null]);
  const more = memoryEntries('greeter', [{ text: 'And 8.' }], { previous: log.at(-1) });
  await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: more }]);
  t.equal((await loadedView(store)).heads.get('greeter')?.seq, 4, 'the chain goes on');
});

t.test('settings of an older fleet are rows of their own kind', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 13);
  const put = (key: string, value: unknown) =>
    old.prepare('INSERT INTO setting VALUES (?, ?)').run(key, JSON.stringify(value));
  const known = { by: 'key:ada', atMs: 5, note: "it's known", count: 2 };
  put('alerts-acknowledged', { 'node-lost:home': known, damaged: 7 });
  put('reclaim:alice', 123);
  put('reclaim:bob', null);
  put('reclaim:nobody', 5);
  put('branch-merged:greeter.alice.1', { uptoSeq: 4, uptoHash: 'a'.repeat(64) });
  put('welcome', 'shown');
  for (const id of ['alice', 'bob']) old.prepare('INSERT INTO node VALUES (?, ?)').run(id, JSON.stringify(nodeRow(id)));
  old.close();
  const store = await open(path);
  t.teardown(() => store.close());
  const view = await loadedView(store);
  t.strictSame([...view.acknowledged.values()], [{ alert: 'node-lost:home', ...known }]);
  t.strictSame(view.nodes.get('alice'), nodeRow('alice', { reclaimUntilMs: 123 }));
  t.strictSame(view.nodes.get('bob'), nodeRow('bob'));
});

t.test('usage that was counted before keys were is of no key', async (t) => {
  const path = newPath();
  const old = databaseOf(path, 15);
  old.prepare("INSERT INTO usage_day VALUES (20000, 'echo', 'tiny', 'alice', 3, 1, 10, 20, 0.5)").run();
  old.close();
  const store = await claimed(await openSqliteStore({ path, log: silentLog, clock: systemClock }));
  t.teardown(() => store.close());
  const sums = { tasks: 3, failed: 1, promptTokens: 10, completionTokens: 20, costUsd: 0.5, cloudUsd: 0 };
  t.same(await store.usage(20_000, 'key', {}), [{ key: '', ...sums }]);
  t.same(await store.usage(20_000, 'agent', {}), [{ key: 'echo', ...sums }]);
});

t.test('a database of a newer version is refused and left alone', async (t) => {
  const path = newPath();
  await (await open(path)).close();
  const raw = new Sqlite(path);
  raw.prepare('INSERT INTO schema_migration VALUES (?, ?, 0)').run(newestVersion + 1, 'from the future');
  raw.close();
  const before = readFileSync(path);
  const { code, text } = await refused(open(path));
  t.equal(code, 'storage-failed');
  t.match(
    text,
    `newer BlackRoad Fleet (its schema is ${newestVersion + 1}, this program knows up to ${newestVersion})`,
  );
  t.ok(before.equals(readFileSync(path)));
});

t.test('files that are no database of ours are refused in words, and kept', async (t) => {
  const foreign = newPath();
  const other = new Sqlite(foreign);
  other.exec('CREATE TABLE states (entity TEXT)');
  other.close();
  const text = newPath();
  writeFileSync(text, 'This is a shopping list, not a database. '.repeat(100));
  mkdirSync(join(folder, 'a-folder'));
  for (const [path, words] of [
    [foreign, 'a database of another program'],
    [text, 'the file is not a database'],
    [join(folder, 'a-folder'), 'cannot be opened'],
    [join(folder, 'no', 'such', 'folder.db'), 'directory does not exist'],
  ] as const) {
    const problem = await refused(open(path));
    t.equal(problem.code, 'storage-failed', problem.text);
    t.match(problem.text, words);
    t.match(problem.text, path);
  }
  t.match(readFileSync(text, 'utf8'), 'shopping list');
});

t.test('a damaged file is refused at the start with what to do', async (t) => {
  const whole = newPath();
  const store = await open(whole);
  const many = Array.from({ length: 2000 }, (_, n): DurableChange => ({ type: 'node', row: nodeRow(`n${n}`) }));
  await store.commit(many);
  await store.close();
  const bytes = readFileSync(whole);
  const overwritten = newPath();
  writeFileSync(overwritten, Buffer.from(bytes).fill(0x5a, bytes.length / 2, bytes.length / 2 + 64 * 1024));
  const cut = newPath();
  writeFileSync(cut, bytes);
  truncateSync(cut, Math.floor(bytes.length / 8192) * 4096);
  for (const path of [overwritten, cut]) {
    const { code, text } = await refused(open(path));
    t.equal(code, 'storage-failed');
    t.match(text, /damaged\. Restore a copy of it, or move it away/);
  }
});

t.test('one process owns the file', async (t) => {
  const path = newPath();
  const store = await open(path);
  t.throws(() => openDatabase(path, 0), { code: 'storage-failed', message: /another process has the database open/ });
  await store.close();
  openDatabase(path, 0).close();
});

t.test('close leaves everything in one file', async (t) => {
  const path = newPath();
  const store = await open(path);
  await store.commit([note('kept')]);
  t.ok(statSync(`${path}-wal`).size > 0);
  await store.close();
  t.notOk(existsSync(`${path}-wal`));
  t.notOk(existsSync(`${path}-shm`));
});

t.test('a full disk refuses the batch, keeps what was there, and is over when there is room', async (t) => {
  const { db, store } = await openBoth(newPath());
  t.teardown(() => store.close());
  await store.commit([{ type: 'node', row: nodeRow('alice') }, note('before')]);
  db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
  const big: DurableChange[] = [
    { type: 'node-gone', id: 'alice' },
    ...Array.from(
      { length: 50 },
      (_, n): DurableChange => ({ type: 'task-new', row: taskRow(n, { prompt: 'x'.repeat(9000) }) }),
    ),
  ];
  for (let again = 0; again < 3; again++) {
    const { code, text } = await refused(store.commit(big));
    t.equal(code, 'storage-failed');
    t.match(text, 'the disk is full; nothing of this batch was stored');
  }
  t.strictSame([...(await loadedView(store)).nodes.keys()], ['alice']);
  t.strictSame(await store.tasks({ limit: 10 }), []);
  db.pragma('max_page_count = 1000000');
  await store.commit(big);
  t.equal((await store.tasks({ limit: 100 })).length, 50);
  t.equal((await store.searchMemory({ text: 'before', limit: 1 })).length, 1);
});

t.test('a disk that became read-only refuses writes, still reads', async (t) => {
  const { db, store } = await openBoth(newPath());
  t.teardown(() => store.close());
  await store.commit([note('readable')]);
  db.pragma('query_only = ON');
  const { code, text } = await refused(store.commit([{ type: 'node', row: nodeRow('alice') }]));
  t.equal(code, 'storage-failed');
  t.match(text, 'read-only');
  t.equal((await refused(store.prune({ tasksMs: 1, eventsMs: 1, auditMs: 1 }))).code, 'storage-failed');
  t.equal((await store.searchMemory({ text: 'readable', limit: 1 })).length, 1);
  db.pragma('query_only = OFF');
  await store.commit([{ type: 'node', row: nodeRow('alice') }]);
  t.equal((await loadedView(store)).nodes.size, 1);
});

t.test('the word index is disposable: missing, it is rebuilt at the start', async (t) => {
  const path = newPath();
  const store = await open(path);
  await store.commit([note('the garage code')]);
  await store.close();
  const { db } = await openBoth(path);
  db.exec('DROP TABLE memory_words');
  db.close();
  const { log, lines } = warnings();
  const again = await open(path, log);
  t.match(lines, [/word index of memories rebuilt .*"entries":1/]);
  t.strictSame(
    (await again.searchMemory({ text: 'garage', agent: 'greeter', limit: 5 })).map(({ seq }) => seq),
    [1],
  );
  await again.close();
});

t.test(
  'a word index of older rules answers while the new one is made, over restarts, and nothing is lost',
  async (t) => {
    const path = newPath();
    const store = await open(path);
    const texts = (from: number, count: number) =>
      Array.from({ length: count }, (_, n) => ({ text: `note ${from + n} of the garage` }));
    const first = memoryEntries('greeter', texts(1, 700));
    await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: first }]);
    await store.close();
    const raw = openDatabase(path);
    const old = raw.prepare("UPDATE search_index SET version = 1 WHERE name = 'words'");
    old.run();
    raw.close();
    const found = async (opened: Store, text: string) =>
      (await opened.searchMemory({ text, limit: 1 })).map(({ seq }) => seq);
    let { db, store: again } = await openBoth(path);
    t.ok(renewWords(db, silentLog), 'a piece');
    t.strictSame(await found(again, 'note 650'), [650], 'what the new one does not have yet');
    const more = memoryEntries('greeter', [{ text: 'came meanwhile' }], { previous: first.at(-1) as MemoryEntry });
    await again.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: more }]);
    t.strictSame(await found(again, 'meanwhile'), [701]);
    await again.close();
    ({ db, store: again } = await openBoth(path));
    const pieces = () => db.prepare('SELECT count(*) FROM next_memory_words_docsize').pluck().get();
    t.equal(pieces(), 200, 'what was made stays');
    let count = 0;
    while (renewWords(db, silentLog)) count++;
    t.equal(count, 2);
    for (const [text, seq] of [
      ['note 1', 1],
      ['note 650', 650],
      ['meanwhile', 701],
    ] as const)
      t.equal((await found(again, text))[0], seq, text);
    const last = memoryEntries('greeter', [{ text: 'came after' }], { previous: more.at(-1) as MemoryEntry });
    await again.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: last }]);
    t.strictSame(await found(again, 'after'), [702]);
    t.notOk(renewWords(db, silentLog), 'once');
    t.equal(db.prepare("SELECT count(*) FROM sqlite_master WHERE name LIKE 'next_%'").pluck().get(), 0);
    await again.close();
  },
);

t.test('a damaged word index loses no memory: search and commit mend it', async (t) => {
  const { log, lines } = warnings();
  const { db, store } = await openBoth(newPath(), log);
  t.teardown(() => store.close());
  const log1 = memoryEntries('greeter', [{ text: 'the garage code' }, { text: 'the door' }]);
  await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: log1 }]);
  const damage = () => {
    // SQLite protects the index's own tables from plain SQL.
    db.unsafeMode(true);
    db.exec(`UPDATE memory_words_data SET block = x'ffffffffff'`);
    db.unsafeMode(false);
  };
  damage();
  t.equal((await store.searchMemory({ text: 'garage', limit: 5 })).length, 1);
  t.equal(lines.length, 1);
  damage();
  const log2 = memoryEntries('greeter', [{ text: 'a new memory' }], { previous: log1[1] });
  await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: log2 }]);
  t.strictSame(await store.memoryLog('greeter', 0, 10), [...log1, ...log2]);
  t.equal((await store.searchMemory({ text: 'memory', limit: 5 })).length, 1);
  t.equal((await store.searchMemory({ text: 'door', limit: 5 })).length, 1);
  t.ok(lines.length >= 2);
});

t.test('a task with damaged columns is read without them, and said once', async (t) => {
  const path = newPath();
  const said: object[] = [];
  const log: Log = { ...silentLog, error: (fields, text) => void said.push({ ...fields, text }) };
  const { db, store } = await openBoth(path, log);
  t.teardown(() => store.close());
  const past = [{ attempt: 1, node: 'alice', outcome: 'lost', atMs: 5, text: '' }] as never;
  await store.commit([
    { type: 'task-new', row: taskRow(1, { past }) },
    { type: 'task-end', row: endedTask(taskRow(2), { state: 'failed', endedMs: 5 }) },
    { type: 'task-end', row: endedTask(taskRow(3), { endedMs: 6 }) },
  ]);
  db.prepare(`UPDATE task SET past = '{}' WHERE id = ?`).run(taskId(1));
  db.prepare(`UPDATE task SET problem = '{"code":' WHERE id = ?`).run(taskId(2));
  for (let i = 0; i < 2; i++) {
    t.notOk('past' in (await loadedView(store)).tasks.get(taskId(1))!, 'the coordinator starts');
    t.match(await store.task(taskId(2)), { state: 'failed', problem: null });
    t.same(
      (await store.endedFrom(0, '', 10)).map(({ id }) => id),
      [taskId(2), taskId(3)],
    );
  }
  const text = /damaged/;
  t.match(said, [
    { task: taskId(1), column: 'past', damaged: 1, text },
    { task: taskId(2), column: 'problem', damaged: 2, text },
  ]);
  t.equal(said.length, 2);
});
