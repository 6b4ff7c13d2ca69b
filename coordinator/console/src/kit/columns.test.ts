// Finding and ordering rows.
import t from 'tap';
import { type Column, facetWords, matcher, sortKey } from './columns.ts';

interface Row {
  id: string;
  site: string;
  load: number | null;
}
const rows: Row[] = [
  { id: 'pi-10', site: 'attic', load: 0.5 },
  { id: 'pi-2', site: 'home', load: null },
  { id: 'gpu', site: 'home', load: 1 },
];
const columns: Column<Row>[] = [
  { id: 'id', title: 'Node', value: ({ id }) => id },
  { id: 'site', title: 'Site', value: ({ site }) => site },
  { id: 'load', title: 'Load', value: ({ load }) => load },
];
t.test('digits sort as numbers, nothing stands last', async (t) => {
  t.ok((sortKey('pi-2') as string) < (sortKey('pi-10') as string));
  t.equal(sortKey(3), 3);
  t.equal(sortKey(null), undefined);
});
t.test('every word is looked for in any column', async (t) => {
  const found = (text: string) => rows.filter(matcher(text, columns) ?? (() => true)).map(({ id }) => id);
  t.same(found(''), ['pi-10', 'pi-2', 'gpu']);
  t.same(found('PI home'), ['pi-2']);
  t.same(found('attic home'), []);
});
t.test('facets count their words, most first', async (t) => {
  t.same(facetWords(rows, { value: ({ site }) => site }), [
    ['home', 2],
    ['attic', 1],
  ]);
});
