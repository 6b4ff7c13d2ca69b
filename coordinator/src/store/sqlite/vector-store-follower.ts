// Keeps a vector store on another machine in step with the database, and asks it for candidates. In: the database, whose truth is not doubted, and the
// store, whose answers are. Out: ids to compare exactly, or why there are none; how the store stands. While it is away searches do not wait for it,
// and what it is owed is sent when it is back, removals first. It has a place for each model that searches compare; other places of this fleet go.
import type { VectorStoreStand } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import { type Place, type VectorStore, VectorStoreError } from '../../vector-stores/vector-store.ts';
import type { Database } from './database.ts';
import { madeVectors } from './made-vectors.ts';
import { type MemoryFilter, readsRows } from './memory-filter.ts';
import type { SearchVector } from './near-vectors.ts';
import { OwedBefore } from './owed-before.ts';
import { type Kept, vectorRows } from './vector-rows.ts';
import { unitOf, VectorStorePlace } from './vector-store-place.ts';

interface FollowerParts {
  db: Database;
  /** Of a file that says what the store has confirmed, for a start at which it is away. */
  path: string;
  store: VectorStore;
  log: Log;
  clock: Clock;
  random: Random;
  /** Of a search: later ones are answered without the store. */
  searchWithinMs: number;
  /** Called when it changed. */
  told: (stand: VectorStoreStand) => void;
}
/** Ids to compare, or why the store gives none. */
export type Candidates = { ids: number[] } | { why: string };

interface Wanted {
  key: string;
  place: Place;
  kept: Kept;
}

const prefix = 'blackroad_';
/** Of what others may have made under our names. */
const isPlaceName = /^[a-z0-9_]{1,63}$/;
const restMs = 1_000;
/** Between two looks whether the store is there, is the same, and has the right places. */
const lookEveryMs = 60_000;
const closeWithinMs = 1_000;
const again: Backoff = { firstMs: 1_000, maxMs: 60_000 };
/** As of the embedded index: a graph finds fewer of the nearest, so more are compared. */
const candidatesEach = 2;
const leastCandidates = 200;
const narrowCandidates = 2_000;

