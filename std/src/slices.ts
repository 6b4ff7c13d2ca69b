// Long pure work without holding the event loop: a generator that yields where it may be interrupted is run for a few
// milliseconds at a time, and other inputs have their turn between. The work must bear that the view goes on under it.
import type { Clock } from './clock.ts';

interface Slicing {
  /** Inputs wait at most about this long for a slice, and the time between two yields of the work. */
  sliceMs?: number;
  /** A slice ends after so many steps, too: virtual time does not pass inside one. */
  sliceSteps?: number;
  /** Before each slice; what it throws ends the work. */
  begins?: () => void;
  /** After each slice: how long it took. */
  took?: (ms: number) => void;
}

export function inSlices<T>(
  work: Generator<void, T>,
  clock: Clock,
  { sliceMs = 5, sliceSteps = Number.POSITIVE_INFINITY, begins, took }: Slicing = {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const slice = () => {
      const fromMs = clock.monotonicMs();
      try {
        begins?.();
        for (let steps = 1; ; steps++) {
          const { done, value } = work.next();
          const tookMs = clock.monotonicMs() - fromMs;
          if (!done && tookMs < sliceMs && steps < sliceSteps) continue;
          took?.(tookMs);
          return done ? resolve(value) : clock.soon(slice);
        }
      } catch (error) {
        return reject(error as Error);
      }
    };
    slice();
  });
}
