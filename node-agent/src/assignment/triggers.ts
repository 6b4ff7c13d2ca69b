// Cron triggers: the node itself starts the tasks, so that agents work on while the coordinator is away. Times are computed by protocol;
// the Clock waits, so that a simulator can replace it.
import { nextCronMs } from '@blackroad/protocol/cron';
import type { Clock, Timer } from '@blackroad/std/clock';

/** setTimeout overflows beyond 24.8 days, so the wait for a distant time is split. */
const longestWaitMs = 86_400_000;

/** Calls `fire` at each time of the expression in that zone (undefined: the machine's), until stopped. Throws on an invalid one. */
export function startTrigger(
  expression: string,
  timeZone: string | undefined,
  clock: Clock,
  fire: () => void,
): { stop(): void } {
  let timer: Timer | null = null;
  const plan = () => {
    const nextMs = nextCronMs(expression, clock.nowMs(), timeZone);
    if (nextMs === null) return;
    timer = clock.after(Math.min(nextMs - clock.nowMs(), longestWaitMs), () => {
      // A clock that was set back meanwhile must not make it fire early. [INV-one-run]
      if (clock.nowMs() >= nextMs) fire();
      plan();
    });
  };
  plan();
  return { stop: () => timer?.cancel() };
}
