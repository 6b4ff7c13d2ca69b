// The words of memories: a table of FTS5 for each log, so that one agent's search neither reads nor is ranked by what others remember. In: ids
// with their text. Out: ids of memories that fit the words of a question, best first. A question costs the same however many memories have its
// words: words of a few memories decide which ones are looked at, and words of many only how they are ranked.
import { questionWords, wordsOf } from '@blackroad/protocol';
import type Database from 'better-sqlite3';
import { weakestHit } from './rank.ts';

/** Memories that are ranked for one question at most: BM25 costs half a microsecond each here, and on a Pi some four times that. */
const maxRanked = 2_000;
/** With so many chosen, no further word chooses. */
const enoughRanked = 700;
/** A word of more memories than this only costs time: every further one takes part in no ranking. */
const maxRankedBy = 10_000;
/** Memories of the words that rank and do not choose, together: BM25 reads each word from its first memory to its last. */
const maxRankedByAll = 20_000;
/** A word of so many memories is counted once, and again when so many were added. */
const counted = 500;
const maxCounted = 256;
/** Logs whose statements are kept. */
const maxTables = 16;

interface Table {
  add: Database.Statement;
  remove: Database.Statement;
  count: Database.Statement;
  best: Database.Statement;
  /** Memories that have a word, where they are many. */
  counts: Map<string, number>;
  added: number;
}

export class WordTables {
  readonly #db: Database.Database;
  /** The one that was used last is the last. */
  readonly #tables = new Map<number, Table>();

  constructor(db: Database.Database) {
    this.#db = db;
  }

  add(logId: number, id: number, text: string): void {
    const table = this.#table(logId) ?? this.#create(logId);
    const words = wordsOf(text).join(' ');
    table.add.run(id, words, words);
    if (++table.added % counted === 0) table.counts.clear();
  }
  remove(logId: number, id: number): void {
    this.#table(logId)?.remove.run(id);
  }
  drop(logId: number): void {
    this.#tables.delete(logId);
    this.#db.exec(`DROP TABLE IF EXISTS ${nameOf(logId)}`);
  }
  /** What was made in a transaction that was undone is not there. */
  forget(): void {
    this.#tables.clear();
  }

  find(logId: number, question: string, limit: number): number[] {
    const table = this.#table(logId);
    const match = table && matching(questionWords(question), (word) => countOf(table, word));
    if (!match) return [];
    const hits = table.best.all(match, limit) as [number, number][];
    // BM25 is negative here, the best hit has the lowest value; the value decides which hits count, fusion uses ranks only.
    const least = (hits[0]?.[1] ?? 0) * weakestHit;
    return hits.filter(([, score]) => score <= least).map(([id]) => id);
  }

  #table(logId: number): Table | null {
    const known = this.#tables.get(logId);
    if (known) {
      this.#tables.delete(logId);
      this.#tables.set(logId, known);
      return known;
    }
    const isThere = this.#db.prepare('SELECT 1 FROM sqlite_master WHERE name = ?').get(nameOf(logId));
    return isThere ? this.#prepared(logId) : null;
  }
  #create(logId: number): Table {
    // The text in the table is words already, separated by spaces: its own tokenizer only removes their English endings.
    this.#db.exec(
      `CREATE VIRTUAL TABLE ${nameOf(logId)} USING fts5(
        chosen, text, content='', contentless_delete=1, tokenize='porter ascii')`,
    );
    return this.#prepared(logId);
  }
  #prepared(logId: number): Table {
    const name = nameOf(logId);
    const db = this.#db;
    const table: Table = {
      add: db.prepare(`INSERT INTO ${name} (rowid, chosen, text) VALUES (?, ?, ?)`),
      remove: db.prepare(`DELETE FROM ${name} WHERE rowid = ?`),
      count: db.prepare(`SELECT count(*) FROM (SELECT 1 FROM ${name} WHERE ${name} MATCH ? LIMIT ?)`).pluck(),
      best: db
        .prepare(
          `SELECT id, score FROM (
             SELECT rowid AS id, bm25(${name}, 0.0, 1.0) AS score FROM ${name}
             WHERE ${name} MATCH ? ORDER BY rowid DESC LIMIT ${maxRanked}
           ) ORDER BY score, id DESC LIMIT ?`,
        )
        .raw(),
      counts: new Map(),
      added: 0,
    };
    this.#tables.set(logId, table);
    const [oldest] = this.#tables.keys();
    if (this.#tables.size > maxTables && oldest !== undefined) this.#tables.delete(oldest);
    return table;
  }
}

const nameOf = (logId: number) => `words_${logId}`;

function countOf({ count, counts }: Table, word: string): number {
  const known = counts.get(word);
  if (known !== undefined) return known;
  const found = count.get(`text : "${word}"`, maxRankedBy + 1) as number;
  if (found >= counted && counts.size < maxCounted) counts.set(word, found);
  return found;
}

/**
 * The expression of FTS5 that chooses memories by the rarest words, until they are enough, and ranks them by the others too; null where no memory has
 * any. The words of a memory stand in two columns of which `text` alone ranks, so a word that chooses by the other one counts once. Every word is
 * quoted, and consists of letters, digits and emoji: no character of a question is an operator.
 */
function matching(words: readonly string[], count: (word: string) => number): string | null {
  const found = words
    .map((word) => ({ word, memories: count(word) }))
    .filter(({ memories }) => memories > 0)
    .sort((a, b) => a.memories - b.memories);
  const choosing: string[] = [];
  const ranking: string[] = [];
  let memories = 0;
  let rankedBy = 0;
  for (const each of found) {
    if (choosing.length === 0 || (memories < enoughRanked && memories + each.memories <= maxRanked)) {
      choosing.push(each.word);
      memories += each.memories;
    } else if (each.memories <= maxRankedBy && rankedBy + each.memories <= maxRankedByAll) {
      ranking.push(each.word);
      rankedBy += each.memories;
    }
  }
  if (choosing.length === 0) return null;
  const anyOf = (some: readonly string[]) => some.map((word) => `"${word}"`).join(' OR ');
  if (ranking.length === 0) return `text : (${anyOf(choosing)})`;
  return `chosen : (${anyOf(choosing)}) AND text : (${anyOf([...choosing, ...ranking])})`;
}
