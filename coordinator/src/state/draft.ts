// A decision in the making. A pure function sees the view as it was before it, yet one decision often does several things in a row
// (a node is lost: its leases go back, some tasks end, others are leased anew). A draft reads through to the view, remembers what was
// decided so far, and gathers changes and messages in order. It never writes the view.
import type {
  AgentObserved,
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
import { type Change, goesBefore, type Outgoing, outgoing } from './change.ts';
import type { Decision } from './decision.ts';
import { eventRow } from './event-row.ts';
import {
  type AgentRow,
  agentNameOf,
  type EndedTask,
  type NodeRow,
  type PlaceTrouble,
  type RemovedAgentRow,
  type TaskRow,
  type View,
} from './view.ts';

export interface Draft {
  readonly view: View;
  readonly nowMs: number;
  /** In order; rows of nodes and agents are put in front by `decided`, once each. */
  readonly changes: Change[];
  readonly messages: Outgoing[];
  readonly remarks: { reason: string; text: string }[];
  /** Rows as decided so far; null: gone. */
  readonly nodes: Map<string, NodeRow | null>;
  /** What is left of an agent: it is gone. */
  readonly agents: Map<string, AgentRow | RemovedAgentRow>;
  readonly tasks: Map<string, TaskRow | null>;
  readonly tasksByAgent: Map<string, Set<string>>;
  readonly helloBoots: Map<string, string>;
  readonly observed: Map<string, AgentObserved & { node: string }>;
  /** By agent; null: over. */
  readonly troubles: Map<string, PlaceTrouble | null>;
}

export function openDraft(view: View, nowMs: number): Draft {
  return {
    view,
    nowMs,
    changes: [],
    messages: [],
    remarks: [],
    nodes: new Map(),
    agents: new Map(),
    tasks: new Map(),
    tasksByAgent: new Map(),
    helloBoots: new Map(),
    observed: new Map(),
    troubles: new Map(),
  };
}

// Rows are replaced, never altered: the casts only take the readonly marks off.
export function nodeIn(draft: Draft, id: string): NodeRow | undefined {
  const own = draft.nodes.get(id);
  return own === null ? undefined : (own ?? (draft.view.nodes.get(id) as NodeRow | undefined));
}
/** For walks over all nodes: `row` is the view's, and mostly nothing was decided about it. */
export function nodeOf(
  draft: Draft,
  row: View['nodes'] extends ReadonlyMap<string, infer R> ? R : never,
): NodeRow | null {
  const own = draft.nodes.size === 0 ? undefined : draft.nodes.get(row.id);
  return own === undefined ? (row as NodeRow) : own;
}
export function agentIn(draft: Draft, id: string): AgentRow | undefined {
  const own = draft.agents.get(id);
  if (own === undefined) return draft.view.agents.get(id) as AgentRow | undefined;
  return 'spec' in own ? own : undefined;
}
/** What people call it now, or called it when it was removed. */
export function nameIn({ view, agents }: Draft, id: string): string {
  const own = agents.get(id);
  if (own === undefined) return agentNameOf(view, id);
  return 'spec' in own ? own.spec.name : own.name;
}
export function taskIn(draft: Draft, id: string): TaskRow | undefined {
  const own = draft.tasks.get(id);
  return own === null ? undefined : (own ?? (draft.view.tasks.get(id) as TaskRow | undefined));
}
export function observedIn(draft: Draft, agent: string): (AgentObserved & { node: string }) | undefined {
  return draft.observed.get(agent) ?? draft.view.observed.get(agent);
}
export function helloBootIn(draft: Draft, node: string): string | null {
  return draft.helloBoots.get(node) ?? draft.view.live.get(node)?.helloBoot ?? null;
}

export function troubleIn(draft: Draft, agent: string): Readonly<PlaceTrouble> | undefined {
  const own = draft.troubles.get(agent);
  return own === null ? undefined : (own ?? draft.view.placeTroubles.get(agent));
}

export function putNode(draft: Draft, row: NodeRow): void {
  draft.nodes.set(row.id, row);
}
export function dropNode(draft: Draft, id: string): void {
  draft.nodes.set(id, null);
}
export function putAgent(draft: Draft, row: AgentRow): void {
  draft.agents.set(row.id, row);
}
export function dropAgent(draft: Draft, row: RemovedAgentRow): void {
  draft.agents.set(row.id, row);
}

export function addTask(draft: Draft, row: TaskRow): void {
  touchTask(draft, row.id, row.agent, row);
  draft.changes.push({ type: 'task-new', row });
}
export function setTask(draft: Draft, row: TaskRow): void {
  const { id, state, attempt, attempts, node, epoch, leasedMs, notBeforeMs, deadlineMs, past } = row;
  const before = taskIn(draft, id)?.past;
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
    // Written only when it grew: the usual task has none.
    ...(past && past !== before ? { past } : {}),
  });
}
export function closeTask(draft: Draft, row: EndedTask): void {
  touchTask(draft, row.id, row.agent, null);
  draft.changes.push({ type: 'task-end', row });
}
function touchTask(draft: Draft, id: string, agent: string, row: TaskRow | null): void {
  draft.tasks.set(id, row);
  const touched = draft.tasksByAgent.get(agent);
  if (touched) touched.add(id);
  else draft.tasksByAgent.set(agent, new Set([id]));
}

