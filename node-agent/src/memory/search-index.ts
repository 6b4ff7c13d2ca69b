// The search index: words (FTS5) and vectors of every log on this node, in its own SQLite file. Disposable: when it is missing, damaged,
// behind, or of another journal, it is made again from the journal. In: journal ids with payloads. Out: ids, best first. Opened at the
// first use and never during an append; sqlite-vec is loaded at the first vector. [M] It costs 0.6 MB; over 200 / 1,000 / 5,000 vectors of
// one agent it takes 0.3 / 1.1 / 6.3 ms, the same in JavaScript 1.7 / 5.5 / 26 ms.
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { decodeVector, isVector, type MemoryPayload, wordsOf } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log as Logger } from '@blackroad/std/log';
import Database from 'better-sqlite3';
import type { Journal } from './journal.ts';
import { type Found, weakestHit, wordsQuery } from './rank.ts';

/** Changes when the tables or their content change: an index of another version is made again. */
const version = 3;
/** Memories that may wait to be indexed; a recall indexes them first. */
const maxWaiting = 64;
const stepRows = 200;

// The text in the table is words already, separated by spaces: its own tokenizer only removes their English endings.
const schema = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE items (
  id INTEGER PRIMARY KEY, log INTEGER NOT NULL, seq INTEGER NOT NULL, importance REAL NOT NULL, model TEXT, vector BLOB);
CREATE INDEX items_log ON items (log);
CREATE VIRTUAL TABLE words USING fts5(
  log, text, content='', contentless_delete=1, tokenize='porter ascii');
