// Marks of consolidation: which entry is marked by which, and the memories that the next run looks at. In: entries of the log, agents. Out: marks,
// memories with a vector of one model. A mark counts as long as both of its entries have their content; one of a run that was taken back
// counts no more, also before its node has erased it.
import type { MarkFound, MemoryEntry } from '@blackroad/protocol';
import type { RunRow } from '../../state/run-rows.ts';
import type { MemoryToConsolidate } from '../store.ts';
import type { Database } from './database.ts';
import { floatsOf, fromBoth } from './near-vectors.ts';

type Seen = Omit<MemoryToConsolidate, 'vector'> & { id: number; vector: Buffer | null };
/** An entry of the log that is told and found by marks. */
export type FoundMark = MarkFound & { seq: number };

export function memoryMarks(db: Database) {
  const put = db.prepare<[number | bigint, string, number, string, string, number, string]>(
    'INSERT OR IGNORE INTO memory_mark (id, agent, of_seq, of_hash, how, by_seq, by_hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const dropOfRun = db.prepare<[string]>(
    'DELETE FROM memory_mark WHERE id IN (SELECT id FROM memory_entry WHERE document = ?)',
  );
  const isUndone = db
    .prepare<[string], number>(`SELECT 1 FROM memory_run WHERE id = ? AND row ->> '$.undo' IS NOT NULL`)
    .pluck();
  const ofEntry = db.prepare<[number], FoundMark>(
    `SELECT m.how, b.id AS by, b.seq FROM memory_entry e
     JOIN memory_mark m ON m.agent = e.agent AND m.of_seq = e.seq AND m.of_hash = e.hash
     JOIN memory_entry b ON b.agent = m.agent AND b.seq = m.by_seq AND b.hash = m.by_hash
     WHERE e.id = ? AND b.payload IS NOT NULL ORDER BY b.seq DESC`,
  );
  const vectorOf = fromBoth((table) => `SELECT v.vector FROM ${table} v WHERE v.id = e.id AND v.model = @model`);
  const newest = db.prepare<[object], Seen>(
    `SELECT e.id, e.seq, e.hash, e.kind, e.payload ->> '$.text' AS text, (${vectorOf} LIMIT 1) AS vector
     FROM memory_entry e
     WHERE e.agent = @agent AND e.payload IS NOT NULL AND e.kind IN ('turn', 'note', 'merge', 'import', 'fact', 'procedure')
       AND e.document IS NULL AND e.payload ->> 'key' IS NULL AND e.payload ->> '$.text' <> ''
       AND NOT EXISTS (SELECT 1 FROM memory_mark m WHERE m.agent = e.agent AND m.of_seq = e.seq AND m.how <> 'contradicts')
     ORDER BY e.seq DESC LIMIT @limit`,
  );
  const told = db.prepare<[string, string], { seq: number; text: string }>(
    `SELECT e.seq, e.payload ->> '$.text' AS text FROM memory_entry e
     WHERE e.agent = ? AND e.seq IN (SELECT value FROM json_each(?)) AND e.payload IS NOT NULL`,
  );

  return {
    note(id: number | bigint, { agentId, payload }: MemoryEntry): void {
      const { mark } = payload ?? {};
      // Nothing is marked by what came before it: no marks form a circle.
      if (!mark?.of || !mark.by || mark.of.seq >= mark.by.seq || mark.how === 'summary') return;
      if (isUndone.get(mark.run)) return;
      put.run(id, agentId, mark.of.seq, mark.of.hash, mark.how, mark.by.seq, mark.by.hash);
    },
    putRun({ id, undo }: RunRow): void {
      if (undo !== undefined) dropOfRun.run(id);
    },
    /** The newest first. */
    of: (id: number): FoundMark[] => ofEntry.all(id),
    /** Oldest first; what is marked as said again or replaced is none of them. */
    toConsolidate({
      agent,
      model,
      limit,
    }: {
      agent: string;
      model: string | null;
      limit: number;
    }): MemoryToConsolidate[] {
      return newest
        .all({ agent, model: model ?? '', limit })
        .reverse()
        .map(({ id: _, vector, ...entry }) => ({
          ...entry,
          vector: vector && vector.length > 0 ? floatsOf(vector) : null,
        }));
    },
    texts: (agent: string, seqs: readonly number[]) => told.all(agent, JSON.stringify(seqs)),
  };
}
