// Candidates of one kind of demand, best first: a heap whose entries go stale when their node changes.
// Ties go to the lower node index (nodes are sorted by id), so that the same snapshot always gives the same plan.

export interface Entry {
  /** Index of the node. */
  node: number;
  score: number;
}

export class BestFirst {
  readonly #heap: Entry[] = [];
  /** The one valid entry of each node; any other entry of it in the heap is stale. */
  readonly #valid = new Map<number, Entry>();

  get size(): number {
    return this.#valid.size;
  }
  /** The valid entry of a node: it is feasible. */
  of(node: number): Entry | undefined {
    return this.#valid.get(node);
  }
  put(node: number, score: number): void {
    const entry = { node, score };
    this.#valid.set(node, entry);
    this.#push(entry);
  }
  drop(node: number): void {
    this.#valid.delete(node);
  }
  /** The best entry that `isAllowed`; entries passed over stay. */
  best(isAllowed: (node: number) => boolean): Entry | null {
    const passed: Entry[] = [];
    let found: Entry | null = null;
    while (this.#heap.length > 0) {
      const top = this.#heap[0]!;
      if (this.#valid.get(top.node) === top) {
        if (isAllowed(top.node)) {
          found = top;
          break;
        }
        passed.push(top);
      }
      this.#pop();
    }
    for (const entry of passed) this.#push(entry);
    return found;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBetter(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }
  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBetter(heap[child + 1]!, heap[child]!)) child++;
      if (!isBetter(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

export function isBetter(a: Entry, b: Entry): boolean {
  return a.score !== b.score ? a.score > b.score : a.node < b.node;
}
