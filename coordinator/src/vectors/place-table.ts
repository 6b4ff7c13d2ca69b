// Which row an id is in: a hash table of row numbers alone, as the ids stand in the rows. A Map of ten million would take 400 MB; this takes 67, and of 1.2 million 8.

const leastSize = 1_024;
/** A search for an id that is not there then looks at six places on average. */
const mostFull = 0.7;
/** A new table has room for so many times more, so that it is not renewed at once. */
const leastRoom = 1.3;
/** A place that was given up: a search goes on behind it. */
const gone = 0xffffffff;

export class PlaceTable {
  readonly #idAt: (row: number) => number;
  /** Row + 1; 0: never used. */
  #slots = new Uint32Array(leastSize);
  #used = 0;
  #size = 0;

  constructor(idAt: (row: number) => number) {
    this.#idAt = idAt;
  }
  get size(): number {
    return this.#size;
  }
  get(id: number): number | undefined {
    const slot = this.#find(id);
    return slot === -1 ? undefined : (this.#slots[slot] as number) - 1;
  }
  /** `id` must not be there. The row already says it. */
  add(id: number, row: number): void {
    if (this.#used + 1 > mostFull * this.#slots.length) this.#renew();
    this.#put(id, row);
    this.#size++;
  }
  /** While the row still says the id. */
  delete(id: number): void {
    const slot = this.#find(id);
    if (slot === -1) return;
    this.#slots[slot] = gone;
    this.#size--;
  }

  #find(id: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(id) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot] as number;
      if (found === 0) return -1;
      if (found !== gone && this.#idAt(found - 1) === id) return slot;
    }
  }
  #put(id: number, row: number): void {
    const mask = this.#slots.length - 1;
    let slot = hashOf(id) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = row + 1;
    this.#used++;
  }
  #renew(): void {
    const before = this.#slots;
    let size = leastSize;
    while (mostFull * size < leastRoom * (this.#size + 1)) size *= 2;
    this.#slots = new Uint32Array(size);
    this.#used = 0;
    for (const found of before) if (found !== 0 && found !== gone) this.#put(this.#idAt(found - 1), found - 1);
  }
}
/** Of a number of 32 bits, well spread [Murmur3's finish]. */
function hashOf(id: number): number {
  let hash = Math.imul(id ^ (id >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
