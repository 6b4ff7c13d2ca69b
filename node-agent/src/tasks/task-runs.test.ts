import {
  type AgentSpec,
  AgentSpec as AgentSpecSchema,
  type TaskLease,
  type TaskReport,
  withDefaults,
} from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import type { RunningAgent } from '../agents/agent.ts';
import type { TurnChunk, TurnEnd, TurnTask } from '../agents/turn.ts';
import type { Transport } from '../transport/transport.ts';
import { TaskRuns } from './task-runs.ts';

const lease = (given: Partial<TaskLease> = {}): TaskLease => ({
  task: 't1',
  attempt: 1,
  agent: 'a',
  epoch: 2,
  prompt: 'hi',
  leftMs: 60_000,
  ...given,
});
const done: TurnEnd = {
  state: 'done',
  result: 'hello',
  truncated: false,
  usage: { model: 'm', promptTokens: 1, completionTokens: 1, recalled: 0, toolCalls: 0, firstTokenMs: 1, totalMs: 1 },
};

/** A transport that records its messages, and an agent whose turns end when the test decides. */
function rig(options: { full?: boolean; left?: string[]; concurrency?: number; clock?: Clock } = {}) {
  const posted: TaskReport[] = [];
  const progress: string[] = [];
  const chunks: { offset: number; text: string; tool?: string; retract?: boolean }[] = [];
  const settled: string[] = [];
  const again: string[] = [];
  const turns: {
    task: TurnTask;
    emit: (chunk: TurnChunk) => void;
    end: (end: TurnEnd) => void;
  }[] = [];
  const transport = {
    connected: true,
    outboxDepth: 0,
    unsettledKeys: () => options.left ?? [],
    send: (name: string, _: unknown, message: unknown) => {
      if (name === 'taskReport') progress.push(`${(message as TaskReport).task} ${(message as TaskReport).state}`);
      if (name === 'taskChunk') chunks.push(message as { offset: number; text: string });
    },
    post: (_key: string, _until: string, _name: string, _params: unknown, message: TaskReport) => {
      if (options.full) return false;
      posted.push(message);
      return true;
    },
    again: (key: string) => again.push(key),
    settle: (keys: string[]) => settled.push(...keys),
  } as unknown as Transport;
  const spec = withDefaults<AgentSpec>(AgentSpecSchema, {
    name: 'a',
    model: ['auto'],
    instructions: '',
    concurrency: options.concurrency ?? 1,
  });
  const agent = {
    assigned: { spec, version: 1, epoch: 2, model: 'm', memory: { baseSeq: 0, baseHash: 'genesis', from: null } },
    get busy() {
      return turns.filter((turn) => !turn.task.signal.aborted && !ended.has(turn.task.task)).length;
    },
    run: (task: TurnTask, emit: (chunk: TurnChunk) => void) =>
      new Promise<TurnEnd>((resolve) => {
        const end = (value: TurnEnd) => {
          ended.add(task.task);
          resolve(value);
        };
        task.signal.addEventListener('abort', () => end({ state: 'cancelled' }));
        turns.push({ task, emit, end });
      }),
  } as unknown as RunningAgent;
  const ended = new Set<string>();
  const runs = new TaskRuns({
    node: 'n',
    transport,
    agent: (name) => (name === 'a' ? agent : null),
    clock: options.clock ?? systemClock,
    random: systemRandom,
    log: silentLog,
  });
  return { runs, progress, posted, chunks, settled, again, turns };
}
const tick = () => new Promise((resolve) => setImmediate(resolve));

t.test('a lease runs once, however often it is told', async (t) => {
  const { runs, posted, turns } = rig();
  runs.take(lease());
  runs.take(lease());
  t.equal(turns.length, 1);
  t.same(runs.held(), [{ task: 't1', attempt: 1 }]);
  turns[0]?.end(done);
  await tick();
  t.match(posted, [{ state: 'done', result: 'hello', task: 't1', attempt: 1, epoch: 2 }]);
  runs.take(lease());
  t.equal(turns.length, 1, 'an end that is not settled is not run again');
  t.same(runs.held(), [{ task: 't1', attempt: 1 }], 'and is still held');
});

