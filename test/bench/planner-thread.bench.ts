// Placement in slices on the event loop, as the product has it, beside placement in a thread of its own that is sent every change
// (planner-thread.ts), over the same rows in the same run: how long 1,000 agents of lost nodes wait for their plan, what each way costs the
// event loop, and what following costs when nothing is planned. docs/decisions/0011 has the decision.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { systemClock } from '@blackroad/std/clock';
import { inSlices } from '@blackroad/std/slices';
import type { PlanPart } from '../../coordinator/src/placement/plan/plan-parts.ts';
import type { Change } from '../../coordinator/src/state/change.ts';
import { sampleHealth } from '../fixtures/coordinator/sample-rows.ts';
import { endedTask, taskRow } from '../fixtures/coordinator/stored-rows.ts';
import { nodeId, openBigFleet } from './big-fleet.ts';
import { bench, percentile } from './line.ts';
import { type Asked, Planned, type Told } from './planner-thread.ts';
import { threadCpuMs, watchTurns } from './turns.ts';

const nodes = 10_000;
const agents = 30_000;
const lostNodes = 334;
const rounds = 7;

const fleet = await openBigFleet({ nodes, placed: agents });
const { view, policy } = fleet.coordinator;
const rows: Change[] = [
  ...[...view.nodes.values()].map((row): Change => ({ type: 'node', row })),
  ...[...view.agents.values()].map((row): Change => ({ type: 'agent', row })),
  ...[...view.live].flatMap(([node, { capacity }]): Change[] => [
    { type: 'hello', node, boot: `boot-${node}`, version: '0.1.0', atMs: Date.now() },
    ...(capacity ? [{ type: 'capacity' as const, node, capacity }] : []),
  ]),
];
await fleet.close();

const worker = new Worker(new URL('./planner-thread.ts', import.meta.url));
const ask = (asked: Asked) => worker.postMessage(asked);
async function told<T extends Told['type']>(type: T): Promise<Extract<Told, { type: T }>> {
  const [message] = (await once(worker, 'message')) as [Told];
  if (message.type !== type) throw new Error(`told ${message.type} in place of ${type}`);
  return message as Extract<Told, { type: T }>;
}
const figures = () => {
  ask({ type: 'figures' });
  return told('figures');
};

// The start: all rows, in messages of a thousand.
const empty = await figures();
let from = { ms: performance.now(), cpuMs: threadCpuMs() };
for (let i = 0; i < rows.length; i += 1000) ask({ type: 'fold', changes: rows.slice(i, i + 1000) });
const sentCpuMs = threadCpuMs() - from.cpuMs;
const full = await figures();
bench({ name: 'planner-thread-start', value: performance.now() - from.ms, unit: 'ms' });
bench({ name: 'planner-thread-start-cpu-of-the-loop', value: sentCpuMs, unit: 'ms' });
bench({ name: 'planner-thread-memory', value: (full.heapBytes - empty.heapBytes) / 2 ** 20, unit: 'MiB' });
const here = new Planned(Date.now());
here.fold(rows);

// Planning: the same nodes are lost, and come back, for both.
const lostRows = (round: number, presence: 'lost' | 'online'): Change[] =>
  Array.from({ length: lostNodes }, (_, i) => {
    const row = here.view.nodes.get(nodeId(i * 29 + round));
    return { type: 'node', row: { ...(row as NonNullable<typeof row>), presence } };
  });
