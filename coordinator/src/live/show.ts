// Rows as people see them: pure functions from the view to the shapes of the protocol. They have no clock and no store: `nowMs` and counts
// are parameters.
import type {
  AgentReason,
  AgentView,
  BudgetView,
  FleetEvent,
  FleetTotals,
  KeyView,
  NodeView,
  SessionView,
  TaskView,
} from '@blackroad/protocol';
import { stopOf } from '../budgets/books.ts';
import { costsMoney } from '../budgets/price.ts';
import { nodeConditions } from '../fleet/conditions.ts';
import { onlyOn, stayingOn } from '../fleet/draining.ts';
import { leavingText } from '../fleet/leaving.ts';
import { frozenCount } from '../placement/model/need.ts';
import { agentAccount } from '../state/account.ts';
import type { Policy } from '../state/input.ts';
import {
  type AgentRow,
  type EndedTask,
  freezeAt,
  isEnded,
  type JoinTokenRow,
  type KeyRow,
  type Observed,
  type SessionRow,
  type TaskRow,
} from '../state/rows.ts';
import { agentNameOf, type View } from '../state/view.ts';

type Names = Parameters<typeof agentNameOf>[0];
/** Shown values are encoded at once, so the readonly rows inside are not copied. */
const asShown = <T>(value: unknown): T => value as T;

export function showNode(view: View, id: string): NodeView | null {
  const row = view.nodes.get(id);
  if (!row) return null;
  const live = view.live.get(id);
  return asShown<NodeView>({
    id,
    version: live?.version ?? null,
    address: live?.address ?? null,
    class: row.class,
    site: row.site,
    labels: row.labels,
    status: row.status,
    ...(row.quarantineReason ? { quarantineReason: row.quarantineReason } : {}),
    presence: row.presence,
    presenceSinceMs: row.presenceSinceMs,
    presenceReason: row.presenceReason,
    presenceCause: row.presenceCause,
    lastSeenMs: live?.lastSeenMs ?? null,
    cordoned: row.cordoned,
    draining: row.draining,
    conditions: nodeConditions(view, id).map(({ code, severity, text }) => ({ code, severity, text })),
    generation: row.generation,
    agents: Array.from(view.agentsByNode.get(id) ?? [], (agent) => agentNameOf(view, agent)).sort(),
    staying: stayingOn(view, id).length,
    onlyHere: onlyOn(view, id),
    tasksRunning: view.leasesByNode.get(id)?.size ?? 0,
    certificateExpiresMs: row.certificateExpiresMs,
    enrolledMs: row.enrolledMs,
    info: row.info,
    capacity: live?.capacity ?? null,
    health: live?.health ?? null,
  });
}

/** The state of an agent in one word, with the reason where the word alone is not enough. */
export function agentState(
  view: View,
  row: AgentRow,
): Pick<AgentView, 'state' | 'reason' | 'progress'> & { reasonCode?: string } {
  const { placement } = row;
  if (!placement) return { state: 'unplaced', ...(row.unplaced ? { reason: row.unplaced.text } : {}) };
  const node = view.nodes.get(placement.node);
  if (node?.presence === 'lost') {
    const [reasonCode, because] = whileLost(row, freezeAt(view.frozen, node.site));
    const reason = `${placement.node} is lost (${node.presenceReason}); ${because}`;
    return { state: 'waiting', reason, reasonCode };
  }
  const away =
    node?.presence === 'suspect'
      ? { reason: `${placement.node} is suspect: ${node.presenceReason}`, reasonCode: 'node-suspect' as const }
      : undefined;
  const observed = view.observed.get(row.id);
  const leaving = leavingText(view, row);
  if (leaving !== null && !away)
    return { state: stateHere(row, observed), reason: leaving, reasonCode: 'memory-leaving' };
  if (!observed || observed.epoch !== placement.epoch || observed.node !== placement.node) {
    return { state: 'placed', ...away };
  }
  const state = stateHere(row, observed);
  const stop = stopOf(view, agentAccount(row.id), costsMoney(view, placement.node, placement.model));
  if (state === 'ready' && stop && stop.why !== 'reserved')
    return { state, reason: stop.text, reasonCode: 'budget-used-up' };
  if (!observed.reason) return { state, ...away };
  const { reason, code, progress } = observed;
  return {
    state,
    reason,
    ...(code === undefined ? {} : { reasonCode: code }),
    ...(progress === undefined ? {} : { progress }),
  };
}
function stateHere({ placement }: AgentRow, observed: Observed | undefined): AgentView['state'] {
  if (!observed || observed.epoch !== placement?.epoch || observed.node !== placement.node) return 'placed';
  // The node stopped it and gave no reason why it does not start again: it counts as placed only.
  return observed.state === 'stopped' ? 'placed' : observed.state;
}
function whileLost({ spec }: AgentRow, frozen: ReturnType<typeof freezeAt>): [code: AgentReason, because: string] {
  if (spec.onLoss.policy === 'wait') return ['node-lost-waits', 'it waits for its node to come back'];
  if (spec.onLoss.policy === 'keep') return ['node-lost-alone', 'it may still be running there on its own'];
  if (frozen) return ['node-lost-frozen', `moves are frozen: ${frozen.reason}`];
  return ['node-lost-moves', 'it is about to be placed elsewhere'];
}

