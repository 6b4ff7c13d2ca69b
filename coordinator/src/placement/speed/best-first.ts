// The models that nodes offer to a group of agents, best first: a heap for each bucket of nodes. An entry is one model of one node; it is
// in its heap, or out of it because it had no room when it was examined. Entries are rows of typed arrays, identified by their number: as
// objects, hundreds of thousands of them would occupy the garbage collector for longer than a slice may take.
// Ties go to the lower node, then to the earlier choice of the agent, so that the same snapshot always gives the same plan.
import type { Offer } from '../model/room.ts';

interface Ranked {
  score: number;
  node: number;
  rank: number;
}
export function isBetter(a: Ranked, b: Ranked): boolean {
  if (a.score !== b.score) return a.score > b.score;
  return a.node !== b.node ? a.node < b.node : a.rank < b.rank;
}
const out = -1;

export class BestFirst {
  /** Index of the node, place of the model in the spec's list, and score, each by entry. */
  nodes = new Int32Array(0);
  ranks = new Uint8Array(0);
  scores = new Float64Array(0);
  readonly offers: Offer[] = [];
  #buckets = new Int32Array(0);
  /** Place in the heap of its bucket. */
  #at = new Int32Array(0);
  readonly #heaps: number[][] = [];
  /** The ends of the entries of each call of `open`; between two ends they are in the order of nodes. */
  readonly #ends: number[] = [];

  get size(): number {
    return this.offers.length;
  }
  get buckets(): number {
    return this.#heaps.length;
  }
  /** Reserves rows for so many more entries, which must be added in the order of nodes. */
  open(most: number): void {
    const size = this.size + most;
    this.nodes = grown(new Int32Array(size), this.nodes);
    this.ranks = grown(new Uint8Array(size), this.ranks);
    this.scores = grown(new Float64Array(size), this.scores);
    this.#buckets = grown(new Int32Array(size), this.#buckets);
    this.#at = grown(new Int32Array(size), this.#at);
    this.#ends.push(this.size);
  }
  /** Returns the entry, which is not in the heap yet. */
  add(node: number, offer: Offer, rank: number, bucket: number): number {
    const entry = this.offers.push(offer) - 1;
    this.nodes[entry] = node;
    this.ranks[entry] = rank;
    this.#buckets[entry] = bucket;
    this.#at[entry] = out;
    while (this.#heaps.length <= bucket) this.#heaps.push([]);
    this.#ends[this.#ends.length - 1] = entry + 1;
    return entry;
  }
  isIn(entry: number): boolean {
    return this.#at[entry] !== out;
  }
  /** Visits the entries of a node, in the heap and out of it. */
  of(node: number, visit: (entry: number) => void): void {
    let low = 0;
    for (const end of this.#ends) {
      let high = end;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.nodes[middle]! < node) low = middle + 1;
        else high = middle;
      }
      if (low < end && this.nodes[low] === node) visit(low);
      low = end;
    }
  }
  top(bucket: number): number | undefined {
    return this.#heaps[bucket]![0];
  }
  /** Inserts an entry into the heap, or moves it after its score changed. */
  put(entry: number): void {
    const heap = this.#heaps[this.#buckets[entry]!]!;
    if (this.#at[entry] === out) this.#at[entry] = heap.push(entry) - 1;
    if (!this.#rise(heap, entry)) this.#sink(heap, entry);
  }
  drop(entry: number): void {
    const at = this.#at[entry]!;
    if (at === out) return;
    this.#at[entry] = out;
    const heap = this.#heaps[this.#buckets[entry]!]!;
    const last = heap.pop()!;
    if (last === entry) return;
    heap[at] = last;
    this.#at[last] = at;
    if (!this.#rise(heap, last)) this.#sink(heap, last);
  }

  #isBefore(a: number, b: number): boolean {
    const [scoreA, scoreB] = [this.scores[a]!, this.scores[b]!];
    if (scoreA !== scoreB) return scoreA > scoreB;
    const [nodeA, nodeB] = [this.nodes[a]!, this.nodes[b]!];
    return nodeA !== nodeB ? nodeA < nodeB : this.ranks[a]! < this.ranks[b]!;
  }
  #rise(heap: number[], entry: number): boolean {
    const before = this.#at[entry]!;
    let at = before;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above]!;
      if (!this.#isBefore(entry, parent)) break;
      heap[at] = parent;
      this.#at[parent] = at;
      at = above;
    }
    heap[at] = entry;
    this.#at[entry] = at;
    return at !== before;
  }
  #sink(heap: number[], entry: number): void {
    let at = this.#at[entry]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      const below = heap[child]!;
      if (!this.#isBefore(below, entry)) break;
      heap[at] = below;
      this.#at[below] = at;
      at = child;
    }
    heap[at] = entry;
    this.#at[entry] = at;
  }
}
function grown<T extends Int32Array | Uint8Array | Float64Array>(larger: T, old: T): T {
  larger.set(old);
  return larger;
}
