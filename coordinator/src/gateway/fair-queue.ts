// A queue that is fair between keys: the keys take turns, each with its own in order. Pure, but for what it holds.

export class FairQueue<T extends { readonly who: string }> {
  /** The key at the front is next. */
  readonly #byKey = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(one: T): void {
    const own = this.#byKey.get(one.who);
    if (own) own.push(one);
    else this.#byKey.set(one.who, [one]);
    this.#size++;
  }

  remove(one: T): void {
    const own = this.#byKey.get(one.who);
    const at = own?.indexOf(one) ?? -1;
    if (!own || at < 0) return;
    own.splice(at, 1);
    this.#size--;
    if (own.length === 0) this.#byKey.delete(one.who);
  }

  /** The next one, which stays in the queue; its key goes behind the others. */
  turn(): T | undefined {
    const [first] = this.#byKey;
    if (!first) return undefined;
    const [who, own] = first;
    this.#byKey.delete(who);
    this.#byKey.set(who, own);
    return own[0];
  }

  /** How many come before this one, as far as the keys take turns. */
  ahead(one: T): number {
    const at = this.#byKey.get(one.who)?.indexOf(one) ?? -1;
    if (at < 0) return this.#size;
    let count = 0;
    let isBefore = true;
    for (const [who, own] of this.#byKey) {
      if (who === one.who) {
        count += at;
        isBefore = false;
      } else count += Math.min(own.length, isBefore ? at + 1 : at);
    }
    return count;
  }

  all(): T[] {
    return [...this.#byKey.values()].flat();
  }
}
