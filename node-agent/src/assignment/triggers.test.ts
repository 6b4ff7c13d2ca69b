import type { Clock } from '@blackroad/std/clock';
import t from 'tap';
import { startTrigger } from './triggers.ts';

/** Virtual time: timers fire when `advance` passes them. */
function virtualClock(startMs: number) {
  let now = 0;
  let wall = startMs;
  let timers: { atMs: number; run: () => void }[] = [];
  const clock: Clock = {
    nowMs: () => wall + now,
    monotonicMs: () => now,
    uptimeMs: () => now,
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
  const trigger = startTrigger('* * * * *', undefined, clock, () => fired++);
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
  startTrigger('0 0 1 12 *', undefined, clock, () => fired++);
  advance(150 * 86_400_000);
  t.equal(fired, 0);
  advance(40 * 86_400_000);
  t.equal(fired, 1);
});

t.test('a clock that is set back does not fire early', async (t) => {
  const { clock, advance, setBack } = virtualClock(noon);
  let fired = 0;
  startTrigger('* * * * *', undefined, clock, () => fired++);
  setBack(10 * 60_000);
  advance(31_000);
  t.equal(fired, 0, 'its minute is not there yet');
  advance(10 * 60_000);
  t.equal(fired, 10, 'from then on each minute of the clock as it is now');
});

t.test('an expression or a zone that is none is said', async (t) => {
  const { clock } = virtualClock(noon);
  t.throws(() => startTrigger('every day', undefined, clock, () => {}));
  t.throws(() => startTrigger('0 8 * * *', 'Europe/Berlinn', clock, () => {}));
});

t.test('a zone is where a time is meant, on every machine and over both changes of the clock', async (t) => {
  const from = Date.UTC(2026, 2, 27, 12);
  const fired = async (expression: string, timeZone: string, days: number, startMs = from) => {
    const { clock, advance } = virtualClock(startMs);
    const times: string[] = [];
    startTrigger(expression, timeZone, clock, () => times.push(new Date(clock.nowMs()).toISOString().slice(5, 16)));
    advance(days * 86_400_000);
    return times;
  };
  t.same(await fired('0 8 * * *', 'America/New_York', 1), ['03-28T12:00']);
  t.same(await fired('0 8 * * *', 'UTC', 1), ['03-28T08:00']);
  t.same(await fired('0 8 * * *', 'Europe/Berlin', 3), ['03-28T07:00', '03-29T06:00', '03-30T06:00'], 'forward');
  t.same(await fired('30 2 * * *', 'Europe/Berlin', 3), ['03-28T01:30', '03-29T01:00', '03-30T00:30'], 'in the gap');
  const autumn = Date.UTC(2026, 9, 24, 12);
  t.same(await fired('0 8 * * *', 'Europe/Berlin', 3, autumn), ['10-25T07:00', '10-26T07:00', '10-27T07:00'], 'back');
  t.same(
    await fired('30 2 * * *', 'Europe/Berlin', 2, autumn),
    ['10-25T00:30', '10-26T01:30'],
    'twice there, once here',
  );
  const hourly = await fired('0 * * * *', 'Europe/Berlin', 1, autumn);
  t.equal(new Set(hourly).size, 24, 'every hour is every hour');
});
