// A database that accepts no more pages, as on a full disk: the coordinator refuses inputs that would have to be stored and keeps none of
// their changes, still answers reads, and continues by itself when there is space again.

import { coordinatorSelf, FleetError, type TaskView } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { sampleHealth } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { until } from '../../../test/fixtures/until.ts';
import { openDatabase } from '../store/sqlite/database.ts';
import { storageFailure } from '../store/sqlite/failure.ts';
import { migrate } from '../store/sqlite/migrations.ts';
import { sqliteStore } from '../store/sqlite/sqlite-store.ts';
import { mayPass } from './outage.ts';

const db = openDatabase(':memory:');
migrate(db, ':memory:', 0, silentLog);
/** What would be tried again while the disk is full: an attempt is small and may fit where a task did not, which would end the outage. */
const attempts = new Set<() => void>();
let isFull = false;
const fleet = await openApiFleet({
  store: sqliteStore(db, silentLog, systemClock),
  after(delayMs, run, hold) {
    if (!isFull || delayMs < 100) return systemClock.after(delayMs, run, hold);
    attempts.add(run);
    return { cancel: () => void attempts.delete(run) };
  },
});
t.teardown(() => fleet.close());
function fill() {
  isFull = true;
  db.pragma(`max_page_count = ${db.pragma('page_count', { simple: true })}`);
}
function clear() {
  isFull = false;
  db.pragma('max_page_count = 1000000');
  const run = [...attempts];
  attempts.clear();
  for (const attempt of run) attempt();
}

const alice = await fleet.node('alice');
await fleet.call('PUT', '/v1/agents/greeter', { body: { name: 'greeter', model: ['auto'], instructions: 'Greet.' } });
const held: (() => void)[] = [];
alice.onLease = (_lease, work) => held.push(() => work.end('hello'));
const settled: string[] = [];
alice.onMessage = (decoded) => {
  if (decoded.name === 'settled') settled.push(...decoded.message.tasks.map(({ task }) => task));
};
const submit = (prompt: string) =>
  fleet.call<TaskView & { code?: string; detail?: string }>('POST', '/v1/agents/greeter/tasks', { body: { prompt } });
const first = (await submit('first')).body;
await until(() => held.length === 1);
const idOf = () => fleet.coordinator.view.coordinator;

t.test('what would have to be stored is refused in words, and nothing of it stays', async (t) => {
  fill();
  const accepted = new Set([first.id]);
  let refused = null;
  for (let i = 0; i < 1_000 && refused === null; i++) {
    const { status, body } = await submit(`${i} ${'x'.repeat(10_000)}`);
    if (status === 201) accepted.add(body.id);
    else refused = body;
  }
  t.match(refused, { code: 'storage-failed', detail: /the disk is full/ });
  const { body: known } = await fleet.call<TaskView[]>('GET', '/v1/tasks?limit=1000');
  t.same(new Set(known.map(({ id }) => id)), accepted);
  t.same(new Set(fleet.coordinator.view.tasks.keys()), accepted, 'the view knows what is stored, no more');
  t.equal(fleet.coordinator.view.work.get(fleet.agent('greeter')?.id ?? '')?.waiting.length, accepted.size - 1);
});

t.test('reads go on, heartbeats are heard, and a report is not acknowledged', async (t) => {
  for (const path of ['/healthz', '/v1/agents', '/v1/nodes', '/v1/fleet', '/v1/events'])
    t.equal((await fleet.call('GET', path)).status, 200, path);
  t.ok(fleet.coordinator.view.live.get('alice')?.health, 'what the node said of itself is still known');
  held[0]?.();
  t.match(await fleet.problem('PUT', '/v1/nodes/alice', { body: { cordoned: true } }), { code: 'storage-failed' });
  t.equal(fleet.coordinator.view.nodes.get('alice')?.cordoned, false);
  t.same(settled, []);
  t.equal(fleet.coordinator.view.tasks.get(first.id)?.state, 'running', 'nor is the end known');
});

t.test('with room again it goes on by itself, and nodes are asked to say again what they hold', async (t) => {
  const id = idOf();
  clear();
  await until(() => idOf() !== id);
  const last = fleet.told.filter(({ topic }) => topic.endsWith('/fleet/state')).at(-1);
  t.match(JSON.parse(last?.payload ?? '{}'), { state: 'online', coordinator: idOf() });
  held[0]?.();
  await until(() => settled.includes(first.id));
  t.match((await fleet.call<TaskView>('GET', `/v1/tasks/${first.id}`)).body, { state: 'done', result: 'hello' });
  const { body: events } = await fleet.call<{ type: string; text: string }[]>('GET', '/v1/events');
  t.match(
    events.find(({ type }) => type === 'storage-back')?.text,
    /could store nothing for \d+ s \(.*the disk is full.*\); \d+ inputs were refused/,
  );
  t.equal((await submit('after')).status, 201);
});

t.test('a heartbeat beside an input that is refused is shown all the same', async (t) => {
  const heard = new Set<string>();
  const unwatch = fleet.coordinator.watch(({ nodes }) => {
    for (const node of nodes) heard.add(node);
  });
  const boot = fleet.coordinator.view.nodes.get('alice')?.boot ?? '';
  const agent = fleet.agent('greeter')?.id ?? '';
  fill();
  let isRefused = false;
  for (let i = 0; i < 1_000 && !isRefused; i++) {
    heard.clear();
    alice.say('nodeHealth', {}, sampleHealth({ boot, atMs: systemClock.nowMs() }));
    const request = { prompt: 'x'.repeat(10_000) };
    const order = { id: `task-${i}`, agent, request, by: coordinatorSelf, origin: 'api' as const };
    isRefused = !(await fleet.coordinator.submit('task-submit', order)).ok;
  }
  t.ok(isRefused);
  t.same([...heard], ['alice']);
  unwatch();
  clear();
});

t.test('a damaged database, or a fault of ours while it is written, is no full disk', async (t) => {
  const sqlite = (code: string) => Object.assign(new Error('said by SQLite'), { code });
  for (const code of ['SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_READONLY_DIRECTORY', 'SQLITE_CANTOPEN'])
    t.ok(mayPass(storageFailure('commit', sqlite(code))), code);
  for (const cause of [
    sqlite('SQLITE_CORRUPT'),
    sqlite('SQLITE_CONSTRAINT'),
    new TypeError('ours'),
    new FleetError('internal'),
  ])
    t.notOk(mayPass(storageFailure('commit', cause)), cause.message);
});
