// How long to wait before the next try: exponential with full jitter, so that ten thousand nodes do not return at once.
import type { Random } from './random.ts';

export interface Backoff {
  firstMs: number;
  maxMs: number;
}

/** Delay before try `attempt` (0 = the first retry): uniform in [0, min(max, first * 2^attempt)], never below a tenth of `firstMs`. */
export function backoffMs(backoff: Backoff, attempt: number, random: Random): number {
  const ceiling = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt, 30));
  return Math.max(backoff.firstMs / 10, random.next() * ceiling);
}
