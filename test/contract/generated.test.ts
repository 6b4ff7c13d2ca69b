// What is made from the protocol's tables is in step with them, and says what it should.
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  auditActions,
  decode,
  eventTypes,
  mayDo,
  nodeEvents,
  type Permission,
  permissions,
  problems,
  roles,
  routes,
  type TopicRow,
  topicOf,
  topics,
} from '@blackroad/protocol';
import t from 'tap';
import { documents } from '../../protocol/src/generate/documents.ts';
import { limitRows } from '../../protocol/src/generate/limits-table.ts';
import { topicParams as params } from '../fixtures/protocol/topic-params.ts';

const root = resolve(import.meta.dirname, '../..');
const made = documents(root);

t.test('every document is in step', async (t) => {
  for (const [path, text] of Object.entries(made)) {
    let present = '';
    try {
      present = readFileSync(join(root, path), 'utf8');
    } catch {}
    t.ok(present === text, `${path} is out of step with the tables: run \`node protocol/src/generate/write.ts\``);
  }
});

/** Every `$ref` of a document must lead somewhere in it. */
function dangling(document: unknown): string[] {
  const bad: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, part] of Object.entries(value)) {
      if (key === '$ref' && typeof part === 'string') {
        let at: unknown = document;
        for (const step of part.slice(2).split('/')) at = (at as Record<string, unknown> | undefined)?.[step];
        if (at === undefined || at === null) bad.push(part);
      } else walk(part);
    }
  };
  walk(document);
  return bad;
}

t.test('AsyncAPI: a channel and an operation for every topic', async (t) => {
  const document = JSON.parse(made['docs/asyncapi.json'] as string);
  t.equal(document.asyncapi, '3.1.0');
  t.same(Object.keys(document.channels), Object.keys(topics));
  t.same(dangling(document), []);
  for (const [name, row] of Object.entries(topics) as [string, TopicRow][]) {
    t.equal(document.channels[name].address, `blackroad/v1/${row.pattern}`);
    t.equal(document.operations[name].action, row.writer === 'coordinator' ? 'send' : 'receive', name);
    t.match(document.operations[name].bindings.mqtt, { qos: row.qos, retain: row.retain });
    const named = [...row.pattern.matchAll(/\{(\w+)\}/g)].map(([, key]) => key);
    t.same(Object.keys(document.channels[name].parameters ?? {}), named, name);
    const { examples } = document.components.messages[name];
    for (const { summary, payload } of examples)
      t.match(decode(summary, Buffer.from(JSON.stringify(payload))), { name }, `the example of ${name} decodes`);
  }
});

t.test('OpenAPI: an operation for every route, with its parameters', async (t) => {
  const document = JSON.parse(made['docs/openapi.json'] as string);
  t.equal(document.openapi, '3.1.0');
  t.same(dangling(document), []);
  for (const [name, row] of Object.entries(routes)) {
    const path = row.path.replace(/:(\w+)/g, '{$1}');
    const operation = document.paths[path]?.[row.method.toLowerCase()];
    t.equal(operation?.operationId, name);
    const inPath = (operation.parameters ?? []).filter((p: { in: string }) => p.in === 'path');
    t.same(
      inPath.map((p: { name: string }) => `{${p.name}}`),
      path.match(/\{\w+\}/g) ?? [],
      name,
    );
    const needed = row.needs === 'open' ? [] : [{ key: [row.needs] }];
    t.strictSame(operation.security, needed, `${name} is open to none by mistake`);
  }
});

