// The words of memories (FTS5): a disposable index beside the log. It holds no text (contentless), is rebuilt from the log when it is
// missing, damaged or of older rules, and is never a source of truth. One of older rules answers until the new one is complete.
import { indexedText, type MemoryPayload, questionWords, wordsOf } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import type { Ranked } from '../fuse.ts';
import type { Database } from './database.ts';
import { sqliteCode } from './failure.ts';
import { indexedTextSql, isLookedFor } from './keyed-entries.ts';
import { asked, type MemoryFilter, passes, readsRows } from './memory-filter.ts';

/** Raise it when tokenizer, columns or the words of a text change: the next start begins to rebuild. */
const version = 3;
/** Memories of one tag whose vectors are compared; older ones are found by words. */
const maxTagged = 5_000;
/** Agents that the index narrows to by itself; more are looked for among the newest memories with the words. */
const mostNamed = 32;
/** Memories of one piece of a rebuild: commits wait for it, 10 ms. */
const pieceRows = 200;
/** Matches scored for one search: bounds the time that other reads wait (BM25 costs about two microseconds a row). */
const maxScoredWords = 10_000;

// The table gets words that are separated by spaces already: its own tokenizer only removes English endings.
const create = (table: string) => `CREATE VIRTUAL TABLE ${table} USING fts5(
  agent, text, tags, content = '', contentless_delete = 1, tokenize = 'porter ascii')`;
const fill = (table: string) => `INSERT INTO ${table} (rowid, agent, text, tags)
  SELECT id, ${agentWordSql}, words_of(${indexedTextSql}),
    (SELECT words_of(group_concat(value, ' ')) FROM json_each(payload, '$.tags'))
  FROM memory_entry WHERE payload IS NOT NULL AND kind <> 'mark' AND ${isLookedFor('id')}`;

/**
 * An agent's name as one word, so that the index narrows to one agent by itself instead of joining every match of the fleet.
 * A dash would split it, so a thorn, which is in no name, stands for it.
 */
const agentWord = (agent: string) => agent.replaceAll('-', 'þ');
const agentWordSql = `replace(agent, '-', 'þ')`;

