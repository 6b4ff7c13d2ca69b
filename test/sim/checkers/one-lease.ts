// [INV-one-lease] A lease is only for the node that holds the agent under its present epoch, as long as it lasts: another node gets the
// task only as a later attempt. A result counts only for the attempt that was leased last.
import type { MakeChecker } from '../checker.ts';

export const oneLease: MakeChecker = ({ stored, broke }) => {
  /** The results by task: the node, the attempt and the epoch of each. */
  const results = new Map<string, Set<string>>();
  /** The node of each attempt, by task. */
  const holders = new Map<string, Map<number, string>>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-one-lease',
    exercised: 0,
    heard({ name, message }, node) {
      if (name !== 'taskReport' || message.local) return;
      if (message.state !== 'done') return;
      const said = results.get(message.task) ?? new Set();
      results.set(message.task, said.add(`${node} ${message.attempt} ${message.epoch}`));
    },
    committing(change) {
      if (change.type === 'task-end') {
        const before = stored.tasks.get(change.row.id);
        if (!before || change.row.origin === 'cron') return;
        checker.exercised++;
        holders.delete(before.id);
        if (change.row.state === 'done') {
          const holder = before.state === 'queued' ? change.row.node : before.node;
          const wanted = `${holder} ${before.attempt} ${before.epoch}`;
          if (!results.get(before.id)?.has(wanted))
            broke(checker.name, `${before.id} is done, and its holder (${wanted}) did not say so`);
        }
        if (change.row.attempt < before.attempt)
          broke(checker.name, `${change.row.id} ends with attempt ${change.row.attempt}, leased is ${before.attempt}`);
        return;
      }
      if (change.type !== 'task-state') return;
      const before = stored.tasks.get(change.id);
      if (!before) return;
      checker.exercised++;
      if (change.attempt < before.attempt)
        broke(checker.name, `${change.id} goes back from attempt ${before.attempt} to ${change.attempt}`);
      if (change.state === 'queued') return;
      // An attempt that was counted as lost may continue; one that its node ended itself is over.
      const over = before.past?.some(({ attempt, outcome }) => attempt === change.attempt && outcome === 'failed');
      if (before.state === 'queued' && over)
        broke(checker.name, `${change.id} is leased again as attempt ${change.attempt}, which failed`);
      const placement = stored.agents.get(before.agent)?.placement;
      if (placement?.node !== change.node || placement?.epoch !== change.epoch)
        broke(
          checker.name,
          `${change.id} is leased to ${change.node} under ${change.epoch}; ${before.agent} is on ${placement?.node} under ${placement?.epoch}`,
        );
      const attempts = holders.get(change.id) ?? new Map<number, string>();
      holders.set(change.id, attempts);
      const holder = `${change.node} under ${change.epoch}`;
      const had = attempts.get(change.attempt);
      if (had !== undefined && had !== holder)
        broke(checker.name, `${change.id}: attempt ${change.attempt} goes to ${holder}, ${had} had it`);
      attempts.set(change.attempt, holder);
      if (before.state !== 'queued' && before.node !== change.node && change.attempt <= before.attempt)
        broke(
          checker.name,
          `${change.id} goes from ${before.node} to ${change.node} as the same attempt ${change.attempt}`,
        );
    },
  };
  return checker;
};
