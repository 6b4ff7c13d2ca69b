// What failed is left alone for a while, and of many requests under way at once only those count that were sent after the failure was known.
import t from 'tap';
import { HandClock } from '../../test/fixtures/node-agent/hand-clock.ts';
import { seededRandom } from './random.ts';
import { Rest } from './rest.ts';

const open = () => {
  const clock = new HandClock();
  // The longest wait of each try.
  const rest = new Rest<string>({
    clock,
    random: { ...seededRandom(1), next: () => 1 },
    backoff: { firstMs: 1000, maxMs: 8000 },
  });
  return { clock, rest };
};

t.test('longer after each failure, up to a bound; an answer ends it', async (t) => {
  const { clock, rest } = open();
  t.equal(rest.left(), null);
  const waits = [];
  for (let i = 0; i < 5; i++) {
    rest.failed(`failure ${i}`, clock.monotonicMs());
    waits.push(rest.left()?.ms);
    t.equal(rest.left()?.why, `failure ${i}`);
    await clock.advance(rest.left()?.ms ?? 0);
    t.equal(rest.left(), null);
  }
  t.same(waits, [1000, 2000, 4000, 8000, 8000]);
  rest.worked(clock.monotonicMs());
  rest.failed('again', clock.monotonicMs());
  t.equal(rest.left()?.ms, 1000);
});

t.test('requests that were under way when it failed', async (t) => {
  const { clock, rest } = open();
  const askedMs = clock.monotonicMs();
  await clock.advance(50);
  rest.failed('overloaded', askedMs);
  await clock.advance(50);
  rest.worked(askedMs);
  t.same(rest.left(), { why: 'overloaded', ms: 950 }, 'their answers do not end it');
  for (let i = 0; i < 20; i++) rest.failed('overloaded too', askedMs);
  t.same(rest.left(), { why: 'overloaded', ms: 950 }, 'their failures do not make it longer');
  rest.failed('for a minute', askedMs, () => 60_000);
  t.same(rest.left(), { why: 'for a minute', ms: 60_000 }, 'but where one was told to wait longer, it does');
  rest.worked(clock.monotonicMs());
  t.equal(rest.left(), null);
  rest.failed('again', clock.monotonicMs());
  t.equal(rest.left()?.ms, 1000, 'it counts from one again');
  await clock.advance(2_000);
  rest.failed('it hung until now', askedMs);
  t.same(rest.left(), { why: 'it hung until now', ms: 2000 }, 'a failure after the rest is a new one');
});
