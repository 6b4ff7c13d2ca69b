// History and usage behind the real API and a real store: minutes, quarter hours, restarts, forgotten nodes, and ends counted once.
import {
  coordinatorSelf,
  faults,
  type History,
  History as HistorySchema,
  type TaskView,
  type Usage,
  Usage as UsageSchema,
} from '@blackroad/protocol';
import Sqlite from 'better-sqlite3';
import t from 'tap';
import { type ApiFleet, type FakeNode, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { openConsole } from '../../../test/fixtures/coordinator/open-console.ts';
import { minuteS, quarterS } from './recorder.ts';

const minuteMs = minuteS * 1000;
async function say(fleet: ApiFleet, node: FakeNode, over: object) {
  const { health } = fleet.coordinator.view.live.get(node.id) as { health: object };
  node.say('nodeHealth', {}, { ...health, ...over } as never);
  await fleet.coordinator.submit('audit', { by: coordinatorSelf, action: 'other', params: { action: 'sync' } });
}
async function history(fleet: ApiFleet, path: string): Promise<History> {
  const { body } = await fleet.call<History>('GET', path);
  const [fault] = faults(HistorySchema, body);
  if (fault) throw new Error(JSON.stringify(fault));
  return body;
}
/** An agent that is ready: a clock that jumps ahead in the middle of placing it is another test's matter. */
async function applied(fleet: ApiFleet, name: string) {
  const console = openConsole(fleet.port, { authorization: `Bearer ${fleet.keys.viewer}` });
  console.subscribe('agents');
  await fleet.call('PUT', `/v1/agents/${name}`, { body: { name, model: ['tiny'], instructions: 'x' } });
  await console.until(() => console.row<{ state: string }>('agents', name)?.state === 'ready');
  console.socket.terminate();
}
/** The minute is over: the next second writes it. */
async function nextMinute(fleet: ApiFleet) {
  fleet.skip(minuteMs);
  fleet.context.recorder.tick();
  await fleet.context.recorder.flush();
}
const close = (a: number | undefined, b: number) => Math.abs((a ?? Number.NaN) - b) <= Math.abs(b) / 100 + 1e-9;

t.test('a minute of heartbeats becomes least, mean and most, and outlives a restart', async (t) => {
  const path = `${t.testdir({})}/fleet.sqlite`;
  const first = await openApiFleet({ path });
  const alice = await first.node('alice');
  first.skip(minuteMs - (first.context.clock.nowMs() % minuteMs) + 1000);
  first.context.recorder.tick();
  for (const [seq, cpu] of [0.2, 0.4, 0.9].entries()) await say(first, alice, { seq: seq + 2, cpu, temperatureC: 50 });
  const now = await history(first, '/v1/nodes/alice/history?metric=cpu&range=hour');
  t.ok(close(now.points.at(-1)?.[3], 0.9), 'the running minute, so far');
  await nextMinute(first);
  const seen = await history(first, '/v1/nodes/alice/history?metric=cpu&range=hour');
  t.match(seen, { node: 'alice', unit: 'share', resolutionS: 60 });
  const point = seen.points.find(([, , , max]) => close(max, 0.9));
  t.ok(point && close(point[1], 0.2) && close(point[2], 0.5), JSON.stringify(seen.points));
  t.same((await history(first, '/v1/nodes/alice/history?metric=gpu')).points, [], 'a Pi has no GPU: nothing, not zero');
  await first.close();

  const second = await openApiFleet({ path });
  second.skip(2 * minuteMs);
  const kept = await history(second, '/v1/nodes/alice/history?metric=cpu');
  t.ok(kept.points.some(([at, , , max]) => at === point?.[0] && close(max, 0.9)));
  t.match(await second.problem('GET', '/v1/nodes/nobody/history?metric=cpu'), { code: 'no-such-node' });
  t.match(await second.problem('GET', '/v1/nodes/alice/history?metric=mood'), { code: 'invalid-request' });
  await second.close();
});

t.test('quarter hours are made of stored minutes, also over a restart', async (t) => {
  const path = `${t.testdir({})}/fleet.sqlite`;
  const first = await openApiFleet({ path });
  const alice = await first.node('alice');
  const intoQuarter = (fleet: ApiFleet) => {
    fleet.skip(quarterS * 1000 - (fleet.context.clock.nowMs() % (quarterS * 1000)) + 1000);
    fleet.context.recorder.tick();
  };
  intoQuarter(first);
  await say(first, alice, { seq: 2, cpu: 0.1 });
  await nextMinute(first);
  await say(first, alice, { seq: 3, cpu: 0.5 });
  await nextMinute(first);
  const early = await history(first, '/v1/nodes/alice/history?metric=cpu&range=week');
  t.notOk(
    early.points.some(([, , , max]) => close(max, 0.5)),
    'not over yet',
  );
  const aheadMs = first.context.clock.nowMs() - Date.parse(new Date().toISOString());
  await first.close();

  const second = await openApiFleet({ path });
  second.skip(aheadMs);
  intoQuarter(second);
  await second.context.recorder.flush();
  const week = await history(second, '/v1/nodes/alice/history?metric=cpu&range=week');
  t.match(week, { resolutionS: 900 });
  const [, min, mean, max] = week.points.find(([, , , most]) => close(most, 0.5)) ?? [];
  t.ok(close(min, 0.1) && close(mean, 0.3) && close(max, 0.5), JSON.stringify(week.points));
  await second.close();
});

t.test('the fleet: tasks a minute and tokens, and what a node made of them', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  const usage = {
    model: 'tiny',
    promptTokens: 100,
    completionTokens: 600,
    recalled: 0,
    toolCalls: 0,
    firstTokenMs: 1,
    totalMs: 2,
  };
  alice.onLease = ({ task, attempt, agent, epoch, prompt }) => {
    const end = { task, attempt, agent, epoch };
    if (prompt === 'fail')
      alice.say(
        'taskReport',
        { task },
        { ...end, state: 'failed', problem: { code: 'x', text: 'no', retryable: false } },
      );
    else alice.say('taskReport', { task }, { ...end, state: 'done', result: 'ok', usage });
  };
  await applied(fleet, 'echo');
  const ask = async (prompt: string) => {
    const accept = { accept: 'text/event-stream' };
    // Answered when the task has ended.
    const { body } = await fleet.call<string>('POST', '/v1/agents/echo/tasks', { body: { prompt }, headers: accept });
    return body;
  };
  fleet.skip(minuteMs - (fleet.context.clock.nowMs() % minuteMs) + 1000);
  fleet.context.recorder.tick();
  // Silent for a minute, it would be away to the next tick, and nobody would do the tasks.
  await say(fleet, alice, {});
  for (const prompt of ['a', 'b', 'fail']) await ask(prompt);
  await nextMinute(fleet);
  const most = async (path: string) =>
    Math.max(...(await history(fleet, path)).points.map(([, , , max]) => max as number));
  t.ok(close(await most('/v1/fleet/history?metric=tasksEnded'), 2));
  t.ok(close(await most('/v1/fleet/history?metric=tasksFailed'), 1));
  t.ok(close(await most('/v1/fleet/history?metric=tokens'), 20), '1,200 tokens over a minute');
  t.ok(close(await most('/v1/fleet/history?metric=nodesOnline'), 1));
  t.ok(close(await most('/v1/nodes/alice/history?metric=tokens'), 20));

  fleet.skip(2_000);
  await fleet.context.recorder.flush();
  for (const by of ['day', 'agent', 'model', 'node'] as const) {
    const { body } = await fleet.call<Usage>('GET', `/v1/usage?by=${by}`);
    t.same(faults(UsageSchema, body), []);
    t.match(body.total, { tasks: 3, failed: 1, promptTokens: 200, completionTokens: 1200, costUsd: 0 }, by);
  }
  const models = (await fleet.call<Usage>('GET', '/v1/usage?by=model')).body.rows;
  t.same(
    models.map(({ key, tasks }) => [key, tasks]),
    [
      ['tiny', 2],
      ['', 1],
    ],
  );
  t.equal((await fleet.call<Usage>('GET', '/v1/usage?agent=nobody')).body.total.tasks, 0);
  t.match(await fleet.problem('GET', '/v1/usage?from=2026-13-45'), { code: 'invalid-request', detail: /from/ });
  t.match(await fleet.problem('GET', '/v1/usage?from=2020-01-01&to=2026-01-01'), { detail: /at most 399 days/ });
});

