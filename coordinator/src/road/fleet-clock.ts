// The clock of the loop. Every decision gets its time, and a waiting time (a lease, the silence of a node, a deadline) must keep its length
// also when the clock of this machine is set. In: the wall clock, the monotonic clock and the uptime. Out: the wall clock at the start plus
// the time that truly passed since, sleep included; and by how much the wall clock was set since. This clock changes by that only in
// `follow`, after all waiting times were moved (fleet/clock-set.ts). [decision 5]
import type { Clock } from '@blackroad/std/clock';

/** A smaller difference is ignored: the clocks are read one after the other, and some are adjusted in small steps. */
const leastMs = 500;
const uptimeStepMs = 10;

export interface FleetClock extends Clock {
  /** By how much the wall clock was set since the last `follow`; 0: less than counts. */
  setByMs(): number;
  follow(byMs: number): void;
}

export function createFleetClock(clock: Clock): FleetClock {
  let aheadMs = clock.nowMs() - clock.monotonicMs();
  /**
   * The difference of uptime and monotonic clock: the uptime includes the sleep of the machine, in coarse steps; the monotonic clock is
   * fine, but stops in sleep.
   */
  let apartMs = clock.uptimeMs() - clock.monotonicMs();
  let lookedMs = Number.NEGATIVE_INFINITY;
  let lookedWallMs = 0;
  function nowMs(): number {
    const monotonicMs = clock.monotonicMs();
    const wallMs = clock.nowMs();
    // The uptime is a call of the system: it is read once in its own steps, and at once when the wall clock says that more time passed.
    if (monotonicMs - lookedMs >= uptimeStepMs || Math.abs(wallMs - lookedWallMs) >= uptimeStepMs) {
      lookedMs = monotonicMs;
      lookedWallMs = wallMs;
      noteSleep(monotonicMs);
    }
    return Math.floor(monotonicMs + aheadMs);
  }
  function noteSleep(monotonicMs: number): void {
    const sleptMs = clock.uptimeMs() - monotonicMs - apartMs;
    if (sleptMs < 0 || sleptMs >= leastMs) apartMs += sleptMs;
    if (sleptMs >= leastMs) aheadMs += sleptMs;
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
