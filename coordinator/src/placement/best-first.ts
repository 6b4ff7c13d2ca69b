// The models that nodes offer a group of agents, best first: a heap for each bucket of nodes. An entry is one model of one
// node; it is in the heap, or out of it because it had no room when it was looked at.
// Ties go to the lower node, then to the earlier choice of the agent, so that the same snapshot always gives the same plan.
import type { Offer } from './room.ts';

export interface Entry {
  /** Index of the node. */
  node: number;
  offer: Offer;
  /** Place of the model in the spec's list. */
  rank: number;
  score: number;
  bucket: number;
  /** Place in the heap of its bucket; -1: out. */
  at: number;
}

export class BestFirst {
  readonly #heaps: Entry[][] = [];
  /** Entries of one call of `open` each, in the order of nodes. */
  readonly #lists: Entry[][] = [];
  size = 0;

  get buckets(): number {
    return this.#heaps.length;
  }
  /** Adds entries, sorted by node, that are to be put in with `put`. */
  open(entries: Entry[]): void {
    this.#lists.push(entries);
    this.size += entries.length;
    for (const { bucket } of entries) while (this.#heaps.length <= bucket) this.#heaps.push([]);
  }
  /** All there are, in and out. */
  *all(): Generator<Entry> {
    for (const list of this.#lists) yield* list;
  }
  /** Those of one node, in and out. */
  of(node: number): Entry[] {
    const found: Entry[] = [];
    for (const list of this.#lists) {
      let [low, high] = [0, list.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (list[middle]!.node < node) low = middle + 1;
        else high = middle;
      }
      if (list[low]?.node === node) found.push(list[low]!);
    }
    return found;
  }
  top(bucket: number): Entry | undefined {
    return this.#heaps[bucket]![0];
  }
  /** Puts an entry in, or where it belongs after its score changed. */
  put(entry: Entry): void {
    const heap = this.#heaps[entry.bucket]!;
    if (entry.at < 0) {
      entry.at = heap.length;
      heap.push(entry);
    }
    if (!rise(heap, entry)) sink(heap, entry);
  }
  drop(entry: Entry): void {
    if (entry.at < 0) return;
    const heap = this.#heaps[entry.bucket]!;
    const last = heap.pop()!;
    if (last !== entry) {
      last.at = entry.at;
      heap[last.at] = last;
      if (!rise(heap, last)) sink(heap, last);
    }
    entry.at = -1;
  }
}

function rise(heap: Entry[], entry: Entry): boolean {
  const before = entry.at;
  let at = before;
  while (at > 0) {
    const parent = heap[(at - 1) >> 1]!;
    if (!isBetter(entry, parent)) break;
    heap[at] = parent;
    const above = parent.at;
    parent.at = at;
    at = above;
  }
  heap[at] = entry;
  entry.at = at;
  return at !== before;
}
function sink(heap: Entry[], entry: Entry): void {
  let at = entry.at;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBetter(heap[child + 1]!, heap[child]!)) child++;
    const below = heap[child]!;
    if (!isBetter(below, entry)) break;
    heap[at] = below;
    below.at = at;
    at = child;
  }
  heap[at] = entry;
  entry.at = at;
}

type Ranked = Pick<Entry, 'score' | 'node' | 'rank'>;
export function isBetter(a: Ranked, b: Ranked): boolean {
  if (a.score !== b.score) return a.score > b.score;
  return a.node !== b.node ? a.node < b.node : a.rank < b.rank;
}
