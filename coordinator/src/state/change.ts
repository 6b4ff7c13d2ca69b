// Change: the only thing that alters what the coordinator knows. Durable changes go to the store in one transaction a batch,
// perishable ones only to the view. `apply` is the one writer of the view and of its indexes; it is also how a stored fleet is loaded.
import {
  type AgentObserved,
  type AnyParams,
  type AuditAction,
  type EventType,
  type MemoryEntry,
  maxHoldersPerAgent,
  type NodeCapacity,
  type NodeHealth,
  type PastAttempt,
  type Severity,
  type TaskState,
  type TopicMessage,
  type TopicName,
  type TopicParams,
} from '@blackroad/protocol';
import { signsOf } from '../fleet/health.ts';
import { LayerSet, owned } from './layer.ts';
import { movedTask, moveHeard } from './moved-times.ts';
import {
  type AcknowledgedRow,
  type AgentRow,
  type AgentWork,
  type Behind,
  type BranchRow,
  type BudgetName,
  type Connects,
  type EndedTask,
  type Freeze,
  freezeAt,
  type HolderRow,
  inSpace,
  type JoinTokenRow,
  type KeyRow,
  type ModelFault,
  type MutableView,
  type NodeLive,
  type NodeRow,
  type PastBoots,
  type PlaceTrouble,
  type Refusals,
  type RemovedAgentRow,
  type SessionRow,
  type Spent,
  type TaskRow,
} from './view.ts';

export interface EventRow {
  atMs: number;
  node: string | null;
  agent: string | null;
  type: EventType;
  severity: Severity;
  text: string;
  params: AnyParams;
}
export interface AuditRow {
  atMs: number;
  actor: string;
  action: AuditAction;
  subject: string;
  text: string;
  params: AnyParams;
}

export type DurableChange =
  | { type: 'node'; row: NodeRow }
  | { type: 'node-gone'; id: string }
  | { type: 'agent'; row: AgentRow }
  | { type: 'agent-gone'; row: RemovedAgentRow }
  /** Written with every placement; never taken back. */
  | { type: 'holder'; row: HolderRow }
  | { type: 'agent-version'; agent: string; version: number; atMs: number; by: string; spec: AgentRow['spec'] }
  | { type: 'task-new'; row: TaskRow }
  /** Queued again, leased, running. */
  | {
      type: 'task-state';
      id: string;
      state: TaskState;
      attempt: number;
      attempts: number;
      node: string | null;
      epoch: number | null;
      leasedMs: number | null;
      notBeforeMs: number;
      deadlineMs: number;
      /** Where a lease ended without an end: all past ones. Missing: as they were. */
      past?: readonly PastAttempt[];
    }
  /** Exactly one for each task. */
  | { type: 'task-end'; row: EndedTask }
  /** A dead letter that needs nobody any more. */
  | { type: 'task-dismissed'; id: string; atMs: number }
  /** The clock was set: all moments of all tasks that have not ended are later by so much. */
  | { type: 'tasks-moved'; byMs: number }
  | { type: 'token'; row: JoinTokenRow }
  /** Expired or used up for a day. */
  | { type: 'token-gone'; id: string }
  | { type: 'key'; row: KeyRow }
  | { type: 'session'; row: SessionRow }
  /** Signed out, expired, or its key was revoked. */
  | { type: 'session-gone'; id: string }
  | { type: 'memory'; agent: string; space: string; entries: MemoryEntry[] }
  | { type: 'branch'; row: BranchRow; entries: MemoryEntry[] }
  | { type: 'acknowledged'; row: AcknowledgedRow }
  | { type: 'acknowledged-gone'; alert: string }
  | { type: 'event'; row: EventRow }
  | { type: 'audit'; row: AuditRow };