function leavingOf(view: View, row: AgentRow): Pick<AgentView, 'leaving'> {
  const leaving = row.placement?.leaving;
  const text = leavingText(view, row);
  return leaving && text !== null
    ? { leaving: { to: leaving.to?.node ?? null, sinceMs: leaving.waitsFromMs, text } }
    : {};
}

/** Branches that wait to be merged, by agent. */
export function branchCounts(view: View): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { agent, merged } of view.branches.values()) if (!merged) counts.set(agent, (counts.get(agent) ?? 0) + 1);
  return counts;
}

export function showAgent(view: View, id: string, branches = branchCounts(view)): AgentView | null {
  const row = view.agents.get(id);
  if (!row) return null;
  const { state, reason, reasonCode, progress } = agentState(view, row);
  const work = view.work.get(id);
  const head = view.heads.get(id);
  const anchored = view.anchored.get(id);
  const observed = view.observed.get(id);
  return asShown<AgentView>({
    id,
    space: row.space,
    name: row.spec.name,
    spec: row.spec,
    version: row.version,
    state,
    node: row.placement?.node ?? null,
    epoch: row.epoch,
    model: row.placement ? (observed?.model ?? row.placement.model) : null,
    ...(reason ? { reason } : {}),
    ...(reasonCode === undefined ? {} : { reasonCode }),
    ...(progress === undefined ? {} : { progress }),
    ...leavingOf(view, row),
    placedMs: row.placement?.placedMs ?? null,
    why: row.why,
    unplaced: row.unplaced,
    tasks: { waiting: work?.waiting.length ?? 0, running: work?.leased.size ?? 0 },
    memory: {
      seq: head?.seq ?? 0,
      hash: head?.hash ?? 'genesis',
      branches: branches.get(id) ?? 0,
      ...(anchored && view.checkpoint
        ? { anchored: { seq: anchored.entries, checkpoint: view.checkpoint.number } }
        : {}),
    },
    createdMs: row.createdMs,
    changedMs: row.changedMs ?? row.createdMs,
    updatedMs: row.updatedMs,
  });
}

/** Under the name that its agent has now, or had when it was removed. */
export function showTask(view: Names, row: TaskRow | EndedTask): TaskView {
  const ended = isEnded(row) ? row : null;
  return {
    id: row.id,
    agent: agentNameOf(view, row.agent),
    state: row.state,
    prompt: row.prompt,
    ...(row.turns === undefined ? {} : { turns: [...row.turns] }),
    ...(row.images === undefined ? {} : { images: [...row.images] }),
    ...(row.conversation === undefined ? {} : { conversation: row.conversation }),
    ...(row.after === undefined ? {} : { after: row.after }),
    priority: row.priority,
    origin: row.origin,
    createdMs: row.createdMs,
    deadlineMs: row.deadlineMs,
    attempt: row.attempt,
    attempts: row.attempts,
    node: row.node,
    epoch: row.epoch,
    leasedMs: row.leasedMs,
    endedMs: ended?.endedMs ?? null,
    result: ended?.result ?? null,
    truncated: ended?.truncated ?? false,
    problem: ended?.problem ?? null,
    usage: ended?.usage ?? null,
    ...(ended?.trace === undefined ? {} : { trace: ended.trace }),
    idempotencyKey: row.idempotencyKey,
    past: [...(row.past ?? [])],
    ...(ended?.dismissedMs === undefined ? {} : { dismissedMs: ended.dismissedMs }),
    ...(row.by === undefined ? {} : { by: row.by }),
  };
}

