// The quiet time of a moved agent: how long its previous node may still act outside for it, and so how long its new node must not. A
// node holds a licence that only messages of its coordinator renew; a node that is asked to stop an agent may not get the message, and then
// its licence must end before the next node acts. In: the placement that ends. Out: the quiet time of the next one. Pure; nothing here waits.
// [INV-one-hand]

import type { AgentRow, Placement, Quiet } from '../state/rows.ts';
import type { View } from '../state/view.ts';

/** Three announcements of tick.ts: two of them may be lost. */
export const licenceMs = 30_000;
/** Allows for an announcement that overtakes the order to stop in a clustered broker, and for the difference of clocks over a licence. */
const slackMs = 5_000;
export const longestQuietMs = licenceMs + slackMs;

/** The quiet time after `before`: its node is to stop the agent, and may not know that until its licence ends. */
export function quietAfter(view: View, before: Placement, nowMs: number): Quiet {
  const untilMs = nowMs + longestQuietMs;
  // A placement that was itself quiet follows an earlier one whose node may act too, and a confirmed stop of one node is no proof about the
  // other.
  const isAlone = leftOf(view, before.quiet, nowMs) === 0;
  return { untilMs, boot: isAlone ? provenBoot(view, before.node) : null, epoch: before.epoch };
}
/**
 * The boot that can confirm a stop. A copied card connects under the same name, so only a process whose machine was proven by its hello
 * counts.
 */
function provenBoot(view: View, node: string): string | null {
  const row = view.nodes.get(node);
  return row?.status === 'active' && view.live.get(node)?.helloBoot === row.boot ? row.boot : null;
}
/** The quiet time of a placement on `node`: on the node where it is already, an agent waits only for earlier nodes. */
export function quietOf(view: View, row: AgentRow, node: string, nowMs: number): Quiet | undefined {
  const { placement } = row;
  const quiet = !placement ? row.quiet : placement.node === node ? placement.quiet : quietAfter(view, placement, nowMs);
  return leftOf(view, quiet, nowMs) > 0 ? quiet : undefined;
}
/**
 * The rest of a quiet time. One that began before this process is counted from the start of this process, since the time the machine was
 * off and changes of its clock are not known.
 */
export function leftOf(view: View, quiet: Quiet | undefined, nowMs: number): number {
  if (!quiet) return 0;
  const isOurs = quiet.untilMs - longestQuietMs >= view.startedMs;
  const untilMs = isOurs ? quiet.untilMs : Math.max(quiet.untilMs, view.startedMs + longestQuietMs);
  // A clock that was set back while no process ran must not make a quiet time endless.
  return Math.min(longestQuietMs, Math.max(0, Math.ceil(untilMs - nowMs)));
}
/** Whether this process and epoch are those whose stop the quiet time waits for. */
export function isOver(quiet: Quiet | undefined, boot: string, epoch: number): boolean {
  return quiet?.boot === boot && quiet.epoch === epoch;
}