type PerishableChange =
  | { type: 'seen'; node: string; atMs: number }
  | { type: 'health'; node: string; health: NodeHealth; atMs: number }
  | { type: 'capacity'; node: string; capacity: NodeCapacity }
  /** `atMs`: of the hello itself; missing: only its interval is another. */
  | { type: 'hello'; node: string; boot: string; heartbeatMs?: number; atMs?: number; version?: string }
  | { type: 'observed'; agent: string; node: string; observed: AgentObserved }
  /** All freezes from now on. */
  | { type: 'frozen'; frozen: Freeze[] }
  | { type: 'boots'; node: string; boots: PastBoots }
  | { type: 'connects'; node: string; connects: Connects }
  | { type: 'refusals'; node: string; refusals: Refusals }
  | { type: 'spent'; node: string; of: BudgetName; spent: Spent }
  | { type: 'model-used'; node: string; model: string; atMs: number }
  /** null: forgotten. */
  | { type: 'model-fault'; node: string; model: string; fault: ModelFault | null }
  /** null: up to date. */
  | { type: 'behind'; node: string; behind: Behind | null }
  /** null: work was done there since. */
  | { type: 'place-trouble'; agent: string; trouble: PlaceTrouble | null }
  | { type: 'announced'; atMs: number }
  /** Under this id nodes say hello anew. */
  | { type: 'renewed'; coordinator: string }
  /** `resumed`: the coordinator itself stood still before this tick. `served`: so many of those whose work waits were looked at. */
  | { type: 'ticked'; atMs: number; resumed: boolean; served?: number }
  /** All moments of what is not stored are later by so much. `resumed`: silence until now is not the nodes'. */
  | { type: 'clock-set'; byMs: number; resumed: boolean };

export type Change = DurableChange | PerishableChange;

/** Ends remembered in memory: seconds of the highest load, while the race they guard against lasts milliseconds. */
const maxJustEnded = 20_000;
const maxJustMerged = 1_000;
/** More models than this fail on one node: the oldest failure is forgotten. */
const maxFaultsPerNode = 16;
/** The only thing the bus can send. */
export type Outgoing = { [N in TopicName]: { name: N; params: TopicParams; message: TopicMessage<N> } }[TopicName];
export function outgoing<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): Outgoing {
  return { name, params, message } as Outgoing;
}

