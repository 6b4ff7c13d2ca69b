// The assignment of a node: deltas from one generation to the next, snapshots, and moves of agents. In: the node that each agent moves to.
// Out: agent rows with their new epoch, one generation step and one delta for each touched node (several when larger than a message), and
// leases that end. The node of an agent is chosen by placement, never here.
import {
  type AgentSpec,
  type AssignedAgent,
  type AssignmentDelta,
  type AssignmentSnapshot,
  isPinTrigger,
  isTimeTrigger,
  type MoveCause,
  maxAgentsPerNode,
  maxAssignmentBytes,
  type NodeAbility,
  type PlacementWhy,
  type ToolGrant,
  type Trigger,
  type UnplacedWhy,
} from '@blackroad/protocol';
import type { Unload } from '../placement/plan/plan-parts.ts';
import { agentAccount } from '../state/account.ts';
import { change, type Draft, noteEvent, putAgent, putNode, send } from '../state/draft.ts';
import type { AgentRow, Behind, NodeRow, Placement } from '../state/rows.ts';
import { loseAgentLeases } from '../tasks/leases.ts';
import { canLeave } from './leaving.ts';
import { leftOf, quietAfter, quietOf } from './quiet.ts';

export function assignedOf(draft: Draft, row: AgentRow, placement: Placement): AssignedAgent {
  const { view, nowMs } = draft;
  const quietMs = leftOf(view, placement.quiet, nowMs);
  const { id } = row;
  // Its triggers would begin work that the budget does not let in.
  const isStopped = draft.spending.get(agentAccount(id))?.stopped === true;
  const spec = readable(draft, placement.node, isStopped ? { ...row.spec, triggers: [] } : row.spec);
  // An older node-agent uses the name in the spec as the agent's id, so the name of the spec is set to the id.
  const isOlder = draft.nodes.get(placement.node)?.agentIds !== true;
  return {
    id,
    spec: isOlder && spec.name !== id ? { ...spec, name: id } : spec,
    version: row.version,
    epoch: placement.epoch,
    model: placement.model,
    memory: {
      baseSeq: placement.baseSeq,
      baseHash: placement.baseHash,
      from: placement.from,
      ...(placement.restored ? { restored: true as const } : {}),
    },
    ...(quietMs > 0 ? { quietMs } : {}),
    ...(placement.leaving ? { leaving: placement.leaving.sinceMs } : {}),
  };
}
/** Tools that an older node does not know, with the ability that goes with them. */
const newerTools: Partial<Record<ToolGrant['tool'], NodeAbility>> = {
  mcp: 'mcp',
  gpio: 'pins',
  sensor: 'pins',
  camera: 'pins',
};
/** An older node would refuse its whole assignment for a tool or a trigger that it does not know. */
function readable({ view }: Draft, node: string, spec: AgentSpec): AgentSpec {
  const can = view.live.get(node)?.can;
  const own = triggersOfNode(spec, can?.pins === true);
  if (!can) return own;
  const reads = ({ tool }: ToolGrant) => {
    const ability = newerTools[tool];
    return ability === undefined || can[ability] === true;
  };
  return own.tools.every(reads) ? own : { ...own, tools: own.tools.filter(reads) };
}
/** The coordinator runs the other triggers itself. */
function triggersOfNode(spec: AgentSpec, pins: boolean): AgentSpec {
  const isOwn = (trigger: Trigger) => isTimeTrigger(trigger) || (pins && isPinTrigger(trigger));
  return spec.triggers.every(isOwn) ? spec : { ...spec, triggers: spec.triggers.filter(isOwn) };
}
export function assignedBytes(assigned: AssignedAgent): number {
  return Buffer.byteLength(JSON.stringify(assigned));
}
/** The limit for one agent, so that each agent fits a message: a larger one is refused when it is applied. */
export const maxAssignedBytes = maxAssignmentBytes - 1024;

/** The whole assignment of a node, in parts that fit a message; at least one part. */
function snapshotParts(draft: Draft, node: string): AssignmentSnapshot[] {
  const agents: AssignedAgent[] = [];
  for (const id of draft.view.agentsByNode.get(node) ?? []) {
    const row = draft.agents.get(id);
    if (row?.placement?.node === node) agents.push(assignedOf(draft, row, row.placement));
  }
  agents.sort((a, b) => ((a.id as string) < (b.id as string) ? -1 : 1));
  const parts = cutParts(draft, agents, assignedBytes);
  if (parts.length === 0) parts.push([]);
  const generation = draft.nodes.get(node)?.generation ?? 0;
  return parts.map((part, i) => ({ generation, part: i + 1, parts: parts.length, agents: part }));
}
export function sendSnapshot(draft: Draft, node: string): void {
  for (const part of snapshotParts(draft, node)) send(draft, 'snapshot', { node }, part);
}

/** A node stores a delta and reports its generation in a heartbeat within this time. */
const deltaMs = 10_000;
const maxDeltaMs = 300_000;
/**
 * Sends the snapshot to a node whose generation stays below the one it was sent (its disk refused writes, or a part was lost), at growing
 * intervals: until the node has it, its agents differ from the plan and do not act outside.
 */
