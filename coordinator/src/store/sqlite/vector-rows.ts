// What a store of vectors on another machine is filled from: the vectors of a model, whole or as they changed. In: places in the order of ids and of
// changes. Out: rows. Each answer is one moment of the database.
import type { Database } from './database.ts';
import { isLookedFor } from './keyed-entries.ts';
import { fromBoth } from './near-vectors.ts';

export interface VectorRow {
  id: number;
  agent: string;
  kind: string;
  vector: Buffer;
}
/** Vectors of one model and length. */
export interface Kept {
  model: string;
  bytes: number;
}

const newestLooked = 1_000;

export function vectorRows(db: Database) {
  const lastChange = db.prepare<[], number>(`SELECT seq FROM sqlite_sequence WHERE name = 'vector_change'`).pluck();
  const lastId = db.prepare<[], number>('SELECT coalesce(max(id), 0) FROM memory_entry').pluck();
  const fleet = db.prepare<[], string>('SELECT id FROM vector_fleet').pluck();
  const markOf = db
    .prepare<[number], string>('SELECT e.hash FROM vector_change c JOIN memory_entry e ON e.id = c.id WHERE c.n = ?')
    .pluck();
  const changed = db.prepare<[number, number, number], { n: number; id: number }>(
    'SELECT n, id FROM vector_change WHERE n > ? AND n <= ? ORDER BY n LIMIT ?',
  );
  const changedIds = db
    .prepare<[number, number], number>('SELECT DISTINCT id FROM vector_change WHERE n > ? LIMIT ?')
    .pluck();
  const columns = 'v.id, e.agent, e.kind, v.vector';
  const isKept = `v.model = @model AND length(v.vector) = @bytes AND ${isLookedFor('v.id')}`;
  const among = db.prepare<[object], VectorRow>(
    fromBoth(
      (table) => `SELECT ${columns} FROM ${table} v CROSS JOIN memory_entry e ON e.id = v.id
       WHERE v.id IN (SELECT value FROM json_each(@ids)) AND ${isKept}`,
    ),
  );
  const present = db
    .prepare<[object], number>(
      fromBoth((table) => `SELECT id FROM ${table} v WHERE id IN (SELECT value FROM json_each(@ids)) AND ${isKept}`),
    )
    .pluck();
  const newestLength = (rows: (table: string) => string) =>
    db
      .prepare<[{ model: string }], number>(
        `SELECT length(vector) FROM (${fromBoth(
          (table) =>
            `SELECT * FROM (SELECT id, vector FROM ${rows(table)} WHERE model = @model AND length(vector) > 0 ORDER BY id DESC LIMIT 1)`,
        )}) ORDER BY id DESC LIMIT 1`,
      )
      .pluck();
  const lengthOf = newestLength((table) => table);
  const lengthAmongNewest = newestLength((table) => `(SELECT * FROM ${table} ORDER BY id DESC LIMIT ${newestLooked})`);
  // Two steps: of ids in one table that have another model the reading must not look at all that follow.
  const idsBelow = db
    .prepare<[{ below: number; most: number }], number>(
      `SELECT DISTINCT id FROM (${fromBoth((table) => `SELECT id FROM ${table} WHERE id < @below`)}) ORDER BY id DESC LIMIT @most`,
    )
    .pluck();
  const erased = db
    .prepare<[string], number>(
      `SELECT each.value FROM json_each(?) AS each LEFT JOIN memory_entry e ON e.id = each.value WHERE e.payload IS NULL`,
    )
    .pluck();
  return {
    /** The name of this fleet in stores that others use, too. */
    fleet: () => fleet.get() as string,
    lastChange: () => lastChange.get() ?? 0,
    lastId: () => lastId.get() ?? 0,
    /** What a change was: a database that is another one, or an older copy, has another change there, or none. */
    markOf: (change: number) => (change === 0 ? 'begin' : (markOf.get(change) ?? 'none')),
    /** In the bytes of its newest vector; null: the model has none. */
    lengthOf: (model: string) => lengthOf.get({ model }) ?? null,
    /** The same, at once: null where none of the newest is of this model. */
    lengthAmongNewest: (model: string) => lengthAmongNewest.get({ model }) ?? null,
    changed: (after: number, upto: number, most: number) => changed.all(after, upto, most),
    changedIds: (after: number, most: number) => changedIds.all(after, most),
    /** Those of these ids that have such a vector. */
    present: (kept: Kept, ids: readonly number[]) => present.all({ ...kept, ids: JSON.stringify(ids) }),
    among: (kept: Kept, ids: readonly number[]) => among.all({ ...kept, ids: JSON.stringify(ids) }),
    /** Those whose memory was erased. */
    erasedAmong: (ids: readonly number[]) => erased.all(JSON.stringify(ids)),
    idsBelow: (below: number, most: number) => idsBelow.all({ below, most }),
  };
}
