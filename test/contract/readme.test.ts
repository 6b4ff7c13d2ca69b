// What the README tells people to type exists: verbs, flags, files, make targets.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAgentFile } from '@blackroad/protocol/agent-file';
import t from 'tap';
import { verbs } from '../../coordinator/cli/src/verbs.ts';

const root = new URL('../..', import.meta.url).pathname;
const pages = ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/glossary.md'];
const readme = readFileSync(join(root, 'README.md'), 'utf8');

t.test('verbs and flags in the README exist', async (t) => {
  const calls = [...readme.matchAll(/bin\/fleet (?!-)([^\n`#)]+)/g)].map(([, words]) => (words as string).trim());
  t.ok(calls.length > 8, 'there are some');
  for (const call of calls) {
    const words = call.split(/\s+/);
    const verb = verbs
      .filter(({ words: own }) => own.split(' ').every((word, i) => words[i] === word))
      .toSorted((a, b) => b.words.length - a.words.length)[0];
    t.ok(verb, `fleet ${call}`);
    const known = new Set([...Object.keys(verb?.flags ?? {}), 'json', 'help', 'coordinator', 'key', 'ca', 'data']);
    for (const flag of words.filter((word) => /^--\w/.test(word)))
      t.ok(known.has(flag.slice(2)), `${flag} of fleet ${verb?.words}`);
  }
});

t.test('the README leads to every page of the documentation, once', async (t) => {
  const line = readme.split('\n').find((each) => each.startsWith('[Architecture')) ?? '';
  const linked = [...line.matchAll(/\]\(docs\/([a-z-]+\.md)\)/g)].map(([, page]) => page);
  t.strictSame(linked.toSorted(), [...new Set(linked)].toSorted(), 'each once');
  const elsewhere = [...readme.matchAll(/\]\(docs\/([a-z-]+\.md)/g)].map(([, page]) => page);
  const pages = readdirSync(join(root, 'docs')).filter((page) => page.endsWith('.md'));
  t.strictSame(
    pages.filter((page) => !elsewhere.includes(page)),
    [],
  );
  t.equal(readme.split('\n').filter((each) => each.includes('[Glossary](docs/glossary.md)')).length, 1, 'one list');
});

t.test('make targets in the README exist', async (t) => {
  const makefile = readFileSync(join(root, 'Makefile'), 'utf8');
  for (const [, target] of readme.matchAll(/`?make (\w+)/g))
    t.match(makefile, new RegExp(`^${target}:`, 'm'), `make ${target}`);
});

t.test('links of the pages lead somewhere', async (t) => {
  for (const page of pages) {
    for (const [, link] of readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)#]+)\)/g)) {
      if (/^https?:/.test(link as string)) continue;
      t.ok(existsSync(join(root, page, '..', link as string)), `${page}: ${link}`);
    }
  }
});

t.test('the examples and the README agent are valid', async (t) => {
  for (const file of ['greeter.yaml', 'home.yaml']) {
    t.ok(readAgentFile(readFileSync(join(root, 'docs/examples', file), 'utf8'), file).length > 0, file);
  }
  const yaml = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  t.equal(readAgentFile(yaml, 'README.md')[0]?.name, 'greeter');
});
