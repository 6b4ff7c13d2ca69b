// The SQLite file of the search index: items with their vectors, and words (FTS5). In: entries by their journal ids. Out: ids that fit words
// or a vector, best first. A file of another version or another journal is made again empty; sqlite-vec is loaded at the first vector. [M]
// It costs 0.6 MB; over 200 / 1,000 / 5,000 vectors of one agent it takes 0.3 / 1.1 / 6.3 ms, the same in JavaScript 1.7 / 5.5 / 26 ms.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { decodeVector, isVector, type MemoryPayload, wordsOf } from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import Database from 'better-sqlite3';
import type { Journal } from './journal.ts';
import { type Found, weakestHit } from './rank.ts';

/** Changes when the tables or their content change: an index of another version is made again. */
const version = 3;

// The text in the table is words already, separated by spaces: its own tokenizer only removes their English endings.
const schema = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE items (
  id INTEGER PRIMARY KEY, log INTEGER NOT NULL, seq INTEGER NOT NULL, importance REAL NOT NULL, model TEXT, vector BLOB);
CREATE INDEX items_log ON items (log);
CREATE VIRTUAL TABLE words USING fts5(
  log, text, content='', contentless_delete=1, tokenize='porter ascii');
`;

export interface Indexed {
  id: number;
  log: number;
  seq: number;
  payload: MemoryPayload;
}

export class IndexFile {
  readonly #db: Database.Database;
  readonly #log: Logger;
  readonly #hasItem: Database.Statement;
  readonly #addItem: Database.Statement;
  readonly #addWords: Database.Statement;
  readonly #removeItem: Database.Statement;
  readonly #removeWords: Database.Statement;
  readonly #getItem: Database.Statement;
  readonly #getUpto: Database.Statement;
  readonly #putUpto: Database.Statement;
  readonly #matching: Database.Statement;
  #byDistance: Database.Statement | null = null;

  constructor(db: Database.Database, log: Logger) {
    this.#db = db;
    this.#log = log;
    this.#hasItem = db.prepare('SELECT 1 FROM items WHERE id = ?');
    this.#addItem = db.prepare(
      'INSERT OR IGNORE INTO items (id, log, seq, importance, model, vector) VALUES (?,?,?,?,?,?)',
    );
    this.#addWords = db.prepare('INSERT INTO words (rowid, log, text) VALUES (?,?,?)');
    this.#removeItem = db.prepare('DELETE FROM items WHERE id = ?');
    this.#removeWords = db.prepare('DELETE FROM words WHERE rowid = ?');
    this.#getItem = db.prepare('SELECT id, seq, importance FROM items WHERE id = ?');
    this.#getUpto = db.prepare("SELECT value FROM meta WHERE key = 'upto'").pluck();
    this.#putUpto = db.prepare("UPDATE meta SET value = ? WHERE key = 'upto'");
    this.#matching = db
      .prepare('SELECT rowid, bm25(words, 0.0, 1.0) FROM words WHERE words MATCH ? ORDER BY 2, 1 DESC LIMIT ?')
      .raw();
  }

  transaction(work: () => void): void {
    this.#db.transaction(work)();
  }

  upto(): number {
    return Number(this.#getUpto.get());
  }

  setUpto(id: number): void {
    this.#putUpto.run(String(id));
  }

  add(rows: readonly Indexed[]): void {
    this.#db.transaction(() => {
      for (const { id, log, seq, payload } of rows) {
        const { embedding, importance, text, tags } = payload;
        const vector = embedding ? decodeVector(embedding.vector) : null;
        // Another node, or an older one, may have stored an invalid vector.
        const whole = vector !== null && vector.length === embedding!.dimension && isVector(vector);
        const bytes = whole ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength) : null;
        if (this.#addItem.run(id, log, seq, importance, whole ? embedding!.model : null, bytes).changes === 0) continue;
        this.#addWords.run(id, `l${log}`, wordsOf(`${text}\n${tags.join(' ')}`).join(' '));
      }
    })();
  }

  remove(ids: readonly number[]): void {
    for (const id of ids) {
      if (!this.#hasItem.get(id)) continue;
      this.#removeItem.run(id);
      this.#removeWords.run(id);
    }
  }

  /** Removes memories that were not in a chain yet: their ids are below 0. */
  removePending(): void {
    this.remove(this.#db.prepare('SELECT id FROM items WHERE id < 0').pluck().all() as number[]);
  }

  byWords(query: string, limit: number): number[] {
    const hits = this.#matching.all(query, limit) as [number, number][];
    // BM25 is negative here, the best hit has the lowest value; the value decides which hits count, fusion uses ranks only.
    const least = (hits[0]?.[1] ?? 0) * weakestHit;
    return hits.filter(([, score]) => score <= least).map(([id]) => id);
  }

  byMeaning(logId: number, model: string, values: Float32Array, limit: number): number[] {
    if (!this.#byDistance) {
      loadVectorFunctions(this.#db, this.#log);
      this.#byDistance = this.#db
        .prepare(
          'SELECT id FROM items WHERE log = ? AND model = ? AND length(vector) = ? ORDER BY vec_distance_cosine(vector, ?), id DESC LIMIT ?',
        )
        .pluck();
    }
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    return this.#byDistance.all(logId, model, bytes.length, bytes, limit) as number[];
  }

  items(ids: ReadonlySet<number>): Map<number, Found> {
    const found = new Map<number, Found>();
    for (const id of ids) {
      const row = this.#getItem.get(id) as Found | undefined;
      if (row) found.set(id, row);
    }
    return found;
  }

  withoutVector(logId: number, model: string, limit: number): number[] {
    return this.#db
      .prepare('SELECT id FROM items WHERE log = ? AND model IS NOT ? ORDER BY id DESC LIMIT ?')
      .pluck()
      .all(logId, model, limit) as number[];
  }

  setVector(id: number, model: string, values: Float32Array | null): void {
    const bytes = values && isVector(values) ? Buffer.from(values.buffer, values.byteOffset, values.byteLength) : null;
    this.#db.prepare('UPDATE items SET model = ?, vector = ? WHERE id = ?').run(model, bytes, id);
  }

  close(): void {
    this.#db.close();
  }
}

/** Opens the file; one that another version made, or another journal, is made again. */
export function openIndex({ dir, journal, log }: { dir: string; journal: Journal; log: Logger }): IndexFile {
  let db = openFile(dir);
  if (!fits(db, journal)) {
    db.close();
    removeFiles(dir);
    db = openFile(dir);
    db.transaction(() => {
      db.exec(schema);
      db.prepare('INSERT INTO meta VALUES (?, ?), (?, ?)').run('journal', journal.id, 'upto', '0');
      db.pragma(`user_version = ${version}`);
    })();
  }
  const index = new IndexFile(db, log);
  // Pending memories are few and change often: they are indexed again at each start instead of being tracked.
  index.transaction(() => {
    index.removePending();
    index.add(journal.allPending().map((row) => ({ ...row, id: -row.id, seq: 0 })));
  });
  return index;
}

export function removeFiles(dir: string): void {
  if (dir === ':memory:') return;
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(dir, `index.db${suffix}`), { force: true });
}

function openFile(dir: string): Database.Database {
  const db = new Database(dir === ':memory:' ? ':memory:' : join(dir, 'index.db'));
  try {
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('cache_size = -512');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
/** Whether it was made by this version, from this journal, and is not ahead of it (a journal restored from an old copy). */
function fits(db: Database.Database, journal: Journal): boolean {
  if (db.pragma('user_version', { simple: true }) !== version) return false;
  const meta = new Map(db.prepare('SELECT key, value FROM meta').raw().all() as [string, string][]);
  return meta.get('journal') === journal.id && Number(meta.get('upto')) <= journal.lastEntryId();
}

function loadVectorFunctions(db: Database.Database, log: Logger): void {
  try {
    (createRequire(import.meta.url)('sqlite-vec') as typeof import('sqlite-vec')).load(db);
  } catch (error) {
    // No build for this machine, or a bundle without it: the same function in JavaScript, four times slower.
    log.warn({ err: error }, 'sqlite-vec could not be loaded: vectors are compared in JavaScript');
    db.function('vec_distance_cosine', { deterministic: true }, (a, b) => distance(a as Buffer, b as Buffer));
  }
}
function distance(a: Buffer, b: Buffer): number {
  const x = new Float32Array(a.buffer.slice(a.byteOffset, a.byteOffset + a.length));
  const y = new Float32Array(b.buffer.slice(b.byteOffset, b.byteOffset + b.length));
  let dot = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < x.length; i++) {
    dot += x[i]! * y[i]!;
    xx += x[i]! * x[i]!;
    yy += y[i]! * y[i]!;
  }
  return xx === 0 || yy === 0 ? 1 : 1 - dot / Math.sqrt(xx * yy);
}
