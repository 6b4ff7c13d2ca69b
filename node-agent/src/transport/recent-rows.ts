// The newest rows of the outbox in memory, bounded in number and bytes, so that what is sent a moment after it was written is not read back
// from the disk. In: rows as they are added and dropped. Out: the rows after a sequence number, where all of them are here.

export type Until = 'settled' | 'sent';
export interface OutboxMessage {
  key: string;
  until: Until;
  topic: string;
  payload: string;
  qos: 0 | 1;
  retain: boolean;
}
export interface OutboxRow extends OutboxMessage {
  seq: number;
}

/** Rows are mostly sent a moment after they are written: reading them from SQLite was a tenth of a busy node's work. [M] */
const maxRecentRows = 256;
const maxRecentBytes = 256 * 1024;

/** The newest rows without a gap; older ones are in the file. */
export function createRecent() {
  const rows = new Map<number, OutboxRow>();
  let bytes = 0;
  /** Every row after this one that is still in the outbox is in `rows`. */
  let wholeAfter = Number.POSITIVE_INFINITY;
  const drop = (seq: number) => {
    const row = rows.get(seq);
    if (!row) return;
    bytes -= row.payload.length;
    rows.delete(seq);
  };
  return {
    drop,
    add(row: OutboxRow) {
      if (wholeAfter === Number.POSITIVE_INFINITY) wholeAfter = row.seq - 1;
      rows.set(row.seq, row);
      bytes += row.payload.length;
      while (rows.size > maxRecentRows || bytes > maxRecentBytes) {
        const oldest = rows.keys().next().value as number;
        drop(oldest);
        wholeAfter = oldest;
      }
    },
    /** Null: some of them are only in the file. */
    after(seq: number, upTo: number, limit: number): OutboxRow[] | null {
      if (seq < wholeAfter) return null;
      const found: OutboxRow[] = [];
      // Mostly the last few rows are wanted; the unsettled rows before them need not be visited each time.
      if (upTo - seq < rows.size) {
        for (let at = seq + 1; at <= upTo && found.length < limit; at++) {
          const row = rows.get(at);
          if (row) found.push(row);
        }
        return found;
      }
      for (const row of rows.values()) {
        if (row.seq > upTo || found.length === limit) break;
        if (row.seq > seq) found.push(row);
      }
      return found;
    },
  };
}
