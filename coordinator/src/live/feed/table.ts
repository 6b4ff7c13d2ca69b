// One channel whose rows have keys: what was last told of each row, which rows may have changed since, and the deltas between.
// A row is made only when it may have changed and a console looks; nothing is ever made twice for two consoles. While nobody looks only
// keys are remembered, and a console that comes back finds one delta. In: marks. Out: bytes. It knows no socket and no clock.
import { maxFeedDeltaRows, maxFeedSnapshotRows } from '@blackroad/protocol';
import { createDeltas, type DeltaBody, type Deltas } from './deltas.ts';

interface FeedTableSource<R> {
  channel: string;
  epoch: string;
  /** The field that tells rows apart; '' for the one row there is. */
  key: string;
  ids(): Iterable<string>;
  /** The row as it stands, null when it is gone. Answering `before` itself says that nothing changed. */
  line(id: string, before: R | undefined): R | null;
  /** Rows go whole also when one field changed: for whole views, whose fields are large and many. */
  whole?: boolean;
}
/** A part of a snapshot; `next` is where the following one begins, null when this was the last. */
interface SnapshotPart {
  frame: Buffer;
  next: number | null;
  /** It was not there yet. */
  made: boolean;
}
export interface FeedTableState {
  readonly seq: number;
  mark(id: string): void;
  /** Makes rows that were never told, some at a time; true when all are there and snapshots may be taken. */
  prime(): boolean;
  /** What changed since the last beat; null: nothing. More than fits waits for the next one. */
  beat(asOfMs: number): Buffer | null;
  since(seq: number): readonly Buffer[] | null;
  /** The keys a snapshot goes through. */
  keys(): readonly string[];
  part(keys: readonly string[], from: number, asOfMs: number): SnapshotPart;
  /** Parts are kept for consoles that come together, until the next beat. */
  forgetParts(): void;
  /** Gives the memory of the rows back; the next console starts anew. */
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
    // Until someone looked there is nothing to compare with: every row will be made anyway.
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
    // Consoles that come together (after a restart) are at the same place: made once.
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

/** The key and the fields of `now` that differ; null: none does. Fields are compared by what they say, not by identity. */
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
  // A field that is not there any more (optional ones of whole views).
  if (patch === null) for (const field of Object.keys(before)) if (!(field in now)) return {};
  return patch;
}
