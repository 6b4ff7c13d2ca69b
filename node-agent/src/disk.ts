// A disk under a node's databases that is not a folder: the simulator's, whose databases lie in memory, outlive the process that
// wrote them, and lose in a power cut what was not synced. In: a file's name. Out: a database. The real disk needs none of this.
import type Database from 'better-sqlite3';

export interface Disk {
  /** Every commit survives the process; those with `synchronous = FULL` also a power cut. */
  open(name: string): Database.Database;
  /** Calls back when all that was committed before survives a power cut. */
  sync(name: string, done: (error: Error | null) => void): void;
  /** Adds to a plain file; it survives a power cut when this returns. Throws where the disk takes no writes. */
  append(name: string, text: string): void;
}
