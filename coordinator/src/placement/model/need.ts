// Which agents need a node now, which stay, and in words what an agent waits for. Staying is the rule: a move for a gain alone is
// rebalance.ts's business, and a restart of the coordinator moves nobody, because a node that was not heard of since the start is
// unknown and not lost. [INV-restart]
import { meansModel, type NodeModel } from '@blackroad/protocol';
import { faultPatienceMs, faultUnder, patienceMs } from '../../fleet/model-faults.ts';
import type { Policy } from '../../state/input.ts';
import { type AgentRow, freezeAt, type NodeLive, type NodeRow } from '../../state/rows.ts';
import { agentIdOf, type View } from '../../state/view.ts';
import { brokenRule } from '../rules/feasible.ts';

type Readonlies<T> = T extends (infer V)[]
  ? readonly Readonlies<V>[]
  : T extends object
    ? { readonly [K in keyof T]: Readonlies<T[K]> }
    : T;
type Agent = NonNullable<ReturnType<View['agents']['get']>>;

export interface Need {
  reason: 'new' | 'gone' | 'quarantined' | 'lost' | 'draining' | 'rules' | 'company' | 'model' | 'failing';
  /** Without a better place it stays where it is: a node that comes back finds its agents, and work goes on. */
  mayStay: boolean;
  text: string;
}

/** Why this agent needs a node, or null: it stays. */
export function needOf(view: View, agent: Agent, nowMs: number, policy: Policy): Need | null {
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

  const rule = brokenRule({ spec: spec, room: { node } });
  if (rule) return { reason: 'rules', mayStay: false, text: `it may not be on ${id}: ${rule.text}` };
  // The blast-radius valve: when many nodes fail at once, the failure is most likely ours. Rules are a person's word, company is not. [INV-frozen]
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
  const fault = faultUnder(view, agent, nowMs);
  if (!fault || nowMs < fault.sinceMs + patienceMs(view, agent.id, id)) return null;
  return { reason: 'failing', mayStay: true, text: `it fails on ${id} (${fault.reason})` };
}

/** Agents that would have moved by now, were it not for the valve. Asked several times a second by whoever watches. */
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

/** Why an agent moves, will move or may not move now, for people; null: it stays. */
export function pendingOf(view: View, agent: Agent, nowMs: number, policy: Policy): string | null {
  const need = needOf(view, agent, nowMs, policy);
  if (need) return `${need.text}: a place is being looked for`;
  const node = agent.placement && view.nodes.get(agent.placement.node);
  if (!node) return null;
  const { id } = node;
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
    return `it fails on ${id} (${fault.reason}): another node is looked for in ${seconds} s unless it works by then`;
  }
  if (node.draining && isFinishing(view, agent)) {
    const tasks = view.work.get(agent.id)?.leased.size ?? 0;
    return `${id} is draining: it moves when ${tasks === 1 ? 'the task' : `the ${tasks} tasks`} it works on ended`;
  }
  return null;
}

/** Whether time or others alone may make it need a node: it is looked at again without a change of its own. */
export function isRestless(view: View, { placement, spec, unplaced }: Agent): boolean {
  if (!placement || unplaced || spec.placement.avoidAgents.length > 0) return true;
  const node = view.nodes.get(placement.node);
  if (view.modelFaults.has(placement.node)) return true;
  return node?.presence !== 'online' || node.draining || view.live.get(placement.node)?.helloBoot == null;
}

/** A drained agent finishes what it has begun before it moves. Where no other place was found it works on, and moves at once when there is one. */
function isFinishing(view: View, agent: Agent): boolean {
  return agent.unplaced === null && (view.work.get(agent.id)?.leased.size ?? 0) > 0;
}

/** A draining node is looked at again this soon, to hand off agents whose tasks have ended. */
const drainLookMs = 500;

/** When something becomes due that no change announces: patience with a lost node, or an end of work on a draining one, with a model that fails; null: nothing. */
export function planDueMs(view: View, nowMs: number, policy: Policy): number | null {
  let next: number | null = null;
  for (const node of view.nodes.values()) {
    if (node.draining && node.presence === 'online') {
      const busy = [...(view.agentsByNode.get(node.id) ?? [])].some((id) => {
        const agent = view.agents.get(id);
        return agent && isFinishing(view, agent);
      });
      if (busy) next = Math.min(next ?? Number.POSITIVE_INFINITY, nowMs + drainLookMs);
    }
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
      const due = sinceMs + faultPatienceMs;
      if (due > nowMs && untilMs > nowMs && (next === null || due < next)) next = due;
    }
  }
  return next;
}
/**
 * Whether the nodes had their time to come back after the start, and who did not is counted: the tick that ends the grace also says whether
 * the valve holds, and nothing is moved before it has.
 */
export function isGraceOver(view: Readonlies<Pick<View, 'startedMs' | 'tickedMs'>>, policy: Policy): boolean {
  return (view.tickedMs ?? 0) >= view.startedMs + policy.restartGraceMs;
}
/** A node that was not heard of since the start is not lost before the grace is over. */
function graceUntilMs(view: View, { id }: Readonly<Pick<NodeRow, 'id'>>, policy: Policy): number {
  return view.live.get(id)?.helloBoot == null ? view.startedMs + policy.restartGraceMs : 0;
}
function dueMs(agent: Readonlies<Pick<AgentRow, 'spec'>>, node: Readonlies<Pick<NodeRow, 'presenceSinceMs'>>): number {
  return node.presenceSinceMs + agent.spec.onLoss.afterSeconds * 1000;
}

/** Only the agent that asks for distance moves; where both ask, the one of lower priority, then of the later name. */
function unwantedCompany(view: View, { id, space, spec }: Agent, node: string): string | null {
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

/** The model it runs on is gone from the node, or its spec no longer names it. A changed default does not count. */
function lackingModel({ placement, spec }: Agent, { capacity }: Readonlies<Pick<NodeLive, 'capacity'>>): string | null {
  if (!capacity || !placement) return null;
  const isIt =
    (wanted: string) =>
    ({ kind, name, aliases }: Readonlies<NodeModel>) =>
      kind === 'chat' && meansModel(wanted, { name, aliases });
  const present = capacity.models.find(isIt(placement.model));
  if (!present) return `no longer has ${placement.model}`;
  const isWanted = spec.model.some((wanted) => wanted === 'auto' || isIt(wanted)(present));
  return isWanted ? null : `runs it on ${placement.model}, which its spec no longer names`;
}
