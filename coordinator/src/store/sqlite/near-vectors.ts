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

/** Vectors came with their memories, or were made by the coordinator; of one model an entry has one of them. */
export const fromBoth = (rows: (table: 'memory_vector' | 'made_vector') => string): string =>
  `${rows('memory_vector')} UNION ALL ${rows('made_vector')}`;

export const vectorBytes = ({ values }: SearchVector): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);
type Found = { item: number; value: number | null };
/** Without a distance: a vector of zeros or of no numbers is near to nothing. */
export const nearEnough = (found: Found[], { atLeast = -1 }: SearchVector): Ranked<number>[] =>
  found.filter((each): each is Ranked<number> => each.value !== null && 1 - each.value >= atLeast);

export function scannedVectors(db: Database): Nearest {
  // The distance stands once in the query: SQLite computes an expression again for each place that names it.
  const nearest = (rows: string) =>
    db.prepare<[object], Found>(
      `SELECT id AS item, vec_distance_cosine(vector, @own) AS value FROM (${rows} ORDER BY place DESC LIMIT ${maxScannedVectors})
       ORDER BY value NULLS LAST, id DESC LIMIT @wanted`,
    );
  // CROSS JOIN pins the order: an agent's newest entries from the covering index first, then their vectors.
  const ofAgent = nearest(
    fromBoth(
      (table) => `SELECT v.id, v.vector, e.seq AS place FROM memory_entry e CROSS JOIN ${table} v ON v.id = e.id
      WHERE e.agent = @agent AND v.model = @model AND length(v.vector) = @bytes`,
    ),
  );
  const ofAll = nearest(
    fromBoth(
      (table) => `SELECT id, vector, id AS place FROM ${table} WHERE model = @model AND length(vector) = @bytes`,
    ),
  );
  return (vector, agent, wanted) => {
    const own = vectorBytes(vector);
    const about = { own, model: vector.model, bytes: own.length, wanted };
    return nearEnough(agent === undefined ? ofAll.all(about) : ofAgent.all({ ...about, agent }), vector);
  };
}
