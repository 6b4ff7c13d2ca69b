// One process owns a database file that several of its connections share: an empty file beside the database is locked while it is open. In:
// the path of the database. Out: a function that releases the lock. SQLite takes the lock, and the kernel releases it when the process dies.
import Sqlite from 'better-sqlite3';
import { busyTimeoutMs } from './database.ts';
import { storageFailure } from './failure.ts';

/**
 * Throws the error of a database that another process has open. The lock file is never removed: with a removed file two processes could
 * have a lock each.
 */
export function holdFile(path: string): { release(): void } {
  let lock: InstanceType<typeof Sqlite> | null = null;
  try {
    lock = new Sqlite(`${path}-lock`, { timeout: busyTimeoutMs });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock?.close();
    throw storageFailure(`open ${path}`, cause);
  }
  const held = lock;
  return { release: () => void held.close() };
}
