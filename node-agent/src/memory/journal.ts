// The journal: every log of this node in one SQLite file (WAL, synchronous=FULL), one fsync for all agents. It is authoritative; the search
// index is made from it. In and out: MemoryEntry values and rows of logs, pending memories and branches. Never decides anything and never
// commits by itself: commits.ts runs its writes in one transaction. A row's id is never used again (AUTOINCREMENT): the index names an
// entry by it, also after a fork removed the entry from the log.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { aboutTheLog, type MemoryEntry, type MemoryPayload } from '@blackroad/protocol';
import Database from 'better-sqlite3';
import { checkDatabase, type OnDamage, openSound } from '../files/data-folder.ts';
import type { Disk } from '../files/disk.ts';
import { anchorRows, anchorSchema } from './anchor-rows.ts';
import { branchRows, branchSchema } from './branch-rows.ts';
import { erasedRows, erasedSchema } from './erased-rows.ts';
import { valueRows, valueSchema } from './value-rows.ts';

export interface Head {
  seq: number;
  hash: string;
}
export const emptyHead: Head = { seq: 0, hash: 'genesis' };

/** The stored state of one agent's log, without its entries. */
export interface LogRow {
  id: number;
  agent: string;
  /** The epoch of the placement under which this node writes (or wrote) it. */
  epoch: number;
  baseSeq: number;
  baseHash: string;
  from: string | null;
  /** The coordinator has sent the end of its log since this epoch was opened: the writer may chain. */
  confirmed: boolean;
  fenced: boolean;
  acked: number;
  releasedMs: number | null;
}
/** A memory that is durable but not in the chain yet. */
interface PendingRow {
  id: number;
  kind: MemoryEntry['kind'];
  actorId: string;
  createdAt: number;
  payload: MemoryPayload;
  origin: string | null;
}

export type Journal = ReturnType<typeof openJournal>;

const schema = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE logs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL, base_seq INTEGER NOT NULL,
  base_hash TEXT NOT NULL, moved_from TEXT, confirmed INTEGER NOT NULL, fenced INTEGER NOT NULL, acked INTEGER NOT NULL,
  released_ms REAL);
CREATE TABLE entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, log INTEGER NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
  actor TEXT NOT NULL, kind TEXT NOT NULL, created_at REAL NOT NULL, commitment TEXT NOT NULL, previous TEXT NOT NULL,
  hash TEXT NOT NULL, salt TEXT, payload TEXT, origin TEXT);
CREATE UNIQUE INDEX entries_seq ON entries (log, seq);
CREATE UNIQUE INDEX entries_origin ON entries (log, origin) WHERE origin IS NOT NULL;
CREATE TABLE pending (
  id INTEGER PRIMARY KEY AUTOINCREMENT, log INTEGER NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL,
  created_at REAL NOT NULL, payload TEXT NOT NULL, origin TEXT);
