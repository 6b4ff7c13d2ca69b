// Every invariant that code names stands in docs/invariants.md, and every one that stands there is named by its code or tests.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkers } from '../sim/checkers/all.ts';

const root = new URL('../..', import.meta.url).pathname;
const documented = new Set(
  [...readFileSync(join(root, 'docs/invariants.md'), 'utf8').matchAll(/`(INV-[a-z-]+)`/g)].map(
    ([, name]) => name as string,
  ),
);
const named = new Map<string, string>();
for (const folder of ['protocol/src', 'std/src', 'coordinator/src', 'node-agent/src', 'test/sim']) {
  for (const name of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    for (const [found] of readFileSync(join(root, folder, name), 'utf8').matchAll(/INV-[a-z-]+/g))
      named.set(found, `${folder}/${name}`);
  }
}

t.test('what code calls an invariant is documented', async (t) => {
  const missing = [...named]
    .filter(([name]) => !documented.has(name) && name !== 'INV-')
    .map(([name, path]) => `${name} in ${path}`);
  t.same(missing, []);
});
t.test('every checker of the simulator stands for one of them, and no two for the same', async (t) => {
  const names = checkers.map((make) => make({} as never).name);
  t.same(
    names.filter((name) => !documented.has(name)),
    [],
  );
  t.equal(new Set(names).size, names.length);
});
t.test('places of documented invariants exist', async (t) => {
  for (const line of readFileSync(join(root, 'docs/invariants.md'), 'utf8').split('\n')) {
    if (!line.startsWith('| `INV-')) continue;
    for (const [, path] of line.split('|')[3]!.matchAll(/`([^`]+\/[^`]+)`/g))
      t.doesNotThrow(() => readdirOrFile(join(root, path as string)), `${path} exists`);
  }
});
function readdirOrFile(path: string): void {
  try {
    readdirSync(path);
  } catch {
    readFileSync(path);
  }
}