t.test('usage: what the fleet’s own machines answered, beside what it would have cost', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(fleet.close);
  const alice = await fleet.node('alice');
  const live = fleet.coordinator.view.live.get('alice') as { capacity: { models: object[] } };
  const [model] = live.capacity.models;
  const paid = { ...model, name: 'paid', runtime: 'cloud', price: { read: 2, written: 10 } };
  alice.say('nodeCapacity', {}, { ...live.capacity, models: [{ ...model, parametersB: 1 }, paid] } as never);
  while (fleet.coordinator.view.live.get('alice')?.capacity?.models.length !== 2)
    await new Promise((resolve) => setImmediate(resolve));
  const usage = { promptTokens: 1_000_000, cachedTokens: 500_000, completionTokens: 100_000 };
  const { recorder } = fleet.context;
  for (const name of ['tiny', 'paid', 'unknown'])
    recorder.noteRequest({ atMs: fleet.context.clock.nowMs(), key: '', model: name, node: 'alice', ...usage });
  await recorder.flush();
  const { body } = await fleet.call<Usage>('GET', '/v1/usage?by=model');
  t.same(faults(UsageSchema, body), []);
  const figures = Object.fromEntries(body.rows.map(({ key, costUsd, cloudUsd }) => [key, [costUsd, cloudUsd]]));
  // Small: 0.1 read, 0.01 read again, 0.5 written.
  t.same(figures, { tiny: [0, 0.105], paid: [3, 0], unknown: [0, 0] });
  t.match(body.total, { costUsd: 3, cloudUsd: 0.105 });
  t.match(body.reference[0], { of: 'small', model: 'gpt-6-luna', price: { read: 0.1, written: 0.5 } });
});

