// The coordinator's clock is set by hours: no waiting time ends earlier or later because of that.
import { FleetError } from '@blackroad/protocol';
import { sleep, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { startMs } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { emptyView, type View } from '../state/view.ts';
import { openDatabase } from '../store/sqlite/database.ts';
import { migrate } from '../store/sqlite/migrations.ts';
import { sqliteStore } from '../store/sqlite/sqlite-store.ts';
import { clockSet } from './clock-set.ts';
import { leftOf, longestQuietMs } from './quiet.ts';

const hourMs = 3_600_000;

/**
 * The events and their times, when the clock is set by `byMs` at one moment, measured in time that truly passed. `paused`: the coordinator
 * was suspended instead.
 */
function story(byMs: number, paused = false): unknown[] {
  const fleet = new SampleFleet();
  fleet.online('bob', 'carol', 'dora', 'eric');
  fleet.runs('greeter', 'alice', { onLoss: { policy: 'replace', afterSeconds: 20 } });
  fleet.capacity('bob', { models: [{ name: 'small', kind: 'chat', bytes: 1, resident: true }] as never });
  fleet.runs('walker', 'carol');
  fleet.submit('short', 'greeter', { deadlineSeconds: 60 });
  fleet.submit('waits', 'greeter', { deadlineSeconds: 90 });
  fleet.submit('again', 'walker', { deadlineSeconds: 80, attempts: 5 });
  fleet.report('again', 'carol', 'failed', { problem: { code: 'task-failed', text: 'no', retryable: true } });
  fleet.move(['walker', 'dora']);
  fleet.will('alice');
  fleet.pass(5_000);
  if (paused) fleet.apply([{ type: 'ticked', atMs: fleet.now, resumed: true }]);
  if (byMs !== 0) {
    const { messages } = fleet.decide<'clock-set'>(clockSet, { byMs, coordinator: 'another' });
    fleet.now += byMs;
    t.match(said(messages, 'fleetState'), [{ message: { coordinator: 'another', nowMs: fleet.now } }]);
  }
  const fromMs = fleet.now;
  const seen: unknown[] = [];
  let known = '';
  while (fleet.now < fromMs + 120_000) {
    for (const { type, row } of fleet.tick().changes as { type: string; row: { type: string; text: string } }[])
      if (type === 'event') seen.push([fleet.now - fromMs, row.type, row.text]);
    const { placement } = fleet.agent('walker');
    const now = JSON.stringify([
      leftOf(fleet.view as View, placement?.quiet, fleet.now) > 0,
      [...fleet.view.nodes.values()].map(({ presence }) => presence),
      [...fleet.view.tasks.values()].map(({ id, state, attempt }) => `${id} ${state} ${attempt}`),
    ]);
    if (now !== known) seen.push([fleet.now - fromMs, now]);
    known = now;
  }
  return seen;
}

t.test('a quiet time, a loss, deadlines and a backoff end when they would have', async (t) => {
  const straight = story(0);
  t.ok(straight.length > 5);
  for (const hours of [-3, -400]) t.same(story(hours * hourMs), straight, `${hours} h`);
  // A jump forward may also be a suspended machine, so the silence of the nodes until now does not count against them.
  for (const hours of [3, 400]) t.same(story(hours * hourMs), story(0, true), `${hours} h`);
});

t.test('a quiet time of an earlier process lasts as if it had begun with this one', async (t) => {
  const view = emptyView('second', startMs) as View;
  const quiet = { boot: null, epoch: 1 };
  // A clock that was set forward and a long pause without a process look the same, so the full quiet time is left.
  t.equal(leftOf(view, { ...quiet, untilMs: startMs - 3 * hourMs }, startMs + 1_000), longestQuietMs - 1_000);
  t.equal(leftOf(view, { ...quiet, untilMs: startMs - 3 * hourMs }, startMs + longestQuietMs), 0);
  t.equal(leftOf(view, { ...quiet, untilMs: startMs + 20_000 }, startMs + 1_000), longestQuietMs - 1_000);
  t.equal(leftOf(view, { ...quiet, untilMs: startMs + 1_000 + longestQuietMs }, startMs + 21_000), 15_000, 'its own');
  t.equal(leftOf(view, { ...quiet, untilMs: startMs + 5 * hourMs }, startMs), longestQuietMs, 'set back since');
});

t.test('the loop notices it before it decides anything else', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  await fleet.call('PUT', '/v1/agents/greeter', { body: { name: 'greeter', model: ['auto'], instructions: 'Greet.' } });
  alice.onLease = () => {};
  for (const byMs of [5 * hourMs, -9 * hourMs]) {
    const prompt = { body: { prompt: 'Hello?', deadlineSeconds: 3_600 } };
    const { body } = await fleet.call<{ id: string; deadlineMs: number }>('POST', '/v1/agents/greeter/tasks', prompt);
    const { coordinator } = fleet.coordinator.view;
    fleet.setClock(byMs);
    await fleet.coordinator.submit('tick', {});
    const { body: after } = await fleet.call<typeof body & { state: string }>('GET', `/v1/tasks/${body.id}`);
    t.not(after.state, 'expired');
    t.ok(Math.abs(after.deadlineMs - body.deadlineMs - byMs) < 500, 'it is due an hour from when it was given');
    t.same((await fleet.coordinator.store.task(body.id))?.deadlineMs, after.deadlineMs, 'and so it is stored');
    t.not(fleet.coordinator.view.coordinator, coordinator, 'nodes say hello anew');
    t.equal(fleet.coordinator.view.nodes.get('alice')?.presence, 'online');
    const { body: events } = await fleet.call<{ type: string; atMs: number; text: string }[]>('GET', '/v1/events');
    t.match(events[0], { type: 'clock-set', text: byMs > 0 ? /went forward by 18000 s/ : /went back by 32400 s/ });
    t.ok(Math.abs((events[0]?.atMs ?? 0) - fleet.context.clock.nowMs()) < 5_000, 'dated by the clock as it is now');
  }
});

