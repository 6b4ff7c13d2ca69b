// [INV-deadline] A task expires when its deadline has passed, neither before nor much later, and nothing is leased behind it.
import type { MakeChecker } from '../checker.ts';

/** A tick comes every quarter of a second; a batch before it and the disk take their time. */
const lateMs = 2_000;

export const deadline: MakeChecker = ({ world, stored, broke }) => {
  let wellSinceMs = 0;
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-deadline',
    exercised: 0,
    committing(change) {
      if (change.type === 'task-end' && change.row.state === 'expired') {
        const { id, deadlineMs, endedMs } = change.row;
        const before = stored.tasks.get(id);
        checker.exercised++;
        if (endedMs < deadlineMs) broke(checker.name, `${id} expires ${deadlineMs - endedMs} ms early`);
        if (before && before.deadlineMs !== deadlineMs)
          broke(checker.name, `${id} ends with a deadline of ${deadlineMs}, it had ${before.deadlineMs}`);
      }
      if (change.type === 'task-state' && change.state === 'leased') {
        checker.exercised++;
        const overMs = world.host.wallMs() - change.deadlineMs;
        if (overMs > lateMs) broke(checker.name, `${change.id} is leased ${overMs} ms after its deadline`);
      }
    },
    looked() {
      const { nowMs } = world.timeline;
      if (!world.host.isWell) wellSinceMs = nowMs;
      if (nowMs - wellSinceMs < lateMs) return;
      for (const { id, deadlineMs } of stored.tasks.values()) {
        checker.exercised++;
        const overMs = world.host.wallMs() - deadlineMs;
        if (overMs > lateMs) broke(checker.name, `${id} has not expired ${overMs} ms after its deadline`);
      }
    },
  };
  return checker;
};