t.test('usage: ends that a crash kept from being added are added once after it, with their price', async (t) => {
  const path = `${t.testdir({})}/fleet.sqlite`;
  const first = await openApiFleet({ path });
  const alice = await first.node('alice');
  const live = first.coordinator.view.live.get('alice') as { capacity: object };
  alice.say('nodeCapacity', {}, { ...live.capacity, pricePerMillionTokens: 5 } as never);
  const usage = {
    model: 'tiny',
    promptTokens: 400_000,
    completionTokens: 600_000,
    recalled: 0,
    toolCalls: 0,
    firstTokenMs: 1,
    totalMs: 2,
  };
  alice.onLease = ({ task, attempt, agent, epoch }) => {
    alice.say('taskReport', { task }, { task, attempt, agent, epoch, state: 'done', result: 'ok', usage });
  };
  await applied(first, 'echo');
  const ask = () =>
    first.call('POST', '/v1/agents/echo/tasks', { body: { prompt: 'x' }, headers: { accept: 'text/event-stream' } });
  await ask();
  first.skip(2_000);
  await first.context.recorder.flush();
  await ask();
  // No flush: as if the process were killed. The fixture's close would write it.
  first.context.recorder.stop();
  first.context.recorder.flush = async () => {};
  await first.close();

  for (let restart = 0; restart < 2; restart++) {
    const again = await openApiFleet({ path });
    await again.context.recorder.flush();
    const { body } = await again.call<Usage>('GET', '/v1/usage?by=agent');
    t.match(body.rows, [{ key: 'echo', tasks: 2, completionTokens: 1_200_000 }], `restart ${restart}`);
    t.ok(body.total.costUsd >= 5, 'priced while the node was here');
    await again.close();
  }
});

