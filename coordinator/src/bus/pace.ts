// How fast one connection may send: beyond its pace it is not read for a while, and TCP holds it up. Nothing is lost, and nobody else
// waits for it. In: packets as they come. Out: for how long to read no more.
import type { Clock } from '@blackroad/std/clock';

export interface PaceLimits {
  /** Packets at once. */
  burst: number;
  perSecond: number;
}
/** What one read brings may be thousands of packets: a connection that is not read for longer cannot even answer pings. */
const longestMs = 5_000;

export function createPace(clock: Clock, { burst, perSecond }: PaceLimits): (packets: number) => number {
  let left = burst;
  let atMs = clock.monotonicMs();
  return (packets) => {
    const now = clock.monotonicMs();
    left = Math.min(burst, left + ((now - atMs) * perSecond) / 1000) - packets;
    atMs = now;
    if (left >= 0) return 0;
    left = Math.max(left, (-longestMs * perSecond) / 1000);
    return Math.ceil((-left * 1000) / perSecond);
  };
}
