// Codes of vectors where they can be scanned: rows that lie one behind the other, each of them a code with the id of its memory. In: rows. Out: ids
// of the memories whose vectors are likely the nearest. How many rows it takes is said at its start, and is all the memory that it needs.
import { layout, newMemory, pageBytes, scansOf, strideOf } from '@blackroad/std/vectors/code-scan';
import type { Coder } from '@blackroad/std/vectors/codes';
import { rowTail } from '@blackroad/std/vectors/row-tail';
import { type Found, keepBest, newFound, rowsStep } from '@blackroad/std/vectors/scan';
import { bestInFront } from '@blackroad/std/vectors/select';

/** Rows are scanned four at a time. */
const atOnce = 4;

export class HeldCodes {
  readonly #coder: Coder;
  readonly #stride: number;
  readonly #capacity: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #scans;
  readonly #found: Found = newFound();
  #count = 0;

  constructor(coder: Coder, rows: number) {
    this.#coder = coder;
    this.#stride = strideOf(coder.blocks);
    this.#capacity = Math.ceil(rows / atOnce) * atOnce;
    const pages = Math.ceil((layout.rows + this.#capacity * this.#stride) / pageBytes);
    const memory = newMemory(pages, pages);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#scans = scansOf(memory);
  }
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** False, and nothing is taken, where there is no room. */
  add(rows: Uint8Array): boolean {
    const count = this.#count + rows.length / this.#stride;
    if (count > this.#capacity) return false;
    this.#bytes.set(rows, this.#at(this.#count));
    this.#count = count;
    // The scan reads whole groups: a row whose factor is no number is above no threshold.
    for (let row = count; row % atOnce !== 0; row++) this.#empty(row);
    return true;
  }
  remove(ids: ReadonlySet<number>): void {
    for (let row = 0; row < this.#count; row++)
      if (ids.has(this.#view.getInt32(this.#tail(row) + rowTail.id, true))) this.#empty(row);
  }
  clear(): void {
    this.#count = 0;
  }

  /** Adds to `best` what is nearest here, and leaves the `wanted` best of both in front. */
  search(vector: Float32Array, wanted: number, best: Nearest): void {
    const { buffer } = this.#bytes;
    const size = this.#coder.blocks * 32;
    const { base } = this.#coder.query(vector, new Int8Array(buffer, layout.query, size));
    const to = this.#at(Math.ceil(this.#count / atOnce) * atOnce);
    const found = this.#found;
    const job = { blocks: this.#coder.blocks, base, wanted, agents: 0, kinds: -1 };
    keepBest(rowsStep(this.#scans, layout.rows, to, job), buffer, 0, wanted, found);
    const count = Math.min(wanted, found.count);
    best.scores.set(found.scores.subarray(0, count), best.count);
    best.ids.set(found.ids.subarray(0, count), best.count);
    best.count += count;
    if (best.count <= wanted) return;
    bestInFront(best.scores, best.ids, best.count, wanted);
    best.count = wanted;
  }

  #at(row: number): number {
    return layout.rows + row * this.#stride;
  }
  #tail(row: number): number {
    return this.#at(row + 1) - rowTail.bytes;
  }
  #empty(row: number): void {
    this.#view.setFloat32(this.#tail(row) + rowTail.factor, Number.NaN, true);
  }
}

type Nearest = Found;
/** Room for what is wanted, twice: what there is, and what a piece adds. */
export function noneYet(wanted: number): Nearest {
  return { scores: new Float32Array(2 * wanted), ids: new Uint32Array(2 * wanted), count: 0 };
}

/** The row of one vector. Ids of memories that wait for their place in a chain are below zero. */
export function rowOf(coder: Coder, id: number, vector: Float32Array): Uint8Array {
  const row = new Uint8Array(strideOf(coder.blocks));
  const tail = row.length - rowTail.bytes;
  const view = new DataView(row.buffer);
  view.setFloat32(tail + rowTail.factor, coder.encode(vector, row.subarray(0, tail)), true);
  view.setInt32(tail + rowTail.id, id, true);
  return row;
}

/** The rows of all but these memories; null where they are all. */
export function rowsWithout(rows: Buffer, stride: number, ids: ReadonlySet<number>): Buffer | null {
  const kept: Buffer[] = [];
  for (let at = 0; at < rows.length; at += stride) {
    const id = rows.readInt32LE(at + stride - rowTail.bytes + rowTail.id);
    if (!ids.has(id)) kept.push(rows.subarray(at, at + stride));
  }
  return kept.length * stride === rows.length ? null : Buffer.concat(kept);
}
