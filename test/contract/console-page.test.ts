// docs/console.md names every page of the console's navigation and none that is not there; its pictures exist and are small.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { consolePages } from '../fixtures/pages.ts';

const docs = new URL('../../docs/', import.meta.url).pathname;
const text = readFileSync(join(docs, 'console.md'), 'utf8');
const maxPictureBytes = 150_000;

t.test('pages', async (t) => {
  const table = /## Pages\n([\s\S]*?)\n##|$/.exec(text)?.[1] ?? '';
  const named = [...table.matchAll(/^\| (?!page|-)([^|]+) \|/gm)].map(([, name]) => name);
  const there = (await consolePages()).flatMap(({ nav }) => (nav ? [nav] : []));
  t.same(named.toSorted(), there.map((nav) => nav.text).toSorted());
});

t.test('pictures', async (t) => {
  const pictures = [...text.matchAll(/\((pictures\/[^)]+)\)/g)].map(([, path]) => path as string);
  t.ok(pictures.length >= 5);
  for (const path of pictures) t.ok(statSync(join(docs, path)).size <= maxPictureBytes, path);
});
