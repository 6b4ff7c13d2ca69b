// One process owns a database file that several of its connections share: an empty file beside it is locked for as long as it is open.
// In: the path of the database. Out: how to let go of it. SQLite takes the lock, and the kernel gives it back when the process dies.
import Sqlite from 'better-sqlite3';
import { busyTimeoutMs } from './database.ts';
import { storageFailure } from './failure.ts';

/**
 * Rejects in the words of a database that another process has open. The lock file stays where it is: whoever removed it could
 * leave two processes with a lock each, one on the removed file.
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