CREATE INDEX pending_log ON pending (log);
CREATE UNIQUE INDEX pending_origin ON pending (log, origin) WHERE origin IS NOT NULL;
${branchSchema}`;

/** Opens (or creates) the journal in `dir`; a file that is no longer a database is set aside and the logs are fetched again. */
export function openJournal(
  dir: string,
  freshId: string,
  nowMs: number,
  onDamage: OnDamage,
  disk?: Pick<Disk, 'open'>,
) {
  const db = disk ? tuned(disk.open('journal.db')) : open(dir, nowMs, onDamage);
  upgrade(db, freshId);
  const id = db.prepare("SELECT value FROM meta WHERE key = 'id'").pluck().get() as string;

  const statements = new Map<string, Database.Statement>();
  const sql = (text: string): Database.Statement => {
    let statement = statements.get(text);
    if (!statement) {
      statement = db.prepare(text);
      statements.set(text, statement);
    }
    return statement;
  };

  return {
    id,
    ...anchorRows(sql),
    ...erasedRows(sql),
    ...branchRows(sql),
    ...valueRows(sql),
    /** Runs `work` in one durable transaction; throws and changes nothing when it cannot be made durable. */
    transaction<T>(work: () => T): T {
      return db.transaction(work).immediate();
    },

    /** The last restore of the coordinator that this node has heard of; null: none. */
    lineage: (): string | null =>
      (sql("SELECT value FROM meta WHERE key = 'lineage'").pluck().get() as string | undefined) ?? null,
    setLineage: (lineage: string): void =>
      void sql("INSERT INTO meta VALUES ('lineage', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value").run(
        lineage,
      ),

    logs: (): LogRow[] => (sql('SELECT * FROM logs').all() as Row[]).map(logRow),
    log: (logId: number): LogRow | null => {
      const row = sql('SELECT * FROM logs WHERE id = ?').get(logId) as Row | undefined;
      return row ? logRow(row) : null;
    },
    /** Inserts (id 0) or updates; returns the id. */
    saveLog(row: LogRow): number {
      const values = [
        row.agent,
        row.epoch,
        row.baseSeq,
        row.baseHash,
        row.from,
        row.confirmed ? 1 : 0,
        row.fenced ? 1 : 0,
        row.acked,
        row.releasedMs,
      ];
      if (row.id === 0) {
        return Number(
          sql(
            'INSERT INTO logs (agent, epoch, base_seq, base_hash, moved_from, confirmed, fenced, acked, released_ms) VALUES (?,?,?,?,?,?,?,?,?)',
          ).run(...values).lastInsertRowid,
        );
      }
      sql(
        'UPDATE logs SET agent=?, epoch=?, base_seq=?, base_hash=?, moved_from=?, confirmed=?, fenced=?, acked=?, released_ms=? WHERE id=?',
      ).run(...values, row.id);
      return row.id;
    },
    /** Deletes a log with all its entries; returns the ids of its entries for the index. */
    dropLog(logId: number): number[] {
      const ids = sql('DELETE FROM entries WHERE log = ? RETURNING id').pluck().all(logId) as number[];
      sql('DELETE FROM logs WHERE id = ?').run(logId);
      sql('DELETE FROM anchors WHERE log = ?').run(logId);
      return ids;
    },

    head(logId: number): Head {
      const row = sql('SELECT seq, hash FROM entries WHERE log = ? ORDER BY seq DESC LIMIT 1').get(logId);
      return (row as Head | undefined) ?? emptyHead;
    },
    /** `genesis` at 0, null where this node has no such entry. */
    hashAt(logId: number, seq: number): string | null {
      if (seq === 0) return 'genesis';
      return (sql('SELECT hash FROM entries WHERE log = ? AND seq = ?').pluck().get(logId, seq) as string) ?? null;
    },
    epochAt: (logId: number, seq: number): number =>
      (sql('SELECT epoch FROM entries WHERE log = ? AND seq = ?').pluck().get(logId, seq) as number) ?? 0,
    hasOrigin: (logId: number, origin: string): boolean =>
      sql('SELECT 1 FROM entries WHERE log = ? AND origin = ?').get(logId, origin) !== undefined ||
      sql('SELECT 1 FROM pending WHERE log = ? AND origin = ?').get(logId, origin) !== undefined,
    /** Erases the payload and salt of entries whose origin begins so, which ends with a dot; returns their ids for the index. */
    eraseOrigins: (logId: number, prefix: string): number[] =>
      sql(
        'UPDATE entries SET payload = NULL, salt = NULL WHERE log = ? AND origin > ? AND origin < ? AND payload IS NOT NULL RETURNING id',
      )
        .pluck()
        .all(logId, prefix, `${prefix.slice(0, -1)}/`) as number[],
    insert(logId: number, entry: MemoryEntry, origin: string | null): number {
      return Number(
        sql(
          'INSERT INTO entries (log, seq, epoch, actor, kind, created_at, commitment, previous, hash, salt, payload, origin) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)',
        ).run(
          logId,
          entry.seq,
          entry.epoch,
          entry.actorId,
          entry.kind,
          entry.createdAt,
          entry.payloadCommitment,
          entry.previousHash,
          entry.hash,
          entry.salt,
          entry.payload && JSON.stringify(entry.payload),
          origin,
        ).lastInsertRowid,
      );
    },
    /** Entries after `afterSeq`, oldest first. */
    after: (logId: number, agent: string, afterSeq: number, limit: number): MemoryEntry[] =>
      (
        sql('SELECT * FROM entries WHERE log = ? AND seq > ? ORDER BY seq LIMIT ?').all(logId, afterSeq, limit) as Row[]
      ).map((row) => entryOf(row, agent)),
    /** The last entries, newest first. */
    last: (logId: number, agent: string, limit: number): MemoryEntry[] =>
      (sql('SELECT * FROM entries WHERE log = ? ORDER BY seq DESC LIMIT ?').all(logId, limit) as Row[]).map((row) =>
        entryOf(row, agent),
      ),
    /** Memories that have their content, without what is about the log itself. */
    kept: (logId: number): number =>
      sql(
        'SELECT count(*) FROM entries WHERE log = ? AND payload IS NOT NULL AND kind NOT IN (SELECT value FROM json_each(?))',
      )
        .pluck()
        .get(logId, JSON.stringify(aboutTheLog)) as number,
    removeAfter: (logId: number, seq: number): number[] =>
      sql('DELETE FROM entries WHERE log = ? AND seq > ? RETURNING id').pluck().all(logId, seq) as number[],
    entry(rowId: number, agent: string): { log: number; entry: MemoryEntry } | null {
      const row = sql('SELECT * FROM entries WHERE id = ?').get(rowId) as Row | undefined;
      return row ? { log: row.log as number, entry: entryOf(row, agent) } : null;
    },
    lastEntryId: (): number =>
      (sql("SELECT seq FROM sqlite_sequence WHERE name = 'entries'").pluck().get() as number) ?? 0,
    lastPendingId: (): number =>
      (sql("SELECT seq FROM sqlite_sequence WHERE name = 'pending'").pluck().get() as number) ?? 0,
    /** For the index: entries with a larger id, in the order they were stored; of one log where `logId` is given. */
    since(
      rowId: number,
      limit: number,
      logId?: number,
    ): { id: number; log: number; seq: number; payload: MemoryPayload | null; kind: string }[] {
      const rows = (
        logId === undefined
          ? sql('SELECT id, log, seq, kind, payload FROM entries WHERE id > ? ORDER BY id LIMIT ?').all(rowId, limit)
          : sql('SELECT id, log, seq, kind, payload FROM entries WHERE log = ? AND id > ? ORDER BY seq LIMIT ?').all(
              logId,
              rowId,
              limit,
            )
      ) as Row[];
      return rows.map((row) => ({
        id: row.id as number,
        log: row.log as number,
        seq: row.seq as number,
        kind: row.kind as string,
        payload: row.payload === null ? null : JSON.parse(row.payload as string),
      }));
    },

    addPending(logId: number, row: Omit<PendingRow, 'id'>): number {
      return Number(
        sql('INSERT INTO pending (log, kind, actor, created_at, payload, origin) VALUES (?,?,?,?,?,?)').run(
          logId,
          row.kind,
          row.actorId,
          row.createdAt,
          JSON.stringify(row.payload),
          row.origin,
        ).lastInsertRowid,
      );
    },
    pending: (logId: number): PendingRow[] =>
      (sql('SELECT * FROM pending WHERE log = ? ORDER BY id').all(logId) as Row[]).map(pendingOf),
    pendingRow(rowId: number): PendingRow | null {
      const row = sql('SELECT * FROM pending WHERE id = ?').get(rowId) as Row | undefined;
      return row ? pendingOf(row) : null;
    },
    clearPending: (logId: number): void => void sql('DELETE FROM pending WHERE log = ?').run(logId),
    pendingCount: (logId: number): number =>
      sql('SELECT count(*) FROM pending WHERE log = ?').pluck().get(logId) as number,
    allPending: (): { id: number; log: number; payload: MemoryPayload }[] =>
      (sql('SELECT * FROM pending ORDER BY id').all() as Row[]).map((row) => ({
        id: row.id as number,
        log: row.log as number,
        payload: JSON.parse(row.payload as string),
      })),

    close(): void {
      db.close();
    },
  };
}

function open(dir: string, nowMs: number, onDamage: OnDamage): Database.Database {
  if (dir === ':memory:') return tuned(new Database(':memory:'));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // The SD card lost data. The coordinator sends acknowledged entries again; the damaged file is kept for a person to inspect.
  const consequence = 'the memories of its agents are fetched anew';
  return openSound(
    join(dir, 'journal.db'),
    { nowMs, onDamage },
    (path) => checked(tuned(new Database(path))),
    consequence,
  );
}

const tuned = (db: Database.Database) =>
  orClosed(db, () => {
    db.pragma('busy_timeout = 5000');
    // One writer for a node: a second process on the same folder is refused, as it would fork every log.
    db.pragma('locking_mode = EXCLUSIVE');
    // For a new file. [M] A memory that comes alone writes whole pages: 6 kB of these, 17 kB of SQLite's own of 4,096 bytes.
    db.pragma('page_size = 512');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    // What is deleted is overwritten: an erased memory must not be found in freed pages.
    db.pragma('secure_delete = ON');
    db.pragma('cache_size = -512');
  });
const checked = (db: Database.Database) => orClosed(db, () => checkDatabase(db));
function orClosed(db: Database.Database, use: () => void): Database.Database {
  try {
    use();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Each step once, with the version that it leads to; an older node-agent reads a newer file, as nothing of it is changed or removed. */
function upgrade(db: Database.Database, freshId: string): void {
  const steps = [schema, `${anchorSchema}${erasedSchema}`, valueSchema];
  const from = db.pragma('user_version', { simple: true }) as number;
  db.transaction(() => {
    for (const step of steps.slice(from)) db.exec(step);
    if (from === 0) db.prepare("INSERT INTO meta VALUES ('id', ?)").run(freshId);
    if (from < steps.length) db.pragma(`user_version = ${steps.length}`);
  })();
}

type Row = Record<string, unknown>;
function logRow(row: Row): LogRow {
  return {
    id: row.id as number,
    agent: row.agent as string,
    epoch: row.epoch as number,
    baseSeq: row.base_seq as number,
    baseHash: row.base_hash as string,
    from: row.moved_from as string | null,
    confirmed: row.confirmed === 1,
    fenced: row.fenced === 1,
    acked: row.acked as number,
    releasedMs: row.released_ms as number | null,
  };
}
function entryOf(row: Row, agentId: string): MemoryEntry {
  return {
    agentId,
    epoch: row.epoch as number,
    seq: row.seq as number,
    actorId: row.actor as string,
    kind: row.kind as MemoryEntry['kind'],
    createdAt: row.created_at as number,
    payloadCommitment: row.commitment as string,
    previousHash: row.previous as string,
    hash: row.hash as string,
    salt: row.salt as string | null,
    payload: row.payload === null ? null : JSON.parse(row.payload as string),
  };
}
function pendingOf(row: Row): PendingRow {
  return {
    id: row.id as number,
    kind: row.kind as MemoryEntry['kind'],
    actorId: row.actor as string,
    createdAt: row.created_at as number,
    payload: JSON.parse(row.payload as string),
    origin: row.origin as string | null,
  };
}