/** The queue of an agent, best first. */
export function* waitingIn(draft: Draft, agent: string): Generator<TaskRow> {
  const touched = draft.tasksByAgent.get(agent);
  const own: TaskRow[] = [];
  for (const id of touched ?? []) {
    const row = draft.tasks.get(id);
    if (row?.state === 'queued') own.push(row);
  }
  own.sort((a, b) => (goesBefore(a, b) ? -1 : 1));
  let next = 0;
  for (const id of draft.view.work.get(agent)?.waiting ?? []) {
    if (touched?.has(id)) continue;
    const row = draft.view.tasks.get(id) as TaskRow;
    while (next < own.length && goesBefore(own[next] as TaskRow, row)) yield own[next++] as TaskRow;
    yield row;
  }
  while (next < own.length) yield own[next++] as TaskRow;
}
/** How many tasks an agent works on now. */
export function leasedCountIn(draft: Draft, agent: string): number {
  const leased = draft.view.work.get(agent)?.leased;
  let count = leased?.size ?? 0;
  for (const id of draft.tasksByAgent.get(agent) ?? []) {
    if (leased?.has(id)) count--;
    const row = draft.tasks.get(id);
    if (row && row.state !== 'queued') count++;
  }
  return count;
}
/** What an agent works on now. */
export function leasedIn(draft: Draft, agent: string): TaskRow[] {
  const touched = draft.tasksByAgent.get(agent);
  const rows: TaskRow[] = [];
  for (const id of draft.view.work.get(agent)?.leased ?? [])
    if (!touched?.has(id)) rows.push(draft.view.tasks.get(id) as TaskRow);
  for (const id of touched ?? []) {
    const row = draft.tasks.get(id);
    if (row && row.state !== 'queued') rows.push(row);
  }
  return rows;
}

export function change(draft: Draft, made: Change): void {
  draft.changes.push(made);
}
export function send<N extends TopicName>(draft: Draft, name: N, params: TopicParams, message: TopicMessage<N>): void {
  draft.messages.push(outgoing(name, params, message));
}
/** `agent` in the params is its id; it is told by its name. */
export function noteEvent<T extends EventType>(draft: Draft, type: T, params: EventParams<T>): void {
  draft.changes.push({ type: 'event', row: eventRow(draft.nowMs, type, params, (id) => nameIn(draft, id)) });
}
/** As for events: `agent` in the params is its id. */
export function noteAudit<A extends AuditAction>(
  draft: Draft,
  by: Pick<Asker, 'kind' | 'name'>,
  action: A,
  params: AuditParams<A>,
): void {
  draft.changes.push({ type: 'audit', row: auditRow(draft.nowMs, by, action, params, (id) => nameIn(draft, id)) });
}
export function remark(draft: Draft, reason: string, text: string): void {
  draft.remarks.push({ reason, text });
}

/** All changes: nodes first (what is perishable hangs on them), then agents, the rest in order, what is gone last. */
export function allChanges(draft: Draft): Change[] {
  const front: Change[] = [];
  const back: Change[] = [];
  for (const [id, row] of draft.nodes) {
    if (row) front.push({ type: 'node', row });
    else back.push({ type: 'node-gone', id });
  }
  for (const row of draft.agents.values()) {
    if ('spec' in row) front.push({ type: 'agent', row });
    else back.push({ type: 'agent-gone', row });
  }
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
