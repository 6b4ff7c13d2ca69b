// The blast-radius valve: when a large share of the fleet or of a site goes away at once, the cause is most likely the network or
// the coordinator, and moving agents would do harm. It closes (moves are frozen, with the reason in words), and opens when enough
// are back or when a person says so. Nodes that are away when it opens are excused: they do not close it again.
import { change, type Draft, nodeIn, noteEvent } from '../draft.ts';
import type { Policy } from '../input.ts';
import type { NodeRow } from '../view.ts';
import { restartedReason } from './transitions.ts';

interface Group {
  name: string;
  here: number;
  away: number;
}

export function judgeValve(draft: Draft, policy: Policy): void {
  const { frozen } = draft.view;
  // While closed, all that went away around the closing or since count, however long ago.
  const sinceMs = (frozen?.sinceMs ?? draft.nowMs) - policy.valveWindowMs;
  const groups = new Map<string, Group>();
  for (const id of draft.view.nodes.keys()) {
    const row = nodeIn(draft, id);
    if (row?.status !== 'active' || row.presence === 'never') continue;
    const away = row.presence !== 'online';
    if (away && !counts(draft, row, sinceMs)) continue;
    tally(groups, 'the fleet', away);
    tally(groups, `site ${row.site}`, away);
  }
  let worst: Group | null = null;
  const share = frozen ? policy.valveShare / 2 : policy.valveShare;
  for (const group of groups.values()) {
    if (group.away < policy.valveMinNodes || group.away <= share * (group.here + group.away)) continue;
    if (!worst || group.away > worst.away) worst = group;
  }
  if (worst && !frozen) close(draft, worst, policy);
  else if (!worst && frozen) open(draft);
}

function counts(draft: Draft, row: NodeRow, sinceMs: number): boolean {
  if (draft.view.excused.has(row.id) || row.presenceSinceMs < sinceMs) return false;
  if (row.presenceReason === 'stopped') return false;
  return row.presence === 'lost' || row.presenceReason !== restartedReason;
}
function tally(groups: Map<string, Group>, name: string, away: boolean): void {
  let group = groups.get(name);
  if (!group) {
    group = { name, here: 0, away: 0 };
    groups.set(name, group);
  }
  if (away) group.away++;
  else group.here++;
}

function close(draft: Draft, { name, here, away }: Group, policy: Policy): void {
  const seconds = Math.round(policy.valveWindowMs / 1000);
  const reason = `${away} of ${here + away} nodes of ${name} went away within ${seconds} s: most likely the network or the coordinator, so no agent is moved`;
  change(draft, { type: 'frozen', frozen: { sinceMs: draft.nowMs, reason } });
  noteEvent(draft, { type: 'moves-frozen', severity: 'error', text: reason });
}
function open(draft: Draft): void {
  change(draft, { type: 'frozen', frozen: null });
  noteEvent(draft, {
    type: 'moves-resumed',
    severity: 'info',
    text: 'enough nodes are back: agents may be moved again',
  });
}
