// The number of dead letters that wait for a person. In: the rows that batches touched, and counts by the store. Out: the number.
import type { Clock } from '@blackroad/std/clock';
import type { Touched } from '../state/touched.ts';
import type { Store } from '../store/store.ts';

/** The interval of counts by the store; between two of them dead letters are counted as tasks end. */
const countsAgeMs = 30_000;

export class DeadLetters {
  readonly #store: Store;
  readonly #clock: Clock;
  #countedMs: number;
  #isCounting = false;
  count: number;

  constructor(store: Store, clock: Clock, count: number) {
    this.#store = store;
    this.#clock = clock;
    this.#countedMs = clock.monotonicMs();
    this.count = count;
  }

  note({ ended, dismissed }: Touched): void {
    for (const { state } of ended) if (state === 'failed' || state === 'expired') this.count++;
    // A dead letter that was pruned since the last count by the store is still counted.
    this.count = Math.max(0, this.count - dismissed.length);
  }

  /** Asks the store for a count when the last one is old. */
  refresh(): void {
    if (this.#isCounting || this.#clock.monotonicMs() - this.#countedMs < countsAgeMs) return;
    this.#isCounting = true;
    this.#store
      .taskCounts(this.#clock.nowMs())
      .then(({ deadLetters }) => {
        this.count = deadLetters;
      })
      .catch(() => {}) // asked again
      .finally(() => {
        this.#countedMs = this.#clock.monotonicMs();
        this.#isCounting = false;
      });
  }
}
