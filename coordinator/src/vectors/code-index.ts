// All vectors of the fleet as codes, in one piece of shared memory that is scanned whole: rows with an id, an agent and a kind. In: vectors. Out:
// candidates, to be compared exactly by whoever holds the vectors. Nothing here is the truth: it can be built again from the store.
import { layout, mostPages, pageBytes } from '@blackroad/std/vectors/code-scan';
import { putCodes, type Segment, segmentOf, segmentRows } from '@blackroad/std/vectors/planes';
import { planeTail } from '@blackroad/std/vectors/row-tail';
import type { SharedMemory } from '@blackroad/std/vectors/web-assembly';
import { PlaceTable } from './place-table.ts';

const growBytes = 16 * 1024 * 1024;

export interface Filter {
  /** Numbers of agents; undefined: all. */
  agents?: ReadonlySet<number>;
  /** A bit a kind; undefined: all. */
  kinds?: number;
}
export class CodeRows {
  readonly #memory: SharedMemory;
  readonly #segment: Segment;
  readonly #codes: Uint8Array;
  #bytes = new Uint8Array(new SharedArrayBuffer(0));
  #view = new DataView(new SharedArrayBuffer(0));
  /** Rows that are filled or were. */
  #count = 0;
  readonly #free: number[] = [];
  readonly #places = new PlaceTable((row) => this.#idAt(row));

  /** `size`: coordinates of a code. */
  constructor(memory: SharedMemory, size: number) {
    this.#memory = memory;
    this.#segment = segmentOf(size);
    this.#codes = new Uint8Array(size / 2);
    this.#refresh();
  }
  /** Vectors that can be found. */
  get size(): number {
    return this.#places.size;
  }
  /** Rows that are scanned. A row whose factor is no number is above no threshold. */
  get count(): number {
    return this.#count;
  }
  /** End of the segments in the memory. They begin at `layout.rows`. */
  get end(): number {
    return layout.rows + Math.ceil(this.#count / segmentRows) * this.#segment.bytes;
  }

  /** `encode` writes codes of 4 bits and returns the factor. @throws RangeError when there is no room for another row: 4 GB of codes */
  put(id: number, agent: number, kind: number, encode: (codes: Uint8Array) => number): void {
    const known = this.#places.get(id);
    const row = known ?? this.#free.pop() ?? this.#count;
    if (row === this.#count && row % segmentRows === 0) this.#begin(row);
    const factor = encode(this.#codes);
    putCodes(this.#codes, this.#bytes, this.#begins(row), row % segmentRows, this.#segment);
    this.#view.setFloat32(this.#factor(row), factor, true);
    const tail = this.#tail(row);
    this.#view.setUint32(tail + planeTail.agent, agent, true);
    this.#view.setUint32(tail + planeTail.id, id, true);
    this.#view.setUint32(tail + planeTail.kind, kind, true);
    if (row === this.#count) this.#count++;
    if (known === undefined) this.#places.add(id, row);
  }
  remove(id: number): boolean {
    const row = this.#places.get(id);
    if (row === undefined) return false;
    this.#drop(row, id);
    return true;
  }

  /** Fills the target with what begins there in the memory. */
  copy(from: number, target: Uint8Array): void {
    target.set(this.#bytes.subarray(from, from + target.length));
  }
  /** Takes the segments of a file instead of its own. `read` fills a part of `piece`, which is used for all of them, and returns how much it had. */
  fill(bytes: number, piece: Buffer, read: (target: Buffer) => number): void {
    const rows = Math.floor(bytes / this.#segment.bytes) * segmentRows;
    this.#grow(layout.rows + bytes);
    for (let at = 0; at < bytes; ) {
      const had = read(piece.subarray(0, Math.min(piece.length, bytes - at)));
      if (had === 0) break;
      this.#bytes.set(piece.subarray(0, had), layout.rows + at);
      at += had;
    }
    for (let row = 0; row < rows; row++) {
      this.#count = row + 1;
      const id = this.#idAt(row);
      // It came again elsewhere while the file was written: the later row has it.
      const before = this.#places.get(id);
      if (before !== undefined) this.#drop(before, id);
      const isFilled = id !== 0;
      if (isFilled) this.#places.add(id, row);
      else this.#free.push(row);
    }
  }

  /** Room for a segment, whose rows are all empty. */
  #begin(row: number): void {
    this.#grow(layout.rows + (row / segmentRows + 1) * this.#segment.bytes);
    for (let i = 0; i < segmentRows; i++) this.#empty(row + i);
  }
  #drop(row: number, id: number): void {
    this.#places.delete(id);
    const tail = this.#tail(row);
    this.#bytes.fill(0, tail, tail + planeTail.bytes);
    this.#empty(row);
    this.#free.push(row);
  }
  #idAt(row: number): number {
    return this.#view.getUint32(this.#tail(row) + planeTail.id, true);
  }
  #empty(row: number): void {
    this.#view.setFloat32(this.#factor(row), Number.NaN, true);
  }
  #factor(row: number): number {
    return this.#begins(row) + this.#segment.factors + (row % segmentRows) * 4;
  }
  #tail(row: number): number {
    return this.#begins(row) + this.#segment.tails + (row % segmentRows) * planeTail.bytes;
  }
  #begins(row: number): number {
    return layout.rows + Math.floor(row / segmentRows) * this.#segment.bytes;
  }
  #grow(need: number): void {
    const have = this.#memory.buffer.byteLength;
    if (need <= have) return;
    const more = Math.min(mostPages * pageBytes - have, Math.max(growBytes, need - have));
    if (have + more < need) throw new RangeError('the index of vectors is full: it holds 4 GB of codes');
    this.#memory.grow(Math.ceil(more / pageBytes));
    this.#refresh();
  }
  #refresh(): void {
    this.#bytes = new Uint8Array(this.#memory.buffer);
    this.#view = new DataView(this.#memory.buffer);
  }
}
