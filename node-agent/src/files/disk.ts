// A replacement for the disk under a node's databases, for the simulator: its databases are in memory, survive the process that wrote them,
// and lose unsynced writes in a power cut. In: a file's name. Out: a database. On a real disk none of this is used.
import type Database from 'better-sqlite3';

export interface Disk {
  /** Every commit survives the process; those with `synchronous = FULL` also a power cut. */
  open(name: string): Database.Database;
  /** Calls `done` when all earlier commits survive a power cut. */
  sync(name: string, done: (error: Error | null) => void): void;
  /** Appends to a plain file; the text survives a power cut when this returns. Throws where the disk refuses writes. */
  append(name: string, text: string): void;
  /** Replaces each line of a plain file by what `edit` makes of it; the new ones survive a power cut when this returns. */
  rewrite(name: string, edit: (line: string) => string): void;
}
