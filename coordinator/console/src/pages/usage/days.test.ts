// Days and bars of usage.
import t from 'tap';
import { barsOf, dayInWords, dayOf, figureOf, firstDay, listPrices } from './days.ts';

t.test('a window of days ends today, by UTC', async (t) => {
  const now = Date.parse('2026-03-01T00:30:00Z');
  t.equal(dayOf(now), '2026-03-01');
  t.equal(firstDay(now, 7), '2026-02-23');
  t.equal(firstDay(now, 1), '2026-03-01');
  t.equal(dayInWords('2026-03-01'), 'Sun 1 Mar');
});
t.test('a day without work has a bar of nothing', async (t) => {
  const row = {
    key: '2026-03-01',
    tasks: 4,
    failed: 1,
    promptTokens: 100,
    completionTokens: 20,
    costUsd: 0.5,
    cloudUsd: 0,
  };
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

t.test('the prices that the own answers are compared with are said with their models', async (t) => {
  const price = { read: 0.1, written: 0.5 };
  t.equal(
    listPrices([
      { of: 'small', provider: 'openai', model: 'luna', price },
      { of: 'embed', provider: 'openai', model: 'embed-3', price },
    ]),
    'at the list price of luna for small models ($0.1 read, $0.5 written), embed-3 for vectors ($0.1); a million tokens each',
  );
});
