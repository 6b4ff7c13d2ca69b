// Which tries of a conversation are shown.
import t from 'tap';
import { newestBelow, pathTo } from './turn-tree.ts';

// a - b - d        b and c are tries of one message, e is another first message
//   \\ c - f
const turns = [
  { id: 'a' },
  { id: 'b', after: 'a' },
  { id: 'c', after: 'a' },
  { id: 'd', after: 'b' },
  { id: 'e' },
  { id: 'f', after: 'c' },
];
const shown = (leaf: string | null) => pathTo(turns, leaf).map(({ turn, tries }) => [turn.id, ...tries]);

t.test('the path to a turn, with the tries of each message', async (t) => {
  t.same(shown('d'), [
    ['a', 'a', 'e'],
    ['b', 'b', 'c'],
    ['d', 'd'],
  ]);
  t.same(shown('e'), [['e', 'a', 'e']]);
  t.same(shown(null).at(-1), ['f', 'f'], 'the newest');
  t.same(shown('gone'), shown(null));
  t.same(pathTo([], null), []);
  t.same(
    pathTo(
      [
        { id: 'x', after: 'y' },
        { id: 'y', after: 'x' },
      ],
      'x',
    ).length,
    2,
    'a circle ends',
  );
});
t.test('another try is shown with what followed it last', async (t) => {
  t.same(
    ['a', 'b', 'c', 'e'].map((id) => newestBelow(turns, id)),
    ['f', 'd', 'f', 'e'],
  );
});