export function bringUpToDate(draft: Draft, { id, generation }: NodeRow, said: number): void {
  const { nowMs } = draft;
  const known = draft.view.live.get(id)?.behind;
  const is = (behind: Behind | null) => change(draft, { type: 'behind', node: id, behind });
  if (said >= generation) {
    if (known) is(null);
  } else if (known?.generation !== said) {
    is({ generation: said, sinceMs: nowMs, waitMs: deltaMs });
  } else if (nowMs >= known.sinceMs + known.waitMs) {
    sendSnapshot(draft, id);
    is({ generation: said, sinceMs: nowMs, waitMs: Math.min(maxDeltaMs, known.waitMs * 2) });
  }
}

/** The agent starts on its node, or continues there with a new version. */
export function placeDelta(draft: Draft, deltas: Deltas, row: AgentRow): void {
  if (!row.placement) return;
  const delta = deltaOf(deltas, row.placement.node);
  delta.remove.delete(row.id);
  delta.put.set(row.id, assignedOf(draft, row, row.placement));
}
export function removeDelta(deltas: Deltas, node: string, agent: string, epoch: number): void {
  const delta = deltaOf(deltas, node);
  delta.put.delete(agent);
  delta.remove.set(agent, epoch);
}
/** The changes of one decision to the assignments of nodes. */
type Deltas = Map<string, { put: Map<string, AssignedAgent>; remove: Map<string, number> }>;
export function openDeltas(): Deltas {
  return new Map();
}
function deltaOf(deltas: Deltas, node: string) {
  let delta = deltas.get(node);
  if (!delta) {
    delta = { put: new Map(), remove: new Map() };
    deltas.set(node, delta);
  }
  return delta;
}

/**
 * Increments the generation of every touched node and sends it the difference. An absent node asks for the snapshot later. [INV-generation]
 */
export function sendDeltas(draft: Draft, deltas: Deltas): void {
  for (const [id, { put, remove }] of deltas) {
    const node = draft.nodes.get(id);
    if (!node || (put.size === 0 && remove.size === 0)) continue;
    type Step = { put: AssignedAgent } | { remove: { agent: string; epoch: number } };
    const steps: Step[] = [];
    for (const [agent, epoch] of remove) steps.push({ remove: { agent, epoch } });
    for (const assigned of put.values()) steps.push({ put: assigned });
    let { generation } = node;
    for (const part of cutParts(draft, steps, (step) => Buffer.byteLength(JSON.stringify(step)))) {
      const delta: AssignmentDelta = { from: generation, to: generation + 1, put: [], remove: [] };
      for (const step of part) {
        if ('put' in step) delta.put.push(step.put);
        else delta.remove.push(step.remove);
      }
      generation++;
      // A quarantined node gets no delta, but its generation must differ from its own record when it is released. A node without a hello in
      // this boot will send one: it may have another version than before, and gets the snapshot then.
      if (node.status === 'active' && draft.live.get(id)?.helloBoot === node.boot)
        send(draft, 'assign', { node: id }, delta);
    }
    putNode(draft, { ...node, generation });
  }
}

