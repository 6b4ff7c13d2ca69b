// The messages that this node must send and not lose: a bounded queue in SQLite, in order, one row a key. In: messages from `post`. Out:
// rows to send, oldest first, only once they would survive a power cut.
//
// Writes wear out an SD card, so each row is one write into the write-ahead log without waiting for the disk (it survives SIGKILL from then
// on), and one fdatasync for all rows of the moment, off the event loop, makes it survive a power cut. Keys are in a map, not in an index:
// that saves a page a row. Without messages nothing is written.
//
// While the disk refuses writes, a bounded number of rows is kept in memory and sent from there: a task whose end is never reported would
// block its agent. They are stored as soon as the disk accepts them.
import { closeSync, fdatasync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { maxOutboxMessages } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { syncFolder } from '@blackroad/std/sync-folder';
import Database from 'better-sqlite3';
import { checkDatabase, isDamage, type OnDamage, setAside } from '../files/data-folder.ts';
import type { Disk } from '../files/disk.ts';
import { createUnstored, type UnstoredRow } from './unstored.ts';

export type Until = 'settled' | 'sent';
interface OutboxMessage {
  key: string;
  until: Until;
  topic: string;
  payload: string;
  qos: 0 | 1;
  retain: boolean;
}
interface OutboxRow extends OutboxMessage {
  seq: number;
}
export interface Outbox {
  /** Stores a message, on disk if possible; one of the same key is replaced and moves to the end. False: not stored, the outbox is full. */
  put(message: OutboxMessage): boolean;
  /** Deletes rows whose end was confirmed. Unknown keys are ignored: confirmations may come twice. */
  settle(keys: readonly string[]): void;
  /** The broker has the row: deleted when it waited only for that. */
  sent(seq: number): void;
  /** Rows after `seq` that may be sent, oldest first. */
  next(seq: number, limit: number): OutboxRow[];
  /** The row of this key, if it may be sent. */
  row(key: string): OutboxRow | undefined;
  /** Called when rows became sendable. */
  onReady: () => void;
  readonly depth: number;
  /** Keys of rows that wait for `settle`, also of earlier runs of the process; oldest first. */
  unsettledKeys(): string[];
  /** Rows that are not on the disk yet: they are lost when the process ends. */
  readonly unstored: number;
  /** `sent` rows displaced by newer ones, and messages refused, since the start. */
  readonly dropped: number;
  readonly refused: number;
  readonly maxMessages: number;
  /** False: in memory, because the disk could not be used, or because `path` is `:memory:`. */
  readonly durable: boolean;
  close(): void;
}
export interface OutboxOptions {
  /** File, or `:memory:`. */
  path: string;
  clock: Clock;
  log: Log;
  onDamage?: OnDamage;
  maxMessages?: number;
  /** Replaces `path` in the simulator. */
  disk?: Pick<Disk, 'open' | 'sync'>;
  /** Whether this node may send on the topic: messages under an earlier name of the node are refused. Missing: it may send all. */
  isOwn?: (topic: string) => boolean;
}
export const outboxFile = 'outbox.sqlite';

const forgetAgainMs = 10_000;
/** How often the disk is tried again; it is local, so a try delays nothing else. */
const storeAgainMs = 5_000;
const schema = `
  CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL, settled INTEGER NOT NULL,
    topic TEXT NOT NULL, payload TEXT NOT NULL, qos INTEGER NOT NULL, retain INTEGER NOT NULL
  ) STRICT`;
interface StoredRow {
  seq: number;
  key: string;
  settled: 0 | 1;
  topic: string;
  payload: string;
  qos: 0 | 1;
  retain: 0 | 1;
}

export function createOutbox(options: OutboxOptions): Outbox {
  const { clock, log, maxMessages = maxOutboxMessages } = options;
  const { db, wal, durable } = options.disk ? onDisk(options.disk) : open(options);
  const insert = db.prepare('INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM outbox WHERE seq = ?');
  const select = db.prepare('SELECT * FROM outbox WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?');

  const recent = createRecent();
  const seqOf = new Map<string, number>();
  /** Rows that may be displaced, oldest first (a Map keeps the order of insertion). */
  const perishable = new Map<number, string>();
  let lastSeq = 0;
  const foreign: string[] = [];
  const all = db.prepare('SELECT seq, key, settled, topic FROM outbox ORDER BY seq');
  for (const row of all.iterate() as Iterable<StoredRow>) {
    if (options.isOwn?.(row.topic) === false) foreign.push(row.key);
    seqOf.set(row.key, row.seq);
    if (!row.settled) perishable.set(row.seq, row.key);
    lastSeq = row.seq;
  }
  /** Rows up to this one survive a power cut, or need not. */
  let sendableSeq = lastSeq;
  let syncing = false;
  let closed = false;
  let dropped = 0;
  let refused = 0;
  let failing = false;

  const forget = (key: string, seq: number) => {
    remove.run(seq);
    drop(key, seq);
  };
  const drop = (key: string, seq: number) => {
    recent.drop(seq);
    unstored.drop(seq);
    seqOf.delete(key);
    perishable.delete(seq);
  };
  const add = (seq: number, { key, until, topic, payload, qos, retain }: OutboxMessage) =>
    insert.run(seq, key, until === 'settled' ? 1 : 0, topic, payload, qos, retain ? 1 : 0);
  const replace = db.transaction((seq: number, old: number, message: OutboxMessage) => {
    remove.run(old);
    add(seq, message);
  });
  const removeAll = db.transaction((known: (readonly [string, number])[]) => {
    for (const [, seq] of known) remove.run(seq);
  });
  const unstored = createUnstored<OutboxMessage>();
  let storing = false;
  /** Writes the rows that wait in memory to the disk, together. */
  const storeAgain = () => {
    if (closed || unstored.size === 0) return;
    const rows = unstored.all();
    if (!tryWrite('storing rows that waited in memory', () => storeAll(rows))) return storeLater();
    for (const { seq } of rows) unstored.drop(seq);
    log.info({ messages: rows.length }, 'outbox: the disk takes messages again');
    if (!syncing) clock.soon(sync);
  };
  const storeLater = () => {
    if (storing) return;
    storing = true;
    clock.after(storeAgainMs, () => {
      storing = false;
      storeAgain();
    });
  };
  const storeAll = db.transaction((rows: readonly UnstoredRow<OutboxMessage>[]) => {
    for (const { seq, replaces, message } of rows) {
      if (replaces !== undefined) remove.run(replaces);
      add(seq, message);
    }
  });
  /** Keys confirmed while the disk refused writes: without another try their rows would stay until the next connection. */
  const unforgotten = new Set<string>();
  const forgetAgain = (keys: readonly string[]) => {
    if (unforgotten.size === 0) {
      clock.after(forgetAgainMs, () => {
        const again = [...unforgotten];
        unforgotten.clear();
        self.settle(again);
      });
    }
    for (const key of keys) unforgotten.add(key);
  };
  /** Confirmations are written at once and never awaited: a lost one only means that a row is sent again. */
  const tryWrite = (what: string, write: () => void): boolean => {
    try {
      write();
      failing = false;
      return true;
    } catch (err) {
      // A full disk or a card that went read-only: logged once, not a thousand times a second.
      if (!failing) log.error({ err }, `outbox: ${what} failed`);
      failing = true;
      return false;
    }
  };
  const sync = () => {
    if (closed || syncing || wal === null) return;
    syncing = true;
    const reached = lastSeq;
    wal.sync((err) => {
      syncing = false;
      if (closed) return wal.close();
      // After a failed sync the state of the disk is unknown; the rows are safest once the coordinator has them, so send them now.
      if (err) log.error({ err }, 'outbox: the disk does not confirm writes');
      sendableSeq = Math.max(sendableSeq, reached);
      self.onReady();
      if (sendableSeq < lastSeq) sync();
    });
  };

  const self: Outbox = {
    onReady: () => {},
    put(message) {
      if (closed) return false;
      const isNew = !seqOf.has(message.key);
      const oldest = perishable.entries().next().value;
      if (isNew && seqOf.size >= maxMessages) {
        if (!oldest || !tryWrite('dropping a row', () => forget(oldest[1], oldest[0]))) {
          refused++;
          return false;
        }
        dropped++;
      }
      const seq = lastSeq + 1;
      const old = seqOf.get(message.key);
      /** The row of this key on the disk, which is deleted when this one is stored. */
      const onDisk = old === undefined ? undefined : unstored.has(old) ? unstored.replacesOf(old) : old;
      const isStored = tryWrite('storing a row', () =>
        onDisk === undefined ? add(seq, message) : replace(seq, onDisk, message),
      );
      if (!isStored && !unstored.add({ seq, message, ...(onDisk === undefined ? {} : { replaces: onDisk }) })) {
        refused++;
        return false;
      }
      if (old !== undefined) unstored.drop(old);
      if (unstored.size > 0) storeLater();
      lastSeq = seq;
      recent.add({ seq, ...message });
      if (old !== undefined) {
        recent.drop(old);
        perishable.delete(old);
      }
      seqOf.delete(message.key);
      seqOf.set(message.key, seq);
      if (message.until === 'sent') perishable.set(seq, message.key);
      // A row that is only in memory is sent at once: it is safest at the coordinator.
      if (!isStored || wal === null || (message.until === 'sent' && sendableSeq === seq - 1)) {
        sendableSeq = seq;
        self.onReady();
      } else if (!syncing) {
        // After this turn of the event loop, so that other messages posted in it share the sync.
        clock.soon(sync);
      }
      return true;
    },
    settle(keys) {
      const known = keys.flatMap((key) => {
        const seq = seqOf.get(key);
        return seq === undefined ? [] : [[key, seq] as const];
      });
      if (closed || known.length === 0) return;
      const onDisk = known.flatMap(([key, seq]) => {
        const replaces = unstored.has(seq) ? unstored.replacesOf(seq) : seq;
        return replaces === undefined ? [] : [[key, replaces] as const];
      });
      if (onDisk.length > 0 && !tryWrite('forgetting rows', () => removeAll(onDisk))) return forgetAgain(keys);
      for (const [key, seq] of known) drop(key, seq);
    },
    sent(seq) {
      const key = perishable.get(seq);
      if (key !== undefined) self.settle([key]);
    },
    next(seq, limit) {
      if (closed) return [];
      const kept = recent.after(seq, sendableSeq, limit);
      if (kept) return kept;
      const stored = (select.all(seq, sendableSeq, limit) as StoredRow[]).map(
        ({ settled, retain, ...row }): OutboxRow => ({
          ...row,
          until: settled ? 'settled' : 'sent',
          retain: retain === 1,
        }),
      );
      if (unstored.size === 0) return stored;
      const inMemory = unstored.all().filter((row) => row.seq > seq && row.seq <= sendableSeq);
      return [
        // The file may have an older row of a key whose newer row is not on the disk.
        ...stored.filter((row) => seqOf.get(row.key) === row.seq),
        ...inMemory.map((row) => ({ seq: row.seq, ...row.message })),
      ]
        .toSorted((a, b) => a.seq - b.seq)
        .slice(0, limit);
    },
    row(key) {
      const seq = seqOf.get(key);
      return seq === undefined ? undefined : self.next(seq - 1, 1).find((row) => row.key === key);
    },
    get depth() {
      return seqOf.size;
    },
    unsettledKeys() {
      // The map is in order of seq: a replaced key is deleted first and set again.
      return [...seqOf].filter(([, seq]) => !perishable.has(seq)).map(([key]) => key);
    },
    get unstored() {
      return unstored.size;
    },
    get dropped() {
      return dropped;
    },
    get refused() {
      return refused;
    },
    maxMessages,
    durable,
    close() {
      if (closed) return;
      storeAgain();
      if (unstored.size > 0)
        log.error(
          { messages: unstored.size },
          'outbox: the disk does not take these messages, which end with the process',
        );
      closed = true;
      if (wal !== null) {
        // Rows of the last moment: close waits for the disk, as no sync has run since.
        tryWrite('the last sync', () => wal.syncNow());
        // Not during a sync: the number of its descriptor could then be another file's.
        if (!syncing) wal.close();
      }
      db.close();
    },
  };
  if (foreign.length > 0) {
    log.warn(
      { messages: foreign.length },
      'messages of a name this node had before are dropped: nobody takes them now',
    );
    self.settle(foreign);
  }
  return self;
}

/** Rows are mostly sent a moment after they are written: reading them from SQLite was a tenth of a busy node's work. [M] */
const maxRecentRows = 256;
const maxRecentBytes = 256 * 1024;

/** The newest rows without a gap; older ones are in the file. */
function createRecent() {
  const rows = new Map<number, OutboxRow>();
  let bytes = 0;
  /** Every row after this one that is still in the outbox is in `rows`. */
  let wholeAfter = Number.POSITIVE_INFINITY;
  const drop = (seq: number) => {
    const row = rows.get(seq);
    if (!row) return;
    bytes -= row.payload.length;
    rows.delete(seq);
  };
  return {
    drop,
    add(row: OutboxRow) {
      if (wholeAfter === Number.POSITIVE_INFINITY) wholeAfter = row.seq - 1;
      rows.set(row.seq, row);
      bytes += row.payload.length;
      while (rows.size > maxRecentRows || bytes > maxRecentBytes) {
        const oldest = rows.keys().next().value as number;
        drop(oldest);
        wholeAfter = oldest;
      }
    },
    /** Null: some of them are only in the file. */
    after(seq: number, upTo: number, limit: number): OutboxRow[] | null {
      if (seq < wholeAfter) return null;
      const found: OutboxRow[] = [];
      // Mostly the last few rows are wanted; the unsettled rows before them need not be visited each time.
      if (upTo - seq < rows.size) {
        for (let at = seq + 1; at <= upTo && found.length < limit; at++) {
          const row = rows.get(at);
          if (row) found.push(row);
        }
        return found;
      }
      for (const row of rows.values()) {
        if (row.seq > upTo || found.length === limit) break;
        if (row.seq > seq) found.push(row);
      }
      return found;
    },
  };
}

interface Opened {
  db: Database.Database;
  /** The write-ahead log, to sync it; null where SQLite waits for the disk itself, or where there is no log. */
  wal: { sync(done: (error: Error | null) => void): void; syncNow(): void; close(): void } | null;
  durable: boolean;
}
/** Opens the file; a damaged one is set aside, an unusable disk means memory: a node that can report is worth more than a crash loop. */
function open({ path, clock, log, onDamage }: OutboxOptions): Opened {
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
function onDisk(disk: Pick<Disk, 'open' | 'sync'>): Opened {
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
