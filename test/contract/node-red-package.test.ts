// The package for Node-RED as it is shipped: it loads as CommonJS, dialogs and help are there for every node, the examples name nothing that is not
// there, and docs/node-red.md says of troubles and examples what the code has.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import t from 'tap';
import { Trouble } from '../../node-red/src/trouble.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'node-red');
const guide = readFileSync(join(root, 'docs/node-red.md'), 'utf8');
execFileSync(process.execPath, [join(folder, 'build.ts')]);

interface Editor {
  defaults: Record<string, { required?: boolean; validate?: (value: string) => boolean; value: unknown }>;
  inputs?: number;
  outputs?: number;
  outputLabels?: string[];
}
const html = readFileSync(join(folder, 'dist/fleet.html'), 'utf8');
const editors = new Map<string, Editor>();
const red = { nodes: { registerType: (type: string, editor: Editor) => void editors.set(type, editor) } };
/** One for all scripts, as the page of the editor is. */
const page = createContext({ RED: red });
page.window = page;
for (const [, script] of html.matchAll(/<script type="text\/javascript">([\s\S]*?)<\/script>/g))
  runInContext(script as string, page);

t.test('what Node-RED loads registers the nodes that the editor knows, each with a dialog and a help', async (t) => {
  const types: string[] = [];
  const load = createRequire(import.meta.url)(join(folder, 'dist/fleet.js')) as (red: object) => void;
  const nodes = { registerType: (type: string) => void types.push(type) };
  load({ nodes, auth: { needsPermission() {} }, httpAdmin: { get() {} } });
  t.same(types.toSorted(), [...editors.keys()].toSorted());
  for (const type of types) {
    t.match(html, `data-template-name="${type}"`);
    t.match(html, `data-help-name="${type}"`);
    const { outputs, outputLabels } = editors.get(type) as Editor;
    t.equal(outputLabels?.length, outputs, `${type} names its outputs`);
  }
});

t.test('every field of a dialog is a setting', async (t) => {
  for (const [type, { defaults }] of editors) {
    const [, template = ''] = new RegExp(`data-template-name="${type}">([\\s\\S]*?)</script>`).exec(html) ?? [];
    const fields = [...template.matchAll(/id="node-(?:config-)?input-(\w+)"/g)].map(([, name]) => name);
    t.same(fields.filter((name) => name !== 'key').toSorted(), Object.keys(defaults).toSorted(), type);
    if (type === 'fleet') continue;
    t.same([fields[0], fields.at(-1)], ['fleet', 'name'], `${type}: the rows that all have, around its own`);
    t.match(defaults, { name: { value: '' }, fleet: { value: '', type: 'fleet', required: true } }, type);
  }
});

/** Of Node-RED itself. */
const core = new Set([
  ...['tab', 'comment', 'debug', 'inject', 'change', 'template', 'function'],
  ...['http in', 'http response', 'mqtt in', 'mqtt out', 'mqtt-broker'],
]);
interface Entry {
  id: string;
  type: string;
  z?: string;
  fleet?: string;
  broker?: string;
  wires?: string[][];
  [name: string]: unknown;
}
const examples = readdirSync(join(folder, 'examples'));
for (const file of examples) {
  t.test(`example ${file}`, async (t) => {
    const flow = JSON.parse(readFileSync(join(folder, 'examples', file), 'utf8')) as Entry[];
    const ids = new Set(flow.map(({ id }) => id));
    t.equal(ids.size, flow.length, 'ids are single');
    for (const entry of flow) {
      const editor = editors.get(entry.type);
      t.ok(editor || core.has(entry.type), `${entry.type} is a node of ours or of Node-RED`);
      for (const id of [entry.z, entry.fleet, ...(entry.wires ?? []).flat()])
        t.ok(id === undefined || ids.has(id), `${entry.id} leads to ${id}, which is there`);
      if (!editor) continue;
      t.equal(entry.wires?.length, editor.outputs, `${entry.id} has all outputs`);
      for (const [name, { validate }] of Object.entries(editor.defaults)) {
        t.ok(name in entry, `${entry.id} has ${name}`);
        if (validate) t.ok(validate(String(entry[name])), `${name} of ${entry.id}`);
      }
      t.notOk(JSON.stringify(entry).includes('brk_'), 'no key');
    }
  });
}

t.test('the page has the troubles and the examples that there are', async (t) => {
  const [, table = ''] = /<!-- troubles -->([\s\S]*?)<!-- \/troubles -->/.exec(guide) ?? [];
  const rows = [...table.matchAll(/^\| `([\w-]+)` \| ([^|]+) \|/gm)].map(([, kind, words]) => [kind, words]);
  t.ok(rows.length > 10);
  const source = readFileSync(join(folder, 'src/trouble.ts'), 'utf8');
  const [, list = ''] = /const words = \{([\s\S]*?)\} as const/.exec(source) ?? [];
  const kinds = [...list.matchAll(/^ {2}'?([\w-]+)'?: '/gm)].map(([, kind]) => kind);
  t.same(
    rows.map(([kind]) => kind),
    kinds,
  );
  for (const [kind, words] of rows) t.equal(new Trouble(kind as 'away', '').words, words);
  const named = [...guide.slice(guide.indexOf('## The examples')).matchAll(/^\| ([A-Z][^|]+) \|/gm)].map(
    ([, name]) => name,
  );
  t.same(named.toSorted(), examples.map((file) => basename(file, '.json')).toSorted());
});
