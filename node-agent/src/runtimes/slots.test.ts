import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createSlotBook } from './slots.ts';

t.test('what ran without waiting is tried with more, what waited is the limit for a while', async (t) => {
  const clock = new HandClock();
  const book = createSlotBook(clock, 60_000, (proven) => proven + 1);
  t.equal(book.now('m'), undefined, 'nothing was seen');
  book.ran('m', 1);
  t.equal(book.now('m'), 2);
  book.ran('m', 2);
  t.equal(book.now('m'), 3);
  book.waited('m', 2);
  t.same([book.now('m'), book.proven('m')], [2, 2]);
  book.ran('m', 1);
  t.equal(book.now('m'), 2, 'less at once proves nothing');
  book.waited('m', 3);
  t.equal(book.now('m'), 2, 'who waited behind others says no more than the first of them');
  book.waited('m', 1);
  t.equal(book.now('m'), 1);
  await clock.advance(60_000);
  t.equal(book.now('m'), 2, 'tried again');
  t.equal(book.now('other'), undefined);
  book.forget();
  t.equal(book.now('m'), undefined);
});
