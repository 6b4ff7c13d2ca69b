// One channel whose rows have keys: what was last told of each row, which rows may have changed since, and the deltas between.
// A row is made only when it may have changed and a console looks; nothing is ever made twice for two consoles. While nobody looks only
// keys are remembered, and a console that comes back finds one delta. In: marks. Out: bytes. It knows no socket and no clock.
import { maxFeedDeltaRows, maxFeedSnapshotRows } from '@blackroad/protocol';
import { createDeltas, type DeltaBody } from './deltas.ts';

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

export function createTable<R extends object>(source: FeedTableSource<R>): FeedTableState {
  const { channel, epoch, key } = source;
  const deltas = createDeltas(channel, epoch);
  const rows = new Map<string, R>();
  const dirty = new Set<string>();
  let toPrime: Iterator<string> | null = null;
  let warm = false;
  let keyList: readonly string[] | null = null;
  let parts: { keys: readonly string[]; seq: number; byFrom: Map<number, SnapshotPart> } | null = null;

  function put(id: string, row: R) {
    if (!rows.has(id)) keyList = null;
    rows.set(id, row);
  }
  function tell(id: string, into: { put: unknown[]; patch: unknown[]; gone: unknown[] }) {
    const before = rows.get(id);
    const row = source.line(id, before);
    if (row === null) {
      if (before === undefined) return;
      rows.delete(id);
      keyList = null;
      into.gone.push(id);
    } else if (before === undefined) {
      put(id, row);
      into.put.push(row);
    } else if (before !== row) {
      const patch = changedFields(key, before, row);
      if (patch === null) return;
      put(id, row);
      if (source.whole) into.put.push(row);
      else into.patch.push(patch);
    }
  }
  return {
    get seq() {
      return deltas.seq;
    },
    mark(id) {
      // Until someone looked there is nothing to compare with: every row will be made anyway.
      if (warm || toPrime) dirty.add(id);
    },
    prime() {
      if (warm) return true;
      toPrime ??= source.ids()[Symbol.iterator]();
      for (let made = 0; made < maxFeedSnapshotRows; made++) {
        const { value: id, done } = toPrime.next();
        if (done) {
          toPrime = null;
          warm = true;
          return true;
        }
        const row = source.line(id, undefined);
        if (row !== null) put(id, row);
      }
      return false;
    },
    beat(asOfMs) {
      if (!warm || dirty.size === 0) return null;
      const body: DeltaBody & { put: unknown[]; patch: unknown[]; gone: unknown[] } = {
        put: [],
        patch: [],
        gone: [],
      };
      let left = maxFeedDeltaRows;
      for (const id of dirty) {
        if (left-- === 0) break;
        dirty.delete(id);
        tell(id, body);
      }
      if (body.put.length + body.patch.length + body.gone.length === 0) return null;
      return deltas.add(asOfMs, body);
    },
    since: (seq) => (warm ? deltas.since(seq) : null),
    keys() {
      keyList ??= [...rows.keys()];
      return keyList;
    },
    part(keys, from, asOfMs) {
      const { seq } = deltas;
      // Consoles that come together (after a restart) are at the same place: made once.
      if (parts?.keys !== keys || parts.seq !== seq) parts = { keys, seq, byFrom: new Map() };
      const known = parts.byFrom.get(from);
      if (known) return known;
      const upto = Math.min(keys.length, from + maxFeedSnapshotRows);
      const here: R[] = [];
      for (let i = from; i < upto; i++) {
        const row = rows.get(keys[i] as string);
        if (row !== undefined) here.push(row);
      }
      const count = Math.max(1, Math.ceil(keys.length / maxFeedSnapshotRows));
      const part = from / maxFeedSnapshotRows + 1;
      const head = { type: 'snapshot', channel, epoch, asOfMs, seq, part, parts: count };
      const frame = Buffer.from(JSON.stringify({ ...head, rows: here }));
      const next = upto < keys.length ? upto : null;
      parts.byFrom.set(from, { frame, next, made: false });
      return { frame, next, made: true };
    },
    forgetParts() {
      parts = null;
    },
    cool() {
      warm = false;
      toPrime = null;
      rows.clear();
      dirty.clear();
      keyList = null;
      parts = null;
      deltas.forget();
    },
  };
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