/** Applies one change to the view, indexes included. Never fails on data the store accepted. */
export function apply(view: MutableView, change: Change): void {
  switch (change.type) {
    case 'node': {
      const { row } = change;
      const before = view.nodes.get(row.id);
      if (before && before.hardware !== row.hardware && view.nodesByHardware.get(before.hardware) === row.id)
        view.nodesByHardware.delete(before.hardware);
      if (row.presence === 'online') view.excused.delete(row.id);
      view.nodes.set(row.id, row);
      view.nodesByHardware.set(row.hardware, row.id);
      if (!view.live.has(row.id))
        view.live.set(row.id, { lastSeenMs: null, capacity: null, health: null, signs: [], helloBoot: null });
      return;
    }
    case 'node-gone': {
      const before = view.nodes.get(change.id);
      if (before && view.nodesByHardware.get(before.hardware) === change.id)
        view.nodesByHardware.delete(before.hardware);
      view.nodes.delete(change.id);
      view.live.delete(change.id);
      view.modelUse.delete(change.id);
      view.modelFaults.delete(change.id);
      view.modelWorked.delete(change.id);
      view.excused.delete(change.id);
      return;
    }
    case 'agent': {
      const { row } = change;
      const before = view.agents.get(row.id);
      if (before?.placement && before.placement.node !== row.placement?.node)
        drop(view.agentsByNode, before.placement.node, row.id);
      if (before?.placement?.epoch !== row.placement?.epoch) view.observed.delete(row.id);
      if (before?.spec.name !== row.spec.name) nameAgent(view, before, row);
      view.agents.set(row.id, row);
      if (row.placement) add(view.agentsByNode, row.placement.node, row.id);
      return;
    }
    case 'agent-gone': {
      const { row } = change;
      const before = view.agents.get(row.id);
      if (before?.placement) drop(view.agentsByNode, before.placement.node, row.id);
      if (before) view.agentIds.delete(inSpace(before.space, before.spec.name));
      view.agents.delete(row.id);
      view.observed.delete(row.id);
      view.placeTroubles.delete(row.id);
      view.removedAgents.set(row.id, row);
      view.removedIds.set(inSpace(row.space, row.name), row.id);
      return;
    }
    case 'holder':
      noteHolder(view, change.row);
      return;
    case 'task-new': {
      const { row } = change;
      const before = view.tasks.get(row.id);
      if (before) unindexTask(view, before);
      view.tasks.set(row.id, row);
      if (row.idempotencyKey !== null) view.tasksByIdempotencyKey.set(inSpace(row.space, row.idempotencyKey), row.id);
      indexTask(view, row);
      return;
    }
    case 'task-state': {
      const before = view.tasks.get(change.id);
      if (!before) return;
      unindexTask(view, before);
      const { type: _, id: __, ...state } = change;
      const row = { ...before, ...state };
      view.tasks.set(row.id, row);
      indexTask(view, row);
      if (row.leasedMs !== null) useModel(view, row, row.leasedMs);
      return;
    }
    case 'task-end': {
      const before = view.tasks.get(change.row.id);
      if (!before) return;
      unindexTask(view, before);
      view.tasks.delete(before.id);
      useModel(view, before, change.row.endedMs);
      if (change.row.state === 'done') modelWorked(view, change.row);
      if (before.idempotencyKey !== null)
        view.tasksByIdempotencyKey.delete(inSpace(before.space, before.idempotencyKey));
      rememberEnd(view, before);
      const work = view.work.get(before.agent);
      if (work && work.waiting.length === 0 && work.leased.size === 0) view.work.delete(before.agent);
      return;
    }
    case 'tasks-moved':
      moveTasks(view, change.byMs);
      return;
    case 'token':
      view.tokens.set(change.row.id, change.row);
      return;
    case 'token-gone':
      view.tokens.delete(change.id);
      return;
    case 'key':
      view.keys.set(change.row.id, change.row);
      return;
    case 'session':
      view.sessions.set(change.row.id, change.row);
      return;
    case 'session-gone':
      view.sessions.delete(change.id);
      return;
    case 'memory': {
      const last = change.entries[change.entries.length - 1];
      if (!last) return;
      const before = view.heads.get(change.agent);
      view.heads.set(change.agent, {
        epoch: last.epoch,
        seq: last.seq,
        hash: last.hash,
        entries: (before?.entries ?? 0) + change.entries.length,
      });
      return;
    }
    case 'branch':
      if (change.row.merged) rememberMerged(view, change.row);
      else view.branches.set(change.row.id, change.row);
      return;
    case 'acknowledged':
      view.acknowledged.set(change.row.alert, change.row);
      return;
    case 'acknowledged-gone':
      view.acknowledged.delete(change.alert);
      return;
    case 'event':
    case 'audit':
    case 'agent-version':
    case 'task-dismissed':
      return;
    case 'seen': {
      const live = liveOf(view, change.node);
      if (live) live.lastSeenMs = change.atMs;
      return;
    }
    case 'health': {
      const live = liveOf(view, change.node);
      if (live) {
        live.signs = signsOf(change.health, view.nodes.get(change.node)?.info ?? null, live.signs);
        live.health = change.health;
        live.lastSeenMs = change.atMs;
      }
      return;
    }
    case 'capacity': {
      const live = liveOf(view, change.node);
      if (!live) return;
      live.capacity = change.capacity;
      const before = view.modelUse.get(change.node);
      const loaded = new Map<string, number>();
      for (const { name, kind, resident } of change.capacity.models)
        if (kind === 'chat' && resident) loaded.set(name, before?.get(name) ?? view.tickedMs ?? view.startedMs);
      view.modelUse.set(change.node, loaded);
      return;
    }
    case 'hello': {
      const live = liveOf(view, change.node);
      if (live) {
        live.helloBoot = change.boot;
        if (change.heartbeatMs !== undefined) live.heartbeatMs = change.heartbeatMs;
        if (change.atMs !== undefined) live.helloMs = change.atMs;
        if (change.version !== undefined) live.version = change.version;
      }
      return;
    }
    case 'observed':
      view.observed.set(change.agent, { ...change.observed, node: change.node });
      return;
    case 'frozen':
      for (const { id, presence, site } of view.frozen.length > 0 ? view.nodes.values() : []) {
        if (presence !== 'suspect' && presence !== 'lost') continue;
        if (freezeAt(view.frozen, site) && !freezeAt(change.frozen, site)) view.excused.set(id, true);
      }
      view.frozen = change.frozen;
      return;
    case 'boots': {
      const live = liveOf(view, change.node);
      if (live) live.boots = change.boots;
      return;
    }
    case 'connects': {
      const live = liveOf(view, change.node);
      if (live) live.connects = change.connects;
      return;
    }
    case 'refusals': {
      const live = liveOf(view, change.node);
      if (live) live.refusals = change.refusals;
      return;
    }
    case 'spent': {
      const live = liveOf(view, change.node);
      if (live) live.spent = { ...live.spent, [change.of]: change.spent };
      return;
    }
    case 'model-used':
      owned(view.modelUse, change.node, copyOfMap)?.set(change.model, change.atMs);
      return;
    case 'model-fault':
      noteFault(view.modelFaults, change);
      return;
    case 'behind': {
      const live = liveOf(view, change.node);
      if (!live) return;
      if (change.behind) live.behind = change.behind;
      else delete live.behind;
      return;
    }
    case 'place-trouble':
      if (change.trouble) view.placeTroubles.set(change.agent, change.trouble);
      else view.placeTroubles.delete(change.agent);
      return;
    case 'announced':
      view.announcedMs = change.atMs;
      return;
    case 'renewed':
      view.coordinator = change.coordinator;
      for (const id of [...view.live.keys()]) (liveOf(view, id) as NodeLive).helloBoot = null;
      return;
    case 'ticked':
      view.tickedMs = change.atMs;
      if (change.resumed) view.resumedMs = change.atMs;
      turnRound(view.unserved, change.served ?? 0);
      return;
    case 'clock-set':
      moveHeard(view, change.byMs);
      if (change.resumed) view.resumedMs = view.tickedMs;
      return;
    default:
      change satisfies never;
  }
}