t.test('settled leases are forgotten, here and in the outbox', async (t) => {
  const { runs, settled, turns } = rig();
  runs.take(lease());
  turns[0]?.end(done);
  await tick();
  runs.settled([{ task: 't1', attempt: 1 }]);
  t.same(runs.held(), []);
  t.same(settled, ['t1.1']);
  runs.take(lease());
  t.equal(turns.length, 1, 'a lease that is delivered once more after its end does not run again');
  runs.take(lease({ attempt: 2 }));
  t.equal(turns.length, 2, 'the next attempt does');
});

t.test('an end that nobody settles is sent again until somebody does', async (t) => {
  const clock = new HandClock();
  const { runs, again, turns } = rig({ clock });
  t.teardown(() => runs.stop());
  runs.take(lease(), { prompt: 'hi', atMs: 0 });
  turns[0]?.end(done);
  await clock.advance(600_000);
  // The waits are random, five minutes at most: a row of short ones may come. Every quarter of a minute would be forty times.
  t.ok(again.length > 1 && again.length < 25, `${again.length} times in ten minutes`);
  t.same(new Set(again), new Set(['t1.1']));
  runs.settled([{ task: 't1', attempt: 1 }]);
  again.length = 0;
  await clock.advance(600_000);
  t.same(again, []);
});

t.test('ends of an earlier run of the process are held and not run again', async (t) => {
  const { runs, turns } = rig({ left: ['t1.1', '01ab.2'] });
  t.same(runs.held(), [
    { task: 't1', attempt: 1 },
    { task: '01ab', attempt: 2 },
  ]);
  runs.take(lease());
  t.equal(turns.length, 0);
});

t.test('what cannot run here goes back at once', async (t) => {
  const { runs, posted, turns } = rig();
  runs.take(lease({ agent: 'stranger' }));
  runs.take(lease({ task: 't2', epoch: 1 }));
  runs.take(lease({ task: 't3' }));
  runs.take(lease({ task: 't4' }));
  t.equal(turns.length, 1);
  t.match(posted, [
    { task: 't1', state: 'refused', problem: { text: /stranger does not run here/ } },
    { task: 't2', state: 'refused', problem: { text: /under epoch 1/ } },
    { task: 't4', state: 'refused', problem: { text: /works on 1 tasks already/ } },
  ]);
});

t.test('what this place is to blame for goes back uncounted, what the work is to blame for has failed', async (t) => {
  const { runs, posted, turns } = rig({ concurrency: 3 });
  const codes = ['runtime-overloaded', 'runtime-unavailable', 'prompt-too-long'];
  for (const [i, code] of codes.entries()) {
    runs.take(lease({ task: `t${i}` }));
    turns[i]?.end({ state: 'failed', problem: { code, text: 'x', retryable: true } });
  }
  await tick();
  t.same(
    posted.map(({ state, problem }) => [problem?.code, state]),
    [
      ['runtime-overloaded', 'refused'],
      ['runtime-unavailable', 'refused'],
      ['prompt-too-long', 'failed'],
    ],
  );
});

t.test('cancelling and running out of time abort the turn', async (t) => {
  const { runs, posted, turns } = rig({ concurrency: 2 });
  runs.take(lease());
  runs.cancel('t1', 2, 'another attempt');
  t.equal(turns[0]?.task.signal.aborted, false);
  runs.cancel('t1', 1, 'asked');
  await tick();
  t.match(posted, [{ task: 't1', state: 'cancelled' }]);
  // Timers of the clock do not keep this process alive.
  const alive = setInterval(() => {}, 1000);
  runs.take(lease({ task: 't2', leftMs: 1 }));
  await new Promise<void>((resolve) => turns[1]?.task.signal.addEventListener('abort', () => resolve()));
  await tick();
  clearInterval(alive);
  t.match(posted[1], { task: 't2', state: 'cancelled' });
});

