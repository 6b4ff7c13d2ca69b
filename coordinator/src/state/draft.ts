// A decision while it is made. A pure function reads the view from before the decision, but one decision often takes several steps (a node
// is lost: its leases end, some tasks end, others are leased anew). A draft has layers over the rows that decisions read after they wrote
// them, and collects changes and messages in order. It never writes the view.

import type {
  Asker,
  AuditAction,
  AuditParams,
  EventParams,
  EventType,
  TopicMessage,
  TopicName,
  TopicParams,
} from '@blackroad/protocol';
import { auditRow } from './audit-row.ts';
import type { ReservationRow, SpendingRow } from './budget-rows.ts';
import { type Change, type Outgoing, outgoing } from './change.ts';
import type { Decision } from './decision.ts';
import { eventRow } from './event-row.ts';
import { LayerMap } from './layer.ts';
import type {
  AgentRow,
  EndedTask,
  NodeLive,
  NodeRow,
  Observed,
  PlaceTrouble,
  RemovedAgentRow,
  TaskRow,
} from './rows.ts';
import { goesBefore } from './task-index.ts';
import { agentNameOf, type View } from './view.ts';

export interface Draft {
  /** The view before the decision. */
  readonly view: View;
  readonly nowMs: number;
  /** In order; `decided` adds the rows of nodes and agents at the front, once each. */
  readonly changes: Change[];
  readonly messages: Outgoing[];
  readonly remarks: { reason: string; text: string }[];
  // The rows with the changes of this decision.
  readonly nodes: LayerMap<string, NodeRow>;
  readonly live: LayerMap<string, Readonly<NodeLive>>;
  readonly agents: LayerMap<string, AgentRow>;
  readonly removedAgents: LayerMap<string, RemovedAgentRow>;
  readonly tasks: LayerMap<string, TaskRow>;
  readonly observed: LayerMap<string, Observed>;
  readonly placeTroubles: LayerMap<string, PlaceTrouble>;
  readonly spending: LayerMap<string, SpendingRow>;
  readonly reservations: LayerMap<string, ReservationRow>;
  readonly reservedBy: LayerMap<string, Set<string>>;
  /** The tasks that this decision changed. */
  readonly tasksByAgent: Map<string, Set<string>>;
}

/** A layer of a draft is never written to the view: only the loop writes that. */
function over<V>(rows: ReadonlyMap<string, V>): LayerMap<string, V> {
  return new LayerMap(rows as Map<string, V>);
}
export function openDraft(view: View, nowMs: number): Draft {
  return {
    view,
    nowMs,
    changes: [],
    messages: [],
    remarks: [],
    nodes: over(view.nodes),
    live: over(view.live),
    agents: over(view.agents),
    removedAgents: over(view.removedAgents),
    tasks: over(view.tasks),
    observed: over(view.observed),
    placeTroubles: over(view.placeTroubles),
    spending: over(view.spending),
    reservations: over(view.reservations),
    reservedBy: over(view.reservedBy as ReadonlyMap<string, Set<string>>),
    tasksByAgent: new Map(),
  };
}

export function putNode(draft: Draft, row: NodeRow): void {
  draft.nodes.set(row.id, row);
}
export function putAgent(draft: Draft, row: AgentRow): void {
  draft.agents.set(row.id, row);
}
/** `row`: the part of the agent that is kept. */
export function dropAgent(draft: Draft, row: RemovedAgentRow): void {
  draft.agents.delete(row.id);
  draft.removedAgents.set(row.id, row);
}

export function addTask(draft: Draft, row: TaskRow): void {
  touchTask(draft, row.id, row.agent, row);
  draft.changes.push({ type: 'task-new', row });
}
export function setTask(draft: Draft, row: TaskRow): void {
  const { id, state, attempt, attempts, node, epoch, leasedMs, notBeforeMs, deadlineMs, past } = row;
  const before = draft.tasks.get(id)?.past;
  touchTask(draft, id, row.agent, row);
  draft.changes.push({
    type: 'task-state',
    id,
    state,
    attempt,
    attempts,
    node,
    epoch,
    leasedMs,
    notBeforeMs,
    deadlineMs,
    // Past leases are written only when they grew: most tasks have none.
    ...(past && past !== before ? { past } : {}),
  });
}
export function closeTask(draft: Draft, row: EndedTask): void {
  touchTask(draft, row.id, row.agent, null);
  draft.changes.push({ type: 'task-end', row });
}
function touchTask(draft: Draft, id: string, agent: string, row: TaskRow | null): void {
  if (row) draft.tasks.set(id, row);
  else draft.tasks.delete(id);
  const touched = draft.tasksByAgent.get(agent);
  if (touched) touched.add(id);
  else draft.tasksByAgent.set(agent, new Set([id]));
}

