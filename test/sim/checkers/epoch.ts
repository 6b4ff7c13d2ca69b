// [INV-epoch] An agent's epoch only grows, also over its removal; another node means another epoch; a node never returns to an earlier
// epoch; only entries of the present epoch are added to the log.
import type { MakeChecker } from '../checker.ts';

export const epoch: MakeChecker = ({ world, stored, broke }) => {
  const highest = new Map<string, number>();
  const onNode = new Map<string, number>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-epoch',
    exercised: 0,
    committing(change) {
      if (change.type === 'agent') {
        const { id: agent, epoch: now, placement } = change.row;
        const before = stored.agents.get(agent)?.placement;
        checker.exercised++;
        if (now < (highest.get(agent) ?? 0))
          broke(checker.name, `${agent} goes back from epoch ${highest.get(agent)} to ${now}`);
        highest.set(agent, now);
        if (placement && placement.epoch !== now)
          broke(checker.name, `${agent} is placed under ${placement.epoch}, its epoch is ${now}`);
        if (before && placement && before.node !== placement.node && before.epoch >= placement.epoch)
          broke(checker.name, `${agent} goes to ${placement.node} without a new epoch`);
      }
      if (change.type === 'memory') {
        const placement = stored.agents.get(change.agent)?.placement;
        for (const entry of change.entries) {
          checker.exercised++;
          if (entry.epoch !== placement?.epoch)
            broke(
              checker.name,
              `${change.agent}: entry ${entry.seq} of epoch ${entry.epoch} is accepted, the present one is ${placement?.epoch}`,
            );
        }
      }
    },
    looked() {
      for (const machine of world.machines) {
        for (const [agent, { assigned }] of machine.process?.node.agents ?? []) {
          const key = `${machine.name} ${machine.process?.startedMs} ${agent}`;
          checker.exercised++;
          if (assigned.epoch < (onNode.get(key) ?? 0))
            broke(checker.name, `${machine.name} runs ${agent} under ${assigned.epoch} after ${onNode.get(key)}`);
          onNode.set(key, assigned.epoch);
        }
      }
    },
  };
  return checker;
};