/** Texts in lists and in the feed are shortened to a line; the page of the task has the rest. */
export function showTaskShort(view: Names, row: TaskRow | EndedTask): TaskView {
  const { images: _, trace: __, ...task } = showTask(view, row);
  const cut = (text: string) => (text.length > maxFeedText ? `${text.slice(0, maxFeedText)}…` : text);
  return {
    ...task,
    prompt: cut(task.prompt),
    result: task.result === null ? null : cut(task.result),
    truncated: task.truncated || (task.result?.length ?? 0) > maxFeedText,
  };
}
const maxFeedText = 400;

/** The text of an event stays as it was stored; its agent has its present name, under which it is found. */
export function showEvent(view: Names, event: FleetEvent): FleetEvent {
  return event.agent === null ? event : { ...event, agent: agentNameOf(view, event.agent) };
}

export interface StoredCounts {
  endedLastMinute: number;
  deadLetters: number;
}
/** The numbers of nodes, agents, tasks and memories: tally.ts keeps them as they change, `countFleet` counts them from the start. */
export interface FleetCounts {
  nodes: FleetTotals['nodes'];
  agents: FleetTotals['agents'];
  queued: number;
  running: number;
  memories: number;
}
export type NodeCount = keyof FleetCounts['nodes'];
export type AgentCount = keyof FleetCounts['agents'];
export function nodeCountOf({ status, presence }: Pick<NodeView, 'status' | 'presence'>): NodeCount {
  return status === 'quarantined' ? 'quarantined' : presence;
}
export function agentCountOf(state: AgentView['state']): AgentCount {
  return state === 'placed' || state === 'hydrating' ? 'starting' : state;
}
export function countFleet(view: View): FleetCounts {
  const nodes = { online: 0, suspect: 0, lost: 0, never: 0, quarantined: 0 };
  for (const row of view.nodes.values()) nodes[nodeCountOf(row)]++;
  const agents = { ready: 0, starting: 0, unplaced: 0, failed: 0, waiting: 0 };
  for (const row of view.agents.values()) agents[agentCountOf(agentState(view, row).state)]++;
  let queued = 0;
  let running = 0;
  for (const work of view.work.values()) {
    queued += work.waiting.length;
    running += work.leased.size;
  }
  let memories = 0;
  for (const head of view.heads.values()) memories += head.entries;
  return { nodes, agents, queued, running, memories };
}
export function showTotals(
  view: View,
  nowMs: number,
  about: { name: string; version: string; stored: StoredCounts; policy: Policy },
  counts = countFleet(view),
): FleetTotals {
  const { nodes, agents, queued, running, memories } = counts;
  return {
    name: about.name,
    version: about.version,
    timeZone: about.policy.timeZone,
    startedMs: view.startedMs,
    nowMs,
    nodes,
    agents,
    tasks: { queued, running, ...about.stored },
    memories,
    strategy: about.policy.placement,
    moves: showMoves(view, nowMs, about.policy),
  };
}

function showMoves(view: View, nowMs: number, policy: Policy): FleetTotals['moves'] {
  const where = view.frozen.map(({ site, sinceMs, reason }) => ({ site, sinceMs, reason }));
  return {
    frozen: where.length > 0,
    reason: where[0]?.reason ?? '',
    where,
    waiting: frozenCount(view, nowMs, policy),
  };
}

/** Enough of the hash to distinguish sessions, too little to find one by. */
export const shownSessionId = (id: string): string => id.slice(0, 16);
export function showSession(
  { id, name, roles, createdMs, expiresMs, address }: SessionRow,
  current: boolean,
): SessionView {
  return { id: shownSessionId(id), name, roles: [...roles], createdMs, expiresMs, address, current };
}
export function showToken({ secretHash: _, space: _space, ...row }: JoinTokenRow) {
  return row;
}
export function showKey(
  { secretHash: _, space: _space, ...row }: KeyRow,
  lastUsedMs: number | null,
  isLastAdmin: boolean,
  budget: BudgetView | null,
): KeyView {
  return { ...row, budget, lastUsedMs, expiresMs: row.expiresMs ?? null, isLastAdmin };
}
