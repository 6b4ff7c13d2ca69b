// While the store takes no writes: since when, why, what was refused meanwhile, and when to try again.
// In: the failure of a commit. Out: the refusal that writers are given, and a call to `probe` now and then. It decides nothing.
import { FleetError, type ProblemDetails } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Outcome } from '../state/decision.ts';
import type { Inputs } from '../state/input.ts';

/** A disk that was cleared is noticed within this. */
const probe: Backoff = { firstMs: 1_000, maxMs: 10_000 };
/** An outage this soon after the last one is the same trouble: the pauses go on growing. */
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

  /** A commit failed, the first one or a probe. */
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

  /** What there is to tell of it. */
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

/** A disk that is full or away for a while; not a damaged database, nor a fault of ours while it is written. */
export function mayPass(error: unknown): error is FleetError {
  return (
    error instanceof FleetError && error.code === 'storage-failed' && error.details.retryAfterSeconds !== undefined
  );
}
