// Agents that people apply and remove. A changed spec is a new version; the node of a placed agent gets it at once and the agent keeps its
// epoch, unless its node obviously no longer fits: then the agent is unplaced, and placement chooses a new node.
import { type AgentSpec, actorOf, coordinatorSelf, isApart, maxAgents, type Principal } from '@blackroad/protocol';
import { budgetChanged } from '../budgets/ledger.ts';
import { isWished } from '../placement/model/wish.ts';
import { leaveRollouts } from '../rollouts/gone.ts';
import { agentAccount } from '../state/account.ts';
import { type Decision, refuse } from '../state/decision.ts';
import {
  change,
  type Draft,
  decided,
  decidedWith,
  dropAgent,
  leasedIn,
  noteAudit,
  noteEvent,
  openDraft,
  putAgent,
  waitingIn,
} from '../state/draft.ts';
import type { Decide, Policy } from '../state/input.ts';
import type { AgentRow, NodeRow } from '../state/rows.ts';
import { agentIdOf, agentNameOf, inSpace, type View } from '../state/view.ts';
import { endTask } from '../tasks/ends.ts';
import { leaseNext, sendCancel } from '../tasks/leases.ts';
import {
  assignedBytes,
  assignedOf,
  maxAssignedBytes,
  moveAgent,
  openDeltas,
  placeDelta,
  removeDelta,
  sendDeltas,
} from './assignment.ts';
import { quietAfter } from './quiet.ts';

export const applyAgent: Decide<'agent-apply'> = (view, { by, spec, newId }, nowMs, { timeZone }) => {
  const draft = openDraft(view, nowMs);
  const { space } = by;
  const { name } = spec;
  const known = agentIdOf(view, space, name);
  const before = known === undefined ? undefined : draft.agents.get(known);
  if (before && JSON.stringify(before.spec) === JSON.stringify(spec))
    return decidedWith(draft, { id: before.id, version: before.version, created: false, changed: false });
  if (!before && view.agents.size >= maxAgents)
    return refuse('fleet-full', `The fleet has ${maxAgents} agents, its limit.`);
  const row = before ? nextVersion(before, spec, nowMs) : firstVersion(view, { space, spec, newId }, nowMs);
  const tooLarge = refuseTooLarge(draft, row);
  if (tooLarge) return tooLarge;
  putSpec(draft, by, before, row, timeZone);
  return decidedWith(draft, { id: row.id, version: row.version, created: !before, changed: true });
};

/** Stores a version of an agent, and tells its node. */
export function putSpec(
  draft: Draft,
  by: Principal,
  before: AgentRow | undefined,
  row: AgentRow,
  timeZone: string,
): void {
  putVersion(draft, by, row);
  budgetChanged(draft, agentAccount(row.id), row.spec.budget, timeZone);
  noteAudit(draft, by, before ? 'agent-change' : 'agent-create', { agent: row.id, version: row.version });
  if (before?.placement) tellOrTakeOff(draft, before, row);
}
export function refuseTooLarge(draft: Draft, row: AgentRow): Decision<never> | null {
  const bytes = assignedBytes(assignedOf(draft, row, row.placement ?? widestPlacement));
  if (bytes <= maxAssignedBytes) return null;
  return refuse(
    'too-large',
    `${row.spec.name} takes ${bytes} bytes to send to a node; at most ${maxAssignedBytes} are allowed: shorten instructions or the prompts of triggers.`,
  );
}
export function nextVersion(before: AgentRow, spec: AgentSpec, nowMs: number): AgentRow {
  return { ...before, spec, version: before.version + 1, updatedMs: nowMs, changedMs: nowMs };
}
function putVersion(draft: Draft, by: Principal, row: AgentRow): void {
  const { id: agent, version, spec } = row;
  putAgent(draft, row);
  change(draft, { type: 'agent-version', agent, version, atMs: draft.nowMs, by: actorOf(by), spec });
}
/** A removed agent that is applied again under its name is the same agent: its memory still exists. */
function firstVersion(
  view: View,
  { space, spec, newId }: Pick<AgentRow, 'space' | 'spec'> & { newId: string },
  nowMs: number,
): AgentRow {
  const removedId = view.removedIds.get(inSpace(space, spec.name));
  const removed = removedId === undefined ? undefined : view.removedAgents.get(removedId);
  const id = removedId ?? newId;
  return {
    id,
    space,
    spec,
    version: (removed?.version ?? 0) + 1,
    epoch: Math.max(removed?.epoch ?? 0, view.heads.get(id)?.epoch ?? 0),
    placement: null,
    ...(removed?.quiet ? { quiet: removed.quiet } : {}),
    why: null,
    unplaced: null,
    createdMs: nowMs,
    updatedMs: nowMs,
    changedMs: nowMs,
  };
}
const widestPlacement = {
  node: 'n'.repeat(63),
  epoch: 1e9,
  model: 'm'.repeat(200),
  placedMs: 0,
  baseSeq: 1e12,
  baseHash: '0'.repeat(64),
  from: 'n'.repeat(63),
};

