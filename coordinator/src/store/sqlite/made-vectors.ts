// Vectors that the coordinator makes for memories that came without one of the fleet's model: which lack one, and those that were made. In: texts'
// ids and vectors. Out: texts. They lie beside the memories, whose content they are no part of, and go with them.
import type { MadeVector, TextToEmbed, VectorModels, VectorSample } from '../store.ts';
import type { Database } from './database.ts';
import { indexedTextSql, isLookedFor } from './keyed-entries.ts';
import { floatsOf, fromBoth, vectorBytes } from './near-vectors.ts';

/** Of the newest vectors that nodes made: nodes with different models must not have the fleet's model go to and fro. */
const newestLooked = 1_000;
/** Of longer ones a node may have left out the end. */
const mostSampleChars = 400;
const samplesAtOnce = 3;

export function madeVectors(db: Database) {
  const newest = db
    .prepare<[], string>(
      `SELECT model FROM (SELECT model FROM memory_vector ORDER BY id DESC LIMIT ${newestLooked})
       GROUP BY model ORDER BY count(*) DESC, model LIMIT 1`,
    )
    .pluck();
  const searched = db.prepare<[], string>('SELECT model FROM searched_model').pluck();
  const putSearched = db.prepare<[string]>(
    'INSERT INTO searched_model VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET model = excluded.model',
  );
  const lastEntry = db.prepare<[], number>('SELECT coalesce(max(id), 0) FROM memory_entry').pluck();
  const lacking = db.prepare<[object], TextToEmbed>(
    `SELECT e.id, ${indexedTextSql} AS text FROM memory_entry e
     WHERE e.id > @above AND e.id <= @upto AND e.payload IS NOT NULL AND e.kind <> 'mark' AND ${isLookedFor('e.id')} AND json_extract(e.payload, '$.text') <> ''
       AND NOT EXISTS (${fromBoth((table) => `SELECT 1 FROM ${table} v WHERE v.id = e.id AND v.model = @model`)})
     ORDER BY e.id DESC LIMIT @limit`,
  );
  const samples = db.prepare<[string], { text: string; vector: Buffer }>(
    `SELECT ${indexedTextSql} AS text, v.vector
     FROM (SELECT id, model, vector FROM memory_vector ORDER BY id DESC LIMIT ${newestLooked}) v CROSS JOIN memory_entry e ON e.id = v.id
     WHERE v.model = ? AND length(v.vector) > 0 AND length(json_extract(e.payload, '$.text')) BETWEEN 1 AND ${mostSampleChars}
     ORDER BY v.id DESC LIMIT ${samplesAtOnce}`,
  );
  // What was erased meanwhile gets none.
  const put = db.prepare<[{ id: number; model: string; vector: Buffer }]>(
    `INSERT INTO made_vector (id, model, vector)
     SELECT id, @model, @vector FROM memory_entry WHERE id = @id AND payload IS NOT NULL ON CONFLICT DO NOTHING`,
  );
  const drop = db.prepare<[string, number]>(
    'DELETE FROM made_vector WHERE rowid IN (SELECT rowid FROM made_vector WHERE model <> ? LIMIT ?)',
  );
  return {
    models: (): VectorModels => ({ searched: searched.get() ?? null, newest: newest.get() ?? null }),
    lastEntry: () => lastEntry.get() ?? 0,
    /** Newest first. */
    lacking: (query: { model: string; above: number; upto: number; limit: number }) => lacking.all(query),
    samples: (model: string): VectorSample[] =>
      samples.all(model).map(({ text, vector }) => ({ text, values: floatsOf(vector) })),
    put: db.transaction((model: string, vectors: readonly MadeVector[]) => {
      for (const { id, values } of vectors) {
        put.run({ id, model, vector: values ? vectorBytes({ values }) : Buffer.alloc(0) });
      }
    }),
    setSearched: (model: string) => void putSearched.run(model),
    /** Returns how many went. */
    dropOthers: (model: string, limit: number) => drop.run(model, limit).changes,
  };
}