/** The queue of an agent, best first. */
export function* waitingIn(draft: Draft, agent: string): Generator<TaskRow> {
  const touched = draft.tasksByAgent.get(agent);
  const own = decidedTasks(draft, agent).filter(({ state }) => state === 'queued');
  own.sort((a, b) => (goesBefore(a, b) ? -1 : 1));
  for (const id of draft.view.work.get(agent)?.waiting ?? []) {
    const row = touched?.has(id) ? undefined : draft.tasks.get(id);
    if (!row) continue;
    for (let first = own[0]; first && goesBefore(first, row); first = own[0]) {
      own.shift();
      yield first;
    }
    yield row;
  }
  yield* own;
}
/** The tasks that an agent works on now. */
export function leasedIn(draft: Draft, agent: string): TaskRow[] {
  const touched = draft.tasksByAgent.get(agent);
  const others = [...(draft.view.work.get(agent)?.leased ?? [])].filter((id) => !touched?.has(id));
  const rows = others.flatMap((id) => draft.tasks.get(id) ?? []);
  return [...rows, ...decidedTasks(draft, agent).filter(({ state }) => state !== 'queued')];
}
/** The number of tasks that an agent works on now. */
export function leasedCountIn(draft: Draft, agent: string): number {
  const leased = draft.view.work.get(agent)?.leased;
  const touched = draft.tasksByAgent.get(agent);
  if (!touched) return leased?.size ?? 0;
  let count = leased?.size ?? 0;
  for (const id of touched) {
    if (leased?.has(id)) count--;
    const row = draft.tasks.get(id);
    if (row && row.state !== 'queued') count++;
  }
  return count;
}
function decidedTasks(draft: Draft, agent: string): TaskRow[] {
  return [...(draft.tasksByAgent.get(agent) ?? [])].flatMap((id) => draft.tasks.get(id) ?? []);
}

export function change(draft: Draft, made: Change): void {
  draft.changes.push(made);
}
export function send<N extends TopicName>(draft: Draft, name: N, params: TopicParams, message: TopicMessage<N>): void {
  draft.messages.push(outgoing(name, params, message));
}
/** `agent` in the params is an id; the row has the agent's name. */
export function noteEvent<T extends EventType>(draft: Draft, type: T, params: EventParams<T>): void {
  draft.changes.push({ type: 'event', row: eventRow(draft.nowMs, type, params, (id) => agentNameOf(draft, id)) });
}
/** `agent` in the params is an id, as for events. */
export function noteAudit<A extends AuditAction>(
  draft: Draft,
  by: Pick<Asker, 'kind' | 'name'>,
  action: A,
  params: AuditParams<A>,
): void {
  draft.changes.push({ type: 'audit', row: auditRow(draft.nowMs, by, action, params, (id) => agentNameOf(draft, id)) });
}
export function remark(draft: Draft, reason: string, text: string): void {
  draft.remarks.push({ reason, text });
}

/** All changes: nodes first (perishable changes need their rows), then agents, the rest in order, removals last. */
export function allChanges(draft: Draft): Change[] {
  const front: Change[] = [];
  const back: Change[] = [];
  for (const [id, row] of draft.nodes.written()) {
    if (row) front.push({ type: 'node', row });
    else back.push({ type: 'node-gone', id });
  }
  for (const [, row] of draft.agents.written()) if (row) front.push({ type: 'agent', row });
  for (const [, row] of draft.removedAgents.written()) if (row) back.push({ type: 'agent-gone', row });
  return [...front, ...draft.changes, ...back];
}
export function decided(draft: Draft): Decision {
  return decidedWith(draft, undefined);
}
export function decidedWith<A>(draft: Draft, value: A): Decision<A> {
  const { messages, remarks } = draft;
  const decision: Decision<A> = { changes: allChanges(draft), messages, outcome: { ok: true, value } };
  return remarks.length > 0 ? { ...decision, remarks } : decision;
}
