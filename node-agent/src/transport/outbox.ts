// The messages that this node must send and not lose: a bounded queue in SQLite, in order, one row a key. In: messages from `post`. Out:
// rows to send, oldest first, only once they would survive a power cut.
//
// Writes wear out an SD card, so each row is one write into the write-ahead log without waiting for the disk (it survives SIGKILL from then
// on), and one fdatasync for all rows of the moment, off the event loop, makes it survive a power cut. Keys are in a map, not in an index:
// that saves a page a row. Without messages nothing is written.
//
// While the disk refuses writes, a bounded number of rows is kept in memory and sent from there: a task whose end is never reported would
// block its agent. They are stored as soon as the disk accepts them.
import { maxOutboxMessages } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type Database from 'better-sqlite3';
import type { OnDamage } from '../files/data-folder.ts';
import type { Disk } from '../files/disk.ts';
import { type Opened, openOutboxDisk, openOutboxFile } from './outbox-file.ts';
import { createRecent, type OutboxMessage, type OutboxRow } from './recent-rows.ts';
import { createUnstored, type UnstoredRow } from './unstored.ts';

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

const forgetAgainMs = 10_000;
/** How often the disk is tried again; it is local, so a try delays nothing else. */
const storeAgainMs = 5_000;
interface StoredRow {
  seq: number;
  key: string;
  settled: 0 | 1;
  topic: string;
  payload: string;
  qos: 0 | 1;
  retain: 0 | 1;
}

