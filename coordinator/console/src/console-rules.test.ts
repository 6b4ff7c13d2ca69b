// What the console may not do, checked over its sources: import the coordinator, take validators into the bundle, read the clock or
// chance past data/clock.ts, or bring what the page's policy refuses.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';

const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(ts|tsx)$/.test(path) && !/\.test\.ts$|\.d\.ts$/.test(path))
  .map((path) => ({ path, text: readFileSync(join(import.meta.dirname, path), 'utf8') }));
const breaking = (pattern: RegExp, ...except: string[]) =>
  sources
    .filter(({ path, text }) => pattern.test(text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')) && !except.includes(path))
    .map(({ path }) => path);

t.test('the console keeps its rules', async (t) => {
  t.ok(sources.length > 40, 'the sources were found');
  const outside = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:from|import\() *'(\.[^']+)'/g)]
      .filter(([, target]) => join(dirname(path), target as string).startsWith('../../src'))
      .map(([, target]) => `${path} -> ${target}`),
  );
  t.same(outside, [], 'it is a client: the protocol is all it shares with the coordinator');
  t.same(
    breaking(/^import (?!type )[^;]*? from '@blackroad\/protocol'/m),
    [],
    'types alone come from the protocol as a whole: its validators would be most of the bundle',
  );
  t.same(
    breaking(
      /\bDate\.now\(|\bperformance\.now\(|\bMath\.random\(|(?<![.\w])(setTimeout|setInterval)\(/,
      'data/clock.ts',
      'kit/copied.ts',
    ),
    [],
    "times shown are the coordinator's: data/clock.ts has them",
  );
  t.same(
    breaking(/<style|dangerouslySetInnerHTML|\beval\(|https?:\/\/(?!www\.w3\.org)[a-z]/),
    [],
    'the policy refuses it, and a LAN has no CDN',
  );
  t.same(
    sources.filter(({ text }) => !text.startsWith('//')).map(({ path }) => path),
    [],
    'a file opens with what it owns',
  );
});