t.test('tokens are coalesced, offsets follow, tools stand between', async (t) => {
  const { runs, chunks, turns } = rig();
  runs.take(lease());
  for (const text of ['a', 'b', 'c']) turns[0]?.emit({ text });
  turns[0]?.emit({ text: '', tool: 'memory' });
  turns[0]?.emit({ text: 'd'.repeat(3000) });
  turns[0]?.end(done);
  await tick();
  t.match(chunks[0], { offset: 0, text: 'a' }, 'the first at once');
  t.match(chunks[1], { offset: 1, text: 'bc' }, 'the others together');
  t.match(chunks[2], { offset: 3, text: '', tool: 'memory' });
  t.equal(
    chunks
      .slice(3)
      .map(({ text }) => text)
      .join(''),
    'd'.repeat(3000),
  );
  t.ok(chunks.slice(3).every(({ text }) => Buffer.byteLength(text) <= 8192));
  t.equal(chunks[3]?.offset, 3);
});

t.test('a piece goes at once after a pause, and what comes within 50 ms of it goes together', async (t) => {
  const clock = new HandClock();
  const { runs, chunks, turns } = rig({ clock });
  runs.take(lease());
  const emit = (text: string) => turns[0]?.emit({ text });
  emit('a');
  t.same(
    chunks.map(({ text }) => text),
    ['a'],
    'nobody waits for the first piece',
  );
  emit('b');
  emit('c');
  t.equal(chunks.length, 1);
  await clock.advance(50);
  t.match(chunks[1], { offset: 1, text: 'bc' });
  emit('d');
  t.equal(chunks.length, 2, 'still within 50 ms of the last');
  await clock.advance(50);
  await clock.advance(50);
  emit('e');
  t.match(chunks.slice(2), [
    { offset: 3, text: 'd' },
    { offset: 4, text: 'e' },
  ]);
});

t.test('what was thought is taken back, sent or not', async (t) => {
  const clock = new HandClock();
  const { runs, chunks, turns } = rig({ clock });
  runs.take(lease());
  turns[0]?.emit({ text: 'hm' });
  turns[0]?.emit({ text: ' hm hm' });
  turns[0]?.emit({ text: '', retract: 8 });
  await clock.advance(50);
  turns[0]?.emit({ text: 'Four.' });
  await clock.advance(50);
  t.match(chunks, [
    { offset: 0, text: 'hm' },
    { offset: 0, text: '', retract: true },
    { offset: 0, text: 'Four.' },
  ]);
});

t.test('an end that the outbox cannot keep is said at once, and not held: it goes back uncounted', async (t) => {
  const { runs, turns, progress } = rig({ full: true, concurrency: 2 });
  runs.take(lease());
  runs.take(lease({ task: 'cron' }), { prompt: 'look around', atMs: 0 });
  for (const turn of turns) turn.end(done);
  await tick();
  t.same(runs.held(), []);
  t.same(progress, ['t1 refused'], 'nobody waits for a task of its own');
});

t.test('a heartbeat names the oldest leases it holds, and no task of its own', async (t) => {
  const { runs, turns } = rig({ concurrency: 9, left: ['old.1'] });
  runs.take(lease({ task: 'cron' }), { prompt: 'look around', atMs: 0 });
  for (const task of ['t1', 't2', 't3']) runs.take(lease({ task, attempt: 2 }));
  t.same(runs.heldKeys(3), ['old.1', 't1.2', 't2.2']);
  turns[1]?.end(done);
  await tick();
  t.same(runs.heldKeys(9), ['old.1', 't1.2', 't2.2', 't3.2'], 'an end that is not settled is held');
  runs.settled([{ task: 't1', attempt: 2 }]);
  t.same(runs.heldKeys(9), ['old.1', 't2.2', 't3.2']);
});

t.test('progress is said of leases, not of tasks of its own: nobody leased those', async (t) => {
  const clock = new HandClock();
  const { runs, progress } = rig({ clock, concurrency: 2 });
  runs.take(lease());
  runs.take(lease({ task: 'cron' }), { prompt: 'look around', atMs: 0 });
  await clock.advance(1_000);
  t.same(progress, ['t1 running']);
});
