// A small fleet for tests of decisions: decides, applies the changes as the loop would, and checks on the way what must always hold:
// a task ends once, generations and epochs only grow. No store, no bus, no clock: `now` is set by the test.
import type {
  AgentSpec,
  NodeCapacity,
  NodeHealth,
  NodeHello,
  PlacementWhy,
  Principal,
  TaskReport,
  TaskRequest,
} from '@blackroad/protocol';
import { invariant } from '@blackroad/std/invariant';
import { apply, type Change, type Outgoing } from './change.ts';
import { applyAgent } from './fleet/agents.ts';
import { type Move, moveAgents } from './fleet/assignment.ts';
import { acceptHello, acceptObserved, acceptState, tick } from './fleet/presence.ts';
import type { Decide, Decision, InputKind, Inputs, Policy } from './input.ts';
import { type PlanPart, partsOf } from './placement/moves.ts';
import { whole } from './placement/pace.ts';
import { place } from './placement/place.ts';
import { applyPlan } from './placement/plan.ts';
import { rebalancing } from './placement/rebalance.ts';
import { snapshotOf } from './placement/snapshot.ts';
import { reportTask } from './tasks/report.ts';
import { submitTask } from './tasks/submit.ts';
import { type AgentRow, emptyView, type MutableView, type NodeRow, type TaskRow, type View } from './view.ts';

export const samplePolicy: Policy = {
  fleetName: 'test',
  timeZone: 'UTC',
  heartbeatMs: 5000,
  maxHeartbeatsPerS: 200,
  lostAfterMs: 30_000,
  restartGraceMs: 60_000,
  reconnectWindowMs: 10_000,
  valveShare: 0.5,
  valveMinNodes: 3,
  valveWindowMs: 60_000,
  certificateMs: 86_400_000,
  retryMs: 1000,
  placement: 'spread',
  modelIdleMs: 0,
  rebalanceEveryMs: 60_000,
  rebalanceRestMs: 600_000,
  rebalanceShare: 0.01,
  reclaim: 'auto',
};
export const startMs = 1_700_000_000_000;
/** Who asks, where a test does not say. */
export const ada: Principal = { kind: 'key', id: 'k-ada', name: 'ada' };
export const boot1 = 'boot-0001';
export const boot2 = 'boot-0002';

export function sampleNode(id: string, over: Partial<NodeRow> = {}): NodeRow {
  return {
    id,
    class: 'pi',
    site: 'home',
    labels: {},
    status: 'active',
    quarantineReason: '',
    hardware: `hw-${id}`,
    keyFingerprint: `key-${id}`,
    certificateExpiresMs: startMs + 86_400_000,
    enrolledMs: startMs,
    simulated: false,
    cordoned: false,
    draining: false,
    generation: 0,
    presence: 'never',
    presenceSinceMs: startMs,
    presenceReason: 'enrolled, not heard of yet',
    boot: '',
    info: null,
    ...over,
  };
}
/** A heartbeat of a node that is well. */
export function sampleHealth(over: Partial<NodeHealth> = {}): NodeHealth {
  return {
    boot: boot1,
    seq: 1,
    atMs: startMs,
    uptimeS: 1,
    generation: 0,
    cpu: 0.1,
    load1: 0.1,
    memoryFreeBytes: 4e9,
    diskFreeBytes: 1e11,
    tasksRunning: 0,
    tasksWaiting: 0,
    outboxDepth: 0,
    agentRssBytes: 6e7,
    ...over,
  };
}
export function sampleSpec(name: string, over: Partial<AgentSpec> = {}): AgentSpec {
  return {
    name,
    model: ['small'],
    instructions: 'Be kind.',
    concurrency: 1,
    queue: 100,
    priority: 50,
    memory: { recall: 5, remember: 'turns' },
    tools: [],
    triggers: [],
    placement: { class: [], site: [], labels: {}, nodes: [], avoidAgents: [] },
    onLoss: { policy: 'replace', afterSeconds: 0 },
    limits: { maxTokens: 512, contextTokens: 2048, toolRounds: 6, deadlineSeconds: 600, attempts: 3 },
    temperature: 0,
    ...over,
  };
}
export function sampleWhy(node: string): PlacementWhy {
  return { node, model: 'small', score: 1, scores: [] };
}

export class SampleFleet {
  readonly view: MutableView = emptyView('coord-0001', startMs);
  readonly ends = new Map<string, number>();
  /** Everything said so far. */
  readonly messages: Outgoing[] = [];
  now = startMs;
  policy: Policy = samplePolicy;

