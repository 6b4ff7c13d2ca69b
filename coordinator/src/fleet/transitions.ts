// The steps a node's presence can take, with all that follows from each: events, leases that go back, farewells. Every change of
// presence comes through here; who decides that it is time is presence.ts, hello.ts and tick.ts.
import { actorOf, coordinatorSelf, type TaskProblem } from '@blackroad/protocol';
import { type Draft, noteAudit, noteEvent, putNode, send } from '../draft.ts';
import { loseLeases } from '../tasks/leases.ts';
import type { NodeRow } from '../view.ts';

/** Presence reason after a start: these nodes did nothing wrong, and no event is worth writing when they come back. */
export const restartedReason = 'the coordinator restarted';

export function turnOnline(draft: Draft, row: NodeRow, boot: string, reason: string): NodeRow {
  if (row.presence === 'online' && row.boot === boot) return row;
  const rebooted = row.boot !== boot;
  const online: NodeRow = {
    ...row,
    boot,
    presence: 'online',
    presenceSinceMs: draft.nowMs,
    presenceReason: reason,
  };
  putNode(draft, online);
  if (rebooted || row.presenceReason !== restartedReason)
    noteEvent(draft, {
      node: row.id,
      type: 'node-online',
      severity: 'info',
      text: row.presence === 'never' ? `${row.id} is here for the first time` : `${row.id} is back: ${reason}`,
    });
  return online;
}

export function turnSuspect(draft: Draft, row: NodeRow, reason: string): NodeRow {
  if (row.presence !== 'online') return row;
  const suspect: NodeRow = { ...row, presence: 'suspect', presenceSinceMs: draft.nowMs, presenceReason: reason };
  putNode(draft, suspect);
  if (reason !== restartedReason)
    noteEvent(draft, {
      node: row.id,
      type: 'node-suspect',
      severity: reason === 'stopped' ? 'info' : 'warning',
      text: `${row.id} is away: ${reason}`,
    });
  return suspect;
}

/** Given up for now: its leases go back to the queue. Its agents stay assigned to it until placement moves them. */
export function turnLost(draft: Draft, row: NodeRow, awayMs: number): NodeRow {
  const lost: NodeRow = { ...row, presence: 'lost', presenceSinceMs: draft.nowMs };
  putNode(draft, lost);
  goneNode(draft, lost, `${row.id} has been away for ${Math.round(awayMs / 1000)} s (${row.presenceReason})`);
  return lost;
}

/** What lost, quarantined and forgotten nodes have in common. */
export function goneNode(draft: Draft, row: NodeRow, text: string): void {
  const problem: TaskProblem = {
    code: 'node-lost',
    text: `${row.id} was lost while it worked on this.`,
    retryable: true,
  };
  const count = loseLeases(draft, row.id, problem, 'the coordinator lost sight of this node');
  const tasks = count === 0 ? '' : `; ${count} ${count === 1 ? 'task goes' : 'tasks go'} back to the queue`;
  noteEvent(draft, { node: row.id, type: 'node-lost', severity: 'error', text: `${text}${tasks}` });
}

/** Shut out until a person releases it. */
export function quarantine(draft: Draft, row: NodeRow, reason: string): NodeRow {
  const out: NodeRow = {
    ...row,
    status: 'quarantined',
    quarantineReason: reason,
    presence: 'lost',
    presenceSinceMs: draft.nowMs,
    presenceReason: `quarantined: ${reason}`,
  };
  putNode(draft, out);
  noteAudit(draft, { actor: actorOf(coordinatorSelf), action: 'node-quarantined', subject: row.id, text: reason });
  noteEvent(draft, {
    node: row.id,
    type: 'node-quarantined',
    severity: 'error',
    text: `${row.id} is quarantined: ${reason}`,
  });
  goneNode(draft, out, `${row.id} is shut out`);
  sayFarewell(draft, row.id, 'quarantined', reason);
  return out;
}

export function sayFarewell(draft: Draft, node: string, reason: 'forgotten' | 'quarantined', text: string): void {
  send(draft, 'farewell', { node }, { reason, text: text.slice(0, 500) });
}
