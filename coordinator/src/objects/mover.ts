// Brings objects where they belong, one after the other: up to the object store, or back onto the disk; removes there what nobody needs any more, and
// looks once a day whether all is there. In: what is where. Out: the same, changed; how the store stands. A mark is on the disk before an object is
// sent, and the file goes only when the store has the whole of it: a kill at any point costs at most sending one again. While the store does not
// answer, it is asked again after a pause that grows, and nothing is lost.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { DiskStore } from './disk-store.ts';
import type { Marks } from './marks.ts';
import { type ObjectStore, type Stored, StoreFault } from './object-store.ts';

interface MoverParts {
  store: ObjectStore;
  disk: DiskStore;
  marks: Marks;
  /** Where objects belong. */
  home: 'store' | 'disk';
  /** What is on the disk. */
  here: Map<string, { bytes: number }>;
  /** Whether somebody reads the file. */
  inUse: (sha256: string) => boolean;
  /** What somebody needs: other objects may be gone in a moment, and stay where they are. */
  named: () => ReadonlySet<string>;
  /** An object came onto the disk, or left it. */
  moved: (object: Stored, to: 'here' | 'there') => void;
  /** It was found in the store, and nothing here knew of it. */
  adopted: (object: Stored) => void;
  /** The store can be used again. */
  onBack: () => void;
  clock: Clock;
  random: Random;
  log: Log;
}
interface StoreTrouble {
  text: string;
  sinceMs: number;
}

const lookMs = 5_000;
const again: Backoff = { firstMs: 2_000, maxMs: 60_000 };
/** While nothing is read or written: a store that is away is known before somebody needs it. */
const checkEveryMs = 5 * 60_000;
const freshMs = 10_000;
const namedForMs = 1_000;
const listEveryMs = 24 * 60 * 60_000;
/** An object that is damaged here or missing there: the others go on. */
const faultyRestMs = 60 * 60_000;

type Work = { what: 'remove' | 'bring' | 'drop' | 'fetch'; object: Stored } | { what: 'list' } | { what: 'check' };

export class Mover {
  readonly #parts: MoverParts;
  readonly #timer: { cancel(): void };
  /** Whole in the store since this start: the file may go as soon as nobody reads it. */
  readonly #brought = new Set<string>();
  /** Why an object cannot be moved or read. */
  readonly faulty = new Map<string, { text: string; untilMs: number }>();
  trouble: StoreTrouble | null = null;
  readonly counts = { brought: 0, fetched: 0, removed: 0 };
  /** Objects of the store that are not known here. */
  unknown = { count: 0, bytes: 0 };
  #named: { set: ReadonlySet<string>; atMs: number } | null = null;
  #tries = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #faultMs = Number.NEGATIVE_INFINITY;
  #answeredMs: number | null = null;
  #listedMs: number | null = null;
  #work: Promise<void> | null = null;
  #isStopped = false;

  constructor(parts: MoverParts) {
    this.#parts = parts;
    this.#timer = parts.clock.every(lookMs, () => this.look());
    this.look();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer.cancel();
    await this.#parts.store.close();
    await this.#work;
  }

