// Whether the fleet is there and knows the key, looked at again and again, so that the status of a node is true before a message comes. In: a
// way to look, and what requests met. Out: how it stands, told when it changes.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { type Trouble, troubleOf } from './trouble.ts';

export type Stand = { is: 'unknown' } | { is: 'there'; as: string } | { is: 'trouble'; trouble: Trouble };

const checkMs = 10_000;
const wellMs = 30_000;
const away: Backoff = { firstMs: 1_000, maxMs: 15_000 };
/** Somebody has to change something: it is asked less often. */
const forPeopleMs = 60_000;

interface LinkParts {
  look(signal: AbortSignal): Promise<string>;
  clock: Clock;
  random: Random;
}

export class Link {
  readonly #parts: LinkParts;
  readonly #listeners = new Set<(stand: Stand) => void>();
  readonly #stop = new AbortController();
  #stand: Stand = { is: 'unknown' };
  #timer: Timer | null = null;
  #isLooking = false;
  #failures = 0;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#lookIn(0);
  }

  get stand(): Stand {
    return this.#stand;
  }
  /** Told at once, and when it changes. Returns what ends it. */
  follow(listener: (stand: Stand) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#stand);
    return () => this.#listeners.delete(listener);
  }
  /** A request met this, or went well where null. */
  met(trouble: Trouble | null): void {
    const isOfTheLink = trouble === null || trouble.kind === 'away' || trouble.kind === 'wrong-key';
    if (!isOfTheLink || (trouble === null && this.#stand.is !== 'trouble')) return;
    if (trouble !== null) this.#set({ is: 'trouble', trouble });
    // What is there again is looked at, not believed.
    if (trouble === null || this.#failures === 0) this.#lookIn(trouble === null ? 0 : away.firstMs);
  }
  close(): void {
    this.#stop.abort();
    this.#timer?.cancel();
    this.#listeners.clear();
  }

  #lookIn(ms: number): void {
    this.#timer?.cancel();
    if (!this.#stop.signal.aborted) this.#timer = this.#parts.clock.after(ms, () => void this.#look());
  }
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { look, clock, random } = this.#parts;
    const late = new AbortController();
    const abort = () => late.abort();
    const timer = clock.after(checkMs, abort, true);
    this.#stop.signal.addEventListener('abort', abort, { once: true });
    let nextMs = wellMs * (0.9 + 0.2 * random.next());
    try {
      this.#set({ is: 'there', as: await look(late.signal) });
      this.#failures = 0;
    } catch (error) {
      const trouble = troubleOf(error);
      this.#set({ is: 'trouble', trouble });
      nextMs = trouble.mayPass ? backoffMs(away, this.#failures++, random) : forPeopleMs;
    } finally {
      timer.cancel();
      this.#stop.signal.removeEventListener('abort', abort);
      this.#isLooking = false;
      this.#lookIn(nextMs);
    }
  }
  #set(stand: Stand): void {
    if (this.#stop.signal.aborted || isSame(this.#stand, stand)) return;
    this.#stand = stand;
    for (const listener of [...this.#listeners]) listener(stand);
  }
}

function isSame(a: Stand, b: Stand): boolean {
  if (a.is === 'trouble' && b.is === 'trouble')
    return a.trouble.kind === b.trouble.kind && a.trouble.message === b.trouble.message;
  return a.is === b.is && (a.is !== 'there' || b.is !== 'there' || a.as === b.as);
}
