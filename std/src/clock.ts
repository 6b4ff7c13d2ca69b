// The only file that reads the wall clock, the monotonic clock or sets timers.
// Everything else receives a Clock, so that the simulator can run the same code on virtual time.
import { uptime } from 'node:os';

export interface Timer {
  /** Stops the timer; harmless when it has fired already. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump: a Pi boots in the past. */
  nowMs(): number;
  /** Monotonic milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /** Milliseconds since this machine started, in steps of 10: it includes the time of sleep, and nobody can set it. */
  uptimeMs(): number;
  /** Runs `run` once after `delayMs`. The timer keeps the process alive only with `hold`, for waits of milliseconds inside work. */
  after(delayMs: number, run: () => void, hold?: boolean): Timer;
  /** Runs `run` every `periodMs`. The timer never keeps the process alive by itself. */
  every(periodMs: number, run: () => void): Timer;
  /** Runs `run` in the next turn of the event loop, after waiting input and output; it keeps the process alive. */
  soon(run: () => void): void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  uptimeMs: () => uptime() * 1000,
  after(delayMs, run, hold = false) {
    const handle = setTimeout(run, delayMs);
    if (!hold) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, run) {
    const handle = setInterval(run, periodMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
  soon(run) {
    setImmediate(run);
  },
};

/** Resolves after `delayMs` on the given clock; rejects with the reason of the signal when that fires first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopped = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', stopped);
      resolve();
    });
    if (signal?.aborted) stopped();
    else signal?.addEventListener('abort', stopped, { once: true });
  });
}

/** Rejects with `error()` when `work` is not settled within `deadlineMs`. */
export function withDeadline<T>(clock: Clock, deadlineMs: number, work: Promise<T>, error: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = clock.after(deadlineMs, () => reject(error()));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
