// The load of a model on a node, and its words, for the console and the terminal. Pure, imports types only: a browser loads it too.
import type { ModelLoad, NodeView } from './node.ts';
import type { NodeModel } from './node-model.ts';

/** Null where the load is not known: the node is away, or its heartbeat does not report this model. */
export function loadOnNode(
  { presence, health }: Pick<NodeView, 'presence' | 'health'>,
  { name, resident, slots }: Pick<NodeModel, 'name' | 'resident' | 'slots'>,
): ModelLoad | null {
  if (presence !== 'online' || !health?.models) return null;
  const told = health.models.find((load) => load.name === name);
  // The heartbeat has room for some models only: a loaded model that is missing in it counts as idle.
  return told ?? (resident ? null : { name, busy: 0, waiting: 0, slots });
}

/** `1 of 4`, `4 of 4, 2 waiting`, `0 of 2, 3 of others`. */
export function loadWords({ busy, waiting, slots, others = 0 }: ModelLoad): string {
  const more = [...(waiting > 0 ? [`${waiting} waiting`] : []), ...(others > 0 ? [`${others} of others`] : [])];
  return [`${busy} of ${slots}`, ...more].join(', ');
}
