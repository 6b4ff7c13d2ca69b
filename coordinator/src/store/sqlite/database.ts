// Opens the database file: the extension, the pragmas, the lock of one process, and the checks that tell a person why a file is refused.
// In: a path (`:memory:` for simulations). Out: a connection without a schema yet (migrations.ts). It never repairs or deletes a file.
import { statSync } from 'node:fs';
import { FleetError } from '@blackroad/protocol';
import Sqlite from 'better-sqlite3';
import { load as loadVectors } from 'sqlite-vec';
import { sqliteCode, storageFailure } from './failure.ts';

export type Database = Sqlite.Database;

/** `BRFL`: marks the files of this program among databases of others. */
export const applicationId = 0x4252464c;

/** A coordinator that is being restarted may still be writing its last checkpoint. */
export const busyTimeoutMs = 5_000;
/** In a larger file a full check would delay a restart on an SD card (about 40 MB/s); damage is then found by the read that meets it. */
const maxCheckedBytes = 64 * 1024 * 1024;

/** The size to which the file of a log is cut when the log begins anew. */
const maxLogBytes = 64 * 1024 * 1024;
/** Pages that commits change again and again. What readers read is in the system's own cache too: 32 MB of it made no read faster. */
const writerCacheKiB = 32_000;
const readerCacheKiB = 8_000;

/** Errors of SQLite where connections cannot share memory. A file that cannot be used at all is refused when it is then opened alone. */
const withoutSharedMemory = ['SQLITE_IOERR_SHM', 'SQLITE_CANTOPEN', 'SQLITE_PROTOCOL', 'SQLITE_READONLY'];

/** A connection that has the file to itself, within this process too. */
export function openDatabase(path: string, timeoutMs = busyTimeoutMs): Database {
  return opened(path, timeoutMs, (db) => {
    // Set before the first read: with one owner WAL needs no shared-memory file.
    db.pragma('locking_mode = EXCLUSIVE');
    prepareWriter(db, path);
  });
}

/**
 * A connection that writes while others of this process read; the caller keeps other processes out (file-lock.ts). Null: on this file
 * system two connections cannot share memory.
 */
export function openSharedDatabase(path: string): Database | null {
  let journal: unknown;
  try {
    const db = opened(path, busyTimeoutMs, (db) => {
      journal = prepareWriter(db, path);
    });
    if (journal === 'wal') return db;
    db.close();
    return null;
  } catch (error) {
    const code = sqliteCode((error as FleetError).cause);
    if (withoutSharedMemory.some((prefix) => code.startsWith(prefix))) return null;
    throw error;
  }
}

/** A second connection beside the one that writes; it only reads. */
export function openReadingDatabase(path: string): Database {
  return opened(path, busyTimeoutMs, (db) => {
    limitMemory(db, readerCacheKiB);
    db.pragma('query_only = ON');
    // In WAL mode a read waits for nobody; emptyLongLog is to try, not to wait.
    db.pragma('busy_timeout = 0');
  });
}
/**
 * Called by the reader between two reads. The log can begin anew only while no connection reads in it. Where read follows read the writer
 * meets no such moment, and the log would grow. Most of it is copied while the writer goes on, the rest while the writer waits.
 */
export function emptyLongLog(db: Database, path: string): void {
  const size = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= maxLogBytes) return;
  db.pragma('wal_checkpoint(PASSIVE)');
  db.pragma('wal_checkpoint(TRUNCATE)');
}

function opened(path: string, timeoutMs: number, prepare: (db: Database) => void): Database {
  let db: Database;
  try {
    db = new Sqlite(path, { timeout: timeoutMs });
  } catch (cause) {
    // better-sqlite3 reports a missing folder as a TypeError of its own.
    if (cause instanceof TypeError)
      throw new FleetError('storage-failed', { detail: `open ${path}: ${cause.message}` }, { cause });
    throw storageFailure(`open ${path}`, cause);
  }
  try {
    loadVectors(db);
    prepare(db);
    return db;
  } catch (cause) {
    db.close();
    throw storageFailure(`open ${path}`, cause);
  }
}

/** The mode of the database's journal. */
function prepareWriter(db: Database, path: string): unknown {
  const journal = db.pragma('journal_mode = WAL', { simple: true });
  // FULL: a commit is on the disk when it resolves. The loop batches, which makes it about as fast as NORMAL (FACTS.md).
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  // What is deleted is overwritten: an erased memory must not be found in freed pages.
  db.pragma('secure_delete = ON');
  limitMemory(db, writerCacheKiB);
  // 16 MB of log before pages are copied back: hot index pages are then written once instead of four times.
  db.pragma('wal_autocheckpoint = 4000');
  db.pragma(`journal_size_limit = ${maxLogBytes}`);
  db.exec('BEGIN IMMEDIATE; COMMIT');
  refuseStrangers(db, path);
  if (isSmall(path)) refuseDamage(db, path);
  return journal;
}
function limitMemory(db: Database, cacheKiB: number): void {
  db.pragma('temp_store = MEMORY');
  db.pragma(`cache_size = -${cacheKiB}`);
}

function refuseStrangers(db: Database, path: string): void {
  const id = db.pragma('application_id', { simple: true });
  if (id === applicationId) return;
  const tables = db.prepare('SELECT count(*) FROM sqlite_master').pluck().get();
  if (id === 0 && tables === 0) return;
  throw new FleetError('storage-failed', {
    detail: `open ${path}: this is a database of another program, not of BlackRoad Fleet; give another path`,
  });
}

function isSmall(path: string): boolean {
  return path !== ':memory:' && statSync(path).size <= maxCheckedBytes;
}

function refuseDamage(db: Database, path: string): void {
  const verdict = db.pragma('quick_check(1)', { simple: true });
  if (verdict === 'ok') return;
  throw new FleetError('storage-failed', {
    detail: `open ${path}: the database file is damaged. Restore a copy of it, or move it away to start an empty fleet (${String(verdict).replaceAll('\n', ' ')})`,
  });
}
