import t from 'tap';
import { PieceTimes } from './piece-times.ts';

t.test('the first piece was written before it came', async (t) => {
  const times = new PieceTimes(1000);
  for (let at = 0; at < 11; at++) times.came(5, 1300 + at * 20);
  t.equal(times.prefillMs(1500), 300);
  t.equal(Math.round(times.decodeMs(1500)), 220, 'ten pieces in 200 ms are eleven in 220');
});

t.test('an answer that came as one piece shows no writing speed', async (t) => {
  const times = new PieceTimes(0);
  times.came(80, 800);
  times.came(0, 805);
  times.came(10, 810);
  t.equal(times.prefillMs(816), 800);
  t.equal(times.decodeMs(816), 0);
});

t.test('an answer without pieces', async (t) => {
  const times = new PieceTimes(10);
  t.equal(times.prefillMs(15), 5);
  t.equal(times.decodeMs(15), 0);
});
