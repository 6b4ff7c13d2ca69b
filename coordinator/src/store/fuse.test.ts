import t from 'tap';
import { fuseRanks, weigh } from './fuse.ts';

const list = (...items: string[]) => items.map((item, value) => ({ item, value }));
const order = (scores: Map<string, number>) => [...scores].sort(([, a], [, b]) => b - a).map(([item]) => item);

t.test('what stands in both lists comes before what leads one', async (t) => {
  t.strictSame(order(fuseRanks([list('a', 'b', 'c'), list('d', 'c', 'e')])), ['c', 'a', 'd', 'b', 'e']);
});
t.test('equal values share a place, the next place is not moved up', async (t) => {
  const tied = [
    { item: 'a', value: 1 },
    { item: 'b', value: 1 },
    { item: 'c', value: 2 },
  ];
  t.strictSame([...fuseRanks([tied]).values()], [1 / 61, 1 / 61, 1 / 63]);
});
t.test('one list alone keeps its order; no list gives nothing', async (t) => {
  t.strictSame(order(fuseRanks([list('a', 'b'), []])), ['a', 'b']);
  t.equal(fuseRanks([]).size, 0);
});
t.test('importance and recency lift by at most a tenth together', async (t) => {
  const day = 86_400_000;
  t.equal(weigh(1, 1, 0), 1.1);
  t.ok(weigh(1, 0, 0) > weigh(1, 0, 30 * day) && weigh(1, 0, 30 * day) > weigh(1, 0, 365 * day));
  t.ok(weigh(1, 0.2, day) < weigh(1, 0.8, day));
  t.equal(weigh(1, 0, -day), weigh(1, 0, 0), 'a clock that went back makes nothing younger than new');
});