t.test('while nothing can be stored what waits is not moved, and waits as long all the same', async (t) => {
  const db = openDatabase(':memory:');
  migrate(db, ':memory:', 0, silentLog);
  const store = sqliteStore(db, silentLog, systemClock);
  let isFull = false;
  const commit: typeof store.commit = async (changes, term) => {
    if (isFull) throw new FleetError('storage-failed', { detail: 'the disk is full', retryAfterSeconds: 5 });
    return store.commit(changes, term);
  };
  const fleet = await openApiFleet({ store: { ...store, commit } });
  t.teardown(() => fleet.close());
  const { view } = fleet.coordinator;
  await fleet.call('PUT', '/v1/agents/greeter', { body: { name: 'greeter', model: ['auto'], instructions: 'Greet.' } });
  const prompt = { body: { prompt: 'Hello?', deadlineSeconds: 3_600 } };
  const { body } = await fleet.call<{ id: string; deadlineMs: number }>('POST', '/v1/agents/greeter/tasks', prompt);
  const { startedMs, coordinator } = view;
  isFull = true;
  fleet.setClock(5 * hourMs);
  await fleet.coordinator.submit('tick', {});
  await fleet.coordinator.submit('tick', {});
  t.equal(view.startedMs, startedMs);
  t.ok((view.tickedMs as number) - startedMs < hourMs, 'its clock goes on');
  t.equal(view.tasks.get(body.id)?.deadlineMs, body.deadlineMs);
  isFull = false;
  while (view.startedMs === startedMs) await sleep(systemClock, 20); // the deadline of tap ends this loop if nothing changes
  t.ok(Math.abs(view.startedMs - startedMs - 5 * hourMs) < 500);
  t.equal((view.tasks.get(body.id)?.deadlineMs as number) - body.deadlineMs, view.startedMs - startedMs);
  t.equal((await store.task(body.id))?.deadlineMs, view.tasks.get(body.id)?.deadlineMs);
  t.not(view.coordinator, coordinator);
});

t.test('what a node has left of its budgets, and how often it came, are reckoned on', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  fleet.apply([
    { type: 'spent', node: 'alice', of: 'events', spent: { left: 0, atMs: fleet.now, refused: 7 } },
    { type: 'spent', node: 'alice', of: 'records', spent: { left: 3, atMs: fleet.now, refused: 0 } },
    { type: 'connects', node: 'alice', connects: { sinceMs: fleet.now, count: 9 } },
  ]);
  fleet.decide<'clock-set'>(clockSet, { byMs: -6 * hourMs, coordinator: 'another' });
  const { spent, connects } = fleet.view.live.get('alice') ?? {};
  const atMs = fleet.now - 6 * hourMs;
  t.same(spent, { events: { left: 0, atMs, refused: 7 }, records: { left: 3, atMs, refused: 0 } });
  t.same(connects, { sinceMs: atMs, count: 9 });
});
