// Random histories of tasks: submissions, reports (also repeated, late and from other nodes), losses, moves, restarts of nodes. The sample
// fleet checks after every change that a task ends once and that generations and epochs only grow; this test adds that indexes agree with
// the rows, that no more is leased than allowed, that what is reserved of a budget is of a live task and what is used of it is what ended
// tasks used, and that finally all tasks end.

import type { TaskReport } from '@blackroad/protocol';
import fc from 'fast-check';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { removeAgent } from '../fleet/agents.ts';
import { apply } from '../state/apply.ts';
import type { Change } from '../state/change.ts';
import { emptyView, type MutableView } from '../state/view.ts';
import { cancelTask } from './submit.ts';

const nodes = ['alice', 'bob', 'carol'];
const agents = ['a1', 'a2'];
const ends = ['done', 'failed', 'refused', 'cancelled', 'running'] as const;

const anyOf = <T>(values: readonly T[]) => fc.constantFrom(...values);
const steps = {
  submit: fc.record({ agent: anyOf(agents), seconds: anyOf([3, 600]) }),
  report: fc.record({
    pick: fc.nat(50),
    state: anyOf(ends),
    retryable: fc.boolean(),
    node: fc.option(anyOf(nodes)),
    attempt: fc.option(fc.integer({ min: 1, max: 4 })),
  }),
  again: fc.record({ pick: fc.nat(50) }),
  will: fc.record({ node: anyOf(nodes) }),
  back: fc.record({ node: anyOf(nodes), reboot: fc.boolean() }),
  move: fc.record({ agent: anyOf(agents), node: fc.option(anyOf(nodes)) }),
  ready: fc.record({ agent: anyOf(agents) }),
  pass: fc.record({ ms: anyOf([250, 2000, 4999]) }),
  cancel: fc.record({ pick: fc.nat(50) }),
  version: fc.record({ agent: anyOf(agents), concurrency: anyOf([1, 2, 3]) }),
};
type Steps = { [K in keyof typeof steps]: (typeof steps)[K] extends fc.Arbitrary<infer S> ? S : never };
type Step = { [K in keyof Steps]: { do: K; with: Steps[K] } }[keyof Steps];
const weights: Record<keyof Steps, number> = {
  submit: 5,
  report: 8,
  again: 2,
  will: 2,
  back: 3,
  move: 2,
  ready: 4,
  pass: 3,
  cancel: 1,
  version: 1,
};
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  ...Object.entries(steps).map(([name, arbitrary]) => ({
    weight: weights[name as keyof Steps],
    arbitrary: (arbitrary as fc.Arbitrary<unknown>).map((chosen) => ({ do: name, with: chosen }) as Step),
  })),
);

/** So large that it stops nothing. */
const budget = { tokens: 1e12, per: 'total' } as const;
const usage = {
  model: 'small',
  promptTokens: 11,
  completionTokens: 3,
  recalled: 0,
  toolCalls: 0,
  firstTokenMs: 1,
  totalMs: 2,
};

interface Said {
  node: string;
  id: string;
  message: Partial<TaskReport> & { state: TaskReport['state'] };
}
class Life {
  readonly fleet = new SampleFleet();
  readonly #said: Said[] = [];
  /** Tokens of the tasks that ended, by agent. */
  readonly used = new Map<string, number>(agents.map((agent) => [agent, 0]));
  #boots = 0;
  #tasks = 0;
  constructor() {
    this.fleet.policy = { ...this.fleet.policy, valveMinNodes: 99, lostAfterMs: 4000, restartGraceMs: 0 };
    for (const node of nodes) this.fleet.online(node);
    for (const [i, agent] of agents.entries())
      this.fleet.runs(agent, nodes[i] as string, { concurrency: 2, queue: 5, budget });
  }
  take(step: Step): void {
    const { fleet } = this;
    switch (step.do) {
      case 'submit':
        fleet.submit(`t${++this.#tasks}`, step.with.agent, { deadlineSeconds: step.with.seconds, attempts: 2 });
        return;
      case 'report': {
        const { pick, state, retryable, node, attempt } = step.with;
        const task = this.#pick(pick);
        if (!task) return;
        const message = {
          state,
          attempt: attempt ?? (task.attempt || 1),
          epoch: task.epoch ?? 1,
          ...(state === 'done' ? { usage } : {}),
          ...(retryable ? { problem: { code: 'internal', text: 'x', retryable } } : {}),
        };
        this.#report(node ?? task.node ?? 'alice', task.id, message);
        return;
      }
      case 'again': {
        const said = this.#said[step.with.pick % Math.max(1, this.#said.length)];
        if (said) this.#report(said.node, said.id, said.message);
        return;
      }
      case 'will':
        fleet.will(step.with.node, fleet.node(step.with.node).boot);
        return;
      case 'back': {
        const { node, reboot } = step.with;
        const boot = reboot ? `boot-r${String(++this.#boots).padStart(4, '0')}` : fleet.node(node).boot;
        fleet.birth(node, boot);
        const some = [...fleet.view.tasks.values()].slice(0, 3);
        const held = some.map(({ id, attempt }) => ({ task: id, attempt: attempt || 1 }));
        fleet.hello(node, { boot, upMs: reboot ? 0 : 1e13, held: reboot ? [] : held });
        return;
      }
      case 'move':
        fleet.move([step.with.agent, step.with.node]);
        return;
      case 'ready':
        if (fleet.agent(step.with.agent).placement) fleet.ready(step.with.agent);
        return;
      case 'pass':
        fleet.tick(step.with.ms);
        return;
      case 'cancel': {
        const task = this.#pick(step.with.pick);
        if (task) fleet.decide<'task-cancel'>(cancelTask, { by: ada, id: task.id });
        return;
      }
      case 'version':
        fleet.apply1(step.with.agent, { concurrency: step.with.concurrency, queue: 5, budget });
        return;
      default:
        step satisfies never;
    }
  }
  #pick(pick: number) {
    const tasks = [...this.fleet.view.tasks.values()];
    return tasks[pick % Math.max(1, tasks.length)];
  }
  #report(node: string, id: string, message: Said['message']): void {
    this.#said.push({ node, id, message });
    this.#count(this.fleet.report(id, node, message.state, message).changes);
  }
  #count(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type !== 'task-end' || !change.row.usage) continue;
      const { agent, usage: of } = change.row;
      this.used.set(agent, (this.used.get(agent) ?? 0) + of.promptTokens + of.completionTokens);
    }
  }
  /** Connects every node and works until no task is left. */
  settle(): void {
    const { fleet } = this;
    for (const node of nodes) fleet.online(node);
    for (const [i, agent] of agents.entries()) {
      fleet.move([agent, nodes[i] as string]);
      fleet.ready(agent);
    }
    for (let i = 0; i < 200 && fleet.view.tasks.size > 0; i++) {
      for (const { id, node, state, attempt, epoch } of fleet.view.tasks.values())
        if (state !== 'queued' && node)
          this.#report(node, id, { state: 'done', attempt, epoch: epoch as number, usage });
      for (const node of nodes) apply(fleet.view, { type: 'seen', node, atMs: fleet.now });
      fleet.tick(2000);
    }
  }
}

