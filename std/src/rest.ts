// For how long something that failed is left alone, where many requests are under way at once. In: failures and answers, each with the moment
// when its request was sent. Out: the reason, while it holds. A request that was sent before the failure was known says nothing about the time
// after it: its answer does not end the rest, and its failure meanwhile is the same one and makes no rest longer.
import { type Backoff, backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

interface RestParts {
  clock: Clock;
  random: Random;
  /** Longer after each failure. */
  backoff: Backoff;
}

export class Rest<Why> {
  readonly #parts: RestParts;
  #times = 0;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #untilMs = Number.NEGATIVE_INFINITY;
  #why: Why | null = null;

  constructor(parts: RestParts) {
    this.#parts = parts;
  }

  /**
   * `askedMs`: when the request was sent, by `clock.monotonicMs()`. `restMs`: how long it rests, given how long it would by the number of its
   * failures.
   */
  failed(why: Why, askedMs: number, restMs = (usualMs: number) => usualMs): void {
    const { clock, random, backoff } = this.#parts;
    const nowMs = clock.monotonicMs();
    const isSameFailure = askedMs < this.#sinceMs && nowMs < this.#untilMs;
    if (!isSameFailure) {
      this.#times++;
      this.#sinceMs = nowMs;
    }
    const untilMs = nowMs + restMs(isSameFailure ? 0 : backoffMs(backoff, this.#times - 1, random));
    if (untilMs <= this.#untilMs) return;
    this.#untilMs = untilMs;
    this.#why = why;
  }

  worked(askedMs: number): void {
    if (askedMs < this.#sinceMs) return;
    this.#times = 0;
    this.#sinceMs = Number.NEGATIVE_INFINITY;
    this.#untilMs = Number.NEGATIVE_INFINITY;
    this.#why = null;
  }

  /** Why it failed, and how much longer it is left alone; null: it may be asked. */
  left(): { why: Why; ms: number } | null {
    const ms = this.#untilMs - this.#parts.clock.monotonicMs();
    return this.#why === null || ms <= 0 ? null : { why: this.#why, ms };
  }
}
