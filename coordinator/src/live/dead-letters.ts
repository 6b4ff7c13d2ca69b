// How many dead letters wait for a person. In: what a batch touched, and now and then a count of the store. Out: the figure.
import type { Clock } from '@blackroad/std/clock';
import type { Touched } from '../state/touched.ts';
import type { Store } from '../store/store.ts';

/** The store counts them this often; in between they are counted as they come. */
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
    // Between two counts of the store; one that was pruned meanwhile is not among them.
    this.count = Math.max(0, this.count - dismissed.length);
  }

  /** Asks the store where its last count is old. */
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
