// One channel of the feed as a table: a pure function from frames to rows by key. Rows that did not change stay the same objects; while a
// new snapshot comes in parts, the old rows stay, so that nothing flickers.
import type { ConsoleFrame } from '@blackroad/protocol';

type Row = Record<string, unknown>;
export type ChannelFrame = Exclude<ConsoleFrame, { type: 'as-of' }>;

export interface Table {
  /** The field that is the key; '' for a table of one row. */
  readonly key: string;
  /** The limit of rows; beyond it the oldest are dropped. */
  readonly most: number;
  rows: Map<string, Row>;
  epoch: string | null;
  seq: number;
  /** Whether a complete snapshot has come: a missing row then does not exist. */
  whole: boolean;
  refused: string | null;
  /** The keys of the present snapshot so far. */
  arriving: Set<string> | null;
}

export function createTable(key: string, most = Number.POSITIVE_INFINITY): Table {
  return { key, most, rows: new Map(), epoch: null, seq: -1, whole: false, refused: null, arriving: null };
}

const sameValue = (a: unknown, b: unknown): boolean =>
  a === b || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b));
const sameRow = (a: Row, b: Row): boolean => {
  const keys = Object.keys(b);
  return keys.length === Object.keys(a).length && keys.every((key) => sameValue(a[key], b[key]));
};

/** `again`: a frame was missed; the channel must be subscribed anew, from nothing. */
export function apply(table: Table, frame: ChannelFrame): 'changed' | 'same' | 'again' {
  const keyOf = (row: Row) => (table.key === '' ? '' : String(row[table.key]));
  const put = (row: Row) => {
    const key = keyOf(row);
    const before = table.rows.get(key);
    table.arriving?.add(key);
    if (!before || !sameRow(before, row)) table.rows.set(key, row);
  };
  switch (frame.type) {
    case 'refused':
      table.refused = frame.detail;
      table.whole = true;
      table.rows.clear();
      return 'changed';
    case 'resumed':
      table.refused = null;
      table.epoch = frame.epoch;
      table.seq = frame.seq;
      return 'changed';
    case 'snapshot': {
      if (frame.part === 1) table.arriving = new Set();
      else if (table.arriving === null || frame.epoch !== table.epoch) return 'again';
      table.refused = null;
      table.epoch = frame.epoch;
      table.seq = frame.seq;
      for (const row of frame.rows) put(row);
      if (frame.part === frame.parts) {
        for (const key of table.rows.keys()) if (!table.arriving?.has(key)) table.rows.delete(key);
        table.arriving = null;
        table.whole = true;
      }
      trim(table);
      return 'changed';
    }
    case 'delta': {
      if (frame.epoch !== table.epoch || frame.seq !== table.seq + 1) return 'again';
      table.seq = frame.seq;
      for (const row of frame.put) put(row);
      for (const fields of frame.patch) {
        const before = table.rows.get(keyOf(fields));
        if (before) put({ ...before, ...fields });
      }
      for (const key of frame.gone) {
        table.rows.delete(String(key));
        table.arriving?.delete(String(key));
      }
      trim(table);
      return frame.put.length + frame.patch.length + frame.gone.length > 0 ? 'changed' : 'same';
    }
  }
}
function trim({ rows, most }: Table) {
  for (const key of rows.keys()) {
    if (rows.size <= most) break;
    rows.delete(key);
  }
}
