// Cron triggers: the node wakes its agents itself, so that they go on working while the coordinator is away.
// croner computes times only; waiting is the Clock's, so that a simulator can own it.
import type { Clock, Timer } from '@blackroad/std/clock';
import { Cron } from 'croner';

/** setTimeout overflows beyond 24.8 days; a distant time is approached in steps. */
const longestWaitMs = 86_400_000;

/** Calls `fire` at each time of the expression until stopped. Throws on an expression that is none. */
export function startTrigger(expression: string, clock: Clock, fire: () => void): { stop(): void } {
  const cron = new Cron(expression, { paused: true });
  let timer: Timer | null = null;
  const plan = () => {
    const next = cron.nextRun(new Date(clock.nowMs()));
    if (!next) return;
    const wait = next.getTime() - clock.nowMs();
    timer = clock.after(Math.min(wait, longestWaitMs), () => {
      // A clock that was set back meanwhile must not fire early.
      if (clock.nowMs() >= next.getTime()) fire();
      plan();
    });
  };
  plan();
  return { stop: () => timer?.cancel() };
}

/** What is wrong with a cron expression, in words; null when it is fine. */
export function triggerFault(expression: string): string | null {
  try {
    new Cron(expression, { paused: true });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
