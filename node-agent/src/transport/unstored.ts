// Rows of an outbox that are not on the disk, in memory, bounded in number and bytes. In: rows by their sequence number. Out: the same
// rows, until they are stored or settled.

/** The end of a task has at most 64 KiB, most have one. */
const maxUnstored = 1_000;
const maxUnstoredBytes = 8 * 1024 * 1024;

export interface UnstoredRow<M> {
  seq: number;
  message: M;
  /** The row of the same key on the disk. */
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
    /** False: there is no room. */
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
