// Actions of people on nodes: cordon, drain, move, release, forget.

import { closeBranchesOf } from '../memory/branches.ts';
import { leaveRollouts } from '../rollouts/gone.ts';
import { refuse } from '../state/decision.ts';
import {
  change,
  type Draft,
  decided,
  decidedWith,
  noteAudit,
  noteEvent,
  openDraft,
  putNode,
  send,
} from '../state/draft.ts';
import type { Decide, Inputs } from '../state/input.ts';
import type { NodeRow } from '../state/rows.ts';
import { leaseForNode, loseLeases } from '../tasks/leases.ts';
import { openDeltas, unplaceAgent } from './assignment.ts';
import { anyHardware } from './hardware.ts';
import { sayFarewell } from './transitions.ts';
import { judgeValve } from './valve.ts';

const noNode = (node: string) => `There is no node ${node}.`;

/** For so long a re-flashed machine may take its node back after a release, where the policy is `ask`. */
const reclaimOpenMs = 3_600_000;

type Edit = Pick<Inputs['node-edit'], 'by' | 'cordoned' | 'draining' | 'site' | 'labels'>;

export const editNode: Decide<'node-edit'> = (view, { node, ...edit }, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  if (!row) return refuse('no-such-node', noNode(node));
  // A changed site changes the groups of the valve, and a plan may be made before the next tick.
  if (edited(draft, row, edit) && edit.site !== undefined) judgeValve(draft, policy);
  return decided(draft);
};

export const editNodes: Decide<'nodes-edit'> = (view, { nodes, ...edit }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const unknown: string[] = [];
  let changed = 0;
  for (const node of new Set(nodes)) {
    const row = draft.nodes.get(node);
    if (!row) unknown.push(node);
    else if (edited(draft, row, edit)) changed++;
  }
  return decidedWith(draft, { changed, unknown });
};

/** Applies the edit; whether it changed anything. */
export function edited(draft: Draft, row: NodeRow, { by, ...edit }: Edit): boolean {
  const { id: node } = row;
  let edited = row;
  const before = draft.changes.length;
  if (edit.cordoned !== undefined && edit.cordoned !== row.cordoned) {
    edited = { ...edited, cordoned: edit.cordoned };
    noteAudit(draft, by, edit.cordoned ? 'node-cordon' : 'node-uncordon', { node });
  }
  if (edit.draining !== undefined && edit.draining !== row.draining) {
    edited = { ...edited, draining: edit.draining };
    noteAudit(draft, by, edit.draining ? 'node-drain' : 'node-undrain', { node });
  }
  if (edit.site !== undefined && edit.site !== row.site) {
    edited = { ...edited, site: edit.site };
    noteAudit(draft, by, 'node-site', { node, was: row.site, site: edit.site });
  }
  if (edit.labels !== undefined && JSON.stringify(edit.labels) !== JSON.stringify(row.labels)) {
    edited = { ...edited, labels: edit.labels };
    noteAudit(draft, by, 'node-labels', { node, was: row.labels, labels: edit.labels });
  }
  // No change was added: the edit equals the row.
  if (draft.changes.length === before) return false;
  putNode(draft, edited);
  if (row.draining !== edited.draining) tellDraining(draft, edited);
  if (row.draining && !edited.draining) leaseForNode(draft, node);
  return true;
}

/** A node that is away hears it with its welcome. */
export function tellDraining(draft: Draft, { id, presence, draining }: NodeRow): void {
  if (presence === 'online' && draft.live.get(id)?.can?.pins) send(draft, 'draining', { node: id }, { draining });
}

/** Ends a quarantine; for a node that is not quarantined, allows its machine to enrol anew once, where the policy is `ask`. */
export const releaseNode: Decide<'node-release'> = (view, { by, node }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  if (!row) return refuse('no-such-node', noNode(node));
  if (row.status === 'quarantined') {
    const any = anyHardware(node);
    putNode(draft, { ...row, status: 'active', quarantineReason: '', hardware: any, machine: any, boot: '' });
    noteAudit(draft, by, 'node-release', { node, reason: row.quarantineReason });
  } else {
    putNode(draft, { ...row, reclaimUntilMs: nowMs + reclaimOpenMs });
    noteAudit(draft, by, 'node-reclaim-allow', { node });
  }
  return decided(draft);
};

export const forgetNode: Decide<'node-forget'> = (view, { by, node }, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  if (!row) return refuse('no-such-node', noNode(node));
  const text = `${node} was forgotten`;
  const problem = { code: 'node-lost', text: `${text} while it worked on this.`, retryable: true };
  loseLeases(draft, node, problem, text);
  const nobody = openDeltas();
  for (const name of view.agentsByNode.get(node) ?? []) {
    const agent = draft.agents.get(name);
    if (agent?.placement?.node !== node) continue;
    unplaceAgent(draft, nobody, agent, {
      cause: 'lost',
      unplaced: { text: 'Its node was forgotten.', fix: [[{ verb: 'wait', for: 'placement' }]], refused: [] },
    });
  }
  closeBranchesOf(draft, node, 'forgotten');
  for (const pin of view.pins.values()) if (pin.node === node) change(draft, { type: 'pin-gone', id: pin.id });
  leaveRollouts(draft, 'node', node);
  draft.nodes.delete(node);
  judgeValve(draft, policy);
  sayFarewell(draft, node, 'forgotten', 'A person took this node out of the fleet.');
  noteAudit(draft, by, 'node-forget', { node, hardware: row.hardware });
  noteEvent(draft, 'node-forgotten', { node });
  return decided(draft);
};