/** A view whose indexes are rebuilt from its rows alone. */
function rebuilt(view: MutableView): MutableView {
  const fresh = emptyView(view.coordinator, view.startedMs);
  const changes: Change[] = [
    ...[...view.nodes.values()].map((row): Change => ({ type: 'node', row })),
    ...[...view.agents.values()].map((row): Change => ({ type: 'agent', row })),
    ...[...view.tasks.values()].map((row): Change => ({ type: 'task-new', row })),
    ...[...view.reservations.values()].map((row): Change => ({ type: 'reservation', row })),
  ];
  for (const change of changes) apply(fresh, change);
  return fresh;
}
const sorted = (index: ReadonlyMap<unknown, Set<string>>) =>
  [...index].map(([key, set]) => `${key}: ${[...set].sort()}`).sort();
function indexes(view: MutableView) {
  return {
    work: [...view.work]
      .filter(([, { waiting, leased }]) => waiting.length + leased.size > 0)
      .map(([agent, { waiting, leased }]) => `${agent}: ${waiting} | ${[...leased].sort()}`)
      .sort(),
    agentsByNode: sorted(view.agentsByNode),
    leasesByNode: sorted(view.leasesByNode),
    reservedBy: sorted(view.reservedBy),
    tasksByDeadline: sorted(view.tasksByDeadline),
    tasksByWake: sorted(view.tasksByWake),
    nodesByHardware: [...view.nodesByHardware].sort(),
    tasksByIdempotencyKey: [...view.tasksByIdempotencyKey].sort(),
  };
}

t.test('every task ends once, whatever happens; indexes stay in step', async (t) => {
  let lives = 0;
  let ended = 0;
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 10, maxLength: 80, size: 'max' }), (taken) => {
      const life = new Life();
      const { fleet } = life;
      for (const each of taken) {
        life.take(each);
        const { view } = fleet;
        const now = indexes(view);
        const want = indexes(rebuilt(view));
        if (JSON.stringify(now) !== JSON.stringify(want))
          throw new Error(`after ${JSON.stringify(each)}:\n${JSON.stringify(now)}\n${JSON.stringify(want)}`);
        for (const id of view.reservations.keys())
          if (!view.tasks.has(id)) throw new Error(`reserved for ${id}, which ended`);
        for (const [agent, tokens] of life.used)
          if (view.spending.get(`agent:${agent}`)?.tokens !== tokens) throw new Error(`${agent} used ${tokens}`);
        for (const { id, node, state, agent, epoch, attempt, attempts } of view.tasks.values()) {
          if (state === 'queued' ? node !== null : node === null) throw new Error(`${state} on ${node}`);
          if (attempt > attempts) throw new Error(`attempt ${attempt} of ${attempts}`);
          if (state !== 'queued' && view.reservations.get(id)?.attempt !== attempt) throw new Error('nothing reserved');
          if (state !== 'queued' && view.agents.get(agent)?.placement?.epoch !== epoch) throw new Error('stale lease');
        }
      }
      life.settle();
      if (fleet.view.tasks.size > 0) throw new Error(`never ended: ${[...fleet.view.tasks.keys()]}`);
      if (fleet.view.reservations.size > 0) throw new Error('something is reserved for ever');
      lives++;
      ended += fleet.ends.size;
      for (const agent of agents) fleet.decide<'agent-remove'>(removeAgent, { by: ada, agent });
    }),
    { numRuns: 300 },
  );
  t.equal(lives, 300);
  t.ok(ended > 1000, `${ended} tasks ended`);
});
