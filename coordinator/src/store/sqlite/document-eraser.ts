// Erases the parts of a document or an import, or what a consolidation wrote, when it was taken back: content, salt, words and vectors, in the log
// and in branches. The chain goes without them.
import type { MemoryEntry } from '@blackroad/protocol';
import type { Database } from './database.ts';
import { emptiedEntry, scrubMark } from './emptied-entry.ts';
import type { memoryValues } from './memory-values.ts';
import type { WordIndex } from './word-index.ts';

/** Called with entries that were stored. */
export function documentEraser(
  db: Database,
  words: WordIndex,
  values: Pick<ReturnType<typeof memoryValues>, 'keysOfDocument' | 'holdAgain'>,
): (agent: string, entries: readonly MemoryEntry[]) => void {
  const emptyParts = db
    .prepare<[string, string], number>(
      `UPDATE memory_entry SET salt = NULL, payload = NULL
       WHERE document = ? AND agent = ? AND payload IS NOT NULL RETURNING id`,
    )
    .pluck();
  const emptied = emptiedEntry(db, words);
  const mark = scrubMark(db);
  // Branches of an agent are a range: their ids begin with its own and a dot.
  const eraseInBranches = db.prepare<[string, string, string]>(
    `UPDATE branch_entry SET entry = json_set(entry, '$.payload', NULL, '$.salt', NULL)
     WHERE branch > ? AND branch < ? AND coalesce(entry ->> '$.payload.document.id', entry ->> '$.payload.imported.id',
       entry ->> '$.payload.mark.run') = ?`,
  );
  const erase = (agent: string, document: string) => {
    const keys = values.keysOfDocument(agent, document);
    for (const id of emptyParts.all(document, agent)) emptied(id);
    values.holdAgain(agent, keys);
    eraseInBranches.run(`${agent}.`, `${agent}/`, document);
    mark();
  };
  return (agent, entries) => {
    for (const { kind, payload } of entries)
      if (kind === 'withdraw' && payload?.document) erase(agent, payload.document.id);
  };
}