const ofAgent = ({ agent, agents }: MemoryFilter) => {
  const some = agent !== undefined ? [agent] : agents !== undefined && agents.length <= mostNamed ? agents : [];
  return some.length === 0
    ? []
    : [`agent : (${some.map((each) => `"${agentWord(each).replaceAll('"', '')}"`).join(' OR ')})`];
};
const ofTag = ({ tag = '' }: MemoryFilter) => {
  const words = questionWords(tag).map((word) => `"${word}"`);
  return words.length === 0 ? [] : [`tags : (${words.join(' AND ')})`];
};

export type WordIndex = ReturnType<typeof wordIndex>;

export function wordIndex(db: Database, log: Log) {
  const columns = db.prepare(`SELECT group_concat(name) FROM pragma_table_info('memory_words')`).pluck();
  db.function('words_of', { deterministic: true }, (text) => (typeof text === 'string' ? indexed(text) : ''));

  // One of other columns could not even be asked.
  if (columns.get() !== 'agent,text,tags') rebuildWords(db, log, 'it was missing');

  const insert = db.prepare<[number | bigint, string, string, string]>(
    'INSERT INTO memory_words (rowid, agent, text, tags) VALUES (?, ?, ?, ?)',
  );
  const drop = db.prepare<[number]>('DELETE FROM memory_words WHERE rowid = ?');
  const merge = db.prepare<[number]>(`INSERT INTO memory_words (memory_words, rank) VALUES ('merge', ?)`);
  const total = db.prepare('SELECT total_changes()').pluck();
  const count = db
    .prepare<[string], number>(
      `SELECT count(*) FROM (SELECT 1 FROM memory_words WHERE memory_words MATCH ? LIMIT ${maxScoredWords})`,
    )
    .pluck();
  // The newest matches are scored, then the best of them kept. Tags count half: they are few and often generic.
  const ranked = `SELECT rowid AS item, bm25(memory_words, 0.0, 1.0, 0.5) AS value FROM memory_words
    WHERE memory_words MATCH @match ORDER BY rowid DESC LIMIT ${maxScoredWords}`;
  const best = db.prepare<[object], Ranked<number>>(
    `SELECT item, value FROM (${ranked}) ORDER BY value, item DESC LIMIT @limit`,
  );
  const bestOfSome = db.prepare<[object], Ranked<number>>(
    `SELECT item, value FROM (${ranked}) JOIN memory_entry e ON e.id = item WHERE ${passes}
     ORDER BY value, item DESC LIMIT @limit`,
  );
  const newest = db
    .prepare<[string], number>(
      `SELECT rowid FROM memory_words WHERE memory_words MATCH ? ORDER BY rowid DESC LIMIT ${maxTagged}`,
    )
    .pluck();

  return {
    add: (id: number | bigint, agent: string, payload: Pick<MemoryPayload, 'key' | 'text' | 'tags'>) =>
      void insert.run(id, agentWord(agent), indexed(indexedText(payload)), indexed(payload.tags.join(' '))),
    remove: (id: number) => void drop.run(id),
    /**
     * Merges so many pages of the index; negative: begins with all of it. Words of removed entries stay in it until then, as neither deletion
     * nor `secure-delete` takes them out of an index without content. Returns whether there is more to merge.
     */
    merge(pages: number): boolean {
      const before = total.get() as number;
      merge.run(pages);
      return (total.get() as number) - before >= 2;
    },
    /** Ids of entries with any of the words, best first. */
    find(text: string, filter: MemoryFilter, limit: number): Ranked<number>[] {
      const within = [...ofAgent(filter), ...ofTag(filter)].map((each) => `${each} AND `).join('');
      // Words of nearly every entry distinguish little and cost most: the rarest words are taken until enough rows are scored.
      const found = questionWords(text)
        .map((word) => `${within}({text tags} : "${word}")`)
        .map((match) => ({ match, rows: count.get(match) ?? 0 }))
        .filter(({ rows }) => rows > 0)
        .sort((a, b) => a.rows - b.rows);
      const taken: string[] = [];
      let rows = 0;
      for (const word of found) {
        if (taken.length > 0 && rows + word.rows > maxScoredWords) break;
        taken.push(`(${word.match})`);
        rows += word.rows;
      }
      if (taken.length === 0) return [];
      const match = taken.join(' OR ');
      return readsRows(filter) ? bestOfSome.all({ match, limit, ...asked(filter) }) : best.all({ match, limit });
    },
    /** The newest entries with the words of the tag; null: it has none, as a tag of signs alone. */
    tagged(filter: MemoryFilter): number[] | null {
      const [tag] = ofTag(filter);
      return tag === undefined ? null : newest.all([...ofAgent(filter), tag].join(' AND '));
    },
  };
}

/** Rebuilds the index from the log. The connection must have made a wordIndex before. */
export function rebuildWords(db: Database, log: Log, why: string): void {
  db.transaction(() => {
    db.exec('DROP TABLE IF EXISTS memory_words');
    db.exec(create('memory_words'));
    const { changes } = db.prepare(fill('memory_words')).run();
    putVersion(db, 'words');
    if (changes > 0) log.warn({ entries: changes, why }, 'word index of memories rebuilt from the log');
  })();
}

const versionOf = (db: Database, name: string) =>
  db.prepare<[string]>('SELECT version FROM search_index WHERE name = ?').pluck().get(name);
const putVersion = (db: Database, name: string) =>
  db.prepare('INSERT OR REPLACE INTO search_index (name, version) VALUES (?, ?)').run(name, version);

/**
 * A piece of the rebuild of an index of older rules; returns whether there is more. The new one is filled beside it, in the order of the log, and
 * takes its place when it has all: so it goes on after a restart where it was, and needs no word of what is committed meanwhile.
 */
export function renewWords(db: Database, log: Log): boolean {
  if (versionOf(db, 'words') === version) return false;
  return db
    .transaction(() => {
      if (versionOf(db, 'next words') !== version) {
        db.exec('DROP TABLE IF EXISTS next_memory_words');
        db.exec(create('next_memory_words'));
        putVersion(db, 'next words');
      }
      const last = db.prepare('SELECT coalesce(max(id), 0) FROM next_memory_words_docsize').pluck().get();
      const piece = db.prepare(`${fill('next_memory_words')} AND id > ? ORDER BY id LIMIT ${pieceRows}`).run(last);
      if (piece.changes === pieceRows) return true;
      const entries = db.prepare('SELECT count(*) FROM next_memory_words_docsize').pluck().get();
      db.exec('DROP TABLE memory_words; ALTER TABLE next_memory_words RENAME TO memory_words');
      db.exec(`DELETE FROM search_index WHERE name = 'next words'`);
      putVersion(db, 'words');
      log.info({ entries }, 'word index of memories renewed: its rules changed');
      return false;
    })
    .immediate();
}

const indexed = (text: string) => wordsOf(text).join(' ');

/** Whether the index alone is damaged and not the file: a rebuild repairs it. */
export function isIndexDamage(error: unknown): boolean {
  return sqliteCode(error) === 'SQLITE_CORRUPT_VTAB';
}
