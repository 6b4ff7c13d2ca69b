// Days and bars of usage.
import t from 'tap';
import { barsOf, dayInWords, dayOf, figureOf, firstDay } from './days.ts';

t.test('a window of days ends today, by UTC', async (t) => {
  const now = Date.parse('2026-03-01T00:30:00Z');
  t.equal(dayOf(now), '2026-03-01');
  t.equal(firstDay(now, 7), '2026-02-23');
  t.equal(firstDay(now, 1), '2026-03-01');
  t.equal(dayInWords('2026-03-01'), 'Sun 1 Mar');
});
t.test('a day without work has a bar of nothing', async (t) => {
  const row = { key: '2026-03-01', tasks: 4, failed: 1, promptTokens: 100, completionTokens: 20, costUsd: 0.5 };
  const bars = barsOf({ from: '2026-02-27', to: '2026-03-01', rows: [row] });
  t.same(
    bars.map(({ day, tasks }) => [day, tasks]),
    [
      ['2026-02-27', 0],
      ['2026-02-28', 0],
      ['2026-03-01', 4],
    ],
  );
  t.same([figureOf(row, 'tokens'), figureOf(row, 'tasks'), figureOf(row, 'cost')], [120, 4, 0.5]);
});
