// [INV-planned-move] A node that says that it has brought everything of an agent that leaves it, and from which the agent then moves, brings
// no branch of that placement any more. Machines whose disk was exchanged, and copies of machines, are left out: what they hold is of
// another time.
import type { MakeChecker } from '../checker.ts';

export const plannedMove: MakeChecker = ({ world, stored, broke }) => {
  /** The last word of a node about an agent that leaves it, by agent, node, epoch and number. */
  const said = new Map<string, { seq: number; hash: string }>();
  /** Placements that ended after such a word. */
  const ended = new Set<string>();
  const exchanged = new Set<string>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-planned-move',
    exercised: 0,
    heard(message, node) {
      if (message.name !== 'memoryUp' || message.message.type !== 'drained' || node === null) return;
      const { epoch, leaving, durableSeq: seq, hash } = message.message;
      said.set(`${message.params.agent} ${node} ${epoch} ${leaving}`, { seq, hash });
    },
    exchanging({ identity }) {
      if (identity) exchanged.add(identity.node);
    },
    committing(change) {
      if (change.type === 'agent') {
        const { id, epoch: now } = change.row;
        const before = stored.agents.get(id)?.placement;
        if (!before?.leaving || (change.row.placement && now === before.epoch)) return;
        const { node, epoch, leaving } = before;
        const word = said.get(`${id} ${node} ${epoch} ${leaving.sinceMs}`);
        const { seq = 0, hash = 'genesis' } = stored.heads.get(id) ?? {};
        if (word?.seq === seq && word.hash === hash) ended.add(`${id} ${node} ${epoch}`);
        checker.exercised++;
      } else if (change.type === 'branch') {
        const { agent, node, epoch, fromSeq } = change.row;
        const isOther = exchanged.has(node) || world.cloned.has(node) || world.forged.has(`${node} ${agent}`);
        if (!isOther && ended.has(`${agent} ${node} ${epoch}`))
          broke(
            checker.name,
            `${node} said that it had brought all of ${agent} under epoch ${epoch}, and brings a branch from ${fromSeq}`,
          );
      }
    },
  };
  return checker;
};
