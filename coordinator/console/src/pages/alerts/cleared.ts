// Alerts whose cause went away while the page was open: they stay for a while, so that nobody wonders where they went. Pure.
import type { Alert } from '@blackroad/protocol';

export interface Cleared {
  alert: Alert;
  atMs: number;
}
/** Long enough to be seen by who looks up now and then. */
export const clearedForMs = 10 * 60_000;
const mostCleared = 20;

/** What is cleared now: what stood and stands no more is new, what stands again is not, and what is old goes. */
export function clearedNow(
  cleared: readonly Cleared[],
  stood: readonly Alert[],
  stands: readonly Alert[],
  nowMs: number,
): Cleared[] {
  const ids = new Set(stands.map(({ id }) => id));
  const known = new Set(cleared.map(({ alert }) => alert.id));
  const fresh = stood.filter(({ id }) => !ids.has(id) && !known.has(id)).map((alert) => ({ alert, atMs: nowMs }));
  return [...fresh, ...cleared]
    .filter(({ alert, atMs }) => !ids.has(alert.id) && nowMs - atMs < clearedForMs)
    .slice(0, mostCleared);
}
