// Codes of the vectors of a log: 4 bits a number in place of 32, so that a search reads a seventh of it, and compares exactly only what the codes say
// is near. Lies in the file of the index, in rows of many; a log is read into memory when it is searched, and leaves it when it rests or others
// need the room. In: ids with their vectors. Out: ids of candidates. Logs of few vectors are searched without.
import { strideOf } from '@blackroad/std/vectors/code-scan';
import { type Coder, coderOf } from '@blackroad/std/vectors/codes';
import { rotationOf } from '@blackroad/std/vectors/rotation';
import type Database from 'better-sqlite3';
import { HeldCodes, noneYet, rowOf, rowsWithout } from './held-codes.ts';

export const codesSchema = `
CREATE TABLE codes (
  id INTEGER PRIMARY KEY, log INTEGER NOT NULL, model TEXT NOT NULL, dimension INTEGER NOT NULL, last INTEGER NOT NULL, rows BLOB NOT NULL);
CREATE INDEX codes_log ON codes (log, model, dimension, last);
`;

/** Compared one by one: 1 ms, and nothing has to be loaded for it. */
const fewVectors = 1_000;
/** Vectors that are coded together: a code that is written alone costs a card a whole page. */
const blockRows = 128;
/** Of all logs together. [M] 208 bytes a memory with a vector of 384 numbers: 80,000 of them. */
const maxHeldBytes = 16 * 1024 * 1024;
/** A log that is larger is read in pieces of so many, at each search. */
const pieceRows = 4_096;
const candidatesEach = 2;
/** [M] The ten nearest of 20,000 are among so many, in sets that are hard, clustered, and far from zero. */
const leastCandidates = 100;
const maxCandidates = 2_000;
/** Any number; written with the codes, which mean nothing under another one. */
const seed = 0x42524d31;
const maxCoders = 4;

interface Key {
  log: number;
  model: string;
  dimension: number;
}
interface Held extends Key {
  codes: HeldCodes;
}
interface VectorRow {
  id: number;
  vector: Buffer;
}

export class LogCodes {
  readonly #sql;
  readonly #coders = new Map<number, Coder>();
  /** By log; the one that was searched last is the last. */
  readonly #held = new Map<number, Held>();

