// [INV-task-kept] An accepted task is in the store from then on, whatever happens to the coordinator; and a confirmed end of a task that a
// node started itself for an agent it holds was stored.
import type { MakeChecker } from '../checker.ts';

export const taskKept: MakeChecker = ({ world, stored, broke }) => {
  /** By task: the node that started it itself. */
  const own = new Map<string, { node: string | null; agent: string; epoch: number }>();
  const made = new Set<string>();
  const look = () => {
    const stored = new Set(world.host.stored<{ id: string }>('SELECT id FROM task').map(({ id }) => id));
    for (const id of world.accepted) {
      checker.exercised++;
      if (!stored.has(id)) broke(checker.name, `${id} was accepted and is not in the store`);
    }
  };
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-task-kept',
    exercised: 0,
    started: look,
    rested: look,
    committing(change) {
      if (change.type === 'task-new') made.add(change.row.id);
    },
    heard({ name, message }, node) {
      if (name === 'taskReport' && message.local)
        own.set(message.task, { node, agent: message.agent, epoch: message.epoch });
    },
    told({ name, message }) {
      if (name !== 'settled') return;
      for (const { task } of message.tasks) {
        const by = own.get(task);
        const placement = by && stored.agents.get(by.agent)?.placement;
        if (!placement || placement.node !== by.node || placement.epoch !== by.epoch) continue;
        checker.exercised++;
        if (!made.has(task))
          broke(checker.name, `${task}, which ${by.node} ran by itself, is settled and was not stored`);
      }
    },
  };
  return checker;
};