export class Outbox {
  /** Called when rows became sendable. */
  onReady: () => void = () => {};
  readonly maxMessages: number;
  /** False: in memory, because the disk could not be used, or because `path` is `:memory:`. */
  readonly durable: boolean;
  readonly #options: OutboxOptions;
  readonly #db: Database.Database;
  readonly #wal: Opened['wal'];
  readonly #insert: Database.Statement;
  readonly #remove: Database.Statement;
  readonly #select: Database.Statement;
  readonly #replace: (seq: number, old: number, message: OutboxMessage) => void;
  readonly #removeAll: (known: readonly (readonly [string, number])[]) => void;
  readonly #storeAll: (rows: readonly UnstoredRow<OutboxMessage>[]) => void;
  readonly #recent = createRecent();
  readonly #unstored = createUnstored<OutboxMessage>();
  readonly #seqOf = new Map<string, number>();
  /** Rows that may be displaced, oldest first (a Map keeps the order of insertion). */
  readonly #perishable = new Map<number, string>();
  /** Keys confirmed while the disk refused writes: without another try their rows would stay until the next connection. */
  readonly #unforgotten = new Set<string>();
  #lastSeq = 0;
  /** Rows up to this one survive a power cut, or need not. */
  #sendableSeq: number;
  #syncing = false;
  #storing = false;
  #closed = false;
  #failing = false;
  #dropped = 0;
  #refused = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.maxMessages = options.maxMessages ?? maxOutboxMessages;
    const { db, wal, durable } = options.disk ? openOutboxDisk(options.disk) : openOutboxFile(options);
    this.#db = db;
    this.#wal = wal;
    this.durable = durable;
    this.#insert = db.prepare('INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)');
    this.#remove = db.prepare('DELETE FROM outbox WHERE seq = ?');
    this.#select = db.prepare('SELECT * FROM outbox WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?');
    this.#replace = db.transaction((seq, old, message) => {
      this.#remove.run(old);
      this.#add(seq, message);
    });
    this.#removeAll = db.transaction((known) => {
      for (const [, seq] of known) this.#remove.run(seq);
    });
    this.#storeAll = db.transaction((rows) => {
      for (const { seq, replaces, message } of rows) {
        if (replaces !== undefined) this.#remove.run(replaces);
        this.#add(seq, message);
      }
    });
    const foreign = this.#restore();
    this.#sendableSeq = this.#lastSeq;
    if (foreign.length === 0) return;
    options.log.warn(
      { messages: foreign.length },
      'messages of a name this node had before are dropped: nobody takes them now',
    );
    this.settle(foreign);
  }

  /** Stores a message, on disk if possible; one of the same key is replaced and moves to the end. False: not stored, the outbox is full. */
  put(message: OutboxMessage): boolean {
    if (this.#closed) return false;
    const isNew = !this.#seqOf.has(message.key);
    const oldest = this.#perishable.entries().next().value;
    if (isNew && this.#seqOf.size >= this.maxMessages) {
      if (!oldest || !this.#tryWrite('dropping a row', () => this.#forget(oldest[1], oldest[0]))) {
        this.#refused++;
        return false;
      }
      this.#dropped++;
    }
    const seq = this.#lastSeq + 1;
    const old = this.#seqOf.get(message.key);
    /** The row of this key on the disk, which is deleted when this one is stored. */
    const onDisk = old === undefined ? undefined : this.#unstored.has(old) ? this.#unstored.replacesOf(old) : old;
    const isStored = this.#tryWrite('storing a row', () =>
      onDisk === undefined ? this.#add(seq, message) : this.#replace(seq, onDisk, message),
    );
    if (!isStored && !this.#unstored.add({ seq, message, ...(onDisk === undefined ? {} : { replaces: onDisk }) })) {
      this.#refused++;
      return false;
    }
    if (old !== undefined) this.#unstored.drop(old);
    if (this.#unstored.size > 0) this.#storeLater();
    this.#lastSeq = seq;
    this.#recent.add({ seq, ...message });
    if (old !== undefined) {
      this.#recent.drop(old);
      this.#perishable.delete(old);
    }
    this.#seqOf.delete(message.key);
    this.#seqOf.set(message.key, seq);
    if (message.until === 'sent') this.#perishable.set(seq, message.key);
    // A row that is only in memory is sent at once: it is safest at the coordinator.
    if (!isStored || this.#wal === null || (message.until === 'sent' && this.#sendableSeq === seq - 1)) {
      this.#sendableSeq = seq;
      this.onReady();
    } else if (!this.#syncing) {
      // After this turn of the event loop, so that other messages posted in it share the sync.
      this.#options.clock.soon(() => this.#sync());
    }
    return true;
  }

  /** Deletes rows whose end was confirmed. Unknown keys are ignored: confirmations may come twice. */
  settle(keys: readonly string[]): void {
    const known = keys.flatMap((key) => {
      const seq = this.#seqOf.get(key);
      return seq === undefined ? [] : [[key, seq] as const];
    });
    if (this.#closed || known.length === 0) return;
    const onDisk = known.flatMap(([key, seq]) => {
      const replaces = this.#unstored.has(seq) ? this.#unstored.replacesOf(seq) : seq;
      return replaces === undefined ? [] : [[key, replaces] as const];
    });
    const isForgotten = onDisk.length === 0 || this.#tryWrite('forgetting rows', () => this.#removeAll(onDisk));
    if (!isForgotten) this.#forgetAgain(keys);
    else for (const [key, seq] of known) this.#drop(key, seq);
  }

  /** The broker has the row: deleted when it waited only for that. */
  sent(seq: number): void {
    const key = this.#perishable.get(seq);
    if (key !== undefined) this.settle([key]);
  }

  /** Rows after `seq` that may be sent, oldest first. */
  next(seq: number, limit: number): OutboxRow[] {
    if (this.#closed) return [];
    const kept = this.#recent.after(seq, this.#sendableSeq, limit);
    if (kept) return kept;
    const stored = (this.#select.all(seq, this.#sendableSeq, limit) as StoredRow[]).map(
      ({ settled, retain, ...row }): OutboxRow => ({
        ...row,
        until: settled ? 'settled' : 'sent',
        retain: retain === 1,
      }),
    );
    if (this.#unstored.size === 0) return stored;
    const inMemory = this.#unstored.all().filter((row) => row.seq > seq && row.seq <= this.#sendableSeq);
    return [
      // The file may have an older row of a key whose newer row is not on the disk.
      ...stored.filter((row) => this.#seqOf.get(row.key) === row.seq),
      ...inMemory.map((row) => ({ seq: row.seq, ...row.message })),
    ]
      .toSorted((a, b) => a.seq - b.seq)
      .slice(0, limit);
  }

  /** The row of this key, if it may be sent. */
  row(key: string): OutboxRow | undefined {
    const seq = this.#seqOf.get(key);
    return seq === undefined ? undefined : this.next(seq - 1, 1).find((row) => row.key === key);
  }

  get depth(): number {
    return this.#seqOf.size;
  }

  /** Keys of rows that wait for `settle`, also of earlier runs of the process; oldest first. */
  unsettledKeys(): string[] {
    // The map is in order of seq: a replaced key is deleted first and set again.
    return [...this.#seqOf].filter(([, seq]) => !this.#perishable.has(seq)).map(([key]) => key);
  }

  /** Rows that are not on the disk yet: they are lost when the process ends. */
  get unstored(): number {
    return this.#unstored.size;
  }

  /** `sent` rows displaced by newer ones, and messages refused, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  get refused(): number {
    return this.#refused;
  }

  close(): void {
    if (this.#closed) return;
    this.#storeAgain();
    if (this.#unstored.size > 0)
      this.#options.log.error(
        { messages: this.#unstored.size },
        'outbox: the disk does not take these messages, which end with the process',
      );
    this.#closed = true;
    const wal = this.#wal;
    if (wal !== null) {
      // Rows of the last moment: close waits for the disk, as no sync has run since.
      this.#tryWrite('the last sync', () => wal.syncNow());
      // Not during a sync: the number of its descriptor could then be another file's.
      if (!this.#syncing) wal.close();
    }
    this.#db.close();
  }

  #forget(key: string, seq: number): void {
    this.#remove.run(seq);
    this.#drop(key, seq);
  }

  #drop(key: string, seq: number): void {
    this.#recent.drop(seq);
    this.#unstored.drop(seq);
    this.#seqOf.delete(key);
    this.#perishable.delete(seq);
  }

  #add(seq: number, { key, until, topic, payload, qos, retain }: OutboxMessage): void {
    this.#insert.run(seq, key, until === 'settled' ? 1 : 0, topic, payload, qos, retain ? 1 : 0);
  }

  /** Writes the rows that wait in memory to the disk, together. */
  #storeAgain(): void {
    if (this.#closed || this.#unstored.size === 0) return;
    const rows = this.#unstored.all();
    if (!this.#tryWrite('storing rows that waited in memory', () => this.#storeAll(rows))) {
      this.#storeLater();
      return;
    }
    for (const { seq } of rows) this.#unstored.drop(seq);
    this.#options.log.info({ messages: rows.length }, 'outbox: the disk takes messages again');
    if (!this.#syncing) this.#options.clock.soon(() => this.#sync());
  }

  #storeLater(): void {
    if (this.#storing) return;
    this.#storing = true;
    this.#options.clock.after(storeAgainMs, () => {
      this.#storing = false;
      this.#storeAgain();
    });
  }

  #forgetAgain(keys: readonly string[]): void {
    if (this.#unforgotten.size === 0) {
      this.#options.clock.after(forgetAgainMs, () => {
        const again = [...this.#unforgotten];
        this.#unforgotten.clear();
        this.settle(again);
      });
    }
    for (const key of keys) this.#unforgotten.add(key);
  }

  /** Confirmations are written at once and never awaited: a lost one only means that a row is sent again. */
  #tryWrite(what: string, write: () => void): boolean {
    try {
      write();
      this.#failing = false;
      return true;
    } catch (err) {
      // A full disk or a card that went read-only: logged once, not a thousand times a second.
      if (!this.#failing) this.#options.log.error({ err }, `outbox: ${what} failed`);
      this.#failing = true;
      return false;
    }
  }

  #sync(): void {
    const wal = this.#wal;
    if (this.#closed || this.#syncing || wal === null) return;
    this.#syncing = true;
    const reached = this.#lastSeq;
    wal.sync((err) => {
      this.#syncing = false;
      if (this.#closed) {
        wal.close();
        return;
      }
      // After a failed sync the state of the disk is unknown; the rows are safest once the coordinator has them, so send them now.
      if (err) this.#options.log.error({ err }, 'outbox: the disk does not confirm writes');
      this.#sendableSeq = Math.max(this.#sendableSeq, reached);
      this.onReady();
      if (this.#sendableSeq < this.#lastSeq) this.#sync();
    });
  }

  /** Reads what an earlier run of the process left. Returns the keys of messages that this node may not send. */
  #restore(): string[] {
    const foreign: string[] = [];
    const all = this.#db.prepare('SELECT seq, key, settled, topic FROM outbox ORDER BY seq');
    for (const row of all.iterate() as Iterable<StoredRow>) {
      if (this.#options.isOwn?.(row.topic) === false) foreign.push(row.key);
      this.#seqOf.set(row.key, row.seq);
      if (!row.settled) this.#perishable.set(row.seq, row.key);
      this.#lastSeq = row.seq;
    }
    return foreign;
  }
}
