// A view over a view: it reads from the one below and keeps its own writes, which reach the one below only all at once. There are three
// uses: a batch, whose decisions read the results of earlier ones while all other code does not; a decision with several steps; and a
// supposed fleet. The cost of a layer depends on the writes to it, and not on the size of the fleet. A map keeps the order that a plain one
// would have. [INV-only-committed]
import type { MutableView } from './view.ts';

/** Keeps its writes until `writeThrough`. No value is undefined. */
export class LayerMap<K, V> implements Map<K, V> {
  readonly #base: Map<K, V>;
  /** Values for keys of the base, and new keys after them. */
  #own: Map<K, V> | null = null;
  /** Hidden keys of the base: deleted ones, or ones that were added again at the end. */
  #hidden: Set<K> | null = null;
  #added = 0;

  constructor(base: Map<K, V>) {
    this.#base = base;
  }
  get size(): number {
    return this.#base.size - (this.#hidden?.size ?? 0) + this.#added;
  }
  get(key: K): V | undefined {
    const own = this.#own?.get(key);
    if (own !== undefined) return own;
    return this.#hidden?.has(key) ? undefined : this.#base.get(key);
  }
  has(key: K): boolean {
    return this.#own?.has(key) || this.#isBelow(key);
  }
  set(key: K, value: V): this {
    this.#own ??= new Map();
    if (!this.#own.has(key) && !this.#isBelow(key)) this.#added++;
    this.#own.set(key, value);
    return this;
  }
  delete(key: K): boolean {
    const wasOwn = this.#own?.delete(key) ?? false;
    if (this.#isBelow(key)) {
      this.#hidden ??= new Set();
      this.#hidden.add(key);
      return true;
    }
    if (wasOwn) this.#added--;
    return wasOwn;
  }
  clear(): void {
    this.#own = null;
    this.#added = 0;
    this.#hidden = new Set(this.#base.keys());
  }
  getOrInsert(key: K, value: V): V {
    return this.getOrInsertComputed(key, () => value);
  }
  getOrInsertComputed(key: K, make: (key: K) => V): V {
    const before = this.get(key);
    if (before !== undefined) return before;
    const made = make(key);
    this.set(key, made);
    return made;
  }
  /** Writes the layer to the map below, after which the layer is empty. */
  writeThrough(): void {
    for (const key of this.#hidden ?? []) this.#base.delete(key);
    for (const [key, value] of this.#own ?? []) {
      if (value instanceof LayerSet) value.writeThrough();
      else this.#base.set(key, value);
    }
    this.#own = null;
    this.#hidden = null;
    this.#added = 0;
  }
  /** The value as a copy that belongs to this layer. */
  owned(key: K, copy: (value: V) => V): V | undefined {
    const own = this.#own?.get(key);
    if (own !== undefined) return own;
    const below = this.get(key);
    if (below === undefined) return undefined;
    const mine = copy(below);
    this.set(key, mine);
    return mine;
  }
  /** The number of keys that were written or deleted. */
  get writtenSize(): number {
    return (this.#own?.size ?? 0) + (this.#hidden?.size ?? 0);
  }
  /** The written entries in order, then the deleted keys without a value. */
  *written(): Generator<[K, V | undefined]> {
    yield* this.#own ?? [];
    for (const key of this.#hidden ?? []) if (!this.#own?.has(key)) yield [key, undefined];
  }
  *entries(): MapIterator<[K, V]> {
    for (const entry of this.#base) {
      if (this.#hidden?.has(entry[0])) continue;
      const own = this.#own?.get(entry[0]);
      yield own === undefined ? entry : [entry[0], own];
    }
    if (this.#added > 0) for (const entry of this.#own ?? []) if (!this.#isBelow(entry[0])) yield entry;
  }
  *keys(): MapIterator<K> {
    for (const [key] of this.entries()) yield key;
  }
  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }
  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
  get [Symbol.toStringTag](): string {
    return 'LayerMap';
  }
  forEach(run: (value: V, key: K, map: Map<K, V>) => void): void {
    for (const [key, value] of this.entries()) run(value, key, this);
  }
  #isBelow(key: K): boolean {
    return !this.#hidden?.has(key) && this.#base.has(key);
  }
}

/** A layer over a set that is a value of a map. */
export class LayerSet<K> implements Set<K> {
  readonly #base: Set<K>;
  #added: Set<K> | null = null;
  #hidden: Set<K> | null = null;

  constructor(base: Set<K>) {
    this.#base = base;
  }
  get size(): number {
    return this.#base.size - (this.#hidden?.size ?? 0) + (this.#added?.size ?? 0);
  }
  has(key: K): boolean {
    return this.#added?.has(key) || this.#isBelow(key);
  }
  add(key: K): this {
    if (this.#isBelow(key)) return this;
    this.#added ??= new Set();
    this.#added.add(key);
    return this;
  }
  delete(key: K): boolean {
    if (this.#added?.delete(key)) return true;
    if (!this.#isBelow(key)) return false;
    this.#hidden ??= new Set();
    this.#hidden.add(key);
    return true;
  }
  clear(): void {
    this.#added = null;
    this.#hidden = new Set(this.#base);
  }
  writeThrough(): void {
    for (const key of this.#hidden ?? []) this.#base.delete(key);
    for (const key of this.#added ?? []) this.#base.add(key);
    this.#added = null;
    this.#hidden = null;
  }
  *values(): SetIterator<K> {
    for (const key of this.#base) if (!this.#hidden?.has(key)) yield key;
    yield* this.#added ?? [];
  }
  keys(): SetIterator<K> {
    return this.values();
  }
  *entries(): SetIterator<[K, K]> {
    for (const key of this.values()) yield [key, key];
  }
  [Symbol.iterator](): SetIterator<K> {
    return this.values();
  }
  get [Symbol.toStringTag](): string {
    return 'LayerSet';
  }
  forEach(run: (value: K, key: K, set: Set<K>) => void): void {
    for (const key of this.values()) run(key, key, this);
  }
  union<U>(other: ReadonlySetLike<U>): Set<K | U> {
    return new Set(this).union(other);
  }
  intersection<U>(other: ReadonlySetLike<U>): Set<K & U> {
    return new Set(this).intersection(other);
  }
  difference<U>(other: ReadonlySetLike<U>): Set<K> {
    return new Set(this).difference(other);
  }
  symmetricDifference<U>(other: ReadonlySetLike<U>): Set<K | U> {
    return new Set(this).symmetricDifference(other);
  }
  isSubsetOf(other: ReadonlySetLike<unknown>): boolean {
    return new Set(this).isSubsetOf(other);
  }
  isSupersetOf(other: ReadonlySetLike<unknown>): boolean {
    return new Set(this).isSupersetOf(other);
  }
  isDisjointFrom(other: ReadonlySetLike<unknown>): boolean {
    return new Set(this).isDisjointFrom(other);
  }
  #isBelow(key: K): boolean {
    return !this.#hidden?.has(key) && this.#base.has(key);
  }
}

/** The value before a change in place: in a layer, a copy of its own. */
export function owned<K, V>(map: Map<K, V>, key: K, copy: (value: V) => V): V | undefined {
  return map instanceof LayerMap ? map.owned(key, copy) : map.get(key);
}

/** A layer that keeps its writes until `writeThrough`; meanwhile nothing else may write to `base`. */
export function layerOn(base: MutableView): MutableView {
  const layer: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(base)) layer[name] = isMap(part) ? new LayerMap(part) : part;
  return layer as unknown as MutableView;
}
const isMap = (part: unknown): part is Map<unknown, unknown> => part instanceof Map || part instanceof LayerMap;

/** Writes the layer to the view below; the layer must not be used afterwards. */
export function writeThrough(layer: MutableView, base: MutableView): void {
  for (const [name, part] of Object.entries(layer)) {
    if (part instanceof LayerMap) part.writeThrough();
    else (base as unknown as Record<string, unknown>)[name] = part;
  }
}

/** The copy of a map for a layer that changes its own in place. */
export const copyOfMap = <K, V>(map: Map<K, V>): Map<K, V> => new Map(map);
