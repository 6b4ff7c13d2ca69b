import { stripVTControlCharacters } from 'node:util';
import t from 'tap';
import { ago, byName, bytes, cutTo, duration, paintFor, pieces, table } from './words.ts';

t.test('figures as people read them', async (t) => {
  t.same([0, 700, 2048, 5 * 1024 ** 2, 1.5 * 1024 ** 3].map(bytes), ['0 B', '700 B', '2 KiB', '5 MiB', '1.5 GiB']);
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

t.test('a table fits its screen: spare columns go first, then the widest are cut', async (t) => {
  const head = ['NODE', 'SITE', 'STATE', 'WHY'];
  const rows = [['alice-in-the-attic', 'home', paintFor(true)('green', 'online'), 'w'.repeat(90)]];
  const narrow = table(head, rows, 40, paintFor(false), ['SITE']);
  t.notMatch(narrow, /SITE/);
  for (const columns of [24, 40, 80, 120]) {
    for (const line of table(head, rows, columns, paintFor(false), ['SITE']).split('\n'))
      t.ok(stripVTControlCharacters(line).length <= columns, `${columns}: ${line}`);
  }
  t.match(table(head, rows, 120, paintFor(false), ['SITE']), /SITE/, 'where there is room it stays');
});

t.test('a coloured text is cut without leaving its colour on', async (t) => {
  t.equal(cutTo(4, paintFor(true)('red', 'longer')), '\u001b[31mlon…\u001b[0m');
  t.equal(cutTo(9, 'short'), 'short');
});

t.test('an address is whole, however narrow the screen', async (t) => {
  const url = `https://192.168.1.20:8401/#code=${'a'.repeat(60)}`;
  for (const columns of [30, 79, 200]) {
    const lines = pieces(url, columns);
    t.equal(lines.join(''), url);
    for (const line of lines) t.ok(line.length <= columns);
  }
});

t.test('alice-6 stands before alice-12', async (t) => {
  t.same(['alice-12', 'alice-6', 'alice'].sort(byName), ['alice', 'alice-6', 'alice-12']);
});
