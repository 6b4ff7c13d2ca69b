// A node whose connection breaks repeatedly: bad Wi-Fi, a weak power supply, a process that crashes. Each reconnection is an event; many
// together are a trouble of the node. In: its births. Out: their recent number. Pure; the count is perishable.
import { change, type Draft } from '../state/draft.ts';
import type { Connects } from '../state/rows.ts';

const withinMs = 10 * 60_000;
/** Updates, a moved cable and restarts of the coordinator cause only a few reconnections. */
const often = 20;

export function countConnect(draft: Draft, node: string): void {
  const known = draft.view.live.get(node)?.connects;
  const goesOn = known !== undefined && draft.nowMs - known.sinceMs < withinMs;
  const connects = { sinceMs: goesOn ? known.sinceMs : draft.nowMs, count: (goesOn ? known.count : 0) + 1 };
  change(draft, { type: 'connects', node, connects });
}
/** The number of reconnections, in words; null: the connection is stable. */
export function cameBackText(connects: Connects | undefined, nowMs: number): string | null {
  if (!connects || connects.count <= often || nowMs - connects.sinceMs >= withinMs) return null;
  return `it reconnected ${connects.count} times within ten minutes`;
}
