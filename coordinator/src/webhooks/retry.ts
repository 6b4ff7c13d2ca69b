// When a delivery is tried again: ten tries within about a day, with full jitter, so that receivers that come back are not called by everybody at
// once. Pure.
import type { Random } from '@blackroad/std/random';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** The longest wait after each failed try; after the last one the delivery is given up. */
const ceilingsMs = [
  ...[10_000, minuteMs, 5 * minuteMs, 15 * minuteMs],
  ...[hourMs, 2 * hourMs, 4 * hourMs, 8 * hourMs, 8 * hourMs],
];
const leastMs = 1_000;
const mostMs = 8 * hourMs;

/** `tries`: how often it failed. Null: it is given up. */
export function nextWaitMs(tries: number, retryAfterMs: number, random: Random): number | null {
  const ceiling = ceilingsMs[tries - 1];
  if (ceiling === undefined) return null;
  return Math.max(leastMs, random.next() * ceiling, Math.min(mostMs, retryAfterMs));
}
