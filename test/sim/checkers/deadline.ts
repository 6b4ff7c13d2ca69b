// [INV-deadline] A task expires when its deadline has passed, neither before nor much later, and is not leased after it; also when the
// clock of the coordinator is set.
import type { MakeChecker } from '../checker.ts';

/** The delay of an expiry: a tick every quarter of a second, a batch before it, and the disk. */
const lateMs = 2_000;
/** The delay with which a running coordinator that can store follows a set clock: until its next tick. */
const followMs = 5_000;

export const deadline: MakeChecker = ({ world, stored, broke }) => {
  let wellSinceMs = 0;
  let followedMs = 0;
  /** The start of each task and the time it has, in time that truly passes. */
  const given = new Map<string, { atMs: number; lengthMs: number }>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-deadline',
    exercised: 0,
    committing(change) {
      const { nowMs } = world.timeline;
      if (change.type === 'task-new' && Math.abs(world.host.wallMs() - change.row.createdMs) < 500)
        given.set(change.row.id, { atMs: nowMs, lengthMs: change.row.deadlineMs - change.row.createdMs });
      // A task that got another deadline is no longer judged by its length.
      if (change.type === 'task-state' && stored.tasks.get(change.id)?.deadlineMs !== change.deadlineMs)
        given.delete(change.id);
      if (change.type === 'task-end' && change.row.state === 'expired') {
        const { id, deadlineMs, endedMs } = change.row;
        const before = stored.tasks.get(id);
        checker.exercised++;
        const own = given.get(id);
        if (own && own.atMs > world.host.clockLostMs && nowMs - own.atMs < own.lengthMs - 1_000)
          broke(checker.name, `${id} expires after ${Math.round(nowMs - own.atMs)} ms, it has ${own.lengthMs}`);
        if (endedMs < deadlineMs) broke(checker.name, `${id} expires ${deadlineMs - endedMs} ms early`);
        if (before && before.deadlineMs !== deadlineMs)
          broke(checker.name, `${id} ends with a deadline of ${deadlineMs}, it had ${before.deadlineMs}`);
      }
      if (change.type === 'task-state' && change.state === 'leased') {
        checker.exercised++;
        const overMs = world.host.decidedMs - change.deadlineMs;
        if (overMs > lateMs && !world.host.isClockTroubled)
          broke(checker.name, `${change.id} is leased ${overMs} ms after its deadline`);
      }
    },
    looked() {
      const { nowMs } = world.timeline;
      const { isUp, clock, storesNothing, isClockTroubled } = world.host;
      if (!isUp || clock?.paused || storesNothing || !isClockTroubled) followedMs = nowMs;
      if (nowMs - followedMs > followMs)
        broke(checker.name, `the clock was set ${Math.round(nowMs - followedMs)} ms ago, and what waits was not moved`);
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
