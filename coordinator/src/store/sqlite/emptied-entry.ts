// What goes with the content of an entry: its vector and its words. Its header stays: the chain must verify.
import type { Database } from './database.ts';
import type { WordIndex } from './word-index.ts';

/** Returns the function to call with the id of each entry that was emptied, in the same transaction. */
export function emptiedEntry(db: Database, words: WordIndex): (id: number) => void {
  const dropVector = db.prepare<[number]>('DELETE FROM memory_vector WHERE id = ?');
  return (id) => {
    dropVector.run(id);
    words.remove(id);
  };
}

/** Returns the function to call when content was removed: indexes and the database's log still have traces of it, which the next scrub removes. */
export function scrubMark(db: Database): () => void {
  const mark = db.prepare(`INSERT OR REPLACE INTO search_index (name, version) VALUES ('scrub', 1)`);
  return () => void mark.run();
}