  constructor(db: Database.Database) {
    const key = 'log = @log AND model = @model AND dimension = @dimension';
    const item = 'log = @log AND model = @model';
    this.#sql = {
      upto: db.prepare<Key>(`SELECT coalesce(max(last), 0) FROM codes WHERE ${key}`).pluck(),
      isMany: db
        .prepare<Key>(`SELECT count(*) >= ${fewVectors} FROM (SELECT 1 FROM items WHERE ${item} LIMIT ${fewVectors})`)
        .pluck(),
      isBlock: db
        .prepare<Key & { upto: number }>(
          `SELECT count(*) = ${blockRows} FROM (SELECT 1 FROM items WHERE ${item} AND id > @upto LIMIT ${blockRows})`,
        )
        .pluck(),
      block: db.prepare<Key & { upto: number }, { id: number; vector: Buffer | null }>(
        `SELECT id, vector FROM items WHERE ${item} AND id > @upto ORDER BY id LIMIT ${blockRows}`,
      ),
      notInBlocks: db.prepare<Key & { upto: number }, VectorRow>(
        `SELECT id, vector FROM items WHERE ${item} AND id > @upto AND length(vector) = 4 * @dimension
         UNION ALL SELECT id, vector FROM items WHERE ${item} AND id < 0 AND length(vector) = 4 * @dimension`,
      ),
      add: db.prepare<Key & { last: number; rows: Uint8Array }>(
        'INSERT INTO codes (log, model, dimension, last, rows) VALUES (@log, @model, @dimension, @last, @rows)',
      ),
      rows: db.prepare<Key>(`SELECT rows FROM codes WHERE ${key}`).pluck(),
      bytes: db.prepare<Key>(`SELECT coalesce(sum(length(rows)), 0) FROM codes WHERE ${key}`).pluck(),
      alone: db.prepare<Key & { stride: number }, { id: number; rows: Buffer }>(
        `SELECT id, rows FROM codes WHERE ${key} AND last = 0 AND length(rows) = @stride`,
      ),
      ofLog: db.prepare<[number], { id: number; dimension: number; rows: Buffer }>(
        'SELECT id, dimension, rows FROM codes WHERE log = ?',
      ),
      update: db.prepare<[Buffer, number]>('UPDATE codes SET rows = ? WHERE id = ?'),
      remove: db.prepare<[number]>('DELETE FROM codes WHERE id = ?'),
      removeLog: db.prepare<[number]>('DELETE FROM codes WHERE log = ?'),
      removeOthers: db.prepare<[number, string]>(
        `DELETE FROM codes WHERE log = ? AND model <> ?
         AND NOT EXISTS (SELECT 1 FROM items WHERE items.log = codes.log AND items.model = codes.model)`,
      ),
    };
  }

  /** The row of the memory is stored already, here as in the functions below. */
  added(log: number, model: string, id: number, vector: Float32Array): void {
    const key = { log, model, dimension: vector.length };
    const coder = this.#coder(key.dimension);
    const upto = this.#sql.upto.get(key) as number;
    const isLate = id > 0 && id <= upto;
    const held = this.#held.get(log);
    const isHeld = held?.model === model && held.dimension === vector.length;
    if (isLate || isHeld) {
      const row = rowOf(coder, id, vector);
      // It is read again, with more room, by the next search.
      if (isHeld && !held.codes.add(row)) this.#held.delete(log);
      if (isLate) this.#addLate(key, row);
    }
    for (let at = upto; this.#sql.isBlock.get({ ...key, upto: at }); ) at = this.#addBlock(key, at);
  }
  /** Erased is what is in the codes, too. */
  removed(log: number, ids: readonly number[]): void {
    const gone = new Set(ids);
    this.#held.get(log)?.codes.remove(gone);
    if (ids.every((id) => id < 0)) return;
    for (const { id, dimension, rows } of this.#sql.ofLog.all(log)) {
      const kept = rowsWithout(rows, strideOf(this.#coder(dimension).blocks), gone);
      if (kept) this.#sql.update.run(kept, id);
    }
  }
  drop(log: number): void {
    this.#held.delete(log);
    this.#sql.removeLog.run(log);
  }
  /** Gives the memory back; also where a transaction was undone. */
  forget(): void {
    this.#held.clear();
  }

  /** Ids that the nearest are among, in any order; null where there are so few vectors that all may be compared. */
  candidates(log: number, model: string, vector: Float32Array, wanted: number): number[] | null {
    const key = { log, model, dimension: vector.length };
    if (!this.#sql.isMany.get(key)) return null;
    const take = Math.min(maxCandidates, Math.max(leastCandidates, candidatesEach * wanted));
    const best = noneYet(take);
    for (const codes of this.#pieces(key)) codes.search(vector, take, best);
    return [...new Int32Array(best.ids.buffer, 0, best.count)];
  }

  /** All codes of a log, in one piece where it can be held. */
  *#pieces(key: Key): Generator<HeldCodes> {
    const known = this.#held.get(key.log);
    if (known?.model === key.model && known.dimension === key.dimension) {
      this.#held.delete(key.log);
      this.#held.set(key.log, known);
      yield known.codes;
      return;
    }
    this.#held.delete(key.log);
    const coder = this.#coder(key.dimension);
    const upto = this.#sql.upto.get(key) as number;
    const later = this.#sql.notInBlocks.all({ ...key, upto });
    const bytes = this.#sql.bytes.get(key) as number;
    const rows = bytes / strideOf(coder.blocks) + later.length;
    const canBeHeld = rows * strideOf(coder.blocks) <= maxHeldBytes;
    const codes = new HeldCodes(coder, canBeHeld ? rows + Math.max(4 * blockRows, rows / 8) : pieceRows);
    for (const piece of this.#rows(key, coder, later)) {
      if (codes.add(piece)) continue;
      yield codes;
      codes.clear();
      codes.add(piece);
    }
    if (canBeHeld) this.#hold({ ...key, codes });
    yield codes;
  }
  *#rows(key: Key, coder: Coder, later: readonly VectorRow[]): Generator<Uint8Array> {
    for (const rows of this.#sql.rows.iterate(key)) yield rows as Buffer;
    for (const { id, vector } of later) yield rowOf(coder, id, floatsOf(vector));
  }
  #hold(held: Held): void {
    this.#held.set(held.log, held);
    let bytes = 0;
    for (const [log, { codes }] of [...this.#held].reverse()) {
      bytes += codes.byteLength;
      if (bytes > maxHeldBytes && log !== held.log) this.#held.delete(log);
    }
  }
  #addBlock(key: Key, upto: number): number {
    const items = this.#sql.block.all({ ...key, upto });
    const last = items.at(-1)?.id ?? upto;
    const coder = this.#coder(key.dimension);
    const rows = items.flatMap(({ id, vector }) =>
      vector?.length === 4 * key.dimension ? [rowOf(coder, id, floatsOf(vector))] : [],
    );
    this.#sql.add.run({ ...key, last, rows: Buffer.concat(rows) });
    this.#sql.removeOthers.run(key.log, key.model);
    return last;
  }
  /** Of a memory that got its vector when later ones had theirs. */
  #addLate(key: Key, row: Uint8Array): void {
    this.#sql.add.run({ ...key, last: 0, rows: row });
    const alone = this.#sql.alone.all({ ...key, stride: row.length });
    if (alone.length < blockRows) return;
    for (const { id } of alone) this.#sql.remove.run(id);
    this.#sql.add.run({ ...key, last: 0, rows: Buffer.concat(alone.map(({ rows }) => rows)) });
    this.#sql.removeOthers.run(key.log, key.model);
  }
  #coder(dimension: number): Coder {
    const known = this.#coders.get(dimension);
    if (known) return known;
    if (this.#coders.size >= maxCoders) this.#coders.clear();
    // Centred by nothing: a code then depends on its vector alone, and holds for as long as that does.
    const made = coderOf(dimension, rotationOf(dimension, seed), new Float32Array(dimension));
    this.#coders.set(dimension, made);
    return made;
  }
}

const floatsOf = (bytes: Buffer) =>
  new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
