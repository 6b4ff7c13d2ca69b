// The bandwidth that fetches may take from the line of a home or a lab, shared by all of them. In: bytes that came. Out: a wait that keeps
// the mean below the bound; the sender is slowed down because nothing is read from it meanwhile.
import { type Clock, sleep } from '@blackroad/std/clock';

/** After a pause, so much may come at once. */
const burstMs = 250;

export class Rate {
  readonly #bytesPerS: number | null;
  readonly #clock: Clock;
  /** When all bytes so far are paid for. */
  #paidMs = Number.NEGATIVE_INFINITY;

  /** `bytesPerS` null: no bound. */
  constructor(bytesPerS: number | null, clock: Clock) {
    this.#bytesPerS = bytesPerS;
    this.#clock = clock;
  }

  async take(bytes: number): Promise<void> {
    if (this.#bytesPerS === null) return;
    const nowMs = this.#clock.monotonicMs();
    this.#paidMs = Math.max(this.#paidMs, nowMs - burstMs) + (bytes / this.#bytesPerS) * 1000;
    const waitMs = this.#paidMs - nowMs;
    if (waitMs > 0) await sleep(this.#clock, waitMs);
  }
}