/** All of them by as much: the order of the queues stays. */
function moveTasks(view: MutableView, byMs: number): void {
  view.tasksByDeadline.clear();
  view.tasksByWake.clear();
  for (const [id, before] of view.tasks) {
    const row = movedTask(before, byMs);
    view.tasks.set(id, row);
    indexTimes(view, row);
  }
}

/** The name it had is free from now on, unless another agent has taken it by an earlier change. */
function nameAgent(view: MutableView, before: AgentRow | undefined, { id, space, spec }: AgentRow): void {
  const old = before && inSpace(before.space, before.spec.name);
  if (old !== undefined && view.agentIds.get(old) === id) view.agentIds.delete(old);
  view.agentIds.set(inSpace(space, spec.name), id);
  const removed = view.removedAgents.get(id);
  if (!removed) return;
  view.removedAgents.delete(id);
  view.removedIds.delete(inSpace(removed.space, removed.name));
}

function noteHolder(view: MutableView, { agent, ...holder }: HolderRow): void {
  const holders = owned(view.holders, agent, copyOfList);
  if (!holders) view.holders.set(agent, [holder]);
  // The same row again changes nothing.
  else if ((holders[holders.length - 1] as Omit<HolderRow, 'agent'>).epoch < holder.epoch) holders.push(holder);
  if (holders && holders.length > maxHoldersPerAgent) holders.shift();
}

/** A lease or its end is use of the model that the agent runs on there. */
function useModel(view: MutableView, { agent, node }: TaskRow, atMs: number): void {
  const placement = view.agents.get(agent)?.placement;
  if (!placement || placement.node !== node) return;
  let used = owned(view.modelUse, node, copyOfMap);
  if (!used) {
    used = new Map();
    view.modelUse.set(node, used);
  }
  used.set(placement.model, Math.max(atMs, used.get(placement.model) ?? 0));
}

/** More models than this work on one node: the one that was unused for longest is forgotten. */
const maxWorkedPerNode = 64;
function modelWorked(view: MutableView, { agent, node, endedMs }: EndedTask): void {
  const placement = view.agents.get(agent)?.placement;
  if (!placement || placement.node !== node) return;
  const here = owned(view.modelWorked, node, copyOfMap) ?? new Map<string, number>();
  here.delete(placement.model);
  here.set(placement.model, endedMs);
  if (here.size > maxWorkedPerNode) here.delete(here.keys().next().value as string);
  view.modelWorked.set(node, here);
}

function noteFault(
  faults: MutableView['modelFaults'],
  { node, model, fault }: Extract<Change, { type: 'model-fault' }>,
): void {
  const here = owned(faults, node, copyOfMap) ?? new Map<string, ModelFault>();
  here.delete(model);
  if (fault) here.set(model, fault);
  const [oldest] = here.keys();
  if (here.size > maxFaultsPerNode) here.delete(oldest as string);
  if (here.size > 0) faults.set(node, here);
  else faults.delete(node);
}

