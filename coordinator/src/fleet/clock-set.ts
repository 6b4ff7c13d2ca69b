// The clock of the coordinator's machine was set. What waits goes on waiting as long as it has to: every moment
// that something is reckoned from is moved by as much. Under another id of the coordinator nodes say hello anew: the times in its word
// jumped, and only an answer to a hello tells how old word is. In: by how much; out: the moved rows. [INV-one-hand] [INV-deadline] [decision 5]
import { change, decided, noteEvent, openDraft, putAgent, putNode } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { AgentRow, Quiet } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { leftOf } from './quiet.ts';
import { announce, pauseMs } from './tick.ts';

/** `nowMs`: as if the clock had not been set. */
export const clockSet: Decide<'clock-set'> = (view, { byMs, coordinator }, nowMs, policy) => {
  const draft = openDraft(view, nowMs + byMs);
  // A virtual machine that its host suspended looks like this too: the silence meanwhile is not the nodes'.
  change(draft, { type: 'clock-set', byMs, resumed: byMs > pauseMs });
  change(draft, { type: 'tasks-moved', byMs });
  for (const row of view.nodes.values()) {
    // Since when a node is here is read by people alone.
    if (row.presence === 'suspect' || row.presence === 'lost')
      putNode(draft, { ...row, presenceSinceMs: row.presenceSinceMs + byMs });
  }
  for (const row of view.agents.values()) {
    const moved = movedAgent(view, row, byMs, nowMs, policy.rebalanceRestMs);
    if (moved) putAgent(draft, moved);
  }
  noteEvent(draft, 'clock-set', { byMs });
  change(draft, { type: 'renewed', coordinator });
  announce(draft, policy, coordinator);
  return decided(draft);
};

/** Null: it waits for nothing. */
function movedAgent(view: View, row: AgentRow, byMs: number, nowMs: number, restMs: number): AgentRow | null {
  const { placement } = row;
  if (!placement) {
    const quiet = movedQuiet(view, row.quiet, byMs, nowMs);
    return quiet ? { ...row, quiet } : null;
  }
  const quiet = movedQuiet(view, placement.quiet, byMs, nowMs);
  const rests = placement.rebalanced && nowMs - placement.placedMs < restMs;
  if (!quiet && !rests) return null;
  const placedMs = rests ? placement.placedMs + byMs : placement.placedMs;
  return { ...row, placement: { ...placement, placedMs, ...(quiet ? { quiet } : {}) } };
}
function movedQuiet(view: View, quiet: Quiet | undefined, byMs: number, nowMs: number): Quiet | null {
  const leftMs = leftOf(view, quiet, nowMs);
  return quiet && leftMs > 0 ? { ...quiet, untilMs: nowMs + byMs + leftMs } : null;
}
