// How long a node may act outside for an agent, and how long the next one keeps its hands still for that. A node holds a lease that
// only word of its coordinator renews; a node that is asked to let an agent go may not hear it, and then its lease must run out
// before another one acts. In: who leaves which node; out: the quiet time of who comes. Pure; nothing here waits. [INV-one-hand]

import type { AgentRow, Placement, Quiet } from '../state/rows.ts';
import type { View } from '../state/view.ts';

/** Three announcements of tick.ts: two of them may be lost. */
export const leaseMs = 30_000;
/** Word that overtook the order to let go, in a broker that is a cluster; what clocks differ in a lease. */
const slackMs = 5_000;
export const longestQuietMs = leaseMs + slackMs;

/** From now on `before` is to let the agent go, and may not know it for as long as its lease lasts. */
export function quietAfter(view: View, before: Placement, nowMs: number): Quiet {
  const untilMs = nowMs + longestQuietMs;
  // Who came itself only after an earlier one: that one may still act too, and one word of letting go says nothing of the other.
  const isAlone = leftOf(view, before.quiet, nowMs) === 0;
  return { untilMs, boot: isAlone ? provenBoot(view, before.node) : null, epoch: before.epoch };
}
/** A copied card speaks under the same name: only the word of a process whose machine was proven is a node's own. */
function provenBoot(view: View, node: string): string | null {
  const row = view.nodes.get(node);
  return row?.status === 'active' && view.live.get(node)?.helloBoot === row.boot ? row.boot : null;
}
/** For a placement on `node`: on its own node an agent waits for nobody but those before. */
export function quietOf(view: View, row: AgentRow, node: string, nowMs: number): Quiet | undefined {
  const { placement } = row;
  const quiet = !placement ? row.quiet : placement.node === node ? placement.quiet : quietAfter(view, placement, nowMs);
  return leftOf(view, quiet, nowMs) > 0 ? quiet : undefined;
}
/**
 * A quiet time that an earlier process began: nobody knows how long the machine was off, or what became of its clock meanwhile. It lasts
 * as if it had begun with this process.
 */
export function leftOf(view: View, quiet: Quiet | undefined, nowMs: number): number {
  if (!quiet) return 0;
  const isOurs = quiet.untilMs - longestQuietMs >= view.startedMs;
  const untilMs = isOurs ? quiet.untilMs : Math.max(quiet.untilMs, view.startedMs + longestQuietMs);
  // A clock that was set back while nothing ran must not keep hands still for ever.
  return Math.min(longestQuietMs, Math.max(0, Math.ceil(untilMs - nowMs)));
}
/** The process says that it let go what the quiet waits for. */
export function isOver(quiet: Quiet | undefined, boot: string, epoch: number): boolean {
  return quiet?.boot === boot && quiet.epoch === epoch;
}
