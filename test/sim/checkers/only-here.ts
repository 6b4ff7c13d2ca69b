// [INV-only-here] An emptied draining node is reported as having nothing alone only when that is true: every memory on its disk is then in
// the store.
import { onlyOn } from '../../../coordinator/src/fleet/draining.ts';
import type { MakeChecker } from '../checker.ts';
import type { SimulatedDisk } from '../disk.ts';
import type { Machine } from '../machine.ts';
import { notStored } from './rest.ts';

const others = ['pending', 'branches'].map(
  (table) => `SELECT DISTINCT logs.agent FROM ${table} JOIN logs ON logs.id = ${table}.log`,
);

export const onlyHere: MakeChecker = ({ world, broke }) => {
  const judged = new Map<SimulatedDisk, number>();
  /** The boot of the last process that said hello from the present disk of a machine. */
  const boots = new Map<Machine, string>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-only-here',
    exercised: 0,
    said(said, machine) {
      if (said.name === 'nodeHello') boots.set(machine, said.message.boot);
    },
    exchanging(machine) {
      boots.delete(machine);
    },
    looked() {
      const view = world.host.coordinator?.view;
      if (!view) return;
      for (const machine of world.machines) {
        const id = machine.identity?.node;
        if (id === undefined || isTwin(machine) || !view.nodes.get(id)?.draining) continue;
        if (view.agentsByNode.has(id) || onlyOn(view, id) !== 0) continue;
        // What is on another disk since, the coordinator cannot know before a heartbeat from it.
        if (view.live.get(id)?.health?.boot !== boots.get(machine)) continue;
        const { disk } = machine;
        const writes = disk.writes('journal.db');
        if (judged.get(disk) === writes) continue;
        judged.set(disk, writes);
        checker.exercised++;
        for (const agent of heldAlone(disk))
          broke(checker.name, `${machine.name} holds memories of ${agent} that nobody else has, and is called empty`);
      }
    },
  };
  /** With two machines of one identity, the report is about the machine that is connected. */
  function isTwin(machine: (typeof world.machines)[number]): boolean {
    return world.machines.some((other) => other !== machine && other.identity?.node === machine.identity?.node);
  }
  function heldAlone(disk: SimulatedDisk): Set<string> {
    const agents = new Set(notStored(world, disk));
    for (const sql of others)
      for (const agent of (disk.read('journal.db', sql)?.pluck().all() ?? []) as string[]) agents.add(agent);
    return agents;
  }
  return checker;
};
