// How often each webhook that comes in is called: the bound of a minute, and the counts that people see, since the start.
import { maxHookCallsPerMinute } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { createRate } from '../door/rate.ts';

interface Calls {
  taken: number;
  refused: number;
  lastMs: number | null;
}

export class HookCalls {
  readonly #clock: Clock;
  readonly #rate: ReturnType<typeof createRate>;
  readonly #calls = new Map<string, Calls>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#rate = createRate(clock, maxHookCallsPerMinute);
  }

  of(webhook: string): Readonly<Calls> {
    return this.#calls.get(webhook) ?? { taken: 0, refused: 0, lastMs: null };
  }
  /** A call with the right secret; the seconds to wait where there were too many, else 0. */
  take(webhook: string): number {
    return this.#rate.take(webhook);
  }
  note(webhook: string, how: 'taken' | 'refused'): void {
    const calls = this.#calls.get(webhook) ?? { taken: 0, refused: 0, lastMs: null };
    calls[how]++;
    calls.lastMs = this.#clock.nowMs();
    this.#calls.set(webhook, calls);
  }
  forget(webhook: string): void {
    this.#calls.delete(webhook);
  }
}
