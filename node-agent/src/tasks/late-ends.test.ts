// Ends of tasks that are not settled, on a clock that the test moves: which are sent again, when, and how often.
import type { Random } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createLateEnds } from './late-ends.ts';

function rig() {
  const clock = new HandClock();
  const unsettled = new Set<string>();
  const sent: { key: string; atS: number }[] = [];
  /** How many of the repeated ends the coordinator settles. */
  let taken = 0;
  const late = createLateEnds({
    unsettled,
    again(key) {
      sent.push({ key, atS: clock.monotonicMs() / 1000 });
      if (taken-- > 0) clock.after(10, () => settle(key));
    },
    clock,
    random: { next: () => 1 } as Random,
  });
  const settle = (key: string) => {
    unsettled.delete(key);
    late.settled(key);
  };
  const keys = (count: number) => [...Array(count)].map((_, i) => `t${i}.1`);
  const post = (...posted: string[]) => {
    for (const key of posted) unsettled.add(key);
    late.posted();
  };
  return { clock, unsettled, sent, late, post, keys, settle, take: (count: number) => (taken = count) };
}

t.test('what is settled in time is never sent twice', async (t) => {
  const { clock, post, sent, settle, keys } = rig();
  for (const key of keys(100)) {
    post(key);
    await clock.advance(900);
    settle(key);
  }
  t.same(sent, []);
});

t.test('what was put off goes again, one behind the other, as far as it is taken', async (t) => {
  const { clock, unsettled, post, sent, keys, take } = rig();
  post(...keys(50));
  await clock.advance(59_000);
  t.same(sent, []);
  take(20);
  await clock.advance(2_000);
  t.same(
    sent.map(({ key }) => key),
    keys(21),
    'the oldest first; the one that was not taken is the last',
  );
  take(100);
  await clock.advance(600_000);
  t.equal(unsettled.size, 0, 'nothing is lost');
  t.equal(sent.length, 51);
});

t.test('a coordinator that takes nothing is asked later and later, for one end at a time', async (t) => {
  const { clock, post, sent, keys } = rig();
  post(...keys(10_000));
  await clock.advance(3_600_000);
  t.same(new Set(sent.map(({ key }) => key)), new Set(['t0.1']));
  const waits = sent.slice(1).map(({ atS }, i) => atS - (sent[i]?.atS ?? 0));
  t.same(waits.slice(0, 7), [30, 45, 60, 90, 150, 270, 330]);
  t.ok(sent.length < 20, `${sent.length} in an hour`);
});

t.test('after a new connection, which sends all anew, the waiting begins anew', async (t) => {
  const { clock, post, sent, late, keys } = rig();
  post(...keys(3));
  await clock.advance(45_000);
  late.connected();
  await clock.advance(59_000);
  t.same(sent, []);
  await clock.advance(2_000);
  t.equal(sent.length, 1);
  late.stop();
  await clock.advance(600_000);
  t.equal(sent.length, 1);
});
