// Aborts work of a runtime that does not end in time, so that nothing waits for a server that hangs.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { type Clock, withDeadline } from '@blackroad/std/clock';

/** @throws RuntimeError `unavailable` at the deadline; `what` is the beginning of its words */
export async function within<T>(
  clock: Clock,
  deadlineMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  const stop = new AbortController();
  const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
  const late = () => new RuntimeError('unavailable', `${what} took longer than ${Math.round(deadlineMs / 1000)} s`);
  try {
    return await withDeadline(clock, deadlineMs, work(signal), late);
  } finally {
    stop.abort();
  }
}
