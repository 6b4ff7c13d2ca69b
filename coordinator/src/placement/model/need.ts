// The agents that need a node now, the agents that stay, and in words why an agent waits. To stay is the rule: a move for a gain alone is
// made by rebalance.ts, and a restart of the coordinator moves no agent, because a node without a hello since the start is unknown and not
// lost. [INV-restart]
import { lacksOfBoard, listInWords, meansModel, type NodeModel } from '@blackroad/protocol';
import { leavingText } from '../../fleet/leaving.ts';
import { faultPatienceMs, faultUnder, patienceMs } from '../../fleet/model-faults.ts';
import type { Policy } from '../../state/input.ts';
import { type AgentRow, freezeAt, type NodeLive, type NodeRow } from '../../state/rows.ts';
import { agentIdOf, type View } from '../../state/view.ts';
import { brokenRule } from '../rules/feasible.ts';
import { isWished } from './wish.ts';

export interface Need {
  reason: 'new' | 'gone' | 'quarantined' | 'lost' | 'draining' | 'rules' | 'company' | 'model' | 'board' | 'failing';
  /** Whether the agent stays on its node when no other one fits: a node that returns still has its agents, and tasks continue. */
  mayStay: boolean;
  text: string;
}

/** The reason why this agent needs a node, or null: it stays. */
export function needOf(view: View, agent: AgentRow, nowMs: number, policy: Policy): Need | null {
  const { placement, spec } = agent;
  if (!placement) return { reason: 'new', mayStay: false, text: 'it has no node' };
  const id = placement.node;
  const node = view.nodes.get(id);
  const live = view.live.get(id);
  if (!node || !live) return { reason: 'gone', mayStay: false, text: `${id} was forgotten` };
  if (node.status === 'quarantined') return { reason: 'quarantined', mayStay: false, text: `${id} is quarantined` };

  const isHeard = live.helloBoot !== null;
  const isLost = node.presence === 'lost' && (isHeard || isGraceOver(view, policy));
  const isHere = node.presence === 'online' && isHeard;
  if (!isLost && !isHere) return null;
  // It is on its way: fleet/leaving.ts ends that, by the move or by a deadline.
  if (isHere && placement.leaving) return null;

  const rule = brokenRule({ spec: spec, room: { node } });
  if (rule) return { reason: 'rules', mayStay: false, text: `it may not be on ${id}: ${rule.text}` };
  // The valve: when many nodes fail at once, the cause is most likely the network or the coordinator. A broken rule of a person still moves
  // the agent, a node with an agent that it avoids does not. [INV-frozen]
  if (freezeAt(view.frozen, node.site)) return null;
  const other = unwantedCompany(view, agent, id);
  if (other) return { reason: 'company', mayStay: false, text: `${other} is on ${id}, which it avoids` };
  if (isLost) {
    // [INV-on-loss]
    const isDue = spec.onLoss.policy === 'replace' && nowMs >= dueMs(agent, node);
    return isDue ? { reason: 'lost', mayStay: true, text: `${id} is lost` } : null;
  }
  if (node.draining) {
    // [INV-drained]
    return isFinishing(view, agent) ? null : { reason: 'draining', mayStay: true, text: `${id} is draining` };
  }
  const lacking = lackingModel(agent, live);
  if (lacking !== null) return { reason: 'model', mayStay: true, text: `${id} ${lacking}` };
  // A capacity that is not reported yet says nothing of the board.
  const missing = live.capacity ? lacksOfBoard(spec, live.capacity.board ?? null) : [];
  if (missing.length > 0) return { reason: 'board', mayStay: true, text: `${id} lacks ${listInWords(missing)}` };
  const fault = faultUnder(view, agent, nowMs);
  if (!fault || nowMs < fault.sinceMs + patienceMs(view, agent.id, id)) return null;
  return { reason: 'failing', mayStay: true, text: `it fails on ${id} (${fault.reason})` };
}

/**
 * The number of agents that would have moved by now without the valve. Called several times a second while a console is open, so it makes
 * no plan.
 */
export function frozenCount(view: View, nowMs: number, policy: Policy): number {
  if (view.frozen.length === 0) return 0;
  let count = 0;
  for (const node of view.nodes.values()) {
    const isLost = node.presence === 'lost';
    const isDrained = node.draining && node.presence === 'online';
    if ((!isLost && !isDrained) || node.status !== 'active' || !freezeAt(view.frozen, node.site)) continue;
    const graceMs = graceUntilMs(view, node, policy);
    for (const id of view.agentsByNode.get(node.id) ?? []) {
      const agent = view.agents.get(id);
      if (!agent) continue;
      const isDue = isLost
        ? agent.spec.onLoss.policy === 'replace' && nowMs >= Math.max(graceMs, dueMs(agent, node))
        : !isFinishing(view, agent);
      if (isDue) count++;
    }
  }
  return count;
}

