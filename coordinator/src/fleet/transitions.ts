// The transitions of a node's presence, with all consequences of each: events, leases that end, farewells. Every change of presence is made
// here; presence.ts, hello.ts and tick.ts decide when. [INV-presence]
import { coordinatorSelf, type PresenceCause, type TaskProblem } from '@blackroad/protocol';
import { type Draft, noteAudit, noteEvent, putNode, send } from '../state/draft.ts';
import type { NodeRow } from '../state/rows.ts';
import { loseLeases } from '../tasks/leases.ts';

export function turnOnline(
  draft: Draft,
  row: NodeRow,
  boot: string,
  reason: string,
  presenceCause: PresenceCause = 'connected',
): NodeRow {
  if (row.presence === 'online' && row.boot === boot) return row;
  const rebooted = row.boot !== boot;
  const online: NodeRow = {
    ...row,
    boot,
    presence: 'online',
    presenceSinceMs: draft.nowMs,
    presenceReason: reason,
    presenceCause,
  };
  putNode(draft, online);
  // The return of a node that was suspect only since the coordinator's restart makes no event: the node never was away.
  if (rebooted || row.presenceCause !== 'restarted')
    noteEvent(draft, 'node-online', { node: row.id, isNew: row.presence === 'never', reason });
  return online;
}

export function turnSuspect(draft: Draft, row: NodeRow, presenceCause: PresenceCause, reason: string): NodeRow {
  if (row.presence !== 'online') return row;
  const presenceSinceMs = draft.nowMs;
  const suspect: NodeRow = { ...row, presence: 'suspect', presenceSinceMs, presenceReason: reason, presenceCause };
  putNode(draft, suspect);
  if (presenceCause !== 'restarted') noteEvent(draft, 'node-suspect', { node: row.id, cause: presenceCause, reason });
  return suspect;
}

/** Marks a node as lost: its leases go back to the queue. Its agents stay assigned to it until placement moves them. */
export function turnLost(draft: Draft, row: NodeRow, awayMs: number): NodeRow {
  const lost: NodeRow = { ...row, presence: 'lost', presenceSinceMs: draft.nowMs };
  putNode(draft, lost);
  goneNode(draft, lost, Math.round(awayMs / 1000));
  return lost;
}

/** The common part of loss and quarantine. `awaySeconds`: of a lost node. */
function goneNode(draft: Draft, row: NodeRow, awaySeconds?: number): void {
  const { id: node, presenceCause: cause, presenceReason: reason } = row;
  const problem: TaskProblem = {
    code: 'node-lost',
    text: `${node} was lost while it worked on this.`,
    retryable: true,
  };
  const tasks = loseLeases(draft, node, problem, 'the coordinator lost sight of this node');
  noteEvent(draft, 'node-lost', { node, awaySeconds, cause, reason, tasks });
}

/** Shuts a node out until a person releases it. */
export function quarantine(draft: Draft, row: NodeRow, reason: string): NodeRow {
  const out: NodeRow = {
    ...row,
    status: 'quarantined',
    quarantineReason: reason,
    presence: 'lost',
    presenceSinceMs: draft.nowMs,
    presenceReason: `quarantined: ${reason}`,
    presenceCause: 'quarantined',
  };
  putNode(draft, out);
  noteAudit(draft, coordinatorSelf, 'node-quarantined', { node: row.id, reason });
  noteEvent(draft, 'node-quarantined', { node: row.id, reason });
  goneNode(draft, out);
  sayFarewell(draft, row.id, 'quarantined', reason);
  return out;
}

export function sayFarewell(draft: Draft, node: string, reason: 'forgotten' | 'quarantined', text: string): void {
  send(draft, 'farewell', { node }, { reason, text: text.slice(0, 500) });
}
