// What a view remembers of the models on each node: when each was last used and last worked, and what is wrong with it. Bounded by node.
import type { Change } from './change.ts';
import { copyOfMap, owned } from './layer.ts';
import type { EndedTask, ModelFault, TaskRow } from './rows.ts';
import type { MutableView } from './view.ts';

/** The number of model faults of one node; beyond it the oldest is removed. */
const maxFaultsPerNode = 16;

/** A lease or its end counts as use of the model that the agent runs on there. */
export function useModel(view: MutableView, { agent, node }: TaskRow, atMs: number): void {
  const placement = view.agents.get(agent)?.placement;
  if (!placement || placement.node !== node) return;
  let used = owned(view.modelUse, node, copyOfMap);
  if (!used) {
    used = new Map();
    view.modelUse.set(node, used);
  }
  used.set(placement.model, Math.max(atMs, used.get(placement.model) ?? 0));
}

/** The number of models with a time of their last task on one node; beyond it the one that was unused for longest is removed. */
const maxWorkedPerNode = 64;
export function modelWorked(view: MutableView, { agent, node, endedMs }: EndedTask): void {
  const placement = view.agents.get(agent)?.placement;
  if (!placement || placement.node !== node) return;
  const here = owned(view.modelWorked, node, copyOfMap) ?? new Map<string, number>();
  here.delete(placement.model);
  here.set(placement.model, endedMs);
  if (here.size > maxWorkedPerNode) here.delete(here.keys().next().value as string);
  view.modelWorked.set(node, here);
}

export function noteFault(
  faults: MutableView['modelFaults'],
  { node, model, fault }: Extract<Change, { type: 'model-fault' }>,
): void {
  const here = owned(faults, node, copyOfMap) ?? new Map<string, ModelFault>();
  here.delete(model);
  if (fault) here.set(model, fault);
  const [oldest] = here.keys();
  if (here.size > maxFaultsPerNode) here.delete(oldest as string);
  if (here.size > 0) faults.set(node, here);
  else faults.delete(node);
}
