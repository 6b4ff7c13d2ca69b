// [INV-queue] Every queue keeps its bound: no task is accepted by a full queue, and no node works on more tasks than an agent allows.
import type { MakeChecker } from '../checker.ts';

export const queueBound: MakeChecker = ({ world, stored, broke }) => {
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-queue',
    exercised: 0,
    committing(change) {
      if (change.type !== 'task-new' || change.row.origin === 'cron') return;
      const bound = stored.agents.get(change.row.agent)?.spec.queue ?? 0;
      const waiting = stored.waitingFor(change.row.agent);
      checker.exercised++;
      if (waiting >= bound)
        broke(checker.name, `${change.row.id} is accepted behind ${waiting}, the bound is ${bound}`);
    },
    looked() {
      for (const { name, process } of world.machines) {
        for (const [agent, running] of process?.node.agents ?? []) {
          checker.exercised++;
          if (running.busy > running.assigned.spec.concurrency)
            broke(
              checker.name,
              `${name} works on ${running.busy} tasks of ${agent}, which allows ${running.assigned.spec.concurrency}`,
            );
        }
      }
    },
  };
  return checker;
};
