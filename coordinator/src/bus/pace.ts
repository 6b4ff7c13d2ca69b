// The pace of one connection: when it sends faster it is not read for a while, and TCP makes it wait. No message is lost, and no other
// connection waits for it. In: packets as they arrive. Out: the time for which to read no more.
import type { Clock } from '@blackroad/std/clock';

export interface PaceLimits {
  /** The packets that may come at once. */
  burst: number;
  perSecond: number;
}
/** One read may have thousands of packets; a connection that is not read for longer than this cannot even answer pings. */
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
