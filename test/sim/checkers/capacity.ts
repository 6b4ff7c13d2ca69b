// [INV-capacity] What is put onto a node fits what the node said of itself: the weights of a model that is not loaded yet and that
// nobody there has asked for fit into free memory, with those that nobody uses put down and those still to be loaded set apart.
import type { MakeChecker } from '../checker.ts';

export const capacity: MakeChecker = ({ world, stored, broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-capacity',
    exercised: 0,
    committing(change) {
      if (change.type !== 'agent' || !change.row.placement) return;
      const before = stored.agents.get(change.row.name)?.placement;
      const { node, model, epoch } = change.row.placement;
      if (before?.epoch === epoch) return;
      const said = world.host.coordinator?.view.live.get(node)?.capacity;
      if (!said) return broke(checker.name, `${change.row.name} goes to ${node}, which said nothing of its capacity`);
      const wanted = said.models.find(({ name, aliases }) => name === model || aliases.includes(model));
      if (!wanted)
        return broke(checker.name, `${change.row.name} goes to ${node} with ${model}, which it does not have`);
      checker.exercised++;
      const inUse = new Set<string>();
      for (const other of stored.agentsByNode.get(node) ?? []) {
        if (other === change.row.name) continue;
        const used = stored.agents.get(other)?.placement?.model;
        if (used) inUse.add(used);
      }
      if (wanted.resident || inUse.has(wanted.name)) return;
      let roomBytes = said.memoryFreeBytes;
      for (const { name, resident, residentBytes, sizeBytes, kind } of said.models) {
        if (kind !== 'chat') continue;
        if (resident && !inUse.has(name)) roomBytes += residentBytes;
        if (!resident && inUse.has(name)) roomBytes -= sizeBytes;
      }
      if (wanted.sizeBytes > roomBytes)
        broke(
          checker.name,
          `${change.row.name} goes to ${node}: ${model} takes ${wanted.sizeBytes}, ${roomBytes} can be had`,
        );
    },
  };
  return checker;
};
