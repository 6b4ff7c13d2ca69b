// [INV-only-committed] Readers of the fleet read only what is stored. Checked with the functions that answer people, while a commit is not
// finished: its changes must not be visible yet.
import { showAgent, showNode, showTask } from '../../../coordinator/src/live/show.ts';
import type { DurableChange } from '../../../coordinator/src/state/change.ts';
import type { View } from '../../../coordinator/src/state/view.ts';
import type { MakeChecker } from '../checker.ts';
import type { Ledger } from '../ledger.ts';

/** The row of a change in the answer for people and in the store; null: people do not see such a row. */
function shown(view: View, stored: Ledger, change: DurableChange): { what: string; seen: string; is: string } | null {
  const told = (...parts: unknown[]) => JSON.stringify(parts.map((part) => part ?? null));
  switch (change.type) {
    case 'node': {
      const { id } = change.row;
      const [seen, is] = [showNode(view, id), stored.nodes.get(id)];
      return {
        what: `node ${id}`,
        seen: told(seen?.presence, seen?.site, seen?.cordoned, seen?.draining),
        is: told(is?.presence, is?.site, is?.cordoned, is?.draining),
      };
    }
    case 'agent': {
      const { id } = change.row;
      const [seen, is] = [showAgent(view, id), stored.agents.get(id)];
      return {
        what: `agent ${id}`,
        seen: told(seen?.version, seen?.node),
        is: told(is?.version, is?.placement?.node),
      };
    }
    case 'task-new':
    case 'task-state':
    case 'task-end': {
      const id = change.type === 'task-state' ? change.id : change.row.id;
      const [row, is] = [view.tasks.get(id), stored.tasks.get(id)];
      const seen = row && showTask(view, row);
      return {
        what: `task ${id}`,
        seen: told(seen?.state, seen?.attempt, seen?.node),
        is: told(is?.state, is?.attempt, is?.node),
      };
    }
    default:
      return null;
  }
}

export const onlyCommitted: MakeChecker = ({ world, stored, broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-only-committed',
    exercised: 0,
    committing(change, batch) {
      const view = world.host.coordinator?.view;
      if (!view || change !== batch[0]) return;
      for (const each of batch) {
        const read = shown(view, stored, each);
        if (!read) continue;
        checker.exercised++;
        if (read.seen !== read.is)
          return broke(checker.name, `${read.what} is shown as ${read.seen} and stored as ${read.is}`);
      }
    },
  };
  return checker;
};