export class VectorStoreFollower {
  readonly #parts: FollowerParts;
  readonly #rows;
  readonly #models;
  readonly #places = new Map<string, VectorStorePlace>();
  /** Why a place cannot be had, while others can. */
  readonly #refused = new Map<string, string>();
  readonly #ended = new AbortController();
  readonly #before: OwedBefore;
  readonly #lengths = new Map<string, number | null>();
  #lookedMs = Number.NEGATIVE_INFINITY;
  #fault: VectorStoreError | null = new VectorStoreError('away', 'It was not asked yet.');
  #failures = 0;
  #without = 0;
  #state = { is: '', sinceMs: 0 };
  #stand = '';
  #running: Promise<void> = Promise.resolve();

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#rows = vectorRows(parts.db);
    this.#models = madeVectors(parts.db).models;
    this.#before = new OwedBefore(parts.path, parts.store.shown, this.#rows);
  }

  start(): void {
    this.#before.scan();
    this.#tell();
    this.#running = this.#run();
  }
  async close(): Promise<void> {
    this.#ended.abort();
    const { store, clock } = this.#parts;
    const closed = Promise.all([store.close(), this.#running]);
    // What a store that is away was asked last is not waited for.
    await withDeadline(clock, closeWithinMs, closed, () => new Error('late')).catch(() => {});
  }

  /** Never rejects. */
  async candidates({ model, values }: SearchVector, filter: MemoryFilter, wanted: number): Promise<Candidates> {
    const found = await this.#asked(model, values, filter, wanted);
    if ('why' in found) this.#without++;
    return found;
  }

  async #asked(model: string, values: Float32Array, filter: MemoryFilter, wanted: number): Promise<Candidates> {
    const { store, clock, searchWithinMs } = this.#parts;
    if (this.#fault) return { why: this.#fault.message };
    const key = keyOf(model, values.byteLength);
    const refused = this.#refused.get(key);
    if (refused !== undefined) return { why: refused };
    const place = this.#places.get(key);
    if (!place?.isComplete) return { why: 'It is being filled.' };
    const unwritten = place.unwritten(clock.monotonicMs());
    if (unwritten === null) return { why: 'It is behind the database.' };
    const vector = unitOf(values);
    if (vector === null) return { ids: [] };
    const { kind, agents } = filter;
    const agent = filter.agent ?? (agents?.length === 1 ? agents[0] : undefined);
    const only = { ...(agent === undefined ? {} : { agent }), ...(kind === undefined ? {} : { kind }) };
    const most = Math.max(readsRows(filter) ? narrowCandidates : leastCandidates, candidatesEach * wanted);
    try {
      const late = () => new VectorStoreError('away', `It did not answer within ${searchWithinMs / 1000} s.`);
      const near = store.near(place.place, vector, only, most);
      const ids = await withDeadline(clock, searchWithinMs, near, late);
      // There are vectors, so one of them is the nearest: it was emptied.
      if (ids.length === 0 && unwritten.length === 0 && agent === undefined && kind === undefined)
        throw new VectorStoreError('away', 'It found nothing at all.');
      return { ids: [...new Set([...ids, ...unwritten])].sort((a, b) => a - b) };
    } catch (error) {
      // The loop finds out whether it is away.
      this.#lookedMs = Number.NEGATIVE_INFINITY;
      return { why: faultOf(error).message };
    }
  }

  async #run(): Promise<void> {
    const { random, log } = this.#parts;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      let waitMs: number;
      try {
        waitMs = (await this.#step()) ? 0 : restMs;
        if (this.#fault) log.info({ store: this.#parts.store.shown }, 'the vector store answers');
        this.#fault = null;
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error);
        waitMs = backoffMs(again, this.#failures++, random);
      }
      this.#tell();
      await this.#rest(waitMs);
    }
  }
  /** A search that waits for this thread comes between two pieces. What is owed grows while the store is away, and is told. */
  async #rest(waitMs: number): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#ended;
    for (let left = waitMs; left >= 0 && !signal.aborted; left -= restMs) {
      await sleep(clock, Math.min(left, restMs), signal).catch(() => {});
      if (!this.#fault || signal.aborted) return;
      this.#scan();
      this.#tell();
    }
  }
  #scan(): void {
    for (const place of this.#places.values()) place.scan(this.#parts.clock.monotonicMs());
    if (this.#places.size === 0) this.#before.scan();
  }
  /** Does a little; resolves with whether there is more. */
  async #step(): Promise<boolean> {
    const { clock } = this.#parts;
    const own = `${prefix}${this.#rows.fleet()}_`;
    const wanted = this.#wanted(own);
    const isOther = wanted.some(({ key }) => !this.#places.has(key) && !this.#refused.has(key));
    if (isOther || this.#fault || clock.monotonicMs() - this.#lookedMs >= lookEveryMs) await this.#look(own, wanted);
    let isMore = false;
    for (const place of this.#places.values()) {
      isMore = (await place.step(clock.monotonicMs())) || isMore;
    }
    return isMore;
  }
  #failed(error: unknown): void {
    const { log, store } = this.#parts;
    const fault = faultOf(error);
    if (this.#fault?.message !== fault.message) {
      const text = 'searches compare the newest vectors alone, as the vector store cannot be used';
      log.warn({ store: store.shown, why: fault.message, ...(error === fault ? {} : { err: error }) }, text);
    }
    this.#fault = fault;
    this.#scan();
  }

  /** Whether it is there and what it was, and which places it has to have. */
  async #look(own: string, wanted: readonly Wanted[]): Promise<void> {
    const { store, clock, log } = this.#parts;
    for (const name of await store.places(own)) {
      if (wanted.some(({ place }) => place.name === name) || !isPlaceName.test(name)) continue;
      await store.drop(name);
      log.info({ store: store.shown, place: name }, 'vectors of a model that is searched no more were removed');
    }
    const isWanted = (key: string) => wanted.some((each) => each.key === key);
    for (const known of [this.#places, this.#refused])
      for (const key of known.keys()) if (!isWanted(key)) known.delete(key);
    for (const each of wanted) await this.#openPlace(each);
    this.#lookedMs = clock.monotonicMs();
  }
  async #openPlace({ key, place, kept }: Wanted): Promise<void> {
    const { store, clock, log } = this.#parts;
    const parts = { place, kept, store, rows: this.#rows, nowMs: clock.monotonicMs() };
    try {
      if (await this.#isSame(key)) return;
      // Searches do not ask what is half there. What it is owed is known by the changes.
      this.#places.delete(key);
      const { opened, isNew } = await VectorStorePlace.opened(parts);
      this.#places.set(key, opened);
      this.#refused.delete(key);
      const text = isNew ? 'the vector store is filled from the beginning' : 'the vector store goes on where it was';
      log.info({ store: store.shown, place: place.name, model: kept.model, waiting: opened.waiting }, text);
    } catch (error) {
      const { fault, message } = faultOf(error);
      if (fault !== 'refused') throw error;
      if (this.#refused.get(key) !== message)
        log.warn(
          { store: store.shown, model: kept.model, why: message },
          'the vector store refuses the vectors of a model',
        );
      this.#refused.set(key, message);
    }
  }
  /** Not where it was removed meanwhile, which is refused. */
  async #isSame(key: string): Promise<boolean> {
    const { clock } = this.#parts;
    try {
      return (await this.#places.get(key)?.isSame(clock.monotonicMs())) ?? false;
    } catch (error) {
      if (faultOf(error).fault === 'refused') return false;
      throw error;
    }
  }
  #wanted(own: string): Wanted[] {
    const { searched, newest } = this.#models();
    return [...new Set([searched, newest])].flatMap((model) => {
      const bytes = model === null ? null : this.#lengthOf(model);
      if (model === null || bytes === null) return [];
      const key = keyOf(model, bytes);
      const name = `${own}${sha256Hex(key).slice(0, 12)}`;
      return [{ key, place: { name, dimension: bytes / 4 }, kept: { model, bytes } }];
    });
  }

  /** The bytes of its newest vector. A look at all vectors takes seconds among millions, so what was found is kept. */
  #lengthOf(model: string): number | null {
    const known = this.#rows.lengthAmongNewest(model) ?? this.#lengths.get(model);
    const found = known === undefined ? this.#rows.lengthOf(model) : known;
    this.#lengths.set(model, found);
    return found;
  }

  #tell(): void {
    const places = [...this.#places.values()];
    const sum = (of: (place: VectorStorePlace) => number) => places.reduce((all, place) => all + of(place), 0);
    if (places.length > 0) this.#before.keep(places);
    const [refused = null] = this.#refused.values();
    const works = places.some(({ isComplete }) => !isComplete) ? 'filling' : 'following';
    const state = this.#fault?.fault ?? (places.length === 0 && refused !== null ? 'refused' : works);
    if (state !== this.#state.is) this.#state = { is: state, sinceMs: this.#parts.clock.nowMs() };
    const stand: VectorStoreStand = {
      store: this.#parts.store.shown,
      ...{ state, sinceMs: this.#state.sinceMs },
      waiting: places.length > 0 ? sum(({ waiting }) => waiting) : this.#before.waiting,
      owed: places.length > 0 ? sum(({ owed }) => owed) : this.#before.owed,
      without: this.#without,
      why: this.#fault?.message ?? refused,
    };
    const text = JSON.stringify(stand);
    if (text !== this.#stand) this.#parts.told(stand);
    this.#stand = text;
  }
}

const keyOf = (model: string, bytes: number): string => `${bytes} ${model}`;
/** What is no fault of the store is one of ours, and stops it as well. */
function faultOf(error: unknown): VectorStoreError {
  if (error instanceof VectorStoreError) return error;
  return new VectorStoreError('away', `A fault of the coordinator: ${(error as Error).message}`);
}
