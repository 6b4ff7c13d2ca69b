// Long pure work without holding the event loop: a generator that yields where it may be interrupted is run for a few
// milliseconds at a time, and other inputs have their turn between. The work must bear that the view goes on under it.
import type { Clock } from '@blackroad/std/clock';

/** Inputs wait at most about this long for a slice, and the time between two yields of the work. */
const sliceMs = 5;

export function inSlices<T>(work: Generator<void, T>, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const slice = () => {
      const untilMs = clock.monotonicMs() + sliceMs;
      try {
        for (;;) {
          const { done, value } = work.next();
          if (done) return resolve(value);
          if (clock.monotonicMs() >= untilMs) return clock.soon(slice);
        }
      } catch (error) {
        return reject(error as Error);
      }
    };
    slice();
  });
}