t.test('usage: a stored task whose columns are damaged holds up nothing, and counts without them', async (t) => {
  const path = `${t.testdir({})}/fleet.sqlite`;
  const first = await openApiFleet({ path });
  const alice = await first.node('alice');
  const usage = { model: 'tiny', promptTokens: 1, completionTokens: 7, recalled: 0, toolCalls: 0, totalMs: 2 };
  alice.onLease = ({ task, attempt, agent, epoch }) => {
    const end = { task, attempt, agent, epoch, state: 'done', result: 'ok' } as const;
    alice.say('taskReport', { task }, { ...end, usage: { ...usage, firstTokenMs: 1 } });
  };
  await applied(first, 'echo');
  for (let i = 0; i < 4; i++)
    await first.call('POST', '/v1/agents/echo/tasks', {
      body: { prompt: 'x' },
      headers: { accept: 'text/event-stream' },
    });
  first.context.recorder.stop();
  first.context.recorder.flush = async () => {};
  await first.close();
  const db = new Sqlite(path);
  const [one, two, three] = db.prepare('SELECT id FROM task ORDER BY ended_ms, id').pluck().all() as string[];
  const set = db.prepare('UPDATE task SET usage = ? WHERE id = ?');
  set.run('{"model":"ti', one);
  set.run('17', two);
  set.run('[]', three);
  db.close();

  const again = await openApiFleet({ path });
  t.teardown(() => again.close());
  await again.context.recorder.flush();
  const { body } = await again.call<Usage>('GET', '/v1/usage?by=agent');
  t.match(body.rows, [{ key: 'echo', tasks: 4, completionTokens: 7 }], 'all count, one with its tokens');
  t.match((await again.call<TaskView>('GET', `/v1/tasks/${one}`)).body, { id: one, state: 'done', usage: null });
});

t.test('a forgotten node gives its number back in time, its neighbours keep theirs', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  await fleet.node('bob');
  await say(fleet, alice, { seq: 2, cpu: 0.3 });
  await nextMinute(fleet);
  const numbers = async () =>
    new Map((await fleet.coordinator.store.series()).map(({ id, number }) => [id, number] as const));
  const before = await numbers();
  await fleet.call('DELETE', '/v1/nodes/alice');
  await nextMinute(fleet);
  fleet.skip(40 * 86_400_000);
  await fleet.context.recorder.prune();
  const after = await numbers();
  t.notOk(after.has('alice'));
  t.equal(after.get('bob'), before.get('bob'));
  const carol = await fleet.node('carol');
  await say(fleet, carol, { seq: 2, cpu: 0.8 });
  await nextMinute(fleet);
  t.equal((await numbers()).get('carol'), before.get('alice'), 'the smallest that is free');
  const { points } = await history(fleet, '/v1/nodes/carol/history?metric=cpu&range=month');
  t.notOk(
    points.some(([, min]) => close(min, 0.3)),
    "never another node's past",
  );
});

t.test('a task: every attempt of its life', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  let tries = 0;
  alice.onLease = ({ task, attempt, agent, epoch }, { end }) => {
    if (++tries > 2) return end('at last');
    const problem = { code: 'runtime-failed', text: `try ${tries}`, retryable: true };
    alice.say('taskReport', { task }, { task, attempt, agent, epoch, state: 'failed', problem });
    fleet.skip(5_000);
  };
  await applied(fleet, 'echo');
  const { body } = await fleet.call<string>('POST', '/v1/agents/echo/tasks', {
    body: { prompt: 'x' },
    headers: { accept: 'text/event-stream' },
  });
  const id = /"id":"([^"]+)"/.exec(body)?.[1];
  const { body: task } = await fleet.call<TaskView>('GET', `/v1/tasks/${id}`);
  t.match(task, { state: 'done', attempt: 3, node: 'alice' });
  t.match(task.past, [
    { attempt: 1, node: 'alice', outcome: 'failed', text: 'try 1' },
    { attempt: 2, node: 'alice', outcome: 'failed', text: 'try 2' },
  ]);
  t.ok(task.past.every(({ leasedMs, endedMs }) => leasedMs !== null && endedMs >= leasedMs));
  const { body: here } = await fleet.call<TaskView[]>('GET', '/v1/tasks?node=alice');
  t.match(here, [{ id, past: task.past }]);
  t.same((await fleet.call<TaskView[]>('GET', '/v1/tasks?node=bob')).body, []);
});
