// The SQLite file of the search index: items with their vectors, words (word-tables.ts), codes of vectors (log-codes.ts). In: entries by their
// journal ids. Out: ids that fit words or a vector, best first. A file of another version or another journal is made again empty; sqlite-vec is
// loaded at the first vector. [M] It costs 0.6 MB; over 200 / 1,000 vectors it takes 0.3 / 1.1 ms, the same in JavaScript 1.7 / 5.5 ms.
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { decodeVector, indexedText, isVector, type MarkFound, type MemoryPayload } from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import { syncFolder } from '@blackroad/std/sync-folder';
import Database from 'better-sqlite3';
import type { Journal } from './journal.ts';
import { codesSchema, LogCodes } from './log-codes.ts';
import type { Found } from './rank.ts';
import { WordTables } from './word-tables.ts';

/** Changes when the tables or their content change: an index of another version is made again. */
const version = 8;

const schema = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE items (
  id INTEGER PRIMARY KEY, log INTEGER NOT NULL, seq INTEGER NOT NULL, importance REAL NOT NULL, model TEXT, vector BLOB);
CREATE INDEX items_log ON items (log, model);
CREATE INDEX items_seq ON items (log, seq);
CREATE TABLE marks (
  id INTEGER PRIMARY KEY, log INTEGER NOT NULL, how TEXT NOT NULL, of_seq INTEGER NOT NULL, of_hash TEXT NOT NULL,
  by_seq INTEGER NOT NULL, by_hash TEXT NOT NULL);