function rememberMerged(view: MutableView, { id, uptoHash = '' }: BranchRow): void {
  view.branches.delete(id);
  view.justMerged.set(id, uptoHash);
  const [oldest] = view.justMerged.keys();
  if (view.justMerged.size > maxJustMerged) view.justMerged.delete(oldest as string);
}
function rememberEnd(view: MutableView, { id, space, idempotencyKey }: TaskRow): void {
  const ended = idempotencyKey === null ? null : inSpace(space, idempotencyKey);
  view.justEnded.set(id, ended);
  if (ended !== null) view.justEndedKeys.set(ended, id);
  if (view.justEnded.size <= maxJustEnded) return;
  const [oldest, key] = view.justEnded.entries().next().value as [string, string | null];
  view.justEnded.delete(oldest);
  if (key !== null && view.justEndedKeys.get(key) === oldest) view.justEndedKeys.delete(key);
}

// What a view alters in place, for a layer that must have it for itself.
const copyOfMap = <K, V>(map: Map<K, V>): Map<K, V> => new Map(map);
/** An index may hold thousands of ids. */
const layerOfSet = <V>(set: Set<V>): Set<V> => new LayerSet(set);
const copyOfList = <V>(list: V[]): V[] => [...list];
const copyOfWork = ({ waiting, leased }: AgentWork): AgentWork => ({ waiting: [...waiting], leased: new Set(leased) });
const copyOfLive = (live: NodeLive): NodeLive => ({ ...live });
const liveOf = (view: MutableView, node: string): NodeLive | undefined => owned(view.live, node, copyOfLive);

function add<K>(index: Map<K, Set<string>>, key: K, value: string): void {
  const set = owned(index, key, layerOfSet);
  if (set) set.add(value);
  else index.set(key, new Set([value]));
}
function drop<K>(index: Map<K, Set<string>>, key: K, value: string): void {
  const set = owned(index, key, layerOfSet);
  if (!set) return;
  set.delete(value);
  if (set.size === 0) index.delete(key);
}

function workOf(view: MutableView, agent: string): AgentWork {
  let work = owned(view.work, agent, copyOfWork);
  if (!work) {
    work = { waiting: [], leased: new Set() };
    view.work.set(agent, work);
  }
  return work;
}
/** Second of a deadline, slot of a wake-up: keys of the two indexes that the tick reads. */
export const deadlineSlot = (deadlineMs: number): number => Math.floor(deadlineMs / 1000);
export const wakeSlot = (notBeforeMs: number): number => Math.ceil(notBeforeMs / 250);
/** The order of a queue. */
export function goesBefore(a: TaskRow, b: TaskRow): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.createdMs !== b.createdMs) return a.createdMs < b.createdMs;
  return a.id < b.id;
}
function indexTask(view: MutableView, row: TaskRow): void {
  const work = workOf(view, row.agent);
  indexTimes(view, row);
  if (row.state === 'queued') {
    let at = work.waiting.length;
    while (at > 0 && goesBefore(row, view.tasks.get(work.waiting[at - 1] as string) as TaskRow)) at--;
    work.waiting.splice(at, 0, row.id);
  } else {
    work.leased.add(row.id);
    if (row.node !== null) add(view.leasesByNode, row.node, row.id);
  }
  noteServed(view, row.agent, work);
}
function indexTimes(view: MutableView, row: TaskRow): void {
  add(view.tasksByDeadline, deadlineSlot(row.deadlineMs), row.id);
  if (row.state === 'queued' && row.notBeforeMs > 0) add(view.tasksByWake, wakeSlot(row.notBeforeMs), row.id);
}
/** The first few become the last. */
function turnRound(names: Map<string, true>, count: number): void {
  for (const each of [...names.keys().take(count)]) {
    names.delete(each);
    names.set(each, true);
  }
}
function noteServed(view: MutableView, agent: string, { waiting, leased }: AgentWork): void {
  if (waiting.length > 0 && leased.size === 0) view.unserved.set(agent, true);
  else view.unserved.delete(agent);
}
function unindexTask(view: MutableView, row: TaskRow): void {
  const work = workOf(view, row.agent);
  drop(view.tasksByDeadline, deadlineSlot(row.deadlineMs), row.id);
  if (row.state === 'queued') {
    if (row.notBeforeMs > 0) drop(view.tasksByWake, wakeSlot(row.notBeforeMs), row.id);
    const at = work.waiting.indexOf(row.id);
    if (at >= 0) work.waiting.splice(at, 1);
  } else {
    work.leased.delete(row.id);
    if (row.node !== null) drop(view.leasesByNode, row.node, row.id);
  }
  noteServed(view, row.agent, work);
}
