// Which vectors of all are near to one: an index of codes (vectors/) finds candidates, the vectors in the database decide. The index is made from
// the database, a piece at a time, newest first, and follows it by the table of changed vectors: a search first takes in what was committed before
// it. In: searches, and calls of `work` while there is time. Out: ids, nearest first. It loses nothing when it ends: the next one is made again.
import { systemClock as clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { sha256Hex } from '@blackroad/std/sha256';
import { normOf } from '@blackroad/std/vectors/codes';
import { saved, saving } from '../../vectors/index-file.ts';
import { VectorIndex } from '../../vectors/vector-index.ts';
import type { Database } from './database.ts';
import { isLookedFor } from './keyed-entries.ts';
import { isNarrow, type MemoryFilter } from './memory-filter.ts';
import {
  floatsOf,
  fromBoth,
  type Nearest,
  nearestAmong,
  nearestOfChosen,
  type SearchVector,
  scannedVectors,
} from './near-vectors.ts';

/** Fewer are compared one by one. */
const leastIndexed = 2_000;
/** Rows that one call of `work` reads: a search that comes meanwhile waits for them, some 30 ms. */
const pieceRows = 2_000;
/** Changes that a search takes in before it looks. What is left is in the work of the next moments. */
const mostBeforeSearch = 20_000;
const sampledForMean = 4_096;
/** Ids that each of these is looked for among. */
const someIds = 1_000;
/** Candidates for each one that is wanted, and at least: with 4 bits the ten nearest are among the fifty best of the hardest set measured. */
const candidatesEach = 2;
const leastCandidates = 100;
/** Where some of them may not be found: by their time, or as kinds share a bit. */
const narrowCandidates = 2_000;
/** Kinds of which each has a bit; further ones share the last. */
const kindBits = 32;
/** Changes that are worth writing the files for: so many, and this share of the index. What is not written is read from the database again. */
const leastToSave = 10_000;
const shareToSave = 0.05;
const saveEveryMs = 600_000;
/** An index whose mean was made of few is made anew when there are so many times more. */
const outgrown = 8;

interface Indexed {
  key: string;
  model: string;
  bytes: number;
  index: VectorIndex;
  /** The last change that is in it. */
  upto: number;
  /** Ids below are still to be read; 0: all are. */
  below: number;
  /** Vectors when its mean was made. */
  madeOf: number;
  agents: Map<string, number>;
  kinds: Map<string, number>;
  /** Being written, a piece with each call of `work`. */
  saving: { steps: Generator<void>; upto: number } | null;
  savedUpto: number;
  savedAtMs: number;
}
interface VectorRow {
  id: number;
  model: string;
  vector: Buffer;
  agent: string;
  kind: string;
}

export class IndexedVectors {
  readonly #log: Log;
  readonly #threads: number;
  readonly #scanned: Nearest;
  readonly #among;
  readonly #ofChosen;
  readonly #indexes = new Map<string, Indexed>();
  /** Made beside the one that answers, which it replaces. */
  readonly #coming = new Map<string, Indexed>();
  /** What its files' names begin with; null: it is in memory alone. */
  readonly #path: string | null;
  readonly #read;

  constructor(db: Database, log: Log, threads: number, path: string | null = null) {
    this.#path = path;
    this.#log = log;
    this.#threads = threads;
    this.#scanned = scannedVectors(db);
    this.#among = nearestAmong(db);
    this.#ofChosen = nearestOfChosen(db);
    const columns = 'v.id, v.model, v.vector, e.agent, e.kind';
    this.#read = {
      lastChange: db.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'vector_change'`).pluck(),
      changes: db.prepare<[number, number], { n: number; id: number }>(
        'SELECT n, id FROM vector_change WHERE n > ? ORDER BY n LIMIT ?',
      ),
      row: db.prepare<[{ id: number; model: string }], VectorRow>(
        fromBoth(
          (table) =>
            `SELECT ${columns} FROM ${table} v JOIN memory_entry e ON e.id = v.id WHERE v.id = @id AND v.model = @model AND ${isLookedFor('v.id')}`,
        ),
      ),
      older: db.prepare<[{ below: number; most: number }], VectorRow>(
        `SELECT ${columns} FROM (${fromBoth((table) => `SELECT id, model, vector FROM ${table} WHERE id < @below AND ${isLookedFor('id')}`)}
         ORDER BY id DESC LIMIT @most) v JOIN memory_entry e ON e.id = v.id ORDER BY v.id DESC`,
      ),
      mark: db
        .prepare<[number]>('SELECT e.hash FROM vector_change c JOIN memory_entry e ON e.id = c.id WHERE c.n = ?')
        .pluck(),
      lastId: db.prepare('SELECT coalesce(max(id), 0) FROM memory_entry').pluck(),
      someOf: db.prepare<[{ from: number; model: string; bytes: number }], { vector: Buffer }>(
        `SELECT vector FROM (${fromBoth(
          (table) =>
            `SELECT vector FROM ${table} WHERE id >= @from AND id < @from + ${someIds} AND model = @model AND length(vector) = @bytes`,
        )}) LIMIT 1`,
      ),
      isMany: db
        .prepare<[{ model: string; bytes: number }]>(
          `SELECT count(*) FROM (${fromBoth(
            (table) => `SELECT 1 FROM ${table} WHERE model = @model AND length(vector) = @bytes`,
          )} LIMIT ${leastIndexed})`,
        )
        .pluck(),
    };
  }

  near(vector: SearchVector, filter: MemoryFilter, wanted: number): ReturnType<Nearest> {
    const { byteLength } = vector.values;
    const key = `${byteLength} ${vector.model}`;
    const indexed = this.#indexes.get(key);
    if (indexed === undefined) {
      const many = this.#read.isMany.get({ model: vector.model, bytes: byteLength }) as number;
      if (many >= leastIndexed && !this.#coming.has(key)) this.#begin(key, vector.model, byteLength);
      return this.#scanned(vector, filter, wanted);
    }
    this.#follow(indexed, mostBeforeSearch);
    const agents = agentsOf(indexed, filter);
    const kind = filter.kind === undefined ? undefined : indexed.kinds.get(filter.kind);
    if (agents?.size === 0 || (filter.kind !== undefined && kind === undefined)) return [];
    const least = isNarrow(filter) ? narrowCandidates : leastCandidates;
    const ids = indexed.index.search(vector.values, Math.max(least, candidatesEach * wanted), {
      ...(agents === null ? {} : { agents }),
      ...(kind === undefined ? {} : { kinds: 1 << Math.min(kindBits - 1, kind) }),
    });
    const inOrder = [...ids].sort((a, b) => a - b);
    return isNarrow(filter) ? this.#among(vector, filter, wanted, inOrder) : this.#ofChosen(vector, wanted, inOrder);
  }

  /** A piece of what is to be done; returns whether there is more. */
  work(): boolean {
    let isMore = false;
    for (const indexed of this.#indexes.values()) {
      this.#follow(indexed, pieceRows);
      isMore ||= indexed.upto < this.#lastChange();
      if (indexed.index.size > outgrown * indexed.madeOf && !this.#coming.has(indexed.key))
        this.#begin(indexed.key, indexed.model, indexed.bytes);
      isMore = this.#save(indexed) || isMore;
    }
    for (const coming of this.#coming.values()) {
      isMore = true;
      this.#readOlder(coming);
      if (coming.below > 0) continue;
      this.#coming.delete(coming.key);
      this.#indexes.get(coming.key)?.index.close();
      this.#indexes.set(coming.key, coming);
      const { size, bytes } = coming.index;
      this.#log.info({ model: coming.model, vectors: size, bytes }, 'the index of memory vectors is complete');
    }
    return isMore;
  }
  close(): void {
    for (const { index } of [...this.#indexes.values(), ...this.#coming.values()]) index.close();
  }

  #lastChange(): number {
    return (this.#read.lastChange.get() as number | undefined) ?? 0;
  }
  #begin(key: string, model: string, bytes: number): void {
    if (!this.#indexes.has(key) && this.#readSaved(key, model, bytes)) return;
    const upto = this.#lastChange();
    const last = this.#read.lastId.get() as number;
    const { mean, madeOf } = this.#meanOf(model, bytes, last);
    const index = new VectorIndex(bytes / 4, mean, this.#threads);
    this.#coming.set(key, { key, model, bytes, index, upto, below: last + 1, madeOf, ...fresh() });
  }
  /** Whether the files of an index of this database were there; what was committed since is taken in as usual. */
  #readSaved(key: string, model: string, bytes: number): boolean {
    const found = this.#path === null ? null : saved(this.#fileOf(key));
    if (found === null) return false;
    const { upto, mark, madeOf, agents, kinds, dimension } = found.about;
    if (found.about.model !== model || dimension !== bytes / 4 || this.#markOf(upto) !== mark) return false;
    const index = new VectorIndex(dimension, found.mean, this.#threads);
    if (!found.fill(index)) {
      this.#log.warn({ model }, 'the saved index of memory vectors is damaged: it is made again');
      index.close();
      return false;
    }
    const numbers = (names: string[]) => new Map(names.map((name, number) => [name, number]));
    const known = {
      agents: numbers(agents),
      kinds: numbers(kinds),
      saving: null,
      savedUpto: upto,
      savedAtMs: clock.monotonicMs(),
    };
    this.#coming.set(key, { key, model, bytes, index, upto, below: 0, madeOf, ...known });
    return true;
  }
  #fileOf(key: string): string {
    return `${this.#path}-${sha256Hex(key).slice(0, 16)}`;
  }
  /** What the change was: a database that is another one, or an older copy, has another change there, or none. */
  #markOf(change: number): string {
    if (change > this.#lastChange()) return 'none yet';
    return (this.#read.mark.get(change) as string | undefined) ?? 'gone';
  }
  /** Writes a piece where enough has changed; returns whether there is more to write. */
  #save(indexed: Indexed): boolean {
    if (this.#path === null) return false;
    const { index, upto, model, madeOf } = indexed;
    const isDue = upto - indexed.savedUpto > Math.max(leastToSave, index.size * shareToSave);
    const isRested = clock.monotonicMs() - indexed.savedAtMs > saveEveryMs;
    if (indexed.saving === null && isDue && isRested) {
      const [agents, kinds] = [indexed.agents, indexed.kinds].map((numbers) => [...numbers.keys()]) as [
        string[],
        string[],
      ];
      const about = { model, dimension: index.dimension, upto, mark: this.#markOf(upto), madeOf, agents, kinds };
      indexed.saving = { steps: saving(this.#fileOf(indexed.key), index, about), upto };
    }
    if (indexed.saving === null) return false;
    if (!indexed.saving.steps.next().done) return true;
    indexed.savedUpto = indexed.saving.upto;
    indexed.savedAtMs = clock.monotonicMs();
    indexed.saving = null;
    return false;
  }
  /** Of the directions of a sample over all ids. */
  #meanOf(model: string, bytes: number, lastId: number): { mean: Float32Array; madeOf: number } {
    const mean = new Float32Array(bytes / 4);
    let count = 0;
    for (let i = 0; i < sampledForMean; i++) {
      const from = Math.floor((lastId * i) / sampledForMean);
      const found = this.#read.someOf.get({ from, model, bytes });
      if (!found) continue;
      const vector = floatsOf(found.vector);
      const norm = normOf(vector);
      if (!(norm > 0)) continue;
      for (let d = 0; d < mean.length; d++) mean[d] = (mean[d] as number) + (vector[d] as number) / norm;
      count++;
    }
    for (let d = 0; d < mean.length; d++) mean[d] = (mean[d] as number) / Math.max(1, count);
    return { mean, madeOf: Math.max(leastIndexed, count < sampledForMean ? count : lastId) };
  }
  #readOlder(coming: Indexed): void {
    let rows = 0;
    let last = 0;
    // One by one: a vector that is held for longer than its turn outlives the young generation, and tens of megabytes of them wait for a whole
    // collection.
    for (const row of this.#read.older.iterate({ below: coming.below, most: pieceRows })) {
      // An entry may have a vector of another model beside its own.
      if (row.model === coming.model) take(coming, row.id, row);
      last = row.id;
      rows++;
    }
    // The next piece begins with the last entry again, of which the second of two vectors may be missing.
    coming.below = rows < pieceRows ? 0 : last + 1;
    this.#follow(coming, pieceRows);
  }
  /** Takes in what was committed since. */
  #follow(indexed: Indexed, most: number): void {
    for (let left = most; left > 0; ) {
      const changes = this.#read.changes.all(indexed.upto, Math.min(left, pieceRows));
      if (changes.length === 0) return;
      for (const id of new Set(changes.map((change) => change.id)))
        take(indexed, id, this.#read.row.get({ id, model: indexed.model }));
      indexed.upto = changes.at(-1)?.n ?? indexed.upto;
      left -= changes.length;
    }
  }
}

/** What the database has under this id is in the index, and nothing else is. */
function take({ index, bytes, agents, kinds }: Indexed, id: number, row: VectorRow | undefined): void {
  if (row?.vector.length === bytes)
    index.put(id, numberOf(agents, row.agent), Math.min(kindBits - 1, numberOf(kinds, row.kind)), floatsOf(row.vector));
  else index.remove(id);
}

/** The numbers of the agents that are asked for; null: all. */
function agentsOf({ agents }: Indexed, { agent, agents: some }: MemoryFilter): Set<number> | null {
  const asked = agent !== undefined ? [agent] : some;
  return asked === undefined ? null : new Set(asked.flatMap((each) => agents.get(each) ?? []));
}

const fresh = () => ({
  agents: new Map<string, number>(),
  kinds: new Map<string, number>(),
  saving: null,
  savedUpto: 0,
  savedAtMs: Number.NEGATIVE_INFINITY,
});

function numberOf(numbers: Map<string, number>, word: string): number {
  const known = numbers.get(word);
  if (known !== undefined) return known;
  numbers.set(word, numbers.size);
  return numbers.size - 1;
}
