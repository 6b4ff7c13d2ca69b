import t from 'tap';
import { ago, bytes, duration, paintFor, table } from './words.ts';

t.test('figures as people read them', async (t) => {
  t.same([0, 2048, 5 * 1024 ** 2, 1.5 * 1024 ** 3].map(bytes), ['0 KiB', '2 KiB', '5 MiB', '1.5 GiB']);
  t.same([-5, 900, 9_940, 60_000, 3_000_000, 10_000_000, 400_000_000].map(duration), [
    '0.0 s',
    '0.9 s',
    '9.9 s',
    '60 s',
    '50 min',
    '3 h',
    '5 d',
  ]);
  t.equal(ago(null, 0), 'never');
  t.equal(ago(1000, 4000), '3.0 s ago');
});

t.test('columns are as wide as their widest cell, colours take no room, the last is cut at the edge', async (t) => {
  const paint = paintFor(true);
  const plain = paintFor(false);
  const text = table(
    ['A', 'B', 'C'],
    [
      ['x', paint('green', 'long one'), 'end'],
      ['yy', 's', `${'w'.repeat(80)}`],
    ],
    60,
    plain,
  ).split('\n');
  t.equal(text[0], 'A   B         C');
  t.match(text[1], /^x {3}.*long one.* {2}end$/);
  t.equal(text[2]?.length, 60);
  t.match(text[2], /…$/);
});

t.test('a cell with line breaks stays on its line', async (t) => {
  t.equal(table(['A'], [['one\ntwo']], 80, paintFor(false)).split('\n').length, 2);
});
