// One place of a vector store that follows the database: what went is removed there first, then what came and changed is written, and what was there
// before it, the newest first. In: the database, and the store. Out: how far it is. It keeps its stand as a note at the place itself, so that a
// store that was emptied, or set back, or a database that was, is seen, and filled again.
import { normOf } from '@blackroad/std/vectors/codes';
import type { Place, StoredVector, VectorStore } from '../../vector-stores/vector-store.ts';
import { floatsOf } from './near-vectors.ts';
import type { Kept, VectorRow, vectorRows } from './vector-rows.ts';

/** Changes that one step reads: some milliseconds, in which a search waits. */
const pieceRows = 1_000;
/** Of changes that are not written, a search compares so many ids itself. */
const mostUnwritten = 20_000;
/** Of one scan: a search that comes meanwhile waits for it. */
const piecesAtOnce = 20;
/** More are looked for when these are removed. */
const mostGone = 100_000;
const maxNoteChars = 400;

interface Noted {
  /** Changes up to this one are written. */
  upto: number;
  /** Vectors with ids from here on are written; 0: all. */
  below: number;
  /** The hash of what was changed at `upto`. */
  mark: string;
}
/** Written so lately that the store may not find it yet; or written without an answer, so that it may still be written later. */
interface Settling {
  ids: readonly number[];
  untilMs: number;
}
/** A write without an answer is done by then, or never. */
const doubtMs = 60_000;

interface PlaceParts {
  place: Place;
  kept: Kept;
  store: VectorStore;
  rows: ReturnType<typeof vectorRows>;
}

export class VectorStorePlace {
  readonly place: Place;
  readonly kept: Kept;
  readonly #store: VectorStore;
  readonly #rows: ReturnType<typeof vectorRows>;
  #noted: Noted = { upto: 0, below: 0, mark: '' };
  #note = '';
  /** Removals of changes up to this one are confirmed. */
  #removed = 0;
  /** Changes up to this one were looked at for removals. */
  #scanned = 0;
  /** Ids that the store is still to remove. */
  readonly #gone = new Set<number>();
  /** Those of them that were erased; the others changed their model, or never had a vector of this one. */
  readonly #erased = new Set<number>();
  #keptAtMs = 0;
  #settling: Settling[] = [];
  #doubtful: Settling[] = [];

  private constructor(parts: PlaceParts) {
    this.place = parts.place;
    this.kept = parts.kept;
    this.#store = parts.store;
    this.#rows = parts.rows;
  }

  /** Goes on from what is noted there, where that is of this database, and else begins anew. */
  static async opened(parts: PlaceParts & { nowMs: number }): Promise<{ opened: VectorStorePlace; isNew: boolean }> {
    const { place, store, rows } = parts;
    const opened = new VectorStorePlace(parts);
    const note = await store.open(place);
    const noted = notedIn(note);
    const isOurs = noted !== null && noted.upto <= rows.lastChange() && rows.markOf(noted.upto) === noted.mark;
    if (isOurs) {
      opened.#goOn(noted, note as string);
      return { opened, isNew: false };
    }
    // What is there is of another time, or half of one.
    await store.drop(place.name);
    await store.open(place);
    const upto = rows.lastChange();
    await opened.#keep({ upto, below: rows.lastId() + 1, mark: rows.markOf(upto) }, parts.nowMs);
    opened.#goOn(opened.#noted, opened.#note);
    return { opened, isNew: true };
  }

