// A channel of things that follow each other (tasks, events): a snapshot of the last ones, then the new ones. At thousands a second no
// person reads them all, so a frame has the newest. Rows that fall out at the end are not announced; a console keeps as many as it likes.
import { maxFeedNewRows, maxFeedRecentRows } from '@blackroad/protocol';
import { createDeltas } from './deltas.ts';
import type { FeedTableState } from './table.ts';

export interface Recent<R> extends Omit<FeedTableState, 'mark'> {
  add(id: string, row: R): void;
  /** Replaces the rows for which `other` returns one; they are sent again, in their places. */
  amend(other: (row: R) => R | null): void;
}

export function createRecent<R extends object>(
  { channel, epoch }: { channel: string; epoch: string },
  past: Iterable<[string, R]>,
): Recent<R> {
  const deltas = createDeltas(channel, epoch);
  const rows = new Map<string, R>(past);
  const fresh = new Map<string, R>();
  const all: readonly string[] = [];

  function keep(map: Map<string, R>, max: number, id: string, row: R): void {
    map.delete(id);
    map.set(id, row);
    if (map.size > max) map.delete(map.keys().next().value as string);
  }
  return {
    get seq() {
      return deltas.seq;
    },
    add(id, row) {
      keep(rows, maxFeedRecentRows, id, row);
      keep(fresh, maxFeedNewRows, id, row);
    },
    amend(other) {
      for (const [id, row] of rows) {
        const amended = other(row);
        if (!amended) continue;
        rows.set(id, amended);
        keep(fresh, maxFeedNewRows, id, amended);
      }
    },
    prime: () => true,
    beat(asOfMs) {
      if (fresh.size === 0) return null;
      const frame = deltas.add(asOfMs, { put: [...fresh.values()], patch: [], gone: [] });
      fresh.clear();
      return frame;
    },
    since: (seq) => deltas.since(seq),
    keys: () => all,
    part(_keys, _from, asOfMs) {
      const head = { type: 'snapshot', channel, epoch, asOfMs, seq: deltas.seq, part: 1, parts: 1 };
      return { frame: Buffer.from(JSON.stringify({ ...head, rows: [...rows.values()] })), next: null, made: true };
    },
    forgetParts() {},
    cool() {},
  };
}