  decide<K extends InputKind>(decide: Decide<K>, input: Inputs[K]): Decision<unknown> & ReturnType<Decide<K>> {
    const decision = decide(this.view as View, input, this.now, this.policy);
    this.apply(decision.changes);
    this.messages.push(...decision.messages);
    return decision;
  }
  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type === 'task-end') {
        const count = (this.ends.get(change.row.id) ?? 0) + 1;
        this.ends.set(change.row.id, count);
        invariant(count === 1, 'INV-one-end', `${change.row.id} ended ${count} times`);
      } else if (change.type === 'node') {
        const before = this.view.nodes.get(change.row.id)?.generation ?? 0;
        invariant(change.row.generation >= before, 'INV-generation', `${change.row.id} went back`);
      } else if (change.type === 'agent') {
        const before = this.view.agents.get(change.row.name);
        const epoch = change.row.placement?.epoch ?? change.row.epoch;
        invariant(change.row.epoch >= (before?.epoch ?? 0), 'INV-epoch', `${change.row.name} went back`);
        const moved = change.row.placement && change.row.placement.node !== before?.placement?.node;
        invariant(!moved || epoch > (before?.epoch ?? 0), 'INV-epoch', `${change.row.name} moved without a new epoch`);
      }
      apply(this.view, change);
    }
  }

  node(id: string): NodeRow {
    return this.view.nodes.get(id) as NodeRow;
  }
  agent(name: string): AgentRow {
    return this.view.agents.get(name) as AgentRow;
  }
  task(id: string): TaskRow | undefined {
    return this.view.tasks.get(id);
  }

  addNode(id: string, over: Partial<NodeRow> = {}): void {
    this.apply([{ type: 'node', row: sampleNode(id, over) }]);
  }
  birth(id: string, boot = boot1) {
    return this.decide<'node-state'>(acceptState, { node: id, message: { state: 'online', boot } });
  }
  will(id: string, boot = boot1, reason?: string) {
    const message = { state: 'offline' as const, boot, ...(reason === undefined ? {} : { reason }) };
    return this.decide<'node-state'>(acceptState, { node: id, message });
  }
  hello(id: string, over: Partial<NodeHello> = {}) {
    const row = this.node(id);
    const message: NodeHello = {
      boot: row?.boot || boot1,
      version: '0.1.0',
      protocol: 1,
      hardware: row?.hardware ?? 'unknown',
      generation: row?.generation ?? 0,
      upMs: 0,
      held: [],
      ...over,
    };
    return this.decide<'node-hello'>(acceptHello, { node: id, message });
  }
  online(...ids: string[]): void {
    for (const id of ids) {
      if (!this.view.nodes.has(id)) this.addNode(id);
      this.birth(id);
      this.hello(id);
    }
  }
  /** What a node says it can carry. */
  capacity(id: string, over: Partial<NodeCapacity> = {}): void {
    const GiB = 1024 ** 3;
    const capacity: NodeCapacity = {
      boot: this.node(id).boot,
      memoryTotalBytes: 6 * GiB,
      memoryFreeBytes: 4 * GiB,
      diskFreeBytes: 50 * GiB,
      models: [],
      defaultChat: over.models?.[0]?.name ?? null,
      embedder: null,
      ...over,
    };
    this.apply([{ type: 'capacity', node: id, capacity }]);
  }
  /** Plans and carries it out part by part, as the loop does. */
  plan(): Change[] {
    const asked = snapshotOf(this.view as View, this.now, this.policy);
    return this.#carryOut(partsOf(this.view as View, asked, place(asked.snapshot), () => 'command'));
  }
  /** One slow round of moves for a gain. */
  rebalance(): Change[] {
    const found = whole(rebalancing(this.view as View, this.now, this.policy));
    return found ? this.#carryOut(partsOf(this.view as View, found, found.plan, () => 'command', found.gains)) : [];
  }
  #carryOut(parts: Iterable<PlanPart>): Change[] {
    return [...parts].flatMap((part) => this.decide<'plan-apply'>(applyPlan, part).changes);
  }
  apply1(name: string, over: Partial<AgentSpec> = {}) {
    return this.decide<'agent-apply'>(applyAgent, { by: 'key:ada', spec: sampleSpec(name, over) });
  }
  move(...moves: [agent: string, node: string | null][]): { changes: Change[]; messages: Outgoing[] } {
    const list: Move[] = moves.map(([agent, node]) => ({
      agent,
      to: node === null ? null : { node, model: 'small', why: sampleWhy(node) },
    }));
    const made = moveAgents(this.view as View, this.now, list);
    this.apply(made.changes);
    this.messages.push(...made.messages);
    return made;
  }
  ready(agent: string) {
    const { placement } = this.agent(agent);
    if (!placement) throw new Error(`${agent} is not placed`);
    const { node, epoch } = placement;
    const message = { boot: this.node(node).boot, agent, epoch, state: 'ready' as const, model: 'small' };
    return this.decide<'agent-observed'>(acceptObserved, { node, message });
  }
  /** An agent that is placed and ready on a node that is online. */
  runs(agent: string, node: string, over: Partial<AgentSpec> = {}): void {
    this.online(node);
    this.apply1(agent, over);
    this.move([agent, node]);
    this.ready(agent);
  }
  submit(id: string, agent: string, request: Partial<TaskRequest> = {}, over: Partial<Inputs['task-submit']> = {}) {
    return this.decide<'task-submit'>(submitTask, {
      by: ada,
      id,
      agent,
      origin: 'api',
      request: { prompt: 'Hello?', ...request },
      known: null,
      ...over,
    });
  }
  report(id: string, node: string, state: TaskReport['state'], over: Partial<TaskReport> = {}) {
    const task = this.view.tasks.get(id);
    const message: TaskReport = {
      boot: boot1,
      task: id,
      attempt: task?.attempt || 1,
      agent: task?.agent ?? 'greeter',
      epoch: task?.epoch ?? 1,
      state,
      ...over,
    };
    return this.decide<'task-report'>(reportTask, { node, message, ended: null });
  }
  tick(afterMs = 250) {
    this.now += afterMs;
    return this.decide<'tick'>(tick, {});
  }
  /** Ticks as the loop would, in steps, until so much time has passed. */
  pass(ms: number, everyMs = 1000): void {
    for (const until = this.now + ms; this.now < until; ) this.tick(Math.min(everyMs, until - this.now));
  }
}

/** Messages of one kind, bare. */
export function said<N extends Outgoing['name']>(messages: readonly Outgoing[], name: N) {
  return messages.filter((message) => message.name === name) as Extract<Outgoing, { name: N }>[];
}
export function events(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => (change.type === 'event' ? [change.row.type] : []));
}
export function audits(changes: readonly Change[]): string[] {
  return changes.flatMap((change) => (change.type === 'audit' ? [change.row.action] : []));
}
export function code(decision: Decision<unknown>): string {
  return decision.outcome.ok ? 'ok' : decision.outcome.code;
}