function cutParts<T>({ view }: Draft, items: readonly T[], bytesOf: (item: T) => number): T[][] {
  // One agent always fits a message, so the usual case is not measured.
  if (items.length === 1) return [[...items]];
  const parts: T[][] = [];
  let part: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const own = bytesOf(item) + 1;
    if (part.length > 0 && (bytes + own > view.cuts.assignmentPartBytes || part.length >= maxAgentsPerNode)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += own;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

export interface Move {
  /** The id of the agent. */
  agent: string;
  /** Null: the agent is on no node after the move. */
  to: { node: string; model: string; why: PlacementWhy } | null;
  unplaced?: UnplacedWhy;
  cause: MoveCause;
  /** The reason in words; missing for an agent that is placed for the first time. */
  because?: string;
}
/**
 * Carries out the plan of placement. A move to the agent's present node, or to an unknown node, changes nothing. A node gets the agents to
 * remove first, then the models to unload, then the agents to start: the memory of the first is free for the last.
 */
export function makeMoves(draft: Draft, moves: readonly Move[], unloads: readonly Unload[]): void {
  const deltas = openDeltas();
  for (const move of moves) {
    const row = draft.agents.get(move.agent);
    if (!row) continue;
    moveAgent(draft, deltas, row, move);
  }
  for (const { node, model, command } of unloads) {
    const { remove } = deltaOf(deltas, node);
    sendDeltas(draft, new Map([[node, { put: new Map(), remove: new Map(remove) }]]));
    remove.clear();
    send(draft, 'unload', { node }, { command, model });
  }
  sendDeltas(draft, deltas);
}

/** These cannot wait: nothing comes from the node, or another agent needs the room now. */
const atOnce: ReadonlySet<MoveCause> = new Set(['lost', 'preempt']);
/** A planned move where the present node can bring the agent's last memories first, else a move at once. [decision 36] */
export function moveAgent(draft: Draft, deltas: Deltas, row: AgentRow, move: Move): void {
  const { placement } = row;
  const { to, cause } = move;
  if (placement && to && placement.node === to.node && placement.model === to.model) return;
  if (!placement || atOnce.has(cause) || !canLeave(draft, placement)) {
    carryOut(draft, deltas, row, move);
    return;
  }
  const { because, unplaced } = move;
  const { sinceMs, waitsFromMs } = placement.leaving ?? { sinceMs: draft.nowMs, waitsFromMs: draft.nowMs };
  const leaving = { to, cause, sinceMs, waitsFromMs, ...(because === undefined ? {} : { because }) };
  const next = {
    ...row,
    placement: { ...placement, leaving: { ...leaving, ...(unplaced ? { unplaced } : {}) } },
    unplaced: null,
    updatedMs: draft.nowMs,
  };
  putAgent(draft, next);
  placeDelta(draft, deltas, next);
}
export function carryOut(draft: Draft, deltas: Deltas, row: AgentRow, move: Move): void {
  if (move.to) placeAgent(draft, deltas, row, move, move.to);
  else unplaceAgent(draft, deltas, row, move);
}

function placeAgent(draft: Draft, deltas: Deltas, row: AgentRow, move: Move, to: NonNullable<Move['to']>): void {
  const before = row.placement;
  const node = draft.nodes.get(to.node);
  if (!node) return;
  if (before && before.node === to.node && before.model === to.model) return;
  if (before) leave(draft, deltas, row, before, `${row.spec.name} goes to ${to.node}`);
  const head = draft.view.heads.get(row.id);
  // [INV-epoch]
  const epoch = row.epoch + 1;
  const { quiet: _, restored, ...rest } = row;
  const quiet = quietOf(draft.view, row, to.node, draft.nowMs);
  const placed: AgentRow = {
    ...rest,
    epoch,
    placement: {
      node: to.node,
      epoch,
      model: to.model,
      placedMs: draft.nowMs,
      baseSeq: head?.seq ?? 0,
      baseHash: head?.hash ?? 'genesis',
      from: before?.node ?? (row.last === to.node ? null : (row.last ?? null)),
      ...(move.cause === 'rebalance' ? { rebalanced: true as const } : {}),
      ...(quiet ? { quiet } : {}),
      ...(restored ? { restored } : {}),
    },
    last: null,
    why: to.why,
    unplaced: null,
    updatedMs: draft.nowMs,
  };
  putAgent(draft, placed);
  change(draft, { type: 'holder', row: { agent: row.id, epoch, node: to.node, joinedMs: node.enrolledMs } });
  placeDelta(draft, deltas, placed);
  const { cause, because } = move;
  const params = { agent: row.id, node: to.node, model: to.model, because };
  if (before) noteEvent(draft, 'agent-moved', { ...params, from: before.node, cause });
  else noteEvent(draft, 'agent-placed', params);
}

/** Ends the quiet time of an agent: the previous node has released it, so its new node may act outside. */
export function endQuiet(draft: Draft, row: AgentRow): void {
  const { quiet: _, ...rest } = row;
  const { placement } = rest;
  if (!placement) {
    putAgent(draft, rest);
    return;
  }
  const { quiet: __, ...placed } = placement;
  const free = { ...rest, placement: placed };
  putAgent(draft, free);
  const deltas = openDeltas();
  placeDelta(draft, deltas, free);
  sendDeltas(draft, deltas);
}

/** Removes an agent from its node, or only updates the reason why it is on none. */
export function unplaceAgent(
  draft: Draft,
  deltas: Deltas,
  row: AgentRow,
  { cause, because, unplaced = null }: Pick<Move, 'cause' | 'because'> & { unplaced?: UnplacedWhy | null },
): void {
  const before = row.placement;
  if (!before && JSON.stringify(row.unplaced) === JSON.stringify(unplaced)) return;
  const last = before?.node ?? row.last ?? null;
  const quiet = before ? { quiet: quietAfter(draft.view, before, draft.nowMs) } : {};
  putAgent(draft, { ...row, placement: null, last, ...quiet, why: null, unplaced, updatedMs: draft.nowMs });
  if (!before) return;
  leave(draft, deltas, row, before, `${row.spec.name} is taken off ${before.node}`);
  noteEvent(draft, 'agent-unplaced', {
    agent: row.id,
    node: before.node,
    cause,
    because,
    nowhere: unplaced?.text,
  });
}

function leave(draft: Draft, deltas: Deltas, row: AgentRow, before: Placement, reason: string): void {
  const node = draft.nodes.get(before.node);
  if (node) removeDelta(deltas, before.node, row.id, before.epoch);
  const lost = node?.presence !== 'online';
  loseAgentLeases(
    draft,
    row.id,
    lost
      ? { code: 'node-lost', text: `${before.node} was lost while it worked on this.`, retryable: true }
      : { code: 'agent-moved', text: `${reason} while it worked on this.`, retryable: true },
    reason,
  );
}
