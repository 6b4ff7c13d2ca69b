import type { Clock } from '@blackroad/std/clock';
import t from 'tap';
import { startTrigger, triggerFault } from './triggers.ts';

/** Virtual time: timers fire when `advance` passes them. */
function virtualClock(startMs: number) {
  let now = 0;
  let wall = startMs;
  let timers: { atMs: number; run: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => wall + now,
    monotonicMs: () => now,
    after(delayMs, run) {
      const timer = { atMs: now + delayMs, run };
      timers.push(timer);
      return { cancel: () => (timers = timers.filter((each) => each !== timer)) };
    },
    every: () => ({ cancel() {} }),
    soon() {},
  };
  return {
    clock,
    advance(ms: number) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter(({ atMs }) => atMs <= end).toSorted((a, b) => a.atMs - b.atMs)[0];
        if (!next) break;
        timers = timers.filter((each) => each !== next);
        now = Math.max(now, next.atMs);
        next.run();
      }
      now = end;
    },
    setBack(ms: number) {
      wall -= ms;
    },
  };
}
const noon = Date.UTC(2026, 5, 1, 12, 0, 30);

t.test('fires at each time of the expression until stopped', async (t) => {
  const { clock, advance } = virtualClock(noon);
  let fired = 0;
  const trigger = startTrigger('* * * * *', clock, () => fired++);
  advance(29_000);
  t.equal(fired, 0);
  advance(2_000);
  t.equal(fired, 1);
  advance(5 * 60_000);
  t.equal(fired, 6);
  trigger.stop();
  advance(5 * 60_000);
  t.equal(fired, 6);
});

t.test('a time months away is reached in steps, once', async (t) => {
  const { clock, advance } = virtualClock(noon);
  let fired = 0;
  startTrigger('0 0 1 12 *', clock, () => fired++);
  advance(150 * 86_400_000);
  t.equal(fired, 0);
  advance(40 * 86_400_000);
  t.equal(fired, 1);
});

t.test('a clock that is set back does not fire early', async (t) => {
  const { clock, advance, setBack } = virtualClock(noon);
  let fired = 0;
  startTrigger('* * * * *', clock, () => fired++);
  setBack(10 * 60_000);
  advance(31_000);
  t.equal(fired, 0, 'its minute is not there yet');
  advance(10 * 60_000);
  t.equal(fired, 10, 'from then on each minute of the clock as it is now');
});

t.test('an expression that is none is said', async (t) => {
  t.equal(triggerFault('*/5 * * * *'), null);
  t.match(triggerFault('every day'), /./);
});
