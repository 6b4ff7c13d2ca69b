// [INV-one-hand] At any moment at most one node may act outside for an agent, and none after a later one did. Checked on every node
// every virtual second, with the check of a tool call at that moment, also on a paused one: it may continue at any time, with its buffers
// unread. Agents with the policy `keep` are excluded, as they act alone on purpose.
import type { MakeChecker } from '../checker.ts';
import type { Machine } from '../machine.ts';

export const oneHand: MakeChecker = ({ world, broke }) => {
  /** The last machine that could act, by agent. */
  const last = new Map<string, { epoch: number; machine: Machine }>();
  const acts = (machine: Machine, agent: string) => {
    const assigned = machine.process?.node.agents.get(agent)?.assigned;
    if (!assigned || assigned.spec.onLoss.policy === 'keep') return;
    const { epoch } = assigned;
    const before = last.get(agent);
    if (before && before.machine !== machine) {
      checker.exercised++;
      if (before.epoch > epoch)
        broke(
          checker.name,
          `${machine.name} may act for ${agent} under ${epoch}; ${before.machine.name} acts under ${before.epoch}`,
        );
      if (before.machine.process?.node.mayActOutside(agent) && !keeps(before.machine, agent))
        broke(checker.name, `${machine.name} and ${before.machine.name} may both act for ${agent}`);
    }
    last.set(agent, { epoch, machine });
  };
  /**
   * All agents that ever had a name: a machine publishes under the name of the agent, and in a turn that began before a rename under the
   * old one.
   */
  const called = new Map<string, Set<string>>();
  const runningAs = (machine: Machine, name: string): string | undefined => {
    const running = machine.process?.node.agents;
    // For an older node-agent the id is the name.
    if (running?.has(name)) return name;
    const ever = [...(called.get(name) ?? [])].filter((agent) => running?.has(agent));
    // The agent that has the name now comes first, since a new agent may have the old name of a renamed one.
    return ever.find((agent) => running?.get(agent)?.assigned.spec.name === name) ?? ever[0];
  };
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-one-hand',
    exercised: 0,
    committing(change) {
      if (change.type !== 'agent') return;
      const { id, spec } = change.row;
      called.set(spec.name, (called.get(spec.name) ?? new Set()).add(id));
    },
    said({ name: topic, params }, machine) {
      if (topic !== 'agentOut') return;
      const name = params.agent as string;
      checker.exercised++;
      const agent = runningAs(machine, name);
      if (agent === undefined)
        return broke(checker.name, `${machine.name} acts for ${name}, which it was told to let go`);
      acts(machine, agent);
    },
    looked() {
      const holders = new Map<string, Machine[]>();
      for (const machine of world.machines)
        for (const agent of machine.process?.node.agents.keys() ?? []) {
          const others = holders.get(agent);
          if (others) others.push(machine);
          else holders.set(agent, [machine]);
        }
      for (const [agent, machines] of holders) {
        // No other machine has the agent or could act before, so there is nothing to judge.
        const [only] = machines;
        if (machines.length === 1 && last.get(agent)?.machine === only) continue;
        checker.exercised++;
        for (const machine of machines) if (machine.process?.node.mayActOutside(agent)) acts(machine, agent);
      }
    },
  };
  return checker;
};
function keeps(machine: Machine, agent: string): boolean {
  return machine.process?.node.agents.get(agent)?.assigned.spec.onLoss.policy === 'keep';
}