t.test('the page for people names every topic, route, permission, problem, event, action and limit', async (t) => {
  const page = made['docs/protocol.md'] as string;
  for (const { pattern } of Object.values(topics)) t.ok(page.includes(`\`${pattern}\``), pattern);
  for (const { method, path } of Object.values(routes)) t.ok(page.includes(`\`${method} ${path}\``), path);
  for (const [name, text] of Object.entries(permissions)) {
    const held = roles.map((role) => (mayDo([role], name as Permission) ? 'yes' : ''));
    t.ok(page.includes(`| \`${name}\` | ${held.join(' | ')} | ${text} |`), name);
  }
  for (const code of Object.keys(problems)) t.ok(page.includes(`\`${code}\``), code);
  for (const name of [...eventTypes, ...auditActions]) t.ok(page.includes(`\n| \`${name}\` | `), name);
  for (const line of page.split('\n')) t.notMatch(line, /undefined|NaN|\[object/);
  t.match(page, /\| `maxPacketBytes` \| 163,840 \(160 KiB\) \|/);
});

t.test('the reason of a limit is the whole comment above it', async (t) => {
  const source =
    '/** One\n * and two. */\nexport const a = 1;\n/** Three. */\nexport const b = 2;\nexport const c = 3;\n';
  t.same(
    limitRows(source, { a: 1, b: 2, c: 3 }).map(({ name, reason }) => `${name}: ${reason}`),
    ['a: One and two.', 'b: Three.', 'c: Three.'],
  );
});

t.test('every event of a node stands in the page, and some file of the node-agent tells it', async (t) => {
  const page = made['docs/protocol.md'] as string;
  const folder = join(root, 'node-agent/src');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
  for (const type of Object.keys(nodeEvents)) {
    t.ok(page.includes(`| \`${type}\` |`), type);
    t.ok(
      sources.some((text) => text.includes(`'${type}'`)),
      `${type} is told by nobody`,
    );
  }
});

t.test('a limit without a reason is refused', async (t) => {
  t.throws(() => limitRows('export const a = 1;', { a: 1 }), /a has no reason/);
  t.throws(() => limitRows('/** Why. */\nexport const a = b;', { a: 'x' }), /a is not a number/);
});

/** What the ACL text grants, read back in the plainest way. */
t.test('Mosquitto: patterns grant each row to its writer and reader and nothing else', async (t) => {
  const lines = (made['docs/acl/mosquitto.acl'] as string).split('\n').filter((line) => line && !line.startsWith('#'));
  const grants = lines
    .filter((line) => line.startsWith('pattern '))
    .map((line) => line.split(' ') as [string, 'read' | 'write', string]);
  const granted = (kind: 'read' | 'write', user: string, topic: string) =>
    grants.some(([, access, pattern]) => {
      const source = pattern.replaceAll('%u', user).replaceAll('+', '[^/]+').replace(/#$/, '.*');
      return access === kind && new RegExp(`^${source}$`).test(topic);
    });
  for (const [name, row] of Object.entries(topics) as [keyof typeof topics, TopicRow][]) {
    const topic = topicOf(name, params);
    const toNodes = row.writer === 'coordinator' && (row.pattern.includes('{node}') || !row.pattern.includes('{'));
    t.equal(granted('write', 'alice', topic), row.writer === 'node', `alice writes ${topic}`);
    t.equal(granted('write', 'bob', topic), false, `bob writes ${topic}`);
    t.equal(granted('read', 'alice', topic), toNodes, `alice reads ${topic}`);
    t.equal(granted('read', 'bob', topic), toNodes && !row.pattern.includes('{node}'), `bob reads ${topic}`);
  }
  t.same(lines.slice(lines.indexOf('user fleet.coordinator')), [
    'user fleet.coordinator',
    'topic readwrite blackroad/v1/#',
    'topic write homeassistant/device/+/config',
    'topic read homeassistant/status',
  ]);
});

t.test('EMQX: well-formed terms that end in a denial', async (t) => {
  const text = (made['docs/acl/emqx.conf'] as string).replace(/^%%.*$/gm, '').trim();
  for (const [open, close] of ['{}', '[]']) {
    t.equal(text.split(open as string).length, text.split(close as string).length, `${open}${close}`);
  }
  t.match(
    text,
    /^\{allow, \{username, "fleet\.coordinator"\}, all, \["blackroad\/v1\/#", "homeassistant\/device\/\+\/config", "homeassistant\/status"\]\}\./,
  );
  t.match(text, /\{deny, all\}\.$/);
  for (const { pattern, writer } of Object.values(topics)) {
    const filter = pattern.replace('{node}', '$' + '{username}').replace(/(?<!\$)\{\w+\}/g, '+');
    if (writer === 'node') t.ok(text.includes(`"blackroad/v1/${filter}"`), filter);
  }
  t.ok(text.includes('"blackroad/v1/cmd/$' + '{username}/+"'));
  t.ok(text.includes('"blackroad/v1/fleet/state"'));
});
