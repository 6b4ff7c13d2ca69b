// Long pure work that does not hold the event loop: a generator that yields where it may be interrupted is run for a few milliseconds at a
// time, and other inputs are handled between. The work must allow for the view to change between two slices.
import type { Clock } from './clock.ts';

interface Slicing {
  /** Inputs wait at most about this long for a slice, plus the time between two yields of the work. */
  sliceMs?: number;
  /** A slice also ends after this many steps: virtual time does not pass within a slice. */
  sliceSteps?: number;
  /** Called before each slice; an error of it ends the work. */
  begins?: () => void;
  /** Called after each slice with its duration. */
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
