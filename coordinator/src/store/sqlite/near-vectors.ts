// Which vectors are near to one, exactly: distances by sqlite-vec. In: a vector of a model. Out: ids of entries, the nearest first. It looks at
// the newest only; indexed-vectors.ts looks at all, and compares what it finds by the same distance.

import type { Ranked } from '../fuse.ts';
import type { Store } from '../store.ts';
import type { Database } from './database.ts';
import { isLookedFor } from './keyed-entries.ts';
import { asked, type MemoryFilter, passes, readsRows } from './memory-filter.ts';

type Query = Parameters<Store['searchMemory']>[0];
export type SearchVector = NonNullable<Query['vector']>;
/** Ids of the `wanted` nearest, best first. */
export type Nearest = (vector: SearchVector, filter: MemoryFilter, wanted: number) => Ranked<number>[];

/** The newest vectors that one search compares. An exact scan of 20,000 x 384 takes about 50 ms. */
const maxScannedVectors = 20_000;

/** Vectors came with their memories, or were made by the coordinator; of one model an entry has one of them. */
export const fromBoth = (rows: (table: 'memory_vector' | 'made_vector') => string): string =>
  `${rows('memory_vector')} UNION ALL ${rows('made_vector')}`;

export const vectorBytes = ({ values }: { values: Float32Array }): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);
/** Its inverse. */
export function floatsOf(bytes: Buffer): Float32Array {
  // Bytes of a row may begin anywhere; floats begin at multiples of four.
  const length = Math.floor(bytes.length / 4);
  if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 4 * length));
}
type Found = { item: number; value: number | null };
/** Without a distance: a vector of zeros or of no numbers is near to nothing. */
const nearEnough = (found: Found[], { atLeast = -1 }: SearchVector): Ranked<number>[] =>
  found.filter((each): each is Ranked<number> => each.value !== null && 1 - each.value >= atLeast);

const nearestOf = (db: Database, rows: string) => {
  // The distance stands once in the query: SQLite computes an expression again for each place that names it.
  const statement = db.prepare<[object], Found>(
    `SELECT id AS item, vec_distance_cosine(vector, @vector) AS value FROM (${rows}) ORDER BY value NULLS LAST, id DESC LIMIT @wanted`,
  );
  return (vector: SearchVector, filter: MemoryFilter, wanted: number, ids?: readonly number[]) => {
    const bytes = vectorBytes(vector);
    const { model } = vector;
    const parameters = {
      ...asked(filter),
      vector: bytes,
      bytes: bytes.length,
      model,
      wanted,
      ids: JSON.stringify(ids ?? []),
    };
    return nearEnough(statement.all(parameters), vector);
  };
};
const ofModel = `v.model = @model AND length(v.vector) = @bytes AND ${isLookedFor('v.id')}`;

export function scannedVectors(db: Database): Nearest {
  const newest = (rows: (table: string) => string) =>
    nearestOf(db, `${fromBoth(rows)} ORDER BY place DESC LIMIT ${maxScannedVectors}`);
  // CROSS JOIN pins the order: an agent's newest entries from the covering index first, then their vectors.
  const ofAgent = newest(
    (table) => `SELECT v.id, v.vector, e.seq AS place FROM memory_entry e CROSS JOIN ${table} v ON v.id = e.id
     WHERE e.agent = @agent AND ${ofModel} AND ${passes}`,
  );
  const ofAll = newest((table) => `SELECT v.id, v.vector, v.id AS place FROM ${table} v WHERE ${ofModel}`);
  const ofSome = newest(
    (table) => `SELECT v.id, v.vector, v.id AS place FROM ${table} v CROSS JOIN memory_entry e ON e.id = v.id
     WHERE ${ofModel} AND ${passes}`,
  );
  return (vector, filter, wanted) => {
    const nearest = filter.agent !== undefined ? ofAgent : readsRows(filter) ? ofSome : ofAll;
    return nearest(vector, filter, wanted);
  };
}

const amongIds = (join: string, condition: string) =>
  fromBoth(
    (table) => `SELECT v.id, v.vector FROM ${table} v ${join}
     WHERE v.id IN (SELECT value FROM json_each(@ids)) AND ${ofModel} AND ${condition}`,
  );
/** The nearest among these ids, of those that the filter lets through. */
export const nearestAmong = (db: Database) =>
  nearestOf(db, amongIds('CROSS JOIN memory_entry e ON e.id = v.id', passes));
/** The nearest among ids that were chosen by the filter already: their entries, each on another page of the file, are not read. */
export const nearestOfChosen = (db: Database) => {
  const nearest = nearestOf(db, amongIds('', 'true'));
  return (vector: SearchVector, wanted: number, ids: readonly number[]) => nearest(vector, {}, wanted, ids);
};