/** The reason why an agent moves, will move or may not move now, for people; null: it stays. */
export function pendingOf(view: View, agent: AgentRow, nowMs: number, policy: Policy): string | null {
  const need = needOf(view, agent, nowMs, policy);
  if (need) return `${need.text}: a place is being looked for`;
  const node = agent.placement && view.nodes.get(agent.placement.node);
  if (!node) return null;
  const { id } = node;
  const leaving = leavingText(view, agent);
  if (leaving !== null) return leaving;
  const freeze = freezeAt(view.frozen, node.site);
  if (freeze) {
    const due = needOf({ ...view, frozen: [] }, agent, nowMs, policy);
    if (due) return `${due.text}, but moves are frozen: ${freeze.reason}`;
  }
  if (node.presence === 'suspect') return `${id} is suspect (${node.presenceReason}): it moves only when ${id} is lost`;
  if (node.presence === 'lost') {
    const { policy: onLoss } = agent.spec.onLoss;
    if (onLoss === 'wait') return `${id} is lost, and it waits for its node to come back`;
    if (onLoss === 'keep') return `${id} is lost, and it may still be running there on its own`;
    const due = Math.max(graceUntilMs(view, node, policy), dueMs(agent, node));
    return `${id} is lost: it moves in ${Math.max(1, Math.ceil((due - nowMs) / 1000))} s unless its node comes back`;
  }
  const fault = faultUnder(view, agent, nowMs);
  if (fault) {
    const seconds = Math.max(1, Math.ceil((fault.sinceMs + patienceMs(view, agent.id, id) - nowMs) / 1000));
    return `it fails on ${id} (${fault.reason}): placement looks for another node in ${seconds} s unless it works by then`;
  }
  if (node.draining && isFinishing(view, agent)) {
    const tasks = view.work.get(agent.id)?.leased.size ?? 0;
    return `${id} is draining: it moves when ${tasks === 1 ? 'the task it works on has' : `the ${tasks} tasks it works on have`} ended`;
  }
  return null;
}

/** Whether the agent may need a node without a change of its own, by time or by other agents: it is examined at every plan. */
export function isRestless(view: View, { placement, spec, unplaced }: AgentRow): boolean {
  if (!placement || unplaced || spec.placement.avoidAgents.length > 0) return true;
  const node = view.nodes.get(placement.node);
  if (view.modelFaults.has(placement.node)) return true;
  return node?.presence !== 'online' || node.draining || view.live.get(placement.node)?.helloBoot == null;
}

/** A drained agent finishes its tasks before it moves. If no other node was found it continues to work, and moves at once when one fits. */
function isFinishing(view: View, agent: AgentRow): boolean {
  return agent.unplaced === null && (view.work.get(agent.id)?.leased.size ?? 0) > 0;
}

/**
 * The next time at which a move is due without a change that announces it: after the patience with a lost node or a failing model, or when
 * a model may be tried again; null: none.
 */
export function planDueMs(view: View, nowMs: number, policy: Policy): number | null {
  let next: number | null = null;
  for (const node of view.nodes.values()) {
    if (node.presence !== 'lost') continue;
    const graceMs = graceUntilMs(view, node, policy);
    for (const id of view.agentsByNode.get(node.id) ?? []) {
      const agent = view.agents.get(id);
      if (agent?.spec.onLoss.policy !== 'replace') continue;
      const due = Math.max(graceMs, dueMs(agent, node));
      if (due > nowMs && (next === null || due < next)) next = due;
    }
  }
  for (const faults of view.modelFaults.values()) {
    for (const { sinceMs, untilMs } of faults.values()) {
      if (nowMs >= untilMs) continue;
      // After the patience its agents move, and at its end others may come.
      const due = nowMs < sinceMs + faultPatienceMs ? sinceMs + faultPatienceMs : untilMs;
      if (next === null || due < next) next = due;
    }
  }
  return next;
}
/**
 * Whether the grace period after the start is over and the absent nodes are counted: the tick at its end also judges the valve, and nothing
 * is moved before.
 */
export function isGraceOver(view: Pick<View, 'startedMs' | 'tickedMs'>, policy: Policy): boolean {
  return (view.tickedMs ?? 0) >= view.startedMs + policy.restartGraceMs;
}
/** A node without a hello since the start is not lost before the grace period is over. */
function graceUntilMs(view: View, { id }: Readonly<Pick<NodeRow, 'id'>>, policy: Policy): number {
  return view.live.get(id)?.helloBoot == null ? view.startedMs + policy.restartGraceMs : 0;
}
function dueMs(agent: Pick<AgentRow, 'spec'>, node: Pick<NodeRow, 'presenceSinceMs'>): number {
  return node.presenceSinceMs + agent.spec.onLoss.afterSeconds * 1000;
}

/**
 * Only the agent that avoids the other one moves; where both avoid each other, the one of lower priority, then the one of the later name.
 */
function unwantedCompany(view: View, { id, space, spec }: AgentRow, node: string): string | null {
  for (const other of spec.placement.avoidAgents) {
    const theirs = view.agents.get(agentIdOf(view, space, other) ?? '');
    if (theirs?.placement?.node !== node || theirs.id === id) continue;
    const { name } = spec;
    const isMutual = theirs.spec.placement.avoidAgents.includes(name);
    const order = theirs.spec.priority - spec.priority || (other < name ? 1 : -1);
    if (!isMutual || order > 0) return other;
  }
  return null;
}

/** The fault of an agent's model: it is gone from the node, or the spec no longer names it. A changed default model is none. */
function lackingModel({ placement, spec }: AgentRow, { capacity }: Pick<NodeLive, 'capacity'>): string | null {
  if (!capacity || !placement) return null;
  const { model } = placement;
  const isIt = (each: NodeModel) => each.kind === 'chat' && meansModel(model, each);
  const present = capacity.models.find(isIt);
  if (!present) return `no longer has ${placement.model}`;
  const isWanted = spec.model.some((wanted) => wanted === 'auto' || isWished(wanted, present, capacity.defaultChat));
  return isWanted ? null : `runs it on ${placement.model}, which its spec no longer names`;
}
