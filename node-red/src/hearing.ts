// What comes on one topic, for whoever waits for it: the first message, or the first that is as it is wanted. Bounded in number and time.
import type { Clock } from '@blackroad/std/clock';
import { Trouble } from './trouble.ts';

/** Messages that nobody has waited for yet; the oldest goes. */
const maxKept = 100;

interface HearingOptions {
  clock: Clock;
  /** Ends the wait. */
  signal: AbortSignal;
  /** The subscription that it comes by. */
  filter: string;
  topic: string;
}

export class Hearing {
  readonly filter: string;
  /** Called when the connection is there again. */
  onBack: (() => void) | null = null;
  readonly #options: HearingOptions;
  readonly #ended: () => void;
  readonly #kept: string[] = [];
  #wake: () => void = () => {};

  constructor(options: HearingOptions, ended: () => void) {
    this.#options = options;
    this.#ended = ended;
    this.filter = options.filter;
  }

  take(topic: string, payload: string): void {
    if (topic !== this.#options.topic) return;
    if (this.#kept.length >= maxKept) this.#kept.shift();
    this.#kept.push(payload);
    this.#wake();
  }
  first(ms: number): Promise<string | null> {
    return this.until(() => true, ms);
  }
  /** Null: none came within `ms`. A message is looked at until one is taken, which stays for the next wait. */
  until(isWanted: (payload: string) => boolean, ms: number): Promise<string | null> {
    const { clock, signal } = this.#options;
    return new Promise((resolve, reject) => {
      const over = (done: () => void) => {
        timer.cancel();
        signal.removeEventListener('abort', stopped);
        this.#wake = () => {};
        done();
      };
      const stopped = () => over(() => reject(new Trouble('stopped', 'the flow was stopped before the answer')));
      const timer = clock.after(ms, () => over(() => resolve(null)), true);
      signal.addEventListener('abort', stopped, { once: true });
      if (signal.aborted) return stopped();
      this.#wake = () => {
        const latest = this.#kept.at(-1);
        if (latest !== undefined && isWanted(latest)) over(() => resolve(latest));
      };
      this.#wake();
    });
  }
  end(): void {
    this.#ended();
  }
}
