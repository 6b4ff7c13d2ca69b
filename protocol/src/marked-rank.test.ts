// The rule by which marks change a ranking.
import t from 'tap';
import { type MarkFound, rankMarked } from './marked-rank.ts';

const ranked = (...ids: number[]) => ids.map((id, at) => ({ id, score: 1 / (at + 1) }));
const marks = (of: Record<number, MarkFound[]>) => (id: number) => of[id] ?? [];
const order = (list: readonly { id: number }[]) => list.map(({ id }) => id);

t.test('without marks nothing changes', async (t) => {
  t.same(rankMarked(ranked(3, 1, 2), marks({})), ranked(3, 1, 2));
});
t.test('what is said twice is shown once, where the better of the two stood', async (t) => {
  t.same(order(rankMarked(ranked(1, 2, 3), marks({ 1: [{ how: 'same', by: 3 }] }))), [3, 2]);
  t.same(order(rankMarked(ranked(1, 2), marks({ 1: [{ how: 'same', by: 9 }] }))), [9, 2], 'also what was not found');
});
t.test('what was replaced comes after what replaced it, and is still there', async (t) => {
  t.same(order(rankMarked(ranked(1, 2, 3), marks({ 1: [{ how: 'replaced', by: 3 }] }))), [3, 2, 1]);
  t.same(order(rankMarked(ranked(1), marks({ 1: [{ how: 'replaced', by: 7 }] }))), [7, 1]);
});
t.test('a chain is followed to what holds now', async (t) => {
  const chain = marks({
    1: [{ how: 'replaced', by: 2 }],
    2: [{ how: 'same', by: 3 }],
    3: [{ how: 'replaced', by: 4 }],
  });
  t.same(order(rankMarked(ranked(1), chain)), [4, 1]);
  t.same(order(rankMarked(ranked(2), chain)), [4, 2], 'of what was replaced in the end nothing is hidden');
});
t.test('a contradiction hides nothing', async (t) => {
  t.same(order(rankMarked(ranked(1, 2), marks({ 1: [{ how: 'contradicts', by: 2 }] }))), [1, 2]);
});
