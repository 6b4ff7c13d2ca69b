// Every invariant that code names stands in docs/invariants.md, with the very files that carry its tag; and every one that stands
// there is kept somewhere.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkers } from '../sim/checkers/all.ts';

const root = new URL('../..', import.meta.url).pathname;
/** By name: the places that the page gives. */
const documented = new Map<string, string[]>();
for (const line of readFileSync(join(root, 'docs/invariants.md'), 'utf8').split('\n')) {
  const [, name, , places] = /^\| `(INV-[a-z-]+)` \| (.+) \| (.+) \|$/.exec(line) ?? [];
  if (name && places) documented.set(name, [...places.matchAll(/`([^`]+)`/g)].map(([, path]) => path as string).sort());
}
function filesOf(...folders: string[]): { path: string; text: string }[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => ({ path: join(folder, name), text: readFileSync(join(root, folder, name), 'utf8') })),
  );
}
const source = filesOf('protocol/src', 'std/src', 'coordinator/src', 'node-agent/src');
const tag = /\[(INV-[a-z-]+)\]/g;

t.test('what code and checkers call an invariant is documented', async (t) => {
  for (const { path, text } of [...source, ...filesOf('test/sim')])
    for (const [name] of text.matchAll(/INV-[a-z-]+/g))
      if (!documented.has(name) && name !== 'INV-') t.fail(`${name} in ${path} is not in docs/invariants.md`);
  t.ok(documented.size > 20);
});
t.test('the places of an invariant are the files that carry its tag, no more and no fewer', async (t) => {
  const kept = source.filter(({ path }) => !path.endsWith('.test.ts'));
  for (const [name, places] of documented) {
    const tagged = kept.filter(({ text }) => [...text.matchAll(tag)].some(([, found]) => found === name));
    t.same(places, tagged.map(({ path }) => path).sort(), name);
    t.ok(places.length > 0, `${name} is kept somewhere`);
  }
});
t.test('every checker of the simulator stands for one of them, and no two for the same', async (t) => {
  const names = checkers.map((make) => make({} as never).name);
  t.same(
    names.filter((name) => !documented.has(name)),
    [],
  );
  t.equal(new Set(names).size, names.length);
});
