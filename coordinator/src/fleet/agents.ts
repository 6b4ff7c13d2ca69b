// Agents as people apply and remove them. A changed spec is a new version; a placed agent is told at once and keeps its epoch,
// unless its node obviously no longer fits: then it is taken off, and placement finds it a new one.
import { type AgentSpec, actorOf, isApart, maxAgents, meansModel } from '@blackroad/protocol';
import {
  agentIn,
  change,
  type Draft,
  decided,
  decidedWith,
  dropAgent,
  leasedIn,
  nodeIn,
  noteAudit,
  noteEvent,
  openDraft,
  putAgent,
  waitingIn,
} from '../draft.ts';
import { type Decide, refuse } from '../input.ts';
import { endTask } from '../tasks/ends.ts';
import { leaseNext, sendCancel } from '../tasks/leases.ts';
import type { AgentRow, NodeRow, Quiet, View } from '../view.ts';
import {
  assignedBytes,
  assignedOf,
  maxAssignedBytes,
  openDeltas,
  placeDelta,
  removeDelta,
  sendDeltas,
  unplaceAgent,
} from './assignment.ts';
import { quietAfter } from './quiet.ts';

/** Where an agent of this name left off: a new one goes on counting, or nodes that were away would mistake old for new. */
const goneSetting = (name: string): string => `agent-gone:${name}`;
interface Gone {
  epoch: number;
  version: number;
  /** Older rows lack it. */
  quiet?: Quiet;
}

export const applyAgent: Decide<'agent-apply'> = (view, { by, spec }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const { name } = spec;
  const before = agentIn(draft, name);
  if (before && JSON.stringify(before.spec) === JSON.stringify(spec))
    return decidedWith(draft, { name, version: before.version, created: false, changed: false });
  if (!before && view.agents.size >= maxAgents)
    return refuse('fleet-full', `The fleet has ${maxAgents} agents, its limit.`);
  const row = before ? nextVersion(before, spec, nowMs) : firstVersion(view, spec, nowMs);
  const bytes = assignedBytes(assignedOf(draft, row, row.placement ?? widestPlacement));
  if (bytes > maxAssignedBytes)
    return refuse(
      'too-large',
      `${name} takes ${bytes} bytes to send to a node; at most ${maxAssignedBytes} are allowed: shorten instructions or the prompts of triggers.`,
    );
  change(draft, { type: 'agent-version', name, version: row.version, atMs: nowMs, by: actorOf(by), spec });
  noteAudit(draft, by, before ? 'agent-change' : 'agent-create', { agent: name, version: row.version });
  putAgent(draft, row);
  if (before?.placement) tellOrTakeOff(draft, before, row);
  return decidedWith(draft, { name, version: row.version, created: !before, changed: true });
};

function nextVersion(before: AgentRow, spec: AgentSpec, nowMs: number): AgentRow {
  return { ...before, spec, version: before.version + 1, updatedMs: nowMs, changedMs: nowMs };
}
function firstVersion(view: View, spec: AgentSpec, nowMs: number): AgentRow {
  const gone = view.settings.get(goneSetting(spec.name)) as Gone | null | undefined;
  return {
    name: spec.name,
    spec,
    version: (gone?.version ?? 0) + 1,
    epoch: Math.max(gone?.epoch ?? 0, view.heads.get(spec.name)?.epoch ?? 0),
    placement: null,
    ...(gone?.quiet ? { quiet: gone.quiet } : {}),
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

function tellOrTakeOff(draft: Draft, before: AgentRow, row: AgentRow): void {
  const deltas = openDeltas();
  const misfit = misfitOf(draft, before, row);
  if (misfit === null) placeDelta(draft, deltas, row);
  else {
    unplaceAgent(draft, deltas, row, {
      cause: 'rules',
      unplaced: { text: `Its spec changed: ${misfit}.`, fix: [[{ verb: 'wait', for: 'placement' }]], refused: [] },
    });
  }
  sendDeltas(draft, deltas);
  // More may run at once now.
  if (misfit === null) leaseNext(draft, row.name);
}

/** Why a placed agent can obviously not stay, in words; the finer judgement is placement's. */
function misfitOf(draft: Draft, before: AgentRow, { spec, placement }: AgentRow): string | null {
  const node = placement && nodeIn(draft, placement.node);
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
  const aliases = capacity?.models.find(({ name }) => name === model)?.aliases ?? [];
  return spec.model.some(
    (wanted) => meansModel(wanted, { name: model, aliases }) || (wanted === 'auto' && capacity?.defaultChat === model),
  );
}

export const removeAgent: Decide<'agent-remove'> = (view, { by, name }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = agentIn(draft, name);
  if (!row) return refuse('no-such-agent', `There is no agent ${name}.`);
  const problem = { code: 'no-such-agent', text: `The agent ${name} was removed.`, retryable: false };
  for (const task of [...leasedIn(draft, name), ...waitingIn(draft, name)]) {
    sendCancel(draft, task, `the agent ${name} was removed`);
    endTask(draft, task, { state: 'cancelled', problem });
  }
  const deltas = openDeltas();
  if (row.placement) removeDelta(deltas, row.placement.node, name, row.placement.epoch);
  sendDeltas(draft, deltas);
  dropAgent(draft, name);
  const quiet = row.placement ? quietAfter(view, row.placement, nowMs) : row.quiet;
  const gone: Gone = { epoch: row.epoch, version: row.version, ...(quiet ? { quiet } : {}) };
  change(draft, { type: 'setting', key: goneSetting(name), value: gone });
  noteAudit(draft, by, 'agent-remove', { agent: name, version: row.version });
  noteEvent(draft, 'agent-removed', { agent: name });
  return decided(draft);
};
