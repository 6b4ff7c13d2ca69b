// One channel whose rows have keys: the last sent state of each row, the rows that may have changed since, and the deltas between. A row is
// made only when it may have changed and a console looks; no row is made twice for two consoles. While no console looks, only keys are
// noted, and a console that comes back gets one delta. In: marks. Out: bytes. It has no socket and no clock.
import { maxFeedDeltaRows, maxFeedSnapshotRows } from '@blackroad/protocol';
import { createDeltas, type DeltaBody, type Deltas } from './deltas.ts';

interface FeedTableSource<R> {
  channel: string;
  epoch: string;
  /** The field that is the key of a row; '' for a table of one row. */
  key: string;
  ids(): Iterable<string>;
  /** The present row, or null when there is none any more. The return of `before` itself means that nothing changed. */
  line(id: string, before: R | undefined): R | null;
  /** Rows are sent whole also when one field changed: for views of single things, whose fields are large and many. */
  whole?: boolean;
}
/** A part of a snapshot; `next` is the beginning of the following one, null when this is the last. */
interface SnapshotPart {
  frame: Buffer;
  next: number | null;
  /** The row is new. */
  made: boolean;
}
export interface FeedTableState {
  readonly seq: number;
  mark(id: string): void;
  /** Makes rows that were never sent, some at a time; true when all are made and snapshots may be taken. */
  prime(): boolean;
  /** The changes since the last beat; null: none. Changes that do not fit wait for the next beat. */
  beat(asOfMs: number): Buffer | null;
  since(seq: number): readonly Buffer[] | null;
  /** The keys of a snapshot, in order. */
  keys(): readonly string[];
  part(keys: readonly string[], from: number, asOfMs: number): SnapshotPart;
  /** Drops the parts that were kept, until this beat, for consoles that come at the same time. */
  forgetParts(): void;
  /** Drops all rows; the next console starts anew. */
  cool(): void;
}

export class Table<R extends object> implements FeedTableState {
  readonly #source: FeedTableSource<R>;
  readonly #deltas: Deltas;
  readonly #rows = new Map<string, R>();
  readonly #dirty = new Set<string>();
  #toPrime: Iterator<string> | null = null;
  #isWarm = false;
  #keys: readonly string[] | null = null;
  #parts: { keys: readonly string[]; seq: number; byFrom: Map<number, SnapshotPart> } | null = null;

  constructor(source: FeedTableSource<R>) {
    this.#source = source;
    this.#deltas = createDeltas(source.channel, source.epoch);
  }

  get seq(): number {
    return this.#deltas.seq;
  }

  mark(id: string): void {
    // Before the first console there is nothing to compare with: every row will be made anyway.
    if (this.#isWarm || this.#toPrime) this.#dirty.add(id);
  }

  prime(): boolean {
    if (this.#isWarm) return true;
    this.#toPrime ??= this.#source.ids()[Symbol.iterator]();
    for (let made = 0; made < maxFeedSnapshotRows; made++) {
      const { value: id, done } = this.#toPrime.next();
      if (done) {
        this.#toPrime = null;
        this.#isWarm = true;
        return true;
      }
      const row = this.#source.line(id, undefined);
      if (row !== null) this.#put(id, row);
    }
    return false;
  }

  beat(asOfMs: number): Buffer | null {
    if (!this.#isWarm || this.#dirty.size === 0) return null;
    const body: DeltaBody = { put: [], patch: [], gone: [] };
    let left = maxFeedDeltaRows;
    for (const id of this.#dirty) {
      if (left-- === 0) break;
      this.#dirty.delete(id);
      this.#tell(id, body);
    }
    if (body.put.length + body.patch.length + body.gone.length === 0) return null;
    return this.#deltas.add(asOfMs, body);
  }
  #tell(id: string, into: DeltaBody): void {
    const before = this.#rows.get(id);
    const row = this.#source.line(id, before);
    if (row === null) {
      if (before === undefined) return;
      this.#rows.delete(id);
      this.#keys = null;
      into.gone.push(id);
    } else if (before === undefined) {
      this.#put(id, row);
      into.put.push(row);
    } else if (before !== row) {
      const patch = changedFields(this.#source.key, before, row);
      if (patch === null) return;
      this.#put(id, row);
      if (this.#source.whole) into.put.push(row);
      else into.patch.push(patch);
    }
  }
  #put(id: string, row: R): void {
    if (!this.#rows.has(id)) this.#keys = null;
    this.#rows.set(id, row);
  }

  since(seq: number): readonly Buffer[] | null {
    return this.#isWarm ? this.#deltas.since(seq) : null;
  }

  keys(): readonly string[] {
    this.#keys ??= [...this.#rows.keys()];
    return this.#keys;
  }

  part(keys: readonly string[], from: number, asOfMs: number): SnapshotPart {
    const { seq } = this.#deltas;
    // Consoles that come at the same time (after a restart) need the same part, which is made once.
    if (this.#parts?.keys !== keys || this.#parts.seq !== seq) this.#parts = { keys, seq, byFrom: new Map() };
    const known = this.#parts.byFrom.get(from);
    if (known) return known;
    const upto = Math.min(keys.length, from + maxFeedSnapshotRows);
    const here: R[] = [];
    for (let i = from; i < upto; i++) {
      const row = this.#rows.get(keys[i] as string);
      if (row !== undefined) here.push(row);
    }
    const count = Math.max(1, Math.ceil(keys.length / maxFeedSnapshotRows));
    const part = from / maxFeedSnapshotRows + 1;
    const { channel, epoch } = this.#source;
    const head = { type: 'snapshot', channel, epoch, asOfMs, seq, part, parts: count };
    const frame = Buffer.from(JSON.stringify({ ...head, rows: here }));
    const next = upto < keys.length ? upto : null;
    this.#parts.byFrom.set(from, { frame, next, made: false });
    return { frame, next, made: true };
  }

  forgetParts(): void {
    this.#parts = null;
  }

  cool(): void {
    this.#isWarm = false;
    this.#toPrime = null;
    this.#rows.clear();
    this.#dirty.clear();
    this.#keys = null;
    this.#parts = null;
    this.#deltas.forget();
  }
}

/** The key and the fields of `now` that differ; null: none does. Fields are compared by content, not by identity. */
export function changedFields(key: string, before: object, now: object): Record<string, unknown> | null {
  let patch: Record<string, unknown> | null = null;
  const old = before as Record<string, unknown>;
  for (const [field, value] of Object.entries(now)) {
    const was = old[field];
    if (was === value) continue;
    if (typeof value === 'object' && JSON.stringify(value) === JSON.stringify(was)) continue;
    patch ??= key === '' ? {} : { [key]: (now as Record<string, unknown>)[key] };
    patch[field] = value;
  }
  // An optional field that is missing now.
  if (patch === null) for (const field of Object.keys(before)) if (!(field in now)) return {};
  return patch;
}
