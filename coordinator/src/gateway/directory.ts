// The nodes of each model, kept up to date with what is committed, so that a request looks at those alone and not at the whole fleet. In: the
// nodes that a batch touched. Out: the models on nodes that a name or a tier means, at most so many.
import {
  findModel,
  modelKey,
  type NodeCapacity,
  type NodeModel,
  type TierWish,
  tellsNoSize,
  tierNames,
  tierOf,
} from '@blackroad/protocol';
import { compareText } from '@blackroad/std/pace';
import { closedOf } from '../placement/model/snapshot.ts';
import type { NodeLive, NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';

export interface Place {
  row: NodeRow;
  live: NodeLive;
  model: NodeModel;
}
export const keyOf = ({ row, model }: Pick<Place, 'row' | 'model'>) => `${row.id} ${model.name}`;

/** Of a model that more nodes have, so many are looked at: the best of them is close to the best of all. */
const maxPlaces = 64;
/** Before the keys of names, and of those that a model is reported under; tiers have keys, too. */
const nameKey = 'name ';
const ownKey = 'own ';
/** Nodes that are looked through for so many open ones. */
const maxLooked = 512;

export class Directory {
  readonly #view: View;
  /** The nodes by the key of a name, alias or tier. */
  readonly #nodes = new Map<string, Set<string>>();
  readonly #known = new Map<string, { capacity: NodeCapacity; keys: ReadonlySet<string> }>();
  #turn = 0;

  constructor(view: View) {
    this.#view = view;
    for (const node of view.nodes.keys()) this.note(node);
  }

  note(node: string): void {
    const capacity = this.#view.nodes.has(node) ? (this.#view.live.get(node)?.capacity ?? null) : null;
    const before = this.#known.get(node);
    if ((before?.capacity ?? null) === capacity) return;
    for (const key of before?.keys ?? []) {
      const set = this.#nodes.get(key);
      set?.delete(node);
      if (set?.size === 0) this.#nodes.delete(key);
    }
    if (!capacity) {
      this.#known.delete(node);
      return;
    }
    const keys = new Set(capacity.models.flatMap(keysOf));
    this.#known.set(node, { capacity, keys });
    for (const key of keys) {
      const set = this.#nodes.get(key) ?? new Set();
      this.#nodes.set(key, set.add(node));
    }
  }

  /** The places of a model under any of its names. `also`: a node to be among them, if it has the model. */
  named(name: string, also: string | null): Place[] {
    return this.#placesOf(`${nameKey}${modelKey(name)}`, also, ({ models }) => {
      const model = findModel(models, name);
      return model ? [model] : [];
    });
  }

  /** The places of models of a tier; `embed`: models that make vectors, which have no tier. */
  ofTier(wish: TierWish, kind: NodeModel['kind'], also: string | null): Place[] {
    return this.#placesOf(kind === 'embed' ? 'embed' : `tier ${wish}`, also, ({ models }) =>
      models.filter((model) => model.kind === kind && (kind === 'embed' || isOf(wish, model))),
    );
  }

  /**
   * Every model of the fleet once, by name, with a node that takes work where there is one among the first. Servers report the same weights
   * under different names: the first name of the alphabet stands for those that are its aliases, whichever node came last.
   */
  all(): Place[] {
    const own = [...this.#nodes.keys()].filter((key) => key.startsWith(ownKey)).sort(compareText);
    const listed = new Set<string>();
    const found: Place[] = [];
    for (const key of own) {
      const place = this.#firstOf(key.slice(ownKey.length), this.#nodes.get(key) ?? new Set());
      if (!place) continue;
      const names = [place.model.name, ...place.model.aliases].map(modelKey);
      if (names.some((name) => listed.has(name))) continue;
      for (const name of names) listed.add(name);
      found.push(place);
    }
    return found;
  }

  #firstOf(name: string, nodes: ReadonlySet<string>): Place | null {
    let first: Place | null = null;
    let looked = 0;
    for (const node of nodes) {
      const place = this.#placeOf(node);
      const model = findModel(this.#known.get(node)?.capacity.models ?? [], name);
      if (!place || !model) continue;
      if (!closedOf(place.row, place.live)) return { ...place, model };
      first ??= { ...place, model };
      if (++looked >= maxPlaces) break;
    }
    return first;
  }

  #placeOf(node: string): { row: NodeRow; live: NodeLive } | null {
    const row = this.#view.nodes.get(node);
    const live = this.#view.live.get(node);
    return row && live ? { row, live } : null;
  }

  #placesOf(key: string, also: string | null, modelsOf: (capacity: NodeCapacity) => NodeModel[]): Place[] {
    const nodes = this.#nodes.get(key);
    if (!nodes) return [];
    const places: Place[] = [];
    for (const node of nodes.size > maxPlaces ? this.#someOf(nodes, also) : nodes) {
      const place = this.#placeOf(node);
      const capacity = this.#known.get(node)?.capacity;
      if (!place || !capacity) continue;
      for (const model of modelsOf(capacity)) places.push({ ...place, model });
    }
    return places;
  }

  /** Some nodes that take work, others with each call. */
  #someOf(nodes: ReadonlySet<string>, also: string | null): string[] {
    const list = [...nodes];
    const from = this.#turn;
    const some = also !== null && nodes.has(also) ? [also] : [];
    let looked = 0;
    for (; looked < Math.min(list.length, maxLooked) && some.length < maxPlaces; looked++) {
      const node = list[(from + looked) % list.length] as string;
      const place = this.#placeOf(node);
      if (node !== also && place && !closedOf(place.row, place.live)) some.push(node);
    }
    this.#turn = (from + looked) % list.length;
    return some.length > 0 ? some : list.slice(0, maxPlaces);
  }
}

function keysOf(model: NodeModel): string[] {
  const names = [model.name, ...model.aliases].map((name) => `${nameKey}${modelKey(name)}`);
  names.push(`${ownKey}${modelKey(model.name)}`);
  if (model.kind === 'embed') return [...names, 'embed'];
  // One that tells no size may be paid for, and then serves any tier; placement/route decides that.
  const own = tellsNoSize(model) ? tierNames : [tierOf(model).name, 'auto'];
  return [...names, ...own.map((name) => `tier ${name}`)];
}
const isOf = (wish: TierWish, model: NodeModel) => wish === 'auto' || tellsNoSize(model) || tierOf(model).name === wish;
