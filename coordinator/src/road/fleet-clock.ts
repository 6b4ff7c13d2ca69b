// The clock of the loop. Every decision is given its time, and what a decision waits for (a lease that runs out, a node that is silent,
// a deadline) must last as long as it says, whoever sets the clock of this machine meanwhile. In: the wall clock, the monotonic one and
// the uptime. Out: the wall clock as it was at the start, and from then on what truly passed, sleep included; by how much the wall clock
// was set since. It follows that only when it is told to, after all that waits was moved (fleet/clock-set.ts). [decision 5]
import type { Clock } from '@blackroad/std/clock';

/** Less than this is left: clocks are read one after the other, and some are steered in small steps. */
const leastMs = 500;

export interface FleetClock extends Clock {
  /** By how much the wall clock was set and this one did not follow yet; 0: by nothing that counts. */
  setByMs(): number;
  follow(byMs: number): void;
}

export function createFleetClock(clock: Clock): FleetClock {
  let aheadMs = clock.nowMs() - clock.monotonicMs();
  /** The uptime counts the sleep of the machine, in steps; the monotonic clock is fine, and stands still meanwhile. */
  let apartMs = clock.uptimeMs() - clock.monotonicMs();
  function nowMs(): number {
    const monotonicMs = clock.monotonicMs();
    const sleptMs = clock.uptimeMs() - monotonicMs - apartMs;
    if (sleptMs < 0 || sleptMs >= leastMs) apartMs += sleptMs;
    if (sleptMs >= leastMs) aheadMs += sleptMs;
    return Math.floor(monotonicMs + aheadMs);
  }
  return {
    nowMs,
    monotonicMs: () => clock.monotonicMs(),
    uptimeMs: () => clock.uptimeMs(),
    after: (delayMs, run, hold) => clock.after(delayMs, run, hold),
    every: (periodMs, run) => clock.every(periodMs, run),
    soon: (run) => clock.soon(run),
    setByMs() {
      const byMs = clock.nowMs() - nowMs();
      return Math.abs(byMs) < leastMs ? 0 : byMs;
    },
    follow(byMs) {
      aheadMs += byMs;
    },
  };
}