  get isComplete(): boolean {
    return this.#noted.below === 0;
  }
  /** Changes that are not written, and those older vectors that are not. */
  get waiting(): number {
    return Math.max(0, this.#rows.lastChange() - this.#noted.upto) + Math.max(0, this.#noted.below - 1);
  }
  /** Erased memories whose vectors the store has not confirmed to have removed. */
  get owed(): number {
    return this.#erased.size;
  }
  /** Removals of changes up to this one are confirmed: kept beside the database, it tells what is owed while the store is away. */
  get removedUpto(): number {
    return this.#removed;
  }
  /** What a search has to compare beside what the store finds; null: too many. */
  unwritten(nowMs: number): number[] | null {
    this.#settling = this.#settling.filter(({ untilMs }) => untilMs > nowMs);
    const ids = this.#rows.changedIds(this.#noted.upto, mostUnwritten + 1);
    for (const each of this.#settling) ids.push(...each.ids);
    return ids.length > mostUnwritten ? null : ids;
  }

  /** Looks at the database alone. */
  scan(nowMs: number): void {
    // What was erased meanwhile may have been written after it was removed.
    for (const { ids, untilMs } of this.#doubtful) if (untilMs <= nowMs) this.#owe(goneOf(this.#rows, this.kept, ids));
    this.#doubtful = this.#doubtful.filter(({ untilMs }) => untilMs > nowMs);
    for (let piece = 0; piece < piecesAtOnce && this.#gone.size < mostGone; piece++) {
      const found = goneAfter(this.#rows, this.kept, this.#scanned);
      if (found.upto === this.#scanned) return;
      this.#scanned = found.upto;
      this.#owe(found);
    }
  }
  /** A piece of what is to be done; resolves with whether there is more. */
  async step(nowMs: number): Promise<boolean> {
    this.scan(nowMs);
    await this.#remove();
    const isBehind = await this.#putChanged(nowMs);
    const isFilling = await this.#putOlder(nowMs);
    return isBehind || isFilling;
  }
  /** Whether the note is still the one that was written last. */
  async isSame(nowMs: number): Promise<boolean> {
    if (nowMs - this.#keptAtMs < this.#store.settleMs) return true;
    return (await this.#store.noted(this.place)) === this.#note;
  }

  #owe({ gone, erased }: { gone: Iterable<number>; erased: readonly number[] }): void {
    for (const id of gone) this.#gone.add(id);
    for (const id of erased) this.#erased.add(id);
  }
  #goOn(noted: Noted, note: string): void {
    this.#noted = noted;
    this.#note = note;
    this.#removed = noted.upto;
    this.#scanned = noted.upto;
  }
  async #keep(noted: Noted, nowMs: number): Promise<void> {
    const note = JSON.stringify(noted);
    await this.#store.note(this.place, note);
    this.#noted = noted;
    this.#note = note;
    this.#keptAtMs = nowMs;
  }
  /** First of all: what was erased must not wait behind a million vectors that came. */
  async #remove(): Promise<void> {
    const upto = this.#scanned;
    const ids = [...this.#gone];
    for (let from = 0; from < ids.length; from += this.#store.atOnce) {
      const some = ids.slice(from, from + this.#store.atOnce);
      await this.#store.remove(this.place, some);
      for (const id of some) for (const owed of [this.#gone, this.#erased]) owed.delete(id);
    }
    this.#removed = upto;
  }
  async #putChanged(nowMs: number): Promise<boolean> {
    const changes = this.#rows.changed(this.#noted.upto, this.#removed, this.#store.atOnce);
    const upto = changes.at(-1)?.n;
    if (upto === undefined) return this.#rows.lastChange() > this.#noted.upto;
    await this.#put(this.#rows.among(this.kept, [...new Set(changes.map(({ id }) => id))]), nowMs);
    await this.#keep({ ...this.#noted, upto, mark: this.#rows.markOf(upto) }, nowMs);
    return upto < this.#rows.lastChange();
  }
  async #putOlder(nowMs: number): Promise<boolean> {
    const { below } = this.#noted;
    if (below === 0) return false;
    const ids = this.#rows.idsBelow(below, this.#store.atOnce);
    await this.#put(this.#rows.among(this.kept, ids), nowMs);
    const isLast = ids.length < this.#store.atOnce;
    await this.#keep({ ...this.#noted, below: isLast ? 0 : (ids.at(-1) ?? 0) }, nowMs);
    return !isLast;
  }
  async #put(rows: readonly VectorRow[], nowMs: number): Promise<void> {
    const vectors = rows.flatMap((row) => storedOf(row) ?? []);
    const ids = vectors.map(({ id }) => id);
    try {
      await this.#store.put(this.place, vectors);
    } catch (error) {
      this.#doubtful.push({ ids, untilMs: nowMs + doubtMs });
      throw error;
    }
    const { settleMs } = this.#store;
    if (settleMs > 0 && ids.length > 0) this.#settling.push({ ids, untilMs: nowMs + settleMs });
  }
}

/** A piece of the changes after this one: the ids that have no vector of this kind now. */
export function goneAfter(
  rows: ReturnType<typeof vectorRows>,
  kept: Kept,
  after: number,
): { gone: Set<number>; erased: number[]; upto: number } {
  const changes = rows.changed(after, rows.lastChange(), pieceRows);
  const ids = [...new Set(changes.map(({ id }) => id))];
  return { ...goneOf(rows, kept, ids), upto: changes.at(-1)?.n ?? after };
}
function goneOf(rows: ReturnType<typeof vectorRows>, kept: Kept, ids: readonly number[]) {
  const gone = new Set(ids);
  for (const id of rows.present(kept, ids)) gone.delete(id);
  return { gone, erased: rows.erasedAmong([...gone]) };
}
function notedIn(note: string | null): Noted | null {
  if (note === null || note.length > maxNoteChars) return null;
  try {
    const { upto, below, mark } = JSON.parse(note) as Partial<Noted>;
    const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
    return isWhole(upto) && isWhole(below) && typeof mark === 'string' ? { upto, below, mark } : null;
  } catch {
    return null;
  }
}
/** Null: it has no direction. */
function storedOf({ id, agent, kind, vector }: VectorRow): StoredVector | null {
  const unit = unitOf(floatsOf(vector));
  return unit && { id, agent, kind, vector: unit };
}
/** Of length 1, so that it fits half floats; null: it has no direction. */
export function unitOf(values: Float32Array): Float32Array | null {
  const norm = normOf(values);
  return norm > 0 && Number.isFinite(norm) ? values.map((value) => value / norm) : null;
}
