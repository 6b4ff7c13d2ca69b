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

interface Failure<Why> {
  why: Why;
  /** Failures one after the other, without an answer between them. */
  times: number;
  sinceMs: number;
  untilMs: number;
}

export class Rest<Why> {
  readonly #parts: RestParts;
  /** The last one; null: none since the last answer. */
  #failure: Failure<Why> | null = null;

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
    const last = this.#failure;
    const isSame = last !== null && askedMs < last.sinceMs && nowMs < last.untilMs;
    const { times, sinceMs } = isSame ? last : { times: (last?.times ?? 0) + 1, sinceMs: nowMs };
    const untilMs = nowMs + restMs(isSame ? 0 : backoffMs(backoff, times - 1, random));
    const longer = last && last.untilMs >= untilMs ? last : { why, untilMs };
    this.#failure = { ...longer, times, sinceMs };
  }

  worked(askedMs: number): void {
    if (this.#failure && askedMs >= this.#failure.sinceMs) this.#failure = null;
  }

  /** Why it failed, and how much longer it is left alone; null: it may be asked. */
  left(): { why: Why; ms: number } | null {
    const ms = (this.#failure?.untilMs ?? 0) - this.#parts.clock.monotonicMs();
    return this.#failure && ms > 0 ? { why: this.#failure.why, ms } : null;
  }
}
