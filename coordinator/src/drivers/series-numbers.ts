// The numbers under which the history of each node (and of the fleet) is stored: small ones, so that the parts of a roll-up stay full. A
// forgotten node keeps its number until its history is pruned. In: ids. Out: numbers, and those that the store does not have yet.

interface Series {
  id: string;
  number: number;
  /** The time at which its node was forgotten; null: the series goes on. */
  untilMs: number | null;
}

export class SeriesNumbers {
  readonly #byId = new Map<string, Series>();
  readonly #taken = new Set<number>();
  readonly #unwritten = new Map<string, Series>();

  constructor(stored: readonly Series[]) {
    for (const series of stored) {
      this.#byId.set(series.id, series);
      this.#taken.add(series.number);
    }
  }

  /** Gives a number to a series without one; a series that had ended goes on. */
  of(id: string): number {
    const known = this.#byId.get(id);
    if (known && known.untilMs === null) return known.number;
    let number = known?.number ?? 0;
    // The smallest free number keeps the parts full.
    if (!known) while (this.#taken.has(number)) number++;
    this.#set({ id, number, untilMs: null });
    return number;
  }
  /** Null: the node has no history. */
  find(id: string): number | null {
    return this.#byId.get(id)?.number ?? null;
  }
  end(id: string, atMs: number): void {
    const known = this.#byId.get(id);
    if (known && known.untilMs === null) this.#set({ ...known, untilMs: atMs });
  }
  highest(): number {
    return Math.max(0, ...this.#taken);
  }
  #set(series: Series): void {
    this.#taken.add(series.number);
    this.#byId.set(series.id, series);
    this.#unwritten.set(series.id, series);
  }

  takeUnwritten(): Series[] {
    const taken = [...this.#unwritten.values()];
    this.#unwritten.clear();
    return taken;
  }
  /** Puts back numbers that could not be written; a newer state of a series stays. */
  giveBack(taken: readonly Series[]): void {
    for (const each of taken) if (!this.#unwritten.has(each.id)) this.#unwritten.set(each.id, each);
  }

  /** Frees the numbers of series that ended before then, and returns them. */
  free(beforeMs: number): number[] {
    const freed: number[] = [];
    for (const [id, { number, untilMs }] of this.#byId) {
      if (untilMs === null || untilMs >= beforeMs) continue;
      this.#byId.delete(id);
      this.#taken.delete(number);
      freed.push(number);
    }
    return freed;
  }
}
