// [INV-reported] A change of an attempt has a report of its holder as its cause: no report of another node, another attempt or another
// epoch makes a task run, fail or wait again.
import type { MakeChecker } from '../checker.ts';

export const reported: MakeChecker = ({ stored, broke }) => {
  /** The reports of each task. */
  const said = new Map<string, Set<string>>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-reported',
    exercised: 0,
    heard({ name, message }, node) {
      if (name !== 'taskReport') return;
      const { task, attempt, epoch, state, problem } = message;
      const words = said.get(task) ?? new Set<string>();
      said.set(
        task,
        words.add(`${node} ${attempt} ${epoch} ${state}`).add(`${node} ${attempt} ${problem?.text ?? ''}`),
      );
    },
    committing(change) {
      if (change.type === 'task-end') {
        const { id, state, node, attempt, problem, origin } = change.row;
        const words = said.get(id);
        said.delete(id);
        const before = stored.tasks.get(id);
        if (state !== 'failed' || !problem || origin === 'cron' || !before?.node) return;
        // The text of a report is stored under the node that held the task.
        const speaker = [...(words ?? [])].find((each) => each.endsWith(` ${problem.text}`) && problem.text !== '');
        if (!speaker) return;
        checker.exercised++;
        if (!words?.has(`${before.node} ${attempt} ${problem.text}`))
          broke(checker.name, `${id} on ${node} attempt ${attempt} fails by the word of "${speaker}"`);
        return;
      }
      if (change.type !== 'task-state') return;
      const before = stored.tasks.get(change.id);
      if (!before?.node || before.origin === 'cron') return;
      const holder = `${before.node} ${before.attempt} ${before.epoch}`;
      const words = said.get(change.id);
      if (change.state === 'running' && before.state === 'leased' && change.attempt === before.attempt) {
        checker.exercised++;
        if (!words?.has(`${holder} running`)) broke(checker.name, `${change.id} runs, and ${holder} did not say so`);
      }
      const over = change.state === 'queued' ? change.past?.at(-1) : undefined;
      if (over?.outcome !== 'failed' && over?.outcome !== 'refused') return;
      checker.exercised++;
      const isSaid = ['failed', 'cancelled', 'refused'].some((state) => words?.has(`${holder} ${state}`));
      if (!isSaid) broke(checker.name, `${change.id} is ${over.outcome}, and its holder (${holder}) did not say so`);
    },
  };
  return checker;
};
