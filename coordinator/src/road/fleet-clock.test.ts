import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { createFleetClock } from './fleet-clock.ts';

t.test('what passes is told, sleep too; what is set is told apart until it is followed', async (t) => {
  const own = { wallMs: 1_000_000, monotonicMs: 50, uptimeMs: 90_000 };
  const clock = createFleetClock({
    ...systemClock,
    nowMs: () => own.wallMs,
    monotonicMs: () => own.monotonicMs,
    uptimeMs: () => Math.floor(own.uptimeMs / 10) * 10,
  });
  const pass = (ms: number, asleep = false) => {
    own.wallMs += ms;
    own.uptimeMs += ms;
    if (!asleep) own.monotonicMs += ms;
  };
  pass(1_003);
  t.equal(clock.nowMs(), 1_001_003);
  t.equal(clock.setByMs(), 0);
  pass(3_600_000, true);
  t.ok(Math.abs(clock.nowMs() - own.wallMs) < 20, 'it slept');
  t.equal(clock.setByMs(), 0);
  own.wallMs += 7_200_000;
  pass(500);
  t.ok(Math.abs(clock.nowMs() - (own.wallMs - 7_200_000)) < 20, 'it was set');
  t.ok(Math.abs(clock.setByMs() - 7_200_000) < 20);
  clock.follow(clock.setByMs());
  t.equal(clock.nowMs(), own.wallMs);
  t.equal(clock.setByMs(), 0);
  own.wallMs -= 9_000_000;
  t.ok(Math.abs(clock.setByMs() + 9_000_000) < 20);
  for (let i = 0; i < 100; i++) pass(7, i % 2 === 0);
  const before = clock.nowMs();
  own.wallMs += 400;
  t.equal(clock.nowMs(), before, 'whatever the wall clock says');
});