`;

interface Indexed {
  id: number;
  log: number;
  seq: number;
  payload: MemoryPayload;
}
export type SearchIndex = ReturnType<typeof createSearchIndex>;

export function createSearchIndex(deps: { dir: string; journal: Journal; clock: Clock; log: Logger }) {
  const { dir, journal, clock, log } = deps;
  let opened: ReturnType<typeof openIndex> | null = null;
  let added: Indexed[] = [];
  let removed: number[] = [];
  let behindFrom: number | null = null;
  let timer: Timer | null = null;

  /** Runs `use` on the index; once more on a new one if the file is found to be damaged. */
  function withIndex<T>(use: (index: ReturnType<typeof openIndex>) => T): T {
    for (let attempt = 0; ; attempt++) {
      try {
        if (!opened) {
          opened = openIndex(dir, journal, log);
          behindFrom = opened.upto() < journal.lastEntryId() ? opened.upto() : null;
          if (behindFrom !== null) catchUpStep();
        }
        return use(opened);
      } catch (error) {
        const code = (error as { code?: string }).code ?? '';
        if (attempt > 0 || !/^SQLITE_(CORRUPT|NOTADB|IOERR)/.test(code)) throw error;
        log.warn({ code }, 'the memory index was damaged: it is made again from the journal');
        opened?.close();
        opened = null;
        removeFiles(dir);
      }
    }
  }

  /** Indexes a part of the missing entries, so that a large journal does not block the node for seconds. */
  function catchUpStep(): void {
    timer?.cancel();
    timer = null;
    if (behindFrom === null || !opened) return;
    const rows = journal.since(behindFrom, stepRows);
    opened.add(rows.flatMap((row) => (searchable(row) ? [{ ...row, payload: row.payload! }] : [])));
    const last = rows[rows.length - 1];
    behindFrom = rows.length < stepRows ? null : last!.id;
    opened.setUpto(behindFrom ?? journal.lastEntryId());
    if (behindFrom !== null) timer = clock.after(5, () => guarded(catchUpStep));
  }

  function flush(): void {
    if (added.length === 0 && removed.length === 0) return;
    const additions = added;
    const removals = removed;
    added = [];
    removed = [];
    withIndex((index) => {
      index.transaction(() => {
        index.remove(removals);
        index.add(additions);
        if (behindFrom === null) index.setUpto(Math.max(index.upto(), ...additions.map((each) => each.id)));
      });
    });
  }

  function guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      log.error({ err: error }, 'the memory index does not work: recall finds nothing until it does');
      opened?.close();
      opened = null;
    }
  }

  return {
    /** Called after a commit. Changes wait in memory until a recall needs them or enough have come: fewer, larger writes to the SD card. */
    changed(additions: readonly Indexed[], removals: readonly number[]): void {
      added.push(...additions.filter((each) => each.seq === 0 || each.payload.text !== ''));
      removed.push(...removals);
      if (added.length + removed.length >= maxWaiting) guarded(flush);
    },
    /** Candidates of one log by words and, with a vector, by meaning; each list is best first. */
    search(
      logId: number,
      text: string,
      vector: { model: string; values: Float32Array } | null,
      limit: number,
    ): { lists: number[][]; found: Map<number, Found> } {
      flush();
      return withIndex((index) => {
        if (behindFrom !== null) {
          const rows = journal.since(behindFrom, 100_000, logId);
          index.add(rows.flatMap((row) => (searchable(row) ? [{ ...row, payload: row.payload! }] : [])));
        }
        const query = wordsQuery(logId, text);
        const lists = [
          query ? index.byWords(query, limit) : [],
          vector && isVector(vector.values) ? index.byMeaning(logId, vector.model, vector.values, limit) : [],
        ];
        return { lists, found: index.items(new Set(lists.flat())) };
      });
    },
    /** Ids of a log that have no vector of this model. */
    withoutVector: (logId: number, model: string, limit: number): number[] =>
      withIndex((index) => index.withoutVector(logId, model, limit)),
    /** Null: this model cannot embed the text, and is not asked again. */
    setVector: (id: number, model: string, values: Float32Array | null): void =>
      withIndex((index) => index.setVector(id, model, values)),
    close(): void {
      guarded(() => {
        // An index that was never opened has nothing to write: the next process finds it behind.
        if (opened) flush();
      });
      timer?.cancel();
      opened?.close();
      opened = null;
    },
  };
}

function searchable(row: { kind: string; payload: MemoryPayload | null }): boolean {
  return row.payload !== null && row.kind !== 'genesis' && row.kind !== 'migrate';
}
function removeFiles(dir: string): void {
  if (dir === ':memory:') return;
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(dir, `index.db${suffix}`), { force: true });
}

function openIndex(dir: string, journal: Journal, logger: Logger) {
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
  // Pending memories are few and change often: they are indexed again at each start instead of being tracked.
  const hasItem = db.prepare('SELECT 1 FROM items WHERE id = ?');
  const addItem = db.prepare(
    'INSERT OR IGNORE INTO items (id, log, seq, importance, model, vector) VALUES (?,?,?,?,?,?)',
  );
  const addWords = db.prepare('INSERT INTO words (rowid, log, text) VALUES (?,?,?)');
  const removeItem = db.prepare('DELETE FROM items WHERE id = ?');
  const removeWords = db.prepare('DELETE FROM words WHERE rowid = ?');
  const getItem = db.prepare('SELECT id, seq, importance FROM items WHERE id = ?');
  const getUpto = db.prepare("SELECT value FROM meta WHERE key = 'upto'").pluck();
  const putUpto = db.prepare("UPDATE meta SET value = ? WHERE key = 'upto'");
  const matching = db
    .prepare('SELECT rowid, bm25(words, 0.0, 1.0) FROM words WHERE words MATCH ? ORDER BY 2, 1 DESC LIMIT ?')
    .raw();
  let byDistance: Database.Statement | null = null;

  const index = {
    transaction: (work: () => void): void => db.transaction(work)(),
    upto: (): number => Number(getUpto.get()),
    setUpto: (id: number): void => void putUpto.run(String(id)),
    add(rows: readonly Indexed[]): void {
      db.transaction(() => {
        for (const { id, log, seq, payload } of rows) {
          const { embedding, importance, text, tags } = payload;
          const vector = embedding ? decodeVector(embedding.vector) : null;
          // Another node, or an older one, may have stored an invalid vector.
          const whole = vector !== null && vector.length === embedding!.dimension && isVector(vector);
          const bytes = whole ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength) : null;
          if (addItem.run(id, log, seq, importance, whole ? embedding!.model : null, bytes).changes === 0) continue;
          addWords.run(id, `l${log}`, wordsOf(`${text}\n${tags.join(' ')}`).join(' '));
        }
      })();
    },
    remove(ids: readonly number[]): void {
      for (const id of ids) {
        if (!hasItem.get(id)) continue;
        removeItem.run(id);
        removeWords.run(id);
      }
    },
    byWords(query: string, limit: number): number[] {
      const hits = matching.all(query, limit) as [number, number][];
      // BM25 is negative here, the best hit has the lowest value; the value decides which hits count, fusion uses ranks only.
      const least = (hits[0]?.[1] ?? 0) * weakestHit;
      return hits.filter(([, score]) => score <= least).map(([id]) => id);
    },
    byMeaning(logId: number, model: string, values: Float32Array, limit: number): number[] {
      if (!byDistance) {
        loadVectorFunctions(db, logger);
        byDistance = db
          .prepare(
            'SELECT id FROM items WHERE log = ? AND model = ? AND length(vector) = ? ORDER BY vec_distance_cosine(vector, ?), id DESC LIMIT ?',
          )
          .pluck();
      }
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
      return byDistance.all(logId, model, bytes.length, bytes, limit) as number[];
    },
    items(ids: ReadonlySet<number>): Map<number, Found> {
      const found = new Map<number, Found>();
      for (const id of ids) {
        const row = getItem.get(id) as Found | undefined;
        if (row) found.set(id, row);
      }
      return found;
    },
    withoutVector: (logId: number, model: string, limit: number): number[] =>
      db
        .prepare('SELECT id FROM items WHERE log = ? AND model IS NOT ? ORDER BY id DESC LIMIT ?')
        .pluck()
        .all(logId, model, limit) as number[],
    setVector(id: number, model: string, values: Float32Array | null): void {
      const bytes =
        values && isVector(values) ? Buffer.from(values.buffer, values.byteOffset, values.byteLength) : null;
      db.prepare('UPDATE items SET model = ?, vector = ? WHERE id = ?').run(model, bytes, id);
    },
    close: (): void => void db.close(),
  };
  index.transaction(() => {
    index.remove(db.prepare('SELECT id FROM items WHERE id < 0').pluck().all() as number[]);
    index.add(journal.allPending().map((row) => ({ ...row, id: -row.id, seq: 0 })));
  });
  return index;
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
