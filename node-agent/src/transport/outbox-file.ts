// The database under the outbox. In: a path, or the simulator's disk. Out: the open database, and the way to sync its write-ahead log. A
// damaged file is set aside, and where the disk cannot be used the messages are in memory.
import { closeSync, fdatasync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { syncFolder } from '@blackroad/std/sync-folder';
import Database from 'better-sqlite3';
import { checkDatabase, isDamage, type OnDamage, setAside } from '../files/data-folder.ts';
import type { Disk } from '../files/disk.ts';

export const outboxFile = 'outbox.sqlite';

const schema = `
  CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL, settled INTEGER NOT NULL,
    topic TEXT NOT NULL, payload TEXT NOT NULL, qos INTEGER NOT NULL, retain INTEGER NOT NULL
  ) STRICT`;

export interface Opened {
  db: Database.Database;
  /** The write-ahead log, to sync it; null where SQLite waits for the disk itself, or where there is no log. */
  wal: { sync(done: (error: Error | null) => void): void; syncNow(): void; close(): void } | null;
  durable: boolean;
}
/** Opens the file; a damaged one is set aside, an unusable disk means memory: a node that can report is worth more than a crash loop. */
export function openOutboxFile({
  path,
  clock,
  log,
  onDamage,
}: {
  path: string;
  clock: Clock;
  log: Log;
  onDamage?: OnDamage;
}): Opened {
  if (path === ':memory:') return { db: prepared(new Database(path)), wal: null, durable: false };
  for (const attempt of [1, 2]) {
    let db: Database.Database | null = null;
    try {
      db = prepared(new Database(path));
      checkDatabase(db);
      // Where the file system has no shared memory, SQLite keeps its rollback journal, and each write waits for the disk.
      const mode = db.pragma('journal_mode', { simple: true });
      if (mode !== 'wal') return { db, wal: null, durable: true };
      syncFolder(dirname(path));
      return { db, wal: walOf(openSync(`${path}-wal`, 'r+')), durable: true };
    } catch (err) {
      db?.close();
      if (attempt === 1 && isDamage(err)) {
        const aside = setAside(path, clock.nowMs());
        const text = `${path} was damaged (${(err as Error).message}) and is set aside as ${aside}; what this node had still to tell is lost`;
        if (onDamage) onDamage(text);
        else log.error({ err }, text);
        continue;
      }
      log.error({ err, path }, 'outbox: the disk cannot be used; messages are kept in memory only');
      break;
    }
  }
  return { db: prepared(new Database(':memory:')), wal: null, durable: false };
}

function walOf(file: number): Opened['wal'] {
  return {
    sync: (done) => fdatasync(file, done),
    syncNow: () => fsyncSync(file),
    close: () => closeSync(file),
  };
}
export function openOutboxDisk(disk: Pick<Disk, 'open' | 'sync'>): Opened {
  const sync = (done: (error: Error | null) => void) => disk.sync(outboxFile, done);
  return { db: prepared(disk.open(outboxFile)), wal: { sync, syncNow() {}, close() {} }, durable: true };
}

function prepared(db: Database.Database): Database.Database {
  // NORMAL: a commit does not wait for the disk; `sync` waits once for many.
  db.pragma(`synchronous = ${db.pragma('journal_mode = WAL', { simple: true }) === 'wal' ? 'NORMAL' : 'FULL'}`);
  db.pragma('cache_size = -256');
  db.pragma('temp_store = MEMORY');
  db.pragma('journal_size_limit = 1048576');
  db.exec(schema);
  db.prepare('SELECT count(*) FROM outbox').get();
  return db;
}
