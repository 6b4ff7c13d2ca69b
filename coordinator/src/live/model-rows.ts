// The load of each model on each node as rows for Prometheus. In: the view. Out: a bounded number of rows: models beyond the bound are
// summed up, so that sums over all rows stay true. Pure.
import { type ModelLoad, maxModelRows, maxModelRowsSummed } from '@blackroad/protocol';
import type { View } from '../state/view.ts';

export interface ModelRow extends Required<Omit<ModelLoad, 'name'>> {
  /** `*`: the nodes that have no row of their own. */
  node: string;
  /** `*`: the models that have no row of their own. */
  model: string;
}

/** Nodes that are online: the last report of another node is no load. */
export function modelRows(view: View): ModelRow[] {
  const rows: ModelRow[] = [];
  const summed = new Map<string, ModelRow>();
  for (const { id: node, presence, status } of view.nodes.values()) {
    if (presence !== 'online' || status !== 'active') continue;
    for (const { name, busy, waiting, slots, others = 0 } of view.live.get(node)?.health?.models ?? []) {
      if (rows.length < maxModelRows) {
        rows.push({ node, model: name, busy, waiting, slots, others });
        continue;
      }
      const model = summed.has(name) || summed.size < maxModelRowsSummed ? name : '*';
      const sum = summed.get(model) ?? { node: '*', model, busy: 0, waiting: 0, slots: 0, others: 0 };
      sum.busy += busy;
      sum.waiting += waiting;
      sum.slots += slots;
      sum.others += others;
      summed.set(model, sum);
    }
  }
  return [...rows, ...summed.values()];
}
