// What nodes show of the time between a backup and its restore: agents that the backup has not or has older, machines that joined since,
// memories. It is kept for the report; a person brings agents and machines back, since a node could tell of agents that nobody made. Pure.
import { maxNodes, maxRestoreRows } from '@blackroad/protocol';
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
  remark,
} from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { FoundRow } from '../state/restore-rows.ts';
import type { NodeRow } from '../state/rows.ts';
import { bringBack } from './agents.ts';
import { anyHardware } from './hardware.ts';

type Found<K extends FoundRow['kind']> = Extract<FoundRow, { kind: K }>;

/** A node had this agent when it heard of the restore. */
export const acceptHeld: Decide<'agent-held'> = (view, { node, message }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  const { agent, assigned, lineage } = message;
  const { spec, version, epoch } = assigned;
  if (row?.status !== 'active' || view.restored?.lineage !== lineage) {
    remark(draft, 'not-of-this-restore', `${node} had ${agent} before another restore`);
    return decided(draft);
  }
  const known = view.agents.get(agent) ?? null;
  if (known && version <= known.version) return decided(draft);
  const id = `agent ${agent}`;
  const before = view.found.get(id) as Found<'agent'> | undefined;
  if (before ? before.epoch >= epoch : !hasRoom(draft)) return decided(draft);
  const space = known?.space ?? view.removedAgents.get(agent)?.space ?? 'default';
  change(draft, {
    type: 'restore-found',
    row: { id, kind: 'agent', node, agent, space, spec, version, epoch, isBack: false },
  });
  if (!before) noteEvent(draft, 'restore-found', { node, agent: spec.name });
  return decided(draft);
};

/** Memories of before the restore came from a node. */
export function noteMemories(
  draft: Draft,
  node: string,
  agent: string,
  entries: readonly { createdAt: number }[],
): void {
  const { restored, found } = draft.view;
  if (!restored) return;
  const count = entries.filter(({ createdAt }) => createdAt < restored.restoredMs).length;
  const id = `memory ${agent} ${node}`;
  const before = found.get(id) as Found<'memory'> | undefined;
  if (count === 0 || (!before && !hasRoom(draft))) return;
  change(draft, {
    type: 'restore-found',
    row: { id, kind: 'memory', node, agent, entries: (before?.entries ?? 0) + count },
  });
}

/**
 * A machine connects with a certificate of this fleet that was made after the backup. All certificates begin in the past, so the end tells
 * when one was made.
 */
export const noteUnknownNode: Decide<'node-unknown'> = (
  view,
  { node, keyFingerprint, certificateExpiresMs },
  nowMs,
  policy,
) => {
  const draft = openDraft(view, nowMs);
  const { restored } = view;
  if (!restored || certificateExpiresMs - policy.certificateMs < restored.backupMs) return decided(draft);
  const id = `node ${node}`;
  const before = view.found.get(id) as Found<'node'> | undefined;
  if (before ? before.keyFingerprint === keyFingerprint : !hasRoom(draft)) return decided(draft);
  const row = { id, kind: 'node' as const, node, keyFingerprint, certificateExpiresMs, isIn: false };
  change(draft, { type: 'restore-found', row });
  noteEvent(draft, 'restore-found', { node });
  return decided(draft);
};

/** `agent`: its name or id. */
export const restoreAgent: Decide<'restore-agent'> = (view, { by, agent }, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const rows = [...view.found.values()].filter(
    (row) => row.kind === 'agent' && row.space === by.space,
  ) as Found<'agent'>[];
  const row = rows.find((found) => found.agent === agent) ?? rows.find((found) => found.spec.name === agent);
  if (!row) return refuse('no-such-agent', `No node told of an agent ${agent} that the backup lacks.`);
  if (row.isBack) return refuse('conflict', `${agent} was brought back already.`);
  const back = bringBack(draft, row, policy);
  if ('outcome' in back) return back;
  change(draft, { type: 'restore-found', row: { ...row, isBack: true } });
  noteAudit(draft, by, 'restore-agent', { agent: back.id, version: back.version });
  return decidedWith(draft, { id: back.id, name: back.spec.name, version: back.version });
};

export const restoreNode: Decide<'restore-node'> = (view, { by, node }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const found = view.found.get(`node ${node}`);
  if (found?.kind !== 'node')
    return refuse('no-such-node', `No machine with a certificate for ${node} tried to connect since the restore.`);
  const known = draft.nodes.get(node);
  const { keyFingerprint, certificateExpiresMs } = found;
  const isIn = known?.keyFingerprint === keyFingerprint;
  if (found.isIn && isIn) return refuse('conflict', `${node} was let in already.`);
  if (!known && draft.view.nodes.size >= maxNodes)
    return refuse('fleet-full', `The fleet has ${maxNodes} nodes, its limit.`);
  // What is not known of it, it tells in its hello and its inventory.
  const any = anyHardware(node);
  putNode(draft, {
    ...(known ?? blankNode(node, nowMs)),
    keyFingerprint,
    certificateExpiresMs,
    hardware: any,
    machine: any,
    boot: '',
  });
  change(draft, { type: 'restore-found', row: { ...found, isIn: true } });
  noteAudit(draft, by, 'restore-node', { node, key: keyFingerprint.slice(0, 16) });
  return decided(draft);
};

function blankNode(id: string, nowMs: number): NodeRow {
  return {
    ...{
      id,
      class: 'linux',
      site: 'home',
      labels: {},
      status: 'active',
      quarantineReason: '',
      hardware: '',
      keyFingerprint: '',
    },
    ...{
      certificateExpiresMs: 0,
      enrolledMs: nowMs,
      simulated: false,
      cordoned: false,
      draining: false,
      generation: 0,
    },
    ...{ presence: 'never', presenceSinceMs: nowMs, presenceReason: 'let in after a restore, not heard of yet' },
    ...{ presenceCause: 'enrolled', boot: '', info: null },
  };
}

function hasRoom({ view }: Draft): boolean {
  return view.found.size < maxRestoreRows;
}
