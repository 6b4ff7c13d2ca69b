// [INV-task-kept] A task that was accepted is in the store from then on, whatever becomes of the coordinator.
import type { MakeChecker } from '../checker.ts';

export const taskKept: MakeChecker = ({ world, broke }) => {
  const look = () => {
    const stored = new Set(world.host.stored<{ id: string }>('SELECT id FROM task').map(({ id }) => id));
    for (const id of world.accepted) {
      checker.exercised++;
      if (!stored.has(id)) broke(checker.name, `${id} was accepted and is not in the store`);
    }
  };
  const checker: ReturnType<MakeChecker> = { name: 'INV-task-kept', exercised: 0, started: look, rested: look };
  return checker;
};
