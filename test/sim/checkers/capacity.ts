// [INV-capacity] Agents placed on a node fit the capacity that the node reported: the weights of a model that is not loaded yet and that no
// agent there uses fit into free memory, after idle models are unloaded and the models that are still to be loaded are subtracted. Judged
// after the commit of a whole part of a plan: agents that yield leave in the same commit.

import type { NodeCapacity } from '@blackroad/protocol';
import type { MakeChecker } from '../checker.ts';

type Said = NodeCapacity;
/** The model with this name or alias. */
export const modelOf = ({ models }: Said, model: string) =>
  models.find(({ name, aliases }) => name === model || aliases.includes(model));

export const capacity: MakeChecker = ({ world, stored, broke }) => {
  /** The models that no agent on the node used before this commit. */
  const fresh = new Map<string, { agent: string; node: string; model: string }>();
  /** The capacities a moment ago: a report of less may follow the plan in the same batch. */
  const lookedAt = new Map<string, Said>();
  const usedOn = (node: string) => {
    const used = new Set<string>();
    for (const name of stored.agentsOn(node)) {
      const model = stored.agents.get(name)?.placement?.model;
      if (model) used.add(model);
    }
    return used;
  };
  /** The models in use on each node before this commit. */
  const usedBefore = new Map<string, Set<string>>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-capacity',
    exercised: 0,
    looked() {
      for (const [id, { capacity }] of world.host.coordinator?.view.live ?? [])
        if (capacity) lookedAt.set(id, capacity);
    },
    committing(change) {
      if (change.type !== 'agent' || !change.row.placement) return;
      const { node, model, epoch } = change.row.placement;
      if (!usedBefore.has(node)) usedBefore.set(node, usedOn(node));
      if (stored.agents.get(change.row.id)?.placement?.epoch === epoch) return;
      fresh.set(change.row.id, { agent: change.row.id, node, model });
    },
    committed() {
      for (const { agent, node, model } of fresh.values()) {
        const before = lookedAt.get(node);
        // A person may have removed the node after the plan in the same batch: then the view has no capacity of it.
        const said = world.host.coordinator?.view.live.get(node)?.capacity ?? before;
        if (!said) return broke(checker.name, `${agent} goes to ${node}, which said nothing of its capacity`);
        const wanted = modelOf(said, model);
        if (!wanted && before && modelOf(before, model)) continue;
        if (!wanted) return broke(checker.name, `${agent} goes to ${node} with ${model}, which it does not have`);
        checker.exercised++;
        // The node cannot measure its memory: the admission of its runtime limits it.
        if (said.memoryTotalBytes === 0) continue;
        if (wanted.resident || usedBefore.get(node)?.has(wanted.name)) continue;
        const used = usedOn(node);
        let roomBytes = Math.max(said.memoryFreeBytes, before?.memoryFreeBytes ?? 0);
        for (const { name, resident, residentBytes, sizeBytes, kind } of said.models) {
          if (kind !== 'chat' || name === wanted.name) continue;
          if (resident && !used.has(name)) roomBytes += residentBytes;
          if (!resident && used.has(name)) roomBytes -= sizeBytes;
        }
        if (wanted.sizeBytes > roomBytes)
          broke(checker.name, `${agent} goes to ${node}: ${model} takes ${wanted.sizeBytes}, ${roomBytes} can be had`);
      }
      fresh.clear();
      usedBefore.clear();
    },
  };
  return checker;
};
