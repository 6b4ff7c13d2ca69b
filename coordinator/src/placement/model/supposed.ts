// A fleet that is not: the view with some rows supposed to be otherwise. The rows of the view itself are never touched, and what
// is not supposed is read through to it, so that supposing costs what is supposed and not the size of the fleet.
import type { AgentRow, NodeLive, NodeRow, View } from '../../state/view.ts';

type Row<M> = M extends ReadonlyMap<string, infer V> ? V : never;
type Work = Row<View['work']>;

/** A map with other values for some of its keys. */
class Over<V> implements ReadonlyMap<string, V> {
  readonly #base: ReadonlyMap<string, V>;
  readonly #over: ReadonlyMap<string, V>;
  constructor(base: ReadonlyMap<string, V>, over: ReadonlyMap<string, V>) {
    this.#base = base;
    this.#over = over;
  }
  get size(): number {
    let more = 0;
    for (const key of this.#over.keys()) if (!this.#base.has(key)) more++;
    return this.#base.size + more;
  }
  get(key: string): V | undefined {
    return this.#over.get(key) ?? this.#base.get(key);
  }
  has(key: string): boolean {
    return this.#over.has(key) || this.#base.has(key);
  }
  *entries(): MapIterator<[string, V]> {
    for (const [key, value] of this.#base) yield [key, this.#over.get(key) ?? value];
    for (const entry of this.#over) if (!this.#base.has(entry[0])) yield entry;
  }
  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }
  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }
  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }
  forEach(run: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) run(value, key, this);
  }
}

export interface Supposed {
  agents?: ReadonlyMap<string, AgentRow | Row<View['agents']>>;
  nodes?: ReadonlyMap<string, NodeRow | Row<View['nodes']>>;
  live?: ReadonlyMap<string, NodeLive | Row<View['live']>>;
  work?: ReadonlyMap<string, Work>;
}
/** Moves are never frozen in it: the valve is about what is feared to be an error, not about what is supposed. */
export function suppose(view: View, { agents, nodes, live, work }: Supposed): View {
  return {
    ...view,
    frozen: [],
    agents: agents ? new Over(view.agents, agents as View['agents']) : view.agents,
    nodes: nodes ? new Over(view.nodes, nodes as View['nodes']) : view.nodes,
    live: live ? new Over(view.live, live as View['live']) : view.live,
    work: work ? new Over(view.work, work) : view.work,
  };
}
