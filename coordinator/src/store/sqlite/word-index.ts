// The words of memories (FTS5): a disposable index beside the log. It holds no text (contentless), is rebuilt from the log when it is
// missing, damaged or of older rules, and is never a source of truth.
import { type MemoryPayload, questionWords, wordsOf } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import type { Ranked } from '../fuse.ts';
import type { Database } from './database.ts';
import { sqliteCode } from './failure.ts';

/** Raise it when tokenizer or columns change: the next start rebuilds. */
const version = 2;
/** Matches scored for one search: bounds the time that other reads wait (BM25 costs about two microseconds a row). */
const maxScoredWords = 10_000;

// The table gets words that are separated by spaces already: its own tokenizer only removes English endings.
const create = `CREATE VIRTUAL TABLE memory_words USING fts5(
  agent, text, tags, content = '', contentless_delete = 1, tokenize = 'porter ascii')`;

/**
 * An agent's name as one word, so that the index narrows to one agent by itself instead of joining every match of the fleet.
 * A dash would split it, so a thorn, which is in no name, stands for it.
 */
const agentWord = (agent: string) => agent.replaceAll('-', 'þ');
const agentWordSql = `replace(agent, '-', 'þ')`;

export type WordIndex = ReturnType<typeof wordIndex>;

export function wordIndex(db: Database, log: Log) {
  const present = () => db.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'memory_words'`).get() !== undefined;
  const built = () => db.prepare(`SELECT version FROM search_index WHERE name = 'words'`).pluck().get();

  db.function('words_of', { deterministic: true }, (text) => (typeof text === 'string' ? indexed(text) : ''));

  if (!present()) rebuildWords(db, log, 'it was missing');
  else if (built() !== version) rebuildWords(db, log, 'its rules changed');

  const insert = db.prepare<[number | bigint, string, string, string]>(
    'INSERT INTO memory_words (rowid, agent, text, tags) VALUES (?, ?, ?, ?)',
  );
  const remove = db.prepare<[number]>('DELETE FROM memory_words WHERE rowid = ?');
  const count = db
    .prepare<[string], number>(
      `SELECT count(*) FROM (SELECT 1 FROM memory_words WHERE memory_words MATCH ? LIMIT ${maxScoredWords})`,
    )
    .pluck();
  // The newest matches are scored, then the best of them kept. Tags count half: they are few and often generic.
  const best = db.prepare<[string, number], Ranked<number>>(
    `SELECT item, value FROM (
       SELECT rowid AS item, bm25(memory_words, 0.0, 1.0, 0.5) AS value FROM memory_words
       WHERE memory_words MATCH ? ORDER BY rowid DESC LIMIT ${maxScoredWords}
     ) ORDER BY value, item DESC LIMIT ?`,
  );

  return {
    add: (id: number | bigint, agent: string, payload: MemoryPayload) =>
      void insert.run(id, agentWord(agent), indexed(payload.text), indexed(payload.tags.join(' '))),
    remove: (id: number) => void remove.run(id),
    /** Ids of entries with any of the words, best first. */
    find(text: string, agent: string | undefined, limit: number): Ranked<number>[] {
      const within = agent === undefined ? '' : `agent : "${agentWord(agent).replaceAll('"', '')}" AND `;
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
      return taken.length === 0 ? [] : best.all(taken.join(' OR '), limit);
    },
  };
}

/** Rebuilds the index from the log. The connection must have made a wordIndex before. */
export function rebuildWords(db: Database, log: Log, why: string): void {
  db.transaction(() => {
    db.exec('DROP TABLE IF EXISTS memory_words');
    db.exec(create);
    const { changes } = db
      .prepare(
        `INSERT INTO memory_words (rowid, agent, text, tags)
         SELECT id, ${agentWordSql}, words_of(payload ->> '$.text'),
           (SELECT words_of(group_concat(value, ' ')) FROM json_each(payload, '$.tags'))
         FROM memory_entry WHERE payload IS NOT NULL`,
      )
      .run();
    db.prepare(`INSERT OR REPLACE INTO search_index (name, version) VALUES ('words', ?)`).run(version);
    if (changes > 0) log.warn({ entries: changes, why }, 'word index of memories rebuilt from the log');
  })();
}

const indexed = (text: string) => wordsOf(text).join(' ');

/** Whether the index alone is damaged and not the file: a rebuild repairs it. */
export function isIndexDamage(error: unknown): boolean {
  return sqliteCode(error) === 'SQLITE_CORRUPT_VTAB';
}
