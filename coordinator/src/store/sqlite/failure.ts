// Failures of SQLite in words for people: every failure of the store is thrown as FleetError `storage-failed` with its cause. Whether to
// go on after it is decided by the loop.
import { FleetError } from '@blackroad/protocol';

/** Failures that may end without a change to the database: another attempt may succeed. */
const passing = ['SQLITE_FULL', 'SQLITE_READONLY', 'SQLITE_IOERR', 'SQLITE_BUSY', 'SQLITE_LOCKED', 'SQLITE_CANTOPEN'];
const retryAfterSeconds = 5;

const words: [code: string, text: string][] = [
  ['SQLITE_FULL', 'the disk is full; nothing of this batch was stored. Free some space, the store goes on by itself'],
  ['SQLITE_READONLY', 'the database cannot be written: its disk or file is read-only for this user'],
  ['SQLITE_CORRUPT', 'the database file is damaged. Restore a copy of it, or move it away to start an empty fleet'],
  ['SQLITE_NOTADB', 'the file is not a database. Restore a copy of it, or move it away to start an empty fleet'],
  ['SQLITE_BUSY', 'another process has the database open. Two coordinators must not share one data folder'],
  ['SQLITE_LOCKED', 'another process has the database open. Two coordinators must not share one data folder'],
  ['SQLITE_CANTOPEN', 'the database file cannot be opened. Does its folder exist, and may this user write there?'],
  ['SQLITE_IOERR', 'the disk reported an error. Check it (kernel log, SD card, cable)'],
];

/** The SQLite result code of an error, extended form (`SQLITE_IOERR_WRITE`), or an empty text. */
export function sqliteCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
}

/** `doing`: the attempt that failed, such as `commit` or `open /data/fleet.db`. A FleetError is returned unchanged. */
export function storageFailure(doing: string, cause: unknown): FleetError {
  if (cause instanceof FleetError) return cause;
  const code = sqliteCode(cause);
  const known = words.find(([prefix]) => code.startsWith(prefix));
  const message = cause instanceof Error ? cause.message : String(cause);
  const detail = known
    ? `${doing}: ${known[1]} (${code}: ${message})`
    : `${doing}: ${code ? `${code}: ` : ''}${message}`;
  const mayPass = passing.some((prefix) => code.startsWith(prefix));
  return new FleetError('storage-failed', { detail, ...(mayPass ? { retryAfterSeconds } : {}) }, { cause });
}

/** Runs `work`; any error of it is thrown as `storage-failed`. */
export function guarded<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw storageFailure(doing, cause);
  }
}
