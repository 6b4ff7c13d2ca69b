// Rows of an outbox that the disk did not take, in memory, so many at most. In: rows by their sequence number. Out: the same, until they
// are stored or settled.

/** The end of a task is 64 KiB at most, mostly one. */
const maxUnstored = 1_000;
const maxUnstoredBytes = 8 * 1024 * 1024;

export interface UnstoredRow<M> {
  seq: number;
  message: M;
  /** Row on the disk of the same key. */
  replaces?: number;
}
export function createUnstored<M extends { payload: string }>() {
  const rows = new Map<number, UnstoredRow<M>>();
  let bytes = 0;
  const drop = (seq: number) => {
    bytes -= rows.get(seq)?.message.payload.length ?? 0;
    rows.delete(seq);
  };
  return {
    drop,
    /** False: no room. */
    add(row: UnstoredRow<M>): boolean {
      if (rows.size >= maxUnstored || bytes + row.message.payload.length > maxUnstoredBytes) return false;
      rows.set(row.seq, row);
      bytes += row.message.payload.length;
      return true;
    },
    has: (seq: number) => rows.has(seq),
    replacesOf: (seq: number) => rows.get(seq)?.replaces,
    all: () => [...rows.values()],
    get size() {
      return rows.size;
    },
  };
}
