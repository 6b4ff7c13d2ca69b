// All vectors of the fleet as codes, in one piece of shared memory that is scanned whole: rows with an id, an agent and a kind. In: vectors. Out:
// candidates, to be compared exactly by whoever holds the vectors. Nothing here is the truth: it can be built again from the store.
import { layout, mostPages, pageBytes, strideOf } from '@blackroad/std/vectors/code-scan';
import { rowTail } from '@blackroad/std/vectors/row-tail';
import type { SharedMemory } from '@blackroad/std/vectors/web-assembly';
import { PlaceTable } from './place-table.ts';

const growBytes = 16 * 1024 * 1024;

/** A row whose factor is no number is above no threshold. */
export interface Filter {
  /** Numbers of agents; undefined: all. */
  agents?: ReadonlySet<number>;
  /** A bit a kind; undefined: all. */
  kinds?: number;
}
export class CodeRows {
  readonly stride: number;
  readonly memory: SharedMemory;
  readonly #codeBytes: number;
  #bytes = new Uint8Array(new SharedArrayBuffer(0));
  #view = new DataView(new SharedArrayBuffer(0));
  /** Rows that are filled or were. */
  #count = 0;
  readonly #free: number[] = [];
  readonly #places = new PlaceTable((row) => this.#idAt(row));

  constructor(memory: SharedMemory, blocks: number) {
    this.memory = memory;
    this.stride = strideOf(blocks);
    this.#codeBytes = this.stride - rowTail.bytes;
    this.#refresh();
  }
  /** Vectors that can be found. */
  get size(): number {
    return this.#places.size;
  }
  /** End of the rows in the memory, a multiple of four of them. They begin at `layout.rows`. */
  get end(): number {
    return this.#at(Math.ceil(this.#count / 4) * 4);
  }

  /** @throws RangeError when there is no room for another row: 4 GB of codes */
  put(id: number, agent: number, kind: number, encode: (codes: Uint8Array) => number): void {
    const known = this.#places.get(id);
    const row = known ?? this.#free.pop() ?? this.#count;
    if (row === this.#count) this.#makeRoom(row);
    const tail = this.#tail(row);
    const factor = encode(this.#bytes.subarray(this.#at(row), tail));
    this.#view.setFloat32(tail + rowTail.factor, factor, true);
    this.#view.setUint32(tail + rowTail.agent, agent, true);
    this.#view.setUint32(tail + rowTail.id, id, true);
    this.#view.setUint32(tail + rowTail.kind, kind, true);
    if (row === this.#count) this.#count++;
    if (known === undefined) this.#places.add(id, row);
  }
  remove(id: number): boolean {
    const row = this.#places.get(id);
    if (row === undefined) return false;
    this.#drop(row, id);
    return true;
  }

  copy(from: number, to: number): Buffer {
    return Buffer.from(this.#bytes.subarray(from, to));
  }
  /** Takes the rows of a file instead of its own. `read` fills a piece and returns how much it had. */
  fill(bytes: number, read: (target: Buffer) => number): void {
    const rows = bytes / this.stride;
    const piece = Buffer.alloc(Math.min(bytes, growBytes));
    this.#grow(layout.rows + bytes + 4 * this.stride);
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

  /** Room for the row and what the scan reads beside it; rows that are not filled have a factor that is no number. */
  #makeRoom(row: number): void {
    this.#grow(this.#at(row + 4));
    if (row % 4 === 0) for (let i = 0; i < 4; i++) this.#empty(row + i);
  }
  #drop(row: number, id: number): void {
    this.#places.delete(id);
    this.#bytes.fill(0, this.#at(row), this.#at(row + 1));
    this.#empty(row);
    this.#free.push(row);
  }
  #idAt(row: number): number {
    return this.#view.getUint32(this.#tail(row) + rowTail.id, true);
  }
  #empty(row: number): void {
    this.#view.setFloat32(this.#tail(row) + rowTail.factor, Number.NaN, true);
  }
  #at(row: number): number {
    return layout.rows + row * this.stride;
  }
  #tail(row: number): number {
    return this.#at(row) + this.#codeBytes;
  }
  #grow(need: number): void {
    const have = this.memory.buffer.byteLength;
    if (need <= have) return;
    const more = Math.min(mostPages * pageBytes - have, Math.max(growBytes, need - have));
    if (have + more < need) throw new RangeError('the index of vectors is full: it holds 4 GB of codes');
    this.memory.grow(Math.ceil(more / pageBytes));
    this.#refresh();
  }
  #refresh(): void {
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#view = new DataView(this.memory.buffer);
  }
}
