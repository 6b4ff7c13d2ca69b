// Objects of another store as files, for those who read them: fetched once, checked, kept for a while and within a bound. In: an object. Out: the path
// of a whole file, which stays as long as somebody uses it. A start removes all of them.
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError, maxFetchedObjectBytes } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Stored } from './object-store.ts';

type Fetch = (object: Stored, to: string) => Promise<void>;

interface Held {
  bytes: number;
  users: number;
  usedMs: number;
  ready: Promise<void>;
}

/** A PDF in a browser is read in pieces, over minutes. */
const idleMs = 10 * 60_000;
const lookMs = 60_000;

export class Fetched {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  readonly #timer: { cancel(): void };
  #fetches = 0;

  constructor(dir: string, clock: Clock) {
    this.#dir = dir;
    this.#clock = clock;
    this.#timer = clock.every(lookMs, () => this.#dropIdle());
  }

  async open(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
  stop(): void {
    this.#timer.cancel();
  }

  /** What is left of it when nobody uses it is removed in time, or with `drop`. */
  async lend(object: Stored, fetch: Fetch): Promise<{ path: string; giveBack: () => void }> {
    const held = this.#held.get(object.sha256) ?? this.#begin(object, fetch);
    held.users++;
    const giveBack = () => {
      held.users--;
      held.usedMs = this.#clock.monotonicMs();
    };
    try {
      await held.ready;
    } catch (error) {
      giveBack();
      throw error;
    }
    return { path: this.#pathOf(object.sha256), giveBack };
  }

  /** Who reads it has it open, or asks again. */
  async drop(sha256: string): Promise<void> {
    if (this.#held.delete(sha256)) await rm(this.#pathOf(sha256), { force: true });
  }

  #begin(object: Stored, fetch: Fetch): Held {
    this.#makeRoom(object.bytes);
    const { sha256, bytes } = object;
    const part = join(this.#dir, `${sha256}.${++this.#fetches}.new`);
    const held: Held = { bytes, users: 0, usedMs: this.#clock.monotonicMs(), ready: this.#fetch(object, fetch, part) };
    this.#held.set(sha256, held);
    held.ready.catch(() => {
      if (this.#held.get(sha256) === held) this.#held.delete(sha256);
    });
    return held;
  }
  async #fetch(object: Stored, fetch: Fetch, part: string): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await fetch(object, part);
    await rename(part, this.#pathOf(object.sha256));
    // Dropped meanwhile.
    if (!this.#held.has(object.sha256)) await rm(this.#pathOf(object.sha256), { force: true });
  }

  #makeRoom(bytes: number): void {
    let sum = bytes;
    for (const held of this.#held.values()) sum += held.bytes;
    const idle = [...this.#held].filter(([, { users }]) => users === 0).sort(([, a], [, b]) => a.usedMs - b.usedMs);
    for (const [sha256, held] of idle) {
      if (sum <= maxFetchedObjectBytes) return;
      sum -= held.bytes;
      this.drop(sha256).catch(() => {}); // the next start removes it
    }
    if (sum > maxFetchedObjectBytes)
      throw new FleetError('unavailable', {
        detail: 'Other files are being fetched from the object store; try again.',
        retryAfterSeconds: 10,
      });
  }
  #dropIdle(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [sha256, { users, usedMs }] of [...this.#held])
      if (users === 0 && nowMs - usedMs >= idleMs) this.drop(sha256).catch(() => {}); // the next start removes it
  }
  #pathOf(sha256: string): string {
    return join(this.#dir, sha256);
  }
}
