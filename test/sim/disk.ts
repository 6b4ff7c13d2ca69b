// The disk of a simulated machine: databases in memory that survive the process that wrote them. A power cut removes commits that are not
// synced, as with a real write-ahead log; a full or read-only disk refuses writes like SQLite.
import type { MemoryEntry } from '@blackroad/protocol';
import Database from 'better-sqlite3';
import type { Disk } from '../../node-agent/src/files/disk.ts';
import { setAsideFile } from '../../node-agent/src/memory/set-aside.ts';
import type { ProcessClock, Timeline } from './timeline.ts';

/** The database with `synchronous = NORMAL`: only after `sync` its commits survive a power cut. */
const lazy = 'outbox.sqlite';

/** The time within which the loop that wrote reports a failed write. */
const aftermathMs = 2_000;

const prepared = new WeakMap<Database.Database, Map<string, Database.Statement>>();
/** A statement that is prepared once for each database. */
export function statementOf(db: Database.Database, sql: string): Database.Statement {
  const known = prepared.get(db) ?? new Map<string, Database.Statement>();
  prepared.set(db, known);
  let statement = known.get(sql);
  if (!statement) {
    statement = db.prepare(sql);
    known.set(sql, statement);
  }
  return statement;
}

const filled = new WeakSet<Database.Database>();
/** Whether the file has tables, which are never removed again. */
function hasTables(db: Database.Database): boolean {
  if (!filled.has(db) && statementOf(db, 'SELECT 1 FROM sqlite_schema').get() !== undefined) filled.add(db);
  return filled.has(db);
}

/** Of a plain file. */
interface Line {
  rowid: number;
  text: string;
}

export class SimulatedDisk {
  readonly #timeline: Timeline;
  readonly #files = new Map<string, Database.Database>();
  readonly #opened: (() => void)[] = [];
  #synced: Buffer | null = null;
  #fault: 'none' | 'full' | 'read-only' = 'none';
  #healedMs = Number.NEGATIVE_INFINITY;
  syncMs = 2;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** The disk for one process. */
  of(clock: ProcessClock): Disk {
    return {
      open: (name) => this.#open(name),
      sync: (_name, done) => {
        const image = this.#fault === 'none' ? this.#files.get(lazy)?.serialize() : undefined;
        this.#timeline.after(this.syncMs, () => {
          if (image) this.#synced = image;
          clock.after(1, () => done(null));
        });
      },
      append: (name, text) => {
        const lines = this.#open(name);
        lines.exec('CREATE TABLE IF NOT EXISTS lines (text TEXT NOT NULL)');
        const add = lines.prepare('INSERT INTO lines VALUES (?)');
        for (const line of text.split('\n')) if (line !== '') add.run(line);
      },
      rewrite: (name, edit) => {
        const lines = this.#open(name);
        lines.exec('CREATE TABLE IF NOT EXISTS lines (text TEXT NOT NULL)');
        const put = lines.prepare('UPDATE lines SET text = ? WHERE rowid = ?');
        for (const { rowid, text } of lines.prepare('SELECT rowid, text FROM lines').all() as Line[])
          put.run(edit(text).trimEnd(), rowid);
      },
    };
  }

  /** For checkers: the content, also while no process runs; null: the file does not exist, or was made on a full disk and is empty. */
  read(name: string, sql: string): Database.Statement | null {
    const db = this.#files.get(name);
    return db && hasTables(db) ? statementOf(db, sql) : null;
  }
  /** For checkers: the memories that were set aside for people. */
  setAside(): MemoryEntry[] {
    const lines = this.read(setAsideFile, 'SELECT text FROM lines')?.pluck().all() ?? [];
    return lines.map((line) => JSON.parse(line as string) as MemoryEntry);
  }
  /** A counter that grows with every write of any process. */
  writes(name: string): number {
    const changes = this.read(name, 'SELECT total_changes() AS count')?.get() as { count: number } | undefined;
    return changes?.count ?? 0;
  }

  powerCut(): void {
    const file = this.#files.get(lazy);
    if (!file) return;
    this.#files.delete(lazy);
    if (this.#synced) this.#files.set(lazy, this.#adopt(new Database(this.#synced)));
  }

  /** Removes everything, as when the machine is set up anew. */
  erase(): void {
    this.#files.clear();
    this.#synced = null;
  }

  /** A copy of the card; `without`: a damaged file that was set aside. */
  copy(without?: string): SimulatedDisk {
    const copy = new SimulatedDisk(this.#timeline);
    for (const [name, db] of this.#files)
      if (name !== without) copy.#files.set(name, copy.#adopt(new Database(db.serialize())));
    return copy;
  }

  /** Frees the memory of SQLite at the end of the world, as the garbage collector does not see it. */
  close(): void {
    for (const close of this.#opened) close();
  }

  set fault(fault: 'none' | 'full' | 'read-only') {
    if (fault === 'none') this.#healedMs = this.#timeline.nowMs;
    this.#fault = fault;
    for (const db of this.#files.values()) this.#apply(db);
  }
  get fault(): 'none' | 'full' | 'read-only' {
    return this.#fault;
  }

  /** Whether the disk has a fault, or an attempt during one may not be finished. */
  get isTroubled(): boolean {
    return this.#fault !== 'none' || this.#timeline.nowMs - this.#healedMs < aftermathMs;
  }

  #open(name: string): Database.Database {
    let db = this.#files.get(name);
    if (!db) {
      db = this.#adopt(new Database(':memory:'));
      this.#files.set(name, db);
    }
    return db;
  }
  #adopt(db: Database.Database): Database.Database {
    const close = db.close.bind(db);
    this.#opened.push(close);
    // The process closes the database; the file stays.
    db.close = () => db;
    this.#apply(db);
    return db;
  }
  #apply(db: Database.Database): void {
    db.pragma(`query_only = ${this.#fault === 'read-only' ? 'ON' : 'OFF'}`);
    const pages = db.pragma('page_count', { simple: true }) as number;
    db.pragma(`max_page_count = ${this.#fault === 'full' ? Math.max(1, pages) : 1_000_000}`);
  }
}