interface Way {
  ms: number[];
  cpuMs: number[];
  turnMs: number[];
}
const sliced: Way = { ms: [], cpuMs: [], turnMs: [] };
const threaded: Way = { ms: [], cpuMs: [], turnMs: [] };
async function measure(way: Way, plan: () => Promise<PlanPart[]>): Promise<number> {
  const turns = watchTurns();
  await new Promise((resolve) => setTimeout(resolve, 50));
  from = { ms: performance.now(), cpuMs: threadCpuMs() };
  const parts = await plan();
  way.ms.push(performance.now() - from.ms);
  way.cpuMs.push(threadCpuMs() - from.cpuMs);
  way.turnMs.push(turns.longest().ms);
  turns.stop();
  return parts.reduce((sum, { steps }) => sum + steps.length, 0);
}
for (let round = 0; round < rounds; round++) {
  const lost = lostRows(round, 'lost');
  const nowMs = Date.now();
  const bySlices = await measure(sliced, () => {
    here.fold(lost);
    return inSlices(here.plan(nowMs, policy), systemClock, { sliceMs: 6, sliceSteps: 8 });
  });
  const byThread = await measure(threaded, async () => {
    ask({ type: 'fold', changes: lost });
    ask({ type: 'plan', nowMs, policy });
    return (await told('parts')).parts;
  });
  if (bySlices !== byThread) throw new Error(`${bySlices} steps in slices, ${byThread} in a thread`);
  if (round > 0 && bySlices < 900) throw new Error(`only ${bySlices} agents were planned for`);
  const back = lostRows(round, 'online');
  here.fold(back);
  ask({ type: 'fold', changes: back });
}
const median = (values: number[]) => percentile(values.slice(1), 0.5);
bench({ name: 'planner-slices-until-planned', value: median(sliced.ms), unit: 'ms' });
bench({ name: 'planner-thread-until-planned', value: median(threaded.ms), unit: 'ms' });
bench({ name: 'planner-slices-cpu-of-the-loop', value: median(sliced.cpuMs), unit: 'ms' });
bench({ name: 'planner-thread-cpu-of-the-loop', value: median(threaded.cpuMs), unit: 'ms' });
bench({ name: 'planner-slices-longest-turn', value: median(sliced.turnMs), unit: 'ms' });
bench({ name: 'planner-thread-longest-turn', value: median(threaded.turnMs), unit: 'ms' });

// Following: what placement reads of heartbeats and tasks goes to the thread too, in messages of as many as a batch has.
async function follow(changesOf: (i: number) => Change[], count: number, batch: number) {
  const before = await figures();
  let spentMs = 0;
  let changes = 0;
  for (let i = 0; i < count; i += batch) {
    const some = Array.from({ length: batch }, (_, k) => changesOf(i + k)).flat();
    changes += some.length;
    const cpuMs = threadCpuMs();
    ask({ type: 'fold', changes: some });
    spentMs += threadCpuMs() - cpuMs;
  }
  const after = await figures();
  return { loopUs: (spentMs * 1000) / count, threadUs: ((after.cpuMs - before.cpuMs) * 1000) / count, changes };
}
const heartbeat = (i: number): Change[] => [
  { type: 'health', node: nodeId(i % nodes), health: sampleHealth(), atMs: Date.now() },
];
const agentIds = [...here.view.agents.keys()];
const task = (i: number): Change[] => {
  const row = taskRow(i, { agent: agentIds[i % agentIds.length] as string });
  const { id, attempts, notBeforeMs, deadlineMs } = row;
  const state = {
    type: 'task-state' as const,
    id,
    attempt: 1,
    attempts,
    notBeforeMs,
    deadlineMs,
    leasedMs: Date.now(),
  };
  const on = { node: nodeId(i % nodes), epoch: 1 };
  return [
    { type: 'task-new', row },
    { ...state, ...on, state: 'leased' },
    { ...state, ...on, state: 'running' },
    { type: 'task-end', row: endedTask(row) },
  ];
};
await follow(heartbeat, 5_000, 10);
const ofHeartbeats = await follow(heartbeat, 20_000, 10);
await follow(task, 5_000, 20);
const ofTasks = await follow(task, 20_000, 20);
bench({ name: 'planner-thread-heartbeat-cpu-of-the-loop', value: ofHeartbeats.loopUs, unit: 'us' });
bench({ name: 'planner-thread-heartbeat-cpu-of-the-thread', value: ofHeartbeats.threadUs, unit: 'us' });
bench({ name: 'planner-thread-task-cpu-of-the-loop', value: ofTasks.loopUs, unit: 'us' });
bench({ name: 'planner-thread-task-cpu-of-the-thread', value: ofTasks.threadUs, unit: 'us' });
process.exit(0);
