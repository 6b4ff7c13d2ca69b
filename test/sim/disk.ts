// The disk of a simulated machine: databases in memory that outlive the process that wrote them. A power cut takes away what was
// committed but not synced, as it would from a real write-ahead log; a full or read-only disk refuses writes as SQLite does.
import type { MemoryEntry } from '@blackroad/protocol';
import Database from 'better-sqlite3';
import type { Disk } from '../../node-agent/src/disk.ts';
import { setAsideFile } from '../../node-agent/src/memory/set-aside.ts';
import type { ProcessClock, Timeline } from './timeline.ts';

/** Opened with `synchronous = NORMAL`: only `sync` makes its commits survive a power cut. */
const lazy = 'outbox.sqlite';

/** A write that failed is told by the loop that asked for it, within this long. */
const aftermathMs = 2_000;

const prepared = new WeakMap<Database.Database, Map<string, Database.Statement>>();
/** Prepared once a database. */
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
/** Asked of the file until it has some: nobody takes them away again. */
function hasTables(db: Database.Database): boolean {
  if (!filled.has(db) && statementOf(db, 'SELECT 1 FROM sqlite_schema').get() !== undefined) filled.add(db);
  return filled.has(db);
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

  /** As one process sees it. */
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
    };
  }

  /** For checkers: what is stored, whoever runs; null: there is no such file, or it was made on a full disk and holds nothing yet. */
  read(name: string, sql: string): Database.Statement | null {
    const db = this.#files.get(name);
    return db && hasTables(db) ? statementOf(db, sql) : null;
  }
  /** For checkers: the memories that were set aside for people. */
  setAside(): MemoryEntry[] {
    const lines = this.read(setAsideFile, 'SELECT text FROM lines')?.pluck().all() ?? [];
    return lines.map((line) => JSON.parse(line as string) as MemoryEntry);
  }
  /** Grows with every write, whoever writes. */
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

  /** Set up anew: everything is gone. */
  erase(): void {
    this.#files.clear();
    this.#synced = null;
  }

  /** The card was copied; `without`: a file that was found damaged and set aside. */
  copy(without?: string): SimulatedDisk {
    const copy = new SimulatedDisk(this.#timeline);
    for (const [name, db] of this.#files)
      if (name !== without) copy.#files.set(name, copy.#adopt(new Database(db.serialize())));
    return copy;
  }

  /** The world is over: SQLite's memory is not the garbage collector's to see. */
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

  /** A fault, or what was tried during one may still be on its way. */
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
    // The process closes it; the file stays.
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
