// [INV-one-hand] Never two nodes act outside for one agent: once a later placement has acted, an earlier one keeps its hands still,
// and a node that was told to let an agent go does nothing more for it. Agents of the policy `keep` act alone on purpose.
import type { MakeChecker } from '../checker.ts';

export const oneHand: MakeChecker = ({ world, stored, broke }) => {
  const last = new Map<string, { epoch: number; machine: string; atMs: number }>();
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
      const before = last.get(agent);
      if (before && before.epoch > epoch) {
        const ago = Math.round(world.timeline.nowMs - before.atMs);
        return broke(
          checker.name,
          `${machine.name} acts for ${agent} under epoch ${epoch}; ${before.machine} did ${ago} ms ago under ${before.epoch}`,
        );
      }
      last.set(agent, { epoch, machine: machine.name, atMs: world.timeline.nowMs });
    },
    committing(change) {
      if (change.type === 'agent-gone') last.delete(change.name);
    },
  };
  return checker;
};