CREATE INDEX marks_of ON marks (log, of_seq);
${codesSchema}`;

/** Kinds that no search looks for; a mark is in the index, and found by what it marks. */
export const unsearched: ReadonlySet<string> = new Set(['genesis', 'migrate', 'withdraw']);

export interface Indexed {
  id: number;
  log: number;
  seq: number;
  payload: MemoryPayload;
}

/** What marks an entry, with the entries by which it is known. */
interface IndexedMark extends MarkFound {
  log: number;
  ofSeq: number;
  ofHash: string;
  bySeq: number;
  byHash: string;
}

export class IndexFile {
  readonly #db: Database.Database;
  readonly #dir: string;
  readonly #log: Logger;
  readonly #words: WordTables;
  readonly #codes: LogCodes;
  readonly #addItem: Database.Statement;
  readonly #removeItem: Database.Statement;
  readonly #hasItems: Database.Statement;
  readonly #getItems: Database.Statement;
  readonly #addMark: Database.Statement;
  readonly #removeMark: Database.Statement;
  readonly #hasMarks: Database.Statement;
  readonly #getMarks: Database.Statement;
  readonly #withoutVector: Database.Statement;
  readonly #getUpto: Database.Statement;
  readonly #putUpto: Database.Statement;
  #byDistance: { all: Database.Statement; some: Database.Statement } | null = null;

  constructor(db: Database.Database, dir: string, log: Logger) {
    this.#db = db;
    this.#dir = dir;
    this.#log = log;
    this.#words = new WordTables(db);
    this.#codes = new LogCodes(db);
    this.#addItem = db.prepare(
      'INSERT OR IGNORE INTO items (id, log, seq, importance, model, vector) VALUES (?,?,?,?,?,?)',
    );
    this.#removeItem = db.prepare('DELETE FROM items WHERE id = ? RETURNING log').pluck();
    this.#hasItems = db.prepare('SELECT 1 FROM items WHERE log = ? LIMIT 1');
    this.#getItems = db.prepare(
      'SELECT id, seq, importance FROM items WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id',
    );
    this.#addMark = db.prepare('INSERT OR IGNORE INTO marks VALUES (?,?,?,?,?,?,?)');
    this.#removeMark = db.prepare('DELETE FROM marks WHERE id = ?');
    this.#hasMarks = db.prepare('SELECT 1 FROM marks WHERE log = ? LIMIT 1');
    this.#getMarks = db.prepare(
      `SELECT m.log, m.how, b.id AS by, m.of_seq AS ofSeq, m.of_hash AS ofHash, m.by_seq AS bySeq, m.by_hash AS byHash
       FROM items i JOIN marks m ON m.log = i.log AND m.of_seq = i.seq
       JOIN items b ON b.log = m.log AND b.seq = m.by_seq WHERE i.id = ? ORDER BY m.by_seq DESC`,
    );
    // One range of the index each: `IS NOT` would read all.
    const some = ['IS NULL', '> @model', '< @model'].map(
      (rest) =>
        `SELECT * FROM (SELECT id FROM items WHERE log = @logId AND model ${rest} ORDER BY model DESC, id DESC LIMIT @limit)`,
    );
    this.#withoutVector = db.prepare(`${some.join(' UNION ALL ')} LIMIT @limit`).pluck();
    this.#getUpto = db.prepare("SELECT value FROM meta WHERE key = 'upto'").pluck();
    this.#putUpto = db.prepare("UPDATE meta SET value = ? WHERE key = 'upto'");
  }

  /**
   * What is changed is seen at once and written to the file by `write`, as every page that is written wears the card: a page that a hundred memories
   * change is written once. A process that dies before only has to read those entries of the journal again. Until then it is all in memory.
   */
  transaction(work: () => void): void {
    if (!this.#db.inTransaction) this.#db.exec('BEGIN');
    try {
      this.#db.transaction(work)();
    } catch (error) {
      this.#words.forget();
      this.#codes.forget();
      throw error;
    }
  }

  write(): void {
    if (this.#db.inTransaction) writing(this.#dir, () => this.#db.exec('COMMIT'));
  }

  upto(): number {
    return Number(this.#getUpto.get());
  }

  setUpto(id: number): void {
    this.#putUpto.run(String(id));
  }

  add(rows: readonly Indexed[]): void {
    this.transaction(() => {
      for (const { id, log, seq, payload } of rows) {
        const { embedding, importance, tags, mark } = payload;
        if (payload.key !== undefined && payload.text === '') continue;
        if (mark?.of && mark.by) {
          // Nothing is marked by what came before it: no marks form a circle.
          if (mark.of.seq >= mark.by.seq) continue;
          this.#addMark.run(id, log, mark.how, mark.of.seq, mark.of.hash, mark.by.seq, mark.by.hash);
          continue;
        }
        const vector = embedding ? decodeVector(embedding.vector) : null;
        // Another node, or an older one, may have stored an invalid vector.
        const whole = vector !== null && vector.length === embedding!.dimension && isVector(vector);
        const model = whole ? embedding!.model : null;
        const bytes = whole ? bytesOf(vector) : null;
        if (this.#addItem.run(id, log, seq, importance, model, bytes).changes === 0) continue;
        this.#words.add(log, id, `${indexedText(payload)}\n${tags.join(' ')}`);
        if (whole) this.#codes.added(log, embedding!.model, id, vector);
      }
    });
  }

  remove(ids: readonly number[]): void {
    const byLog = new Map<number, number[]>();
    for (const id of ids) {
      this.#removeMark.run(id);
      const log = this.#removeItem.get(id) as number | undefined;
      if (log === undefined) continue;
      const gone = byLog.get(log);
      if (gone) gone.push(id);
      else byLog.set(log, [id]);
    }
    for (const [log, gone] of byLog) {
      if (this.#hasItems.get(log)) {
        for (const id of gone) this.#words.remove(log, id);
        this.#codes.removed(log, gone);
      } else {
        this.#words.drop(log);
        this.#codes.drop(log);
      }
    }
  }

  /** Removes memories that were not in a chain yet: their ids are below 0. */
  removePending(): void {
    const pending = 'SELECT id FROM items WHERE id < 0 UNION ALL SELECT id FROM marks WHERE id < 0';
    this.remove(this.#db.prepare(pending).pluck().all() as number[]);
  }

  byWords(logId: number, question: string, limit: number): number[] {
    return this.#words.find(logId, question, limit);
  }

  byMeaning(logId: number, model: string, values: Float32Array, limit: number): number[] {
    if (!this.#byDistance) {
      loadVectorFunctions(this.#db, this.#log);
      const nearest = (among: string) =>
        this.#db
          .prepare(
            `SELECT id FROM items WHERE ${among} AND log = ? AND model = ? AND length(vector) = ?
             ORDER BY vec_distance_cosine(vector, ?), id DESC LIMIT ?`,
          )
          .pluck();
      this.#byDistance = { all: nearest('true'), some: nearest('id IN (SELECT value FROM json_each(?))') };
    }
    const bytes = bytesOf(values);
    const wanted = [logId, model, bytes.length, bytes, limit] as const;
    const candidates = this.#codes.candidates(logId, model, values, limit);
    const { all, some } = this.#byDistance;
    return (candidates ? some.all(JSON.stringify(candidates), ...wanted) : all.all(...wanted)) as number[];
  }
  /** Gives back what is held for searches alone. */
  rest(): void {
    this.#codes.forget();
    this.#db.pragma('shrink_memory');
  }

  hasMarks(logId: number): boolean {
    return this.#hasMarks.get(logId) !== undefined;
  }
  /** The newest first. */
  marksOf(id: number): IndexedMark[] {
    return this.#getMarks.all(id) as IndexedMark[];
  }

  items(ids: ReadonlySet<number>): Map<number, Found> {
    const rows = this.#getItems.all(JSON.stringify([...ids])) as Found[];
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** The newest first, those of other models last. */
  withoutVector(logId: number, model: string, limit: number): number[] {
    return this.#withoutVector.all({ logId, model, limit }) as number[];
  }

  setVector(id: number, model: string, values: Float32Array | null): void {
    const vector = values && isVector(values) ? values : null;
    this.transaction(() => {
      const log = this.#db
        .prepare('UPDATE items SET model = ?, vector = ? WHERE id = ? RETURNING log')
        .pluck()
        .get(model, vector && bytesOf(vector), id) as number | undefined;
      if (log !== undefined && vector) this.#codes.added(log, model, id, vector);
    });
  }

  close(): void {
    try {
      this.write();
    } finally {
      this.#db.close();
    }
  }
  /** Closes the file without what was not written. */
  leave(): void {
    this.#db.close();
  }
}

const bytesOf = (vector: Float32Array) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);

/** Opens the file; one that another version made, or another journal, is made again. */
export function openIndex({ dir, journal, log }: { dir: string; journal: Journal; log: Logger }): IndexFile {
  if (existsSync(markIn(dir))) {
    log.info({}, 'the process ended while it wrote the memory index: it is made again from the journal');
    removeFiles(dir);
  }
  let db = openFile(dir);
  if (!fits(db, journal)) {
    db.close();
    removeFiles(dir);
    writing(dir, () => {
      db = openFile(dir);
      db.transaction(() => {
        db.exec(schema);
        db.prepare('INSERT INTO meta VALUES (?, ?), (?, ?)').run('journal', journal.id, 'upto', '0');
        db.pragma(`user_version = ${version}`);
      })();
    });
  }
  const index = new IndexFile(db, dir, log);
  // Pending memories are few and change often: they are indexed again at each start instead of being tracked.
  index.transaction(() => {
    index.removePending();
    index.add(journal.allPending().map((row) => ({ ...row, id: -row.id, seq: 0 })));
  });
  index.write();
  return index;
}

/** Of memories that are in no journal. */
export function indexInMemory(log: Logger): IndexFile {
  const db = new Database(inMemory);
  db.exec(schema);
  return new IndexFile(db, inMemory, log);
}

const inMemory = ':memory:';
const markIn = (dir: string) => join(dir, 'index.db-unfinished');

/** Writes the file so that whoever opens it knows whether it was written whole. */
function writing(dir: string, write: () => void): void {
  if (dir === inMemory) {
    write();
    return;
  }
  closeSync(openSync(markIn(dir), 'w'));
  syncFolder(dir);
  write();
  rmSync(markIn(dir));
}

export function removeFiles(dir: string): void {
  if (dir === inMemory) return;
  // The mark last: without it, half a file could not be told from a sound one.
  for (const suffix of ['', '-wal', '-shm', '-unfinished']) rmSync(join(dir, `index.db${suffix}`), { force: true });
}

function openFile(dir: string): Database.Database {
  const db = new Database(dir === inMemory ? inMemory : join(dir, 'index.db'));
  try {
    return tuned(db);
  } catch (error) {
    db.close();
    throw error;
  }
}
export function tuned(db: Database.Database): Database.Database {
  // [M] Each page is written once, a quarter less in all than with a WAL. Whoever dies in the middle leaves a mark, and the file is made again.
  db.pragma('journal_mode = MEMORY');
  db.pragma('synchronous = NORMAL');
  // No page before the mark is there.
  db.pragma('cache_spill = OFF');
  // Room for what was changed and is not written yet, which cannot leave it, and for what a search reads.
  db.pragma('cache_size = -2048');
  return db;
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
