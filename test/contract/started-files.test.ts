// What the coordinator starts beside itself is a file of its release, too: in a bundle there are no sources.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'coordinator/src');

t.test('files that the coordinator starts are in its release', async (t) => {
  const build = readFileSync(join(root, 'release/src/coordinator.ts'), 'utf8');
  let started = 0;
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || path.endsWith('.test.ts')) continue;
    const text = readFileSync(join(folder, path), 'utf8');
    if (!/\b(fork|new Worker)\(\s*new URL\(/.test(text)) continue;
    started++;
    const [, bundle] = /isBundle\(import\.meta\.url\) \? '\.\/([a-z-]+)\.mjs'/.exec(text) ?? [];
    t.ok(bundle, `${path} names the file that a bundle starts`);
    t.match(build, new RegExp(`\\b'?${bundle}'?: 'coordinator/src/`), `${bundle}.mjs is built`);
  }
  t.ok(started >= 3, 'some are started');
});
