// What the console may not do, checked over its sources: import the coordinator or the CLI, call upward among its own folders, have a
// page that no address leads to, take validators into the bundle, read the clock or chance past data/clock.ts, or bring what the page's
// policy refuses.
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

/** What a source imports of the console, from `src` on; what begins with `..` is outside of it. */
const importsOf = ({ path, text }: { path: string; text: string }) =>
  [...text.matchAll(/(?:from|import\() *'(\.[^']+)'/g)].map(([, target]) => join(dirname(path), target as string));

/** What a folder may import of ours beside itself. The files beside the folders tie all of them together. */
const mayImport: Record<string, readonly string[]> = {
  styles: [],
  kit: [],
  data: [],
  fleet: ['data', 'kit'],
  shell: ['data', 'fleet', 'kit'],
  pages: ['data', 'fleet', 'kit', 'shell'],
  stories: ['kit'],
};
const folderOf = (path: string) => (path.includes('/') ? path.slice(0, path.indexOf('/')) : null);

t.test('a folder of the console imports only those that it is told to', async (t) => {
  const folders = readdirSync(import.meta.dirname, { withFileTypes: true }).filter((each) => each.isDirectory());
  t.same(
    folders.map(({ name }) => name).sort(),
    Object.keys(mayImport).sort(),
    'the table names the folders that there are',
  );
  const upward = sources.flatMap((source) => {
    const from = folderOf(source.path);
    if (from === null) return [];
    return importsOf(source)
      .filter((target) => folderOf(target) !== from && !mayImport[from]?.includes(folderOf(target) ?? ''))
      .map((target) => `${source.path} -> ${target}`);
  });
  t.same(
    upward,
    [],
    'the kit can be read, and used, without knowing what a node is; what two pages share is not a page',
  );
});

t.test('an address leads to every page', async (t) => {
  const router = sources.find(({ path }) => path === 'router.tsx');
  const routes = sources.map(({ path }) => path).filter((path) => path.endsWith('.route.ts'));
  t.same(
    router &&
      importsOf(router)
        .filter((target) => target.endsWith('.route.ts'))
        .sort(),
    routes.sort(),
  );
});

t.test('the console keeps its rules', async (t) => {
  t.ok(sources.length > 40, 'the sources were found');
  t.same(
    sources.flatMap((source) =>
      importsOf(source)
        .filter((target) => target.startsWith('..'))
        .map((target) => `${source.path} -> ${target}`),
    ),
    [],
    'it is a client: the protocol is all it shares with the coordinator and the CLI',
  );
  t.same(breaking(/\bas never\b/), [], 'links, addresses and bodies are checked by their types');
  t.same(
    breaking(/^import (?!type )[^;]*? from '@blackroad\/protocol(\/agent-file|\/openapi)?'/m),
    [],
    'types alone come from the protocol as a whole, or from what reads with schemas: its validators would be most of the bundle',
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
