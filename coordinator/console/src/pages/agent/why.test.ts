// Scores beside each other, and what sets nodes apart.
import type { NodeScore } from '@blackroad/protocol';
import t from 'tap';
import { candidates, mostly, scoreRows } from './why.ts';

const node = (name: string, values: Record<string, [value: number, weight: number]>): NodeScore => ({
  node: name,
  model: 'tiny',
  score: Object.values(values).reduce((sum, [value, weight]) => sum + value * weight, 0),
  scores: Object.entries(values).map(([each, [value, weight]]) => ({
    name: each,
    value,
    weight,
    text: `${each} of ${name}`,
  })),
  isHere: name === 'a',
});
const a = node('a', { price: [1, 72], load: [1, 8], health: [1, 3] });
const b = node('b', { price: [1, 72], load: [0.25, 8], health: [0.5, 3] });

t.test('what decides comes first; what is the same everywhere decides nothing', async (t) => {
  const rows = scoreRows([a, b]);
  t.same(
    rows.map(({ name, decides }) => [name, decides]),
    [
      ['load', true],
      ['health', true],
      ['price', false],
    ],
  );
  t.same(rows[0]?.cells, [
    { points: 8, share: 1, text: 'load of a' },
    { points: 2, share: 0.25, text: 'load of b' },
  ]);
});
t.test('a score that one node lacks counts nothing there', async (t) => {
  const [row] = scoreRows([a, node('c', { price: [1, 72] })]);
  t.same([row?.name, row?.cells[1], row?.decides], ['load', null, true]);
});
t.test('what sets a node apart', async (t) => {
  t.equal(mostly(a, b)?.name, 'load');
  t.equal(mostly(a, a), null);
  const better = node('d', { price: [1, 72], load: [0.9, 8], health: [1, 30] });
  t.equal(mostly(a, better)?.name, 'health', 'for it, where it is the better one');
});
t.test('the node it is on stands first, or the best one', async (t) => {
  t.same(candidates({ here: a, others: [b] }), [a, b]);
  t.same(candidates({ here: null, others: [b] }), [b]);
});
