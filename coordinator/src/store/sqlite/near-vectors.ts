// Which vectors are near to one, exactly: distances by sqlite-vec. In: a vector of a model. Out: ids of entries, the nearest first. It looks at
// the newest only; indexed-vectors.ts looks at all, and compares what it finds by the same distance.

import type { Ranked } from '../fuse.ts';
import type { Store } from '../store.ts';
import type { Database } from './database.ts';

type Query = Parameters<Store['searchMemory']>[0];
export type SearchVector = NonNullable<Query['vector']>;
/** Ids of the `wanted` nearest, best first. */
export type Nearest = (vector: SearchVector, agent: string | undefined, wanted: number) => Ranked<number>[];

/** The newest vectors that one search compares. An exact scan of 20,000 x 384 takes about 50 ms. */
const maxScannedVectors = 20_000;

export const vectorBytes = ({ values }: SearchVector): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);
type Found = { item: number; value: number | null };
/** Without a distance: a vector of zeros or of no numbers is near to nothing. */
export const nearEnough = (found: Found[], { atLeast = -1 }: SearchVector): Ranked<number>[] =>
  found.filter((each): each is Ranked<number> => each.value !== null && 1 - each.value >= atLeast);

export function scannedVectors(db: Database): Nearest {
  // The distance stands once in the query: SQLite computes an expression again for each place that names it.
  const nearest = (rows: string) =>
    db.prepare<unknown[], Found>(
      `SELECT id AS item, vec_distance_cosine(vector, ?) AS value FROM (${rows}) ORDER BY value NULLS LAST, id DESC LIMIT ?`,
    );
  // CROSS JOIN pins the order: an agent's newest entries from the covering index first, then their vectors.
  const ofAgent = nearest(
    `SELECT v.id, v.vector FROM memory_entry e CROSS JOIN memory_vector v ON v.id = e.id
     WHERE e.agent = ? AND v.model = ? AND length(v.vector) = ? ORDER BY e.seq DESC LIMIT ${maxScannedVectors}`,
  );
  const ofAll = nearest(
    `SELECT id, vector FROM memory_vector WHERE model = ? AND length(vector) = ? ORDER BY id DESC LIMIT ${maxScannedVectors}`,
  );
  return (vector, agent, wanted) => {
    const bytes = vectorBytes(vector);
    const found =
      agent === undefined
        ? ofAll.all(bytes, vector.model, bytes.length, wanted)
        : ofAgent.all(bytes, agent, vector.model, bytes.length, wanted);
    return nearEnough(found, vector);
  };
}
