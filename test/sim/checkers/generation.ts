// [INV-generation] A node's generation only grows, in the store and on the node; the agents that a node runs at a generation are exactly
// those that the store had at it.
import { idOf } from '@blackroad/protocol';
import type { MakeChecker } from '../checker.ts';
import type { Machine } from '../machine.ts';

export const generation: MakeChecker = ({ stored, broke }) => {
  /** The whole assignment by node, then by generation. */
  const sets = new Map<string, Map<number, string>>();
  const onNode = new Map<Machine, { disk: unknown; writes: number; node: string; generation: number }>();
  const touched = new Set<string>();
  /** Machines that received a message since the last look. */
  const told = new Set<Machine>();
  const setOf = (node: string) =>
    stored
      .agentsOn(node)
      .map((id) => `${id}:${stored.agents.get(id)?.placement?.epoch}:${stored.agents.get(id)?.version}`)
      .sort()
      .join(' ');
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-generation',
    exercised: 0,
    committing(change) {
      if (change.type === 'node') {
        const before = stored.nodes.get(change.row.id);
        touched.add(change.row.id);
        checker.exercised++;
        if (before && change.row.generation < before.generation)
          broke(
            checker.name,
            `${change.row.id} goes back from generation ${before.generation} to ${change.row.generation}`,
          );
      }
      if (change.type === 'node-gone') {
        // A removed node deletes its assignment, and begins anew when it joins again.
        sets.delete(change.id);
        for (const [machine, { node }] of onNode) if (node === change.id) onNode.delete(machine);
      }
      if (change.type === 'agent' || change.type === 'agent-gone') {
        const from = stored.agents.get(change.row.id)?.placement?.node;
        if (from) touched.add(from);
        if (change.type === 'agent' && change.row.placement) touched.add(change.row.placement.node);
      }
    },
    committed() {
      for (const node of touched) {
        const row = stored.nodes.get(node);
        if (!row) continue;
        const known = sets.get(node) ?? new Map<number, string>();
        sets.set(node, known);
        const now = setOf(node);
        const then = known.get(row.generation);
        if (then !== undefined && then !== now)
          broke(checker.name, `${node} holds another set at generation ${row.generation}: "${then}", then "${now}"`);
        known.set(row.generation, now);
      }
      touched.clear();
    },
    delivered(machine) {
      told.add(machine);
    },
    looked() {
      for (const machine of told) {
        const node = machine.identity?.node;
        // A node that is no longer in the fleet deletes its assignment when the message about that arrives.
        if (!machine.process || !node || !stored.nodes.has(node)) continue;
        told.delete(machine);
        const { disk } = machine;
        const read = disk.read('assignment.sqlite', 'SELECT value FROM generation');
        if (!read) continue;
        const before = onNode.get(machine);
        // The database itself is compared: a machine that was set up anew has another.
        const same = before?.disk === read.database && before.node === node;
        const writes = disk.writes('assignment.sqlite');
        if (same && before.writes === writes) continue;
        const now = Number(read.pluck().get() ?? 0);
        checker.exercised++;
        if (same && now < before.generation && now !== 0)
          broke(checker.name, `${machine.name} goes back from generation ${before.generation} to ${now}`);
        onNode.set(machine, { disk: read.database, writes, node, generation: now });
        const wanted = sets.get(node)?.get(now);
        if (now === 0 || wanted === undefined) continue;
        const assigned = disk.read('assignment.sqlite', 'SELECT value FROM assigned ORDER BY agent');
        const has = ((assigned?.pluck().all() ?? []) as string[])
          .map((text) => JSON.parse(text))
          .map((assigned) => `${idOf(assigned)}:${assigned.epoch}:${assigned.version}`)
          .sort()
          .join(' ');
        if (has !== wanted)
          broke(checker.name, `${machine.name} has "${has}" at generation ${now}, stored is "${wanted}"`);
      }
    },
  };
  return checker;
};
