// The time in which the store refuses writes: since when, why, the number of refused inputs, and the time of the next attempt. In: the
// failure of a commit. Out: the refusal for writers, and calls of `probe` at intervals. It decides nothing.
import { FleetError, type ProblemDetails } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Outcome } from '../state/decision.ts';
import type { Inputs } from '../state/input.ts';

/** The pauses between attempts: a disk with free space again is noticed within the longest of them. */
const probe: Backoff = { firstMs: 1_000, maxMs: 10_000 };
/** An outage this soon after the last one counts as the same: the pauses continue to grow. */
const sameTroubleMs = 120_000;

export class Outage {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #probe: () => void;
  #since: { nowMs: number; monotonicMs: number } | null = null;
  #details: ProblemDetails = {};
  #refused = 0;
  #tries = 0;
  #endedMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;

  constructor(clock: Clock, random: Random, probe: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#probe = probe;
  }

  get isOn(): boolean {
    return this.#since !== null;
  }

  /** Called after each failed commit, the first one or a probe. */
  failed(error: FleetError): void {
    this.#details = error.details;
    if (!this.#since) {
      this.#since = { nowMs: this.#clock.nowMs(), monotonicMs: this.#clock.monotonicMs() };
      this.#refused = 0;
      if (this.#clock.monotonicMs() - this.#endedMs > sameTroubleMs) this.#tries = 0;
    }
    this.#timer?.cancel();
    this.#timer = this.#clock.after(backoffMs(probe, this.#tries++, this.#random), this.#probe);
  }

  refuse(): Outcome<never> {
    this.#refused++;
    return { ok: false, code: 'storage-failed', details: this.#details };
  }

  /** The facts of the outage for the event. */
  story(): Pick<Inputs['storage-back'], 'awayMs' | 'refused' | 'detail'> {
    const since = this.#since?.monotonicMs ?? this.#clock.monotonicMs();
    return { awayMs: this.#clock.monotonicMs() - since, refused: this.#refused, detail: this.#details.detail ?? '' };
  }

  over(): void {
    this.#since = null;
    this.#endedMs = this.#clock.monotonicMs();
  }
  stop(): void {
    this.#timer?.cancel();
  }
}

/** Whether the failure may be temporary, as with a full or absent disk; not with a damaged database, nor with a fault of our own. */
export function mayPass(error: unknown): error is FleetError {
  return (
    error instanceof FleetError && error.code === 'storage-failed' && error.details.retryAfterSeconds !== undefined
  );
}
