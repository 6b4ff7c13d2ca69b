// Erases the parts of a document, or what a consolidation wrote, when it was taken back: content, salt, words and vectors, in the log and in branches. The chain goes without them.
import type { MemoryEntry } from '@blackroad/protocol';
import type { Database } from './database.ts';
import type { WordIndex } from './word-index.ts';

/** Called with entries that were stored. */
export function documentEraser(
  db: Database,
  words: WordIndex,
): (agent: string, entries: readonly MemoryEntry[]) => void {
  const parts = db
    .prepare<[string, string], number>(
      'SELECT id FROM memory_entry WHERE document = ? AND agent = ? AND payload IS NOT NULL',
    )
    .pluck();
  const eraseEntry = db.prepare<[number]>('UPDATE memory_entry SET payload = NULL, salt = NULL WHERE id = ?');
  const dropVector = db.prepare<[number]>('DELETE FROM memory_vector WHERE id = ?');
  // Branches of an agent are a range: their ids begin with its own and a dot.
  const eraseInBranches = db.prepare<[string, string, string]>(
    `UPDATE branch_entry SET entry = json_set(entry, '$.payload', NULL, '$.salt', NULL)
     WHERE branch > ? AND branch < ? AND coalesce(entry ->> '$.payload.document.id', entry ->> '$.payload.mark.run') = ?`,
  );
  const erase = (agent: string, document: string) => {
    for (const id of parts.all(document, agent)) {
      eraseEntry.run(id);
      dropVector.run(id);
      words.remove(id);
    }
    eraseInBranches.run(`${agent}.`, `${agent}/`, document);
  };
  return (agent, entries) => {
    for (const { kind, payload } of entries)
      if (kind === 'withdraw' && payload?.document) erase(agent, payload.document.id);
  };
}