/** Applies a version that a node has and the backup has not, under the same id. The refusal where that is not possible. */
export function bringBack(
  draft: Draft,
  {
    agent: id,
    space,
    spec,
    version,
    epoch,
  }: { agent: string; space: string; spec: AgentSpec; version: number; epoch: number },
  { timeZone }: Policy,
): AgentRow | Decision<never> {
  const { view, nowMs } = draft;
  const named = agentIdOf(view, space, spec.name);
  if (named !== undefined && named !== id)
    return refuse('conflict', `There is an agent ${spec.name} already: rename it, then bring this one back.`);
  const before = draft.agents.get(id);
  if (!before && view.agents.size >= maxAgents)
    return refuse('fleet-full', `The fleet has ${maxAgents} agents, its limit.`);
  const first = { ...firstVersion(view, { space, spec, newId: id }, nowMs), id, restored: true as const };
  const row = {
    ...(before ? nextVersion(before, spec, nowMs) : first),
    version: Math.max(version, (before?.version ?? 0) + 1),
  };
  // Its placements since the backup had epochs up to this one.
  const raised = { ...row, epoch: Math.max(row.epoch, epoch + (before ? 0 : 1)) };
  const tooLarge = refuseTooLarge(draft, raised);
  if (tooLarge) return tooLarge;
  putVersion(draft, coordinatorSelf, raised);
  budgetChanged(draft, agentAccount(id), spec.budget, timeZone);
  if (before?.placement) tellOrTakeOff(draft, before, raised);
  return raised;
}

function tellOrTakeOff(draft: Draft, before: AgentRow, row: AgentRow): void {
  const deltas = openDeltas();
  const misfit = misfitOf(draft, before, row);
  if (misfit === null) placeDelta(draft, deltas, row);
  else {
    moveAgent(draft, deltas, row, {
      agent: row.id,
      to: null,
      cause: 'rules',
      unplaced: { text: `Its spec changed: ${misfit}.`, fix: [[{ verb: 'wait', for: 'placement' }]], refused: [] },
    });
  }
  sendDeltas(draft, deltas);
  // The new spec may allow more concurrent tasks.
  if (misfit === null) leaseNext(draft, row.id);
}

/** Why a placed agent can obviously not stay on its node, in words; placement decides the less obvious cases. */
function misfitOf(draft: Draft, before: AgentRow, { spec, placement }: AgentRow): string | null {
  const node = placement && draft.nodes.get(placement.node);
  if (!node) return null;
  const { class: classes, site, labels, nodes } = spec.placement;
  if (nodes.length > 0 && !nodes.includes(node.id)) return `${node.id} is not among its nodes`;
  if (classes.length > 0 ? !classes.includes(node.class) : node.class === 'cloud')
    return `${node.id} is of class ${node.class}`;
  if (site.length > 0 && !site.includes(node.site)) return `${node.id} is at site ${node.site}`;
  for (const [key, value] of Object.entries(labels))
    if (node.labels[key] !== value) return `${node.id} has no label ${key}: ${value}`;
  if (isApart(node) && spec.placement.simulated !== true) return `${node.id} is simulated`;
  if (JSON.stringify(before.spec.model) !== JSON.stringify(spec.model) && !wants(draft, node, spec, placement.model))
    return `${placement.model} is not among its models`;
  return null;
}
function wants(draft: Draft, node: NodeRow, spec: AgentSpec, model: string): boolean {
  const capacity = draft.view.live.get(node.id)?.capacity;
  const known = capacity?.models.find(({ name }) => name === model);
  const present = known ?? { name: model, aliases: [], parametersB: 0, sizeBytes: 0 };
  return spec.model.some((wanted) => isWished(wanted, present, capacity?.defaultChat ?? null));
}

