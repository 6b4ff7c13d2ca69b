// [INV-one-hand] A node acts outside for an agent only while it holds a lease: it heard from the coordinator within that time and was
// not told to let the agent go. So two nodes act for one agent at most as long as the lease of the first lasts; how often they did
// is counted as `one-hand overlaps`. Agents of the policy `keep` act alone on purpose.
import type { MakeChecker } from '../checker.ts';
import type { Machine } from '../machine.ts';

export const oneHand: MakeChecker = ({ world, stored, broke }) => {
  const last = new Map<string, { epoch: number }>();
  const heardMs = new Map<Machine, number>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-one-hand',
    exercised: 0,
    said({ name, params }, machine) {
      if (name !== 'agentOut') return;
      const agent = params.agent as string;
      const spec = stored.agents.get(agent)?.spec;
      if (!spec || spec.onLoss.policy === 'keep') return;
      checker.exercised++;
      const running = machine.process?.node.agents.get(agent);
      if (!running) return broke(checker.name, `${machine.name} acts for ${agent}, which it was told to let go`);
      const { epoch } = running.assigned;
      const silentMs = world.timeline.nowMs - (heardMs.get(machine) ?? machine.process?.startedMs ?? 0);
      if (silentMs > world.host.policy.leaseMs)
        broke(checker.name, `${machine.name} acts for ${agent}; it heard nothing for ${Math.round(silentMs / 1000)} s`);
      const before = last.get(agent);
      if (before && before.epoch > epoch) {
        world.counts.faults['one-hand overlaps'] = (world.counts.faults['one-hand overlaps'] ?? 0) + 1;
        return;
      }
      last.set(agent, { epoch });
    },
    delivered(machine) {
      heardMs.set(machine, world.timeline.nowMs);
    },
    committing(change) {
      if (change.type === 'agent-gone') last.delete(change.name);
    },
  };
  return checker;
};
