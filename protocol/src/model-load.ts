// How much a model of a node has to do, and in words, for the console and the terminal alike. Pure, and fit for a browser.
import type { ModelLoad, NodeModel, NodeView } from './node.ts';

/** Null where it is not known: the node is away, or does not say it of this model. */
export function loadOnNode(
  { presence, health }: Pick<NodeView, 'presence' | 'health'>,
  { name, resident, slots }: Pick<NodeModel, 'name' | 'resident' | 'slots'>,
): ModelLoad | null {
  if (presence !== 'online' || !health?.models) return null;
  const told = health.models.find((load) => load.name === name);
  // A loaded model that is not named found no room in the heartbeat.
  return told ?? (resident ? null : { name, busy: 0, waiting: 0, slots });
}

/** `1 of 4`, `4 of 4, 2 waiting`, `0 of 2, 3 of others`. */
export function loadWords({ busy, waiting, slots, others = 0 }: ModelLoad): string {
  const more = [...(waiting > 0 ? [`${waiting} waiting`] : []), ...(others > 0 ? [`${others} of others`] : [])];
  return [`${busy} of ${slots}`, ...more].join(', ');
}
