// Opens the database file: extension, pragmas, the lock of one process, and the checks that say in plain words why a file is refused.
// In: a path (`:memory:` for simulations). Out: a connection without a schema yet (migrations.ts). It never repairs or deletes a file.
import { statSync } from 'node:fs';
import { FleetError } from '@blackroad/protocol';
import Sqlite from 'better-sqlite3';
import { load as loadVectors } from 'sqlite-vec';
import { storageFailure } from './failure.ts';

export type Database = Sqlite.Database;

/** `BRFL`: tells our files from other programs' databases. */
export const applicationId = 0x4252464c;

/** A coordinator that is being restarted may still be writing its last checkpoint. */
const busyTimeoutMs = 5_000;
/** Above this a full check would hold up a restart on an SD card (about 40 MB/s); damage then shows at the read that meets it. */
const maxCheckedBytes = 64 * 1024 * 1024;

export function openDatabase(path: string, timeoutMs = busyTimeoutMs): Database {
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
    // Set before the first read: one process owns the file, and WAL then needs no shared-memory file.
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('journal_mode = WAL');
    // FULL: a commit is on the disk when it resolves. The loop batches, which makes it about as fast as NORMAL (FACTS.md).
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    db.pragma('temp_store = MEMORY');
    db.pragma('cache_size = -32000');
    // 16 MB of log before pages are copied back: hot index pages are then written once instead of four times.
    db.pragma('wal_autocheckpoint = 4000');
    db.pragma('journal_size_limit = 67108864');
    db.exec('BEGIN IMMEDIATE; COMMIT');
    refuseStrangers(db, path);
    if (isSmall(path)) refuseDamage(db, path);
    return db;
  } catch (cause) {
    db.close();
    throw storageFailure(`open ${path}`, cause);
  }
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
