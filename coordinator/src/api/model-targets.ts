// Which nodes an order about a model means: those that are named, those of a class, or, where neither is given, those that the order is
// good for. Out: their ids, or a refusal in words. Pure.
import {
  counted,
  FleetError,
  isFetchable,
  type KnownModels,
  maxNodesPerModelOrder,
  meansModel,
  modelKey,
  type NodeCapacity,
  notFoundText,
} from '@blackroad/protocol';
import { hasModel, namesOf } from '../fleet/known.ts';
import { diskKeptFreeBytes, pullBytes } from '../placement/model/catalogue.ts';
import type { NodeRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { neededBytes } from './model-fits.ts';

export interface Meant {
  what: 'pull' | 'update' | 'stop' | 'remove';
  model: string;
  nodes?: readonly string[];
  class?: string;
}
interface Candidate {
  row: NodeRow;
  capacity: NodeCapacity;
}

/** @throws FleetError `no-such-node`, or `conflict` where no node is meant */
export function targetsOf(view: View, { what, model, nodes, class: name }: Meant): string[] {
  for (const node of nodes ?? [])
    if (!view.nodes.has(node))
      throw new FleetError('no-such-node', { detail: notFoundText('node', node, view.nodes.keys()) });
  const named = new Set(nodes ?? []);
  // Named nodes are asked in any case: each says itself what speaks against it.
  const ids = new Set(named);
  const good = goods[what];
  for (const [id, { capacity }] of view.live) {
    const row = view.nodes.get(id);
    if (row?.presence !== 'online' || row.status !== 'active' || !capacity) continue;
    if (name === undefined ? named.size > 0 : row.class !== name) continue;
    if (good({ row, capacity }, model, view.known)) ids.add(id);
  }
  if (ids.size === 0) throw new FleetError('conflict', { detail: nobody(what, model, name) });
  if (ids.size > maxNodesPerModelOrder) {
    const detail = `${counted(ids.size, 'node')} are meant; name a class, or at most ${maxNodesPerModelOrder} nodes at once.`;
    throw new FleetError('conflict', { detail });
  }
  return [...ids].sort();
}

type Good = (candidate: Candidate, model: string, known: KnownModels) => boolean;
const goods: Record<Meant['what'], Good> = {
  pull({ capacity }, model, known) {
    const entry = known.byKey.get(modelKey(model));
    const { pulls = [], fetchable } = capacity;
    if (hasModel(known, capacity, model)) return false;
    if (!entry) return pulls.includes('ollama') || (fetchable ?? []).some((each) => modelKey(each) === modelKey(model));
    if (!isFetchable(entry, pulls)) return false;
    const needed = neededBytes({ model: { ...entry, residentBytes: 0, neededBytes: 0 }, kvBytesPerToken: 0 });
    return needed <= capacity.memoryTotalBytes && pullBytes(entry) + diskKeptFreeBytes <= capacity.diskFreeBytes;
  },
  update: ({ capacity }, model, known) => (capacity.pulls ?? []).length > 0 && hasModel(known, capacity, model),
  stop: ({ capacity }, model, known) =>
    (capacity.fetches ?? []).some(
      (each) =>
        each.problem === undefined && namesOf(known, model).some((name) => modelKey(name) === modelKey(each.model)),
    ),
  // What its owner fetched is removed only from a node that a person names.
  remove: ({ capacity }, model, known) =>
    capacity.models.some(
      (each) => capacity.evictable?.includes(each.name) && namesOf(known, model).some((name) => meansModel(name, each)),
    ),
};

function nobody(what: Meant['what'], model: string, name: string | undefined): string {
  const where = name === undefined ? 'No node that is online' : `No node of class ${name} that is online`;
  const reasons = {
    pull: [`lacks ${model}, has memory and disk for it, and can fetch it`, 'Name nodes to have it tried all the same.'],
    update: [`has ${model} and can fetch it`, ''],
    stop: [`is fetching ${model}`, ''],
    remove: [`has ${model} from the fleet`, 'What a person fetched there is removed only from nodes that you name.'],
  } as const;
  const [lack, hint] = reasons[what];
  return `${where} ${lack}.${hint === '' ? '' : ` ${hint}`}`;
}
