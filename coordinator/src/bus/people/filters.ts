// The filters that clients of another process subscribed to, so that only messages that somebody there wants go to it. In: filters as they
// come and go, each once for each subscriber. Out: whether a topic matches one of them. The cost of a message depends on its levels, not on
// the number of filters.
interface Level {
  children: Map<string, Level>;
  /** Subscriptions that end here. */
  here: number;
  /** Subscriptions that end here with `#`. */
  below: number;
}
const level = (): Level => ({ children: new Map(), here: 0, below: 0 });

export class Filters {
  readonly #root = level();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(filter: string): void {
    const { names, isWide } = partsOf(filter);
    let at = this.#root;
    for (const name of names) {
      const child = at.children.get(name) ?? level();
      at.children.set(name, child);
      at = child;
    }
    if (isWide) at.below++;
    else at.here++;
    this.#count++;
  }

  /** A filter that was not added changes nothing. */
  remove(filter: string): void {
    const { names, isWide } = partsOf(filter);
    const path = [this.#root];
    for (const name of names) {
      const child = (path.at(-1) as Level).children.get(name);
      if (!child) return;
      path.push(child);
    }
    const last = path.at(-1) as Level;
    if ((isWide ? last.below : last.here) === 0) return;
    if (isWide) last.below--;
    else last.here--;
    this.#count--;
    for (let i = names.length; i > 0; i--) {
      const { here, below, children } = path[i] as Level;
      if (here > 0 || below > 0 || children.size > 0) return;
      (path[i - 1] as Level).children.delete(names[i - 1] as string);
    }
  }

  matches(topic: string): boolean {
    return this.#count > 0 && walk(this.#root, topic.split('/'), 0);
  }
}

function walk(from: Level, names: readonly string[], at: number): boolean {
  if (from.below > 0) return true; // `a/#` matches `a` itself [MQTT-4.7.1-2]
  if (at === names.length) return from.here > 0;
  const next = [from.children.get(names[at] as string), from.children.get('+')];
  return next.some((child) => child !== undefined && walk(child, names, at + 1));
}

function partsOf(filter: string): { names: string[]; isWide: boolean } {
  const names = filter.split('/');
  const isWide = names.at(-1) === '#';
  return { names: isWide ? names.slice(0, -1) : names, isWide };
}