  /** Begins to work, if there is something to do and it is time. */
  look(): void {
    const { clock } = this.#parts;
    if (this.#work || this.#isStopped || clock.monotonicMs() < this.#notBeforeMs) return;
    this.#work = this.#workOn().finally(() => {
      this.#work = null;
    });
  }

  /** The fault of the last seconds: who reads meanwhile need not wait for the same. */
  get freshTrouble(): StoreTrouble | null {
    return this.#parts.clock.monotonicMs() - this.#faultMs < freshMs ? this.trouble : null;
  }
  /** A read went well, or failed by the store. */
  noteRead(object: Stored, error: unknown): void {
    if (error === null) {
      this.#answered();
      this.look();
    }
    // The pause is that of the first fault.
    else if (error instanceof StoreFault && isOfStore(error) && this.trouble)
      this.#faultMs = this.#parts.clock.monotonicMs();
    else if (error instanceof StoreFault) this.#noteFault(error, object);
  }

  async #workOn(): Promise<void> {
    for (let work = this.#next(); work && !this.#isStopped; work = this.#next()) {
      try {
        await this.#do(work);
        if (work.what !== 'drop') this.#answered();
      } catch (error) {
        if (this.#isStopped) return;
        this.#noteFault(error, 'object' in work ? work.object : null);
        if (this.#parts.clock.monotonicMs() < this.#notBeforeMs) return;
      }
    }
  }

  #next(): Work | null {
    const { marks, home, here, inUse, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    const [gone] = marks.gone;
    if (gone) return { what: 'remove', object: { sha256: gone[0], bytes: gone[1] } };
    if (this.#listedMs === null || nowMs - this.#listedMs >= listEveryMs) return { what: 'list' };
    const rests = (sha256: string) => nowMs < (this.faulty.get(sha256)?.untilMs ?? Number.NEGATIVE_INFINITY);
    const wanted = (home === 'store' ? here.size : marks.there.size) > 0 ? this.#wanted() : null;
    if (wanted && home === 'store')
      for (const [sha256, { bytes }] of here) {
        if (inUse(sha256) || rests(sha256) || !wanted.has(sha256)) continue;
        return {
          what: this.#brought.has(sha256) && marks.there.has(sha256) ? 'drop' : 'bring',
          object: { sha256, bytes },
        };
      }
    if (wanted && home === 'disk')
      for (const [sha256, bytes] of marks.there)
        if (!rests(sha256) && wanted.has(sha256)) return { what: 'fetch', object: { sha256, bytes } };
    const isQuiet = this.trouble !== null || this.#answeredMs === null || nowMs - this.#answeredMs >= checkEveryMs;
    return isQuiet ? { what: 'check' } : null;
  }

  /** Of thousands of documents, so not with each object. */
  #wanted(): ReadonlySet<string> {
    const nowMs = this.#parts.clock.monotonicMs();
    if (!this.#named || nowMs - this.#named.atMs > namedForMs) this.#named = { set: this.#parts.named(), atMs: nowMs };
    return this.#named.set;
  }

  async #do(work: Work): Promise<void> {
    const { store, disk, marks, here, moved } = this.#parts;
    if (work.what === 'check') return store.check();
    if (work.what === 'list') return this.#list();
    const { object } = work;
    const { sha256 } = object;
    if (work.what === 'remove') {
      await store.remove(sha256);
      await marks.forget(sha256);
      this.counts.removed++;
    } else if (work.what === 'bring') {
      // What was sent before may have been removed there since.
      this.#brought.delete(sha256);
      await marks.setThere(object);
      await store.put(object, disk.pathOf(sha256));
      this.#brought.add(sha256);
      this.counts.brought++;
      this.faulty.delete(sha256);
    } else if (work.what === 'drop') {
      this.#brought.delete(sha256);
      // Removed by a person meanwhile: the mark says `gone`.
      if (!marks.there.has(sha256)) return;
      moved(object, 'there');
      await disk.remove(sha256);
    } else await this.#bringBack(object);
    if (work.what === 'bring' && !here.has(sha256)) this.#brought.delete(sha256);
  }

  async #bringBack(object: Stored): Promise<void> {
    const { store, disk, marks, moved, here } = this.#parts;
    const { sha256 } = object;
    if (!here.has(sha256)) {
      const fresh = disk.freshPath();
      await store.fetch(object, fresh);
      await disk.put(object, fresh);
      if (!marks.there.has(sha256)) return disk.remove(sha256);
      moved(object, 'here');
      this.counts.fetched++;
    }
    await marks.setGone(sha256);
    this.faulty.delete(sha256);
  }

  /** What is there, beside what should be. */
  async #list(): Promise<void> {
    const { store, marks, here, named, adopted, log, clock } = this.#parts;
    const found = new Map<string, number>();
    for await (const { sha256, bytes } of store.list()) found.set(sha256, bytes);
    for (const sha256 of here.keys()) if (!found.has(sha256)) this.#brought.delete(sha256);
    const wanted = named();
    const unknown = { count: 0, bytes: 0 };
    for (const [sha256, bytes] of found) {
      if (here.has(sha256) || marks.there.has(sha256) || marks.gone.has(sha256)) continue;
      // A backup was made while it moved.
      if (wanted.has(sha256)) {
        await marks.setThere({ sha256, bytes });
        adopted({ sha256, bytes });
      } else {
        unknown.count++;
        unknown.bytes += bytes;
      }
    }
    this.unknown = unknown;
    this.faulty.clear();
    const untilMs = clock.monotonicMs() + faultyRestMs;
    for (const sha256 of wanted)
      if (!here.has(sha256) && !found.has(sha256))
        this.faulty.set(sha256, {
          text: `The object ${sha256.slice(0, 12)}… is neither here nor in ${store.where}.`,
          untilMs,
        });
    this.#listedMs = clock.monotonicMs();
    if (this.faulty.size > 0) log.error({ objects: this.faulty.size, store: store.where }, 'objects are missing');
  }

  #answered(): void {
    this.#tries = 0;
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
    this.#answeredMs = this.#parts.clock.monotonicMs();
    if (this.trouble) this.#parts.log.info({ store: this.#parts.store.where }, 'the object store works again');
    const wasAway = this.trouble !== null;
    this.trouble = null;
    if (wasAway) this.#parts.onBack();
  }

  #noteFault(error: unknown, object: Stored | null): void {
    const { clock, random, log, here, marks, store } = this.#parts;
    const { message: text } = error as Error;
    const pause = () => {
      this.#notBeforeMs = clock.monotonicMs() + backoffMs(again, this.#tries++, random);
    };
    // Removed by a person while it was on its way.
    const isGone = object !== null && !here.has(object.sha256) && !marks.there.has(object.sha256);
    if (!(error instanceof StoreFault)) {
      pause();
      log.warn({ err: error }, 'objects cannot be moved for now, by a fault of the own disk');
    } else if (isOfStore(error)) {
      pause();
      if (this.trouble?.text !== text)
        log.warn({ store: store.where, why: text }, 'the object store cannot be used for now');
      this.trouble = { text, sinceMs: this.trouble?.sinceMs ?? clock.nowMs() };
      this.#faultMs = clock.monotonicMs();
    } else if (object !== null && !isGone) {
      this.faulty.set(object.sha256, { text, untilMs: clock.monotonicMs() + faultyRestMs });
      log.error({ err: error, object: object.sha256 }, 'an object cannot be moved or read; it stays where it is');
    } else if (object === null) pause();
  }
}

/** Not of one object. */
const isOfStore = ({ kind }: StoreFault) => kind === 'away' || kind === 'refused';
