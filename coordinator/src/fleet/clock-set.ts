// The clock of the coordinator's machine was set. Every waiting time keeps its length: each stored moment that a waiting time is measured
// from moves by the same amount. Under another id of the coordinator, nodes send a new hello: the times in its messages jumped, and only
// the answer to a hello tells a node how old a message is. In: by how much the clock was set. Out: the moved rows. [INV-one-hand]
// [INV-deadline] [decision 5]
import { moveRollouts } from '../rollouts/clock.ts';
import { change, decided, noteEvent, openDraft, putAgent, putNode } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { AgentRow, Quiet } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { leftOf } from './quiet.ts';
import { announce, pauseMs } from './tick.ts';

/** `nowMs`: the time by the clock before it was set. */
export const clockSet: Decide<'clock-set'> = (view, { byMs, coordinator }, nowMs, policy) => {
  const draft = openDraft(view, nowMs + byMs);
  // A virtual machine that its host suspended looks the same: the nodes were not silent in that time.
  change(draft, { type: 'clock-set', byMs, resumed: byMs > pauseMs });
  change(draft, { type: 'tasks-moved', byMs });
  for (const row of view.nodes.values()) {
    // `presenceSinceMs` of an online node is only shown to people, so it need not move.
    if (row.presence === 'suspect' || row.presence === 'lost')
      putNode(draft, { ...row, presenceSinceMs: row.presenceSinceMs + byMs });
  }
  for (const row of view.agents.values()) {
    const moved = movedAgent(view, row, byMs, nowMs, policy.rebalanceRestMs);
    if (moved) putAgent(draft, moved);
  }
  moveRollouts(draft, byMs);
  noteEvent(draft, 'clock-set', { byMs });
  change(draft, { type: 'renewed', coordinator });
  announce(draft, policy, coordinator);
  return decided(draft);
};

/** Null: the agent has no waiting time. */
function movedAgent(view: View, row: AgentRow, byMs: number, nowMs: number, restMs: number): AgentRow | null {
  const { placement } = row;
  if (!placement) {
    const quiet = movedQuiet(view, row.quiet, byMs, nowMs);
    return quiet ? { ...row, quiet } : null;
  }
  const quiet = movedQuiet(view, placement.quiet, byMs, nowMs);
  const rests = placement.rebalanced && nowMs - placement.placedMs < restMs;
  const leaving = placement.leaving && { ...placement.leaving, waitsFromMs: placement.leaving.waitsFromMs + byMs };
  if (!quiet && !rests && !leaving) return null;
  const placedMs = rests ? placement.placedMs + byMs : placement.placedMs;
  const moved = { ...placement, placedMs, ...(quiet ? { quiet } : {}), ...(leaving ? { leaving } : {}) };
  return { ...row, placement: moved };
}
function movedQuiet(view: View, quiet: Quiet | undefined, byMs: number, nowMs: number): Quiet | null {
  const leftMs = leftOf(view, quiet, nowMs);
  return quiet && leftMs > 0 ? { ...quiet, untilMs: nowMs + byMs + leftMs } : null;
}
