// A node whose connection breaks again and again: bad Wi-Fi, a weak power supply, a process that crashes. Each time is an event; many
// together are a trouble of the node. In: its births. Out: how many there were lately. Pure; what is counted is perishable.
import { change, type Draft } from '../state/draft.ts';
import type { Connects } from '../state/rows.ts';

const withinMs = 10 * 60_000;
/** Updates, moves of a cable and restarts of the coordinator make a few; so many are none of these. */
const often = 20;

export function countConnect(draft: Draft, node: string): void {
  const known = draft.view.live.get(node)?.connects;
  const goesOn = known !== undefined && draft.nowMs - known.sinceMs < withinMs;
  const connects = { sinceMs: goesOn ? known.sinceMs : draft.nowMs, count: (goesOn ? known.count : 0) + 1 };
  change(draft, { type: 'connects', node, connects });
}
/** How often, in words; null: it holds. */
export function cameBackText(connects: Connects | undefined, nowMs: number): string | null {
  if (!connects || connects.count <= often || nowMs - connects.sinceMs >= withinMs) return null;
  return `it came back ${connects.count} times within ten minutes`;
}