/**
 * Changes the name and nothing else: memory, tasks and the running agent stay as they are. Specs that name the agent in `nearAgents` or
 * `avoidAgents` get the new name in the same decision, because they refer to agents by name.
 */
export const renameAgent: Decide<'agent-rename'> = (view, { by, agent, name }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = draft.agents.get(agent);
  if (!row) return refuse('no-such-agent', `There is no agent ${agentNameOf(draft, agent)}.`);
  const was = row.spec.name;
  if (was === name) return decided(draft);
  if (agentIdOf(view, row.space, name) !== undefined)
    return refuse('conflict', `body: name: there is an agent ${name} already.`);
  const removed = view.removedIds.get(inSpace(row.space, name));
  if (removed !== undefined)
    return refuse(
      'conflict',
      `body: name: ${name} was an agent that was removed, and its memory is kept: apply it again, or choose another name.`,
    );
  const renamed = nextVersion(row, { ...row.spec, name }, nowMs);
  const changed = [renamed];
  for (const other of view.agents.values() as Iterable<AgentRow>) {
    if (other.id === agent || other.space !== row.space) continue;
    const placement = withCompany(other.spec.placement, was, name);
    if (placement) changed.push(nextVersion(other, { ...other.spec, placement }, nowMs));
  }
  const deltas = openDeltas();
  for (const next of changed) {
    const tooLarge = refuseTooLarge(draft, next);
    if (tooLarge) return tooLarge;
    putVersion(draft, by, next);
    placeDelta(draft, deltas, next);
    if (next === renamed) noteAudit(draft, by, 'agent-rename', { agent, was, version: next.version });
    else noteAudit(draft, by, 'agent-change', { agent: next.id, version: next.version });
  }
  noteEvent(draft, 'agent-renamed', { agent, was });
  sendDeltas(draft, deltas);
  return decided(draft);
};
/** Null: the spec does not name the agent. */
function withCompany(placement: AgentSpec['placement'], was: string, name: string): AgentSpec['placement'] | null {
  const { avoidAgents, nearAgents } = placement;
  if (!avoidAgents.includes(was) && !nearAgents?.includes(was)) return null;
  const renamed = (names: readonly string[]) => names.map((each) => (each === was ? name : each));
  return {
    ...placement,
    avoidAgents: renamed(avoidAgents),
    ...(nearAgents ? { nearAgents: renamed(nearAgents) } : {}),
  };
}

export const removeAgent: Decide<'agent-remove'> = (view, { by, agent }, nowMs, { timeZone }) => {
  const draft = openDraft(view, nowMs);
  const row = draft.agents.get(agent);
  if (!row) return refuse('no-such-agent', `There is no agent ${agentNameOf(draft, agent)}.`);
  const { id, space, epoch, version } = row;
  const { name } = row.spec;
  const problem = { code: 'no-such-agent', text: `The agent ${name} was removed.`, retryable: false };
  for (const task of [...leasedIn(draft, id), ...waitingIn(draft, id)]) {
    sendCancel(draft, task, `the agent ${name} was removed`);
    endTask(draft, task, { state: 'cancelled', problem });
  }
  const deltas = openDeltas();
  if (row.placement) removeDelta(deltas, row.placement.node, id, row.placement.epoch);
  sendDeltas(draft, deltas);
  const quiet = row.placement ? quietAfter(view, row.placement, nowMs) : row.quiet;
  budgetChanged(draft, agentAccount(id), undefined, timeZone);
  leaveRollouts(draft, 'agent', id);
  dropAgent(draft, { id, space, name, epoch, version, ...(quiet ? { quiet } : {}) });
  noteAudit(draft, by, 'agent-remove', { agent: id, version });
  noteEvent(draft, 'agent-removed', { agent: id });
  return decided(draft);
};
