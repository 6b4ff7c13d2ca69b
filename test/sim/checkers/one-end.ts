// [INV-one-end] Every accepted task ends exactly once: no second end, no change after it, and an end for each when the fleet is at rest.
import type { MakeChecker } from '../checker.ts';
import { isStranded } from './rest.ts';

export const oneEnd: MakeChecker = ({ world, broke }) => {
  const ended = new Set<string>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-one-end',
    exercised: 0,
    committing(change) {
      if (change.type !== 'task-new' && change.type !== 'task-state' && change.type !== 'task-end') return;
      const id = change.type === 'task-state' ? change.id : change.row.id;
      if (ended.has(id)) broke(checker.name, `${id}: ${change.type} after its end`);
      if (change.type !== 'task-end') return;
      checker.exercised++;
      ended.add(id);
    },
    rested() {
      for (const id of world.accepted) {
        checker.exercised++;
        const agent = world.host.coordinator?.view.tasks.get(id)?.agent;
        if (!ended.has(id) && !(agent && isStranded(world, agent)))
          broke(checker.name, `${id} was accepted and has no end`);
      }
    },
  };
  return checker;
};
