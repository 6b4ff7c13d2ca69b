// The bundle's replacements for TypeBox against TypeBox itself: the same schemas, the same verdicts on the recorded messages, on every way
// to damage them and on made-up values, and the same words for invalid values.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as protocol from '@blackroad/protocol';
import { build } from 'esbuild';
import fc from 'fast-check';
import t from 'tap';
import { Check } from 'typebox/schema';
import * as tools from '../../../test/fixtures/node-agent/tool-schemas.ts';
import { buildSchemaErrors, plainSchemas } from '../../plain-schemas.ts';

type Schema = protocol.TSchema & Record<string, unknown>;
const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'plain-schemas-'));
t.teardown(() => rmSync(folder, { recursive: true }));

await build({
  entryPoints: {
    protocol: join(root, 'protocol/src/index.ts'),
    tools: join(root, 'test/fixtures/node-agent/tool-schemas.ts'),
  },
  outdir: folder,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  ...plainSchemas,
});
await buildSchemaErrors(folder);
const plain = (await import(join(folder, 'protocol.mjs'))) as typeof protocol;
const plainTools = (await import(join(folder, 'tools.mjs'))) as typeof tools;

const topics = Object.keys(protocol.topics) as protocol.TopicName[];
const golden = readdirSync(join(root, 'protocol/golden')).map((file) => {
  const { payload } = JSON.parse(readFileSync(join(root, 'protocol/golden', file), 'utf8')) as { payload: unknown };
  return { file, name: file.split('.')[0] as protocol.TopicName, payload };
});

t.test('the schemas are the same, to the order of their keywords', async (t) => {
  const asJson = (module: object) =>
    Object.entries(module)
      .filter(([, value]) => typeof value === 'object')
      .map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  t.ok(asJson(protocol).length > 100);
  t.same(asJson(plain), asJson(protocol));
  t.ok(asJson(tools).length >= 4);
  t.same(asJson(plainTools), asJson(tools));
});

t.test('no bundle is made with a keyword or a type that the stand-ins do not know', async (t) => {
  t.throws(() => plain.Type.String({ format: 'email' }), /a schema with this format cannot be checked in a bundle/);
  t.throws(() => plain.Type.Object({}, { additionalProperties: plain.Type.String() }), /additionalProperties/);
  const other = build({
    stdin: { contents: "import 'typebox/value'", resolveDir: root },
    bundle: true,
    write: false,
    ...plainSchemas,
    logLevel: 'silent',
  });
  await t.rejects(other, /typebox\/value has no stand-in/);
});

/** Both have the same verdict, in the same words. */
function agree(name: protocol.TopicName, value: unknown): boolean {
  const [ours, theirs] = [plain.topics[name].schema, protocol.topics[name].schema];
  const fits = Check(theirs, value);
  if (plain.interpretingChecker(ours, value) !== fits) return false;
  return fits || JSON.stringify(plain.faults(ours, value)) === JSON.stringify(protocol.faults(theirs, value));
}

const damaged: readonly unknown[] = [
  ...[undefined, null, true, false, '', 'x', 'UPPER CASE', 'x'.repeat(70), '\u{1f353}'.repeat(40), '\ud800', 'a\n'],
  ...[0, -1, 1, 1.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, [], [null], ['x'], {}, { type: 'x' }, { x: 1 }],
];
/**
 * A value with one of its parts, on any level, replaced, left out, added or repeated; not what stood so at the same place of another message of
 * the topic (`seen`), as most of it does.
 */
function* mutations(value: unknown, seen: Set<string>, place = ''): Generator<unknown> {
  const own = `${place} ${JSON.stringify(value)}`;
  if (seen.has(own)) return;
  seen.add(own);
  yield* damaged;
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    yield Array(1000).fill(value[0]);
    for (const [i, each] of value.entries()) {
      yield value.toSpliced(i, 1);
      for (const other of mutations(each, seen, `${place}/${i}`)) yield value.with(i, other);
    }
    return;
  }
  const fields = value as Record<string, unknown>;
  for (const name of ['constructor', '__proto__', 'toString', 'Not A Key', 'x\n', ''])
    yield Object.fromEntries([...Object.entries(fields), [name, 1]]);
  yield { ...fields, ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, 'v'])) };
  for (const key of Object.keys(fields)) {
    const { [key]: each, ...without } = fields;
    yield without;
    for (const other of mutations(each, seen, `${place}/${key}`)) yield { ...fields, [key]: other };
  }
}

/** What agents and programs of people say is theirs: every value is one. */
const isAnything = new Set<protocol.TopicName>(['agentOut', 'wake']);
const seenOf = new Map<protocol.TopicName, Set<string>>();
for (const { file, name, payload } of golden) {
  const seen = seenOf.get(name) ?? new Set();
  seenOf.set(name, seen);
  t.test(`${file}, whole and damaged, is judged the same`, async (t) => {
    let refused = 0;
    for (const value of [payload, ...mutations(payload, seen)]) {
      if (!agree(name, value)) t.fail(`${name}: ${JSON.stringify(value)?.slice(0, 400)}`);
      if (!Check(protocol.topics[name].schema, value)) refused++;
    }
    if (!isAnything.has(name)) t.ok(refused > 20);
  });
}

/** Values that are nearly valid: each part mostly as its schema has it, at the edges of its limits, else anything. */
function near(schema: Schema): fc.Arbitrary<unknown> {
  const { anyOf, properties, patternProperties, items, minimum, maximum, minLength, maxLength } = schema as Record<
    string,
    never
  >;
  const anything = fc.anything({ maxDepth: 2 });
  const around = (...limits: (number | undefined)[]) =>
    limits.filter((limit) => limit !== undefined).flatMap((limit) => [limit - 1, limit, limit + 1]);
  const fitting = (): fc.Arbitrary<unknown> => {
    if (anyOf) return fc.oneof(...(anyOf as Schema[]).map(near));
    if ('const' in schema) return fc.constant(schema.const);
    if (properties) {
      const parts = Object.entries(properties).map(([key, each]) => [key, near(each as Schema)] as const);
      const required = (schema.required ?? []) as never[];
      return fc.record(Object.fromEntries(parts), { requiredKeys: required });
    }
    if (patternProperties) {
      const [[pattern, each]] = Object.entries(patternProperties) as unknown as [[string, Schema]];
      return fc.dictionary(fc.oneof(fc.stringMatching(new RegExp(pattern)), fc.string()), near(each), { maxKeys: 3 });
    }
    if (items) return fc.array(near(items as Schema), { maxLength: 3 });
    if (schema.pattern) return fc.stringMatching(new RegExp(String(schema.pattern)));
    if (schema.type === 'string') {
      const lengths = around(minLength, maxLength).filter((length) => length >= 0 && length < 5000);
      const ofLength = (length: number) => fc.constantFrom('a'.repeat(length), '\u{1f353}'.repeat(length));
      return fc.oneof(fc.string({ unit: 'grapheme' }), ...lengths.map(ofLength));
    }
    if (schema.type === 'integer' || schema.type === 'number')
      return fc.oneof(fc.nat(), fc.double(), fc.constantFrom(0, ...around(minimum, maximum)));
    if (schema.type === 'boolean') return fc.boolean();
    return anything;
  };
  return fc.oneof({ arbitrary: fitting(), weight: 30 }, { arbitrary: anything, weight: 1 });
}

for (const name of topics) {
  t.test(`made-up values of ${name} are judged the same`, async () => {
    fc.assert(
      fc.property(near(protocol.topics[name].schema as unknown as Schema), (value) => agree(name, value)),
      { numRuns: 100 },
    );
  });
}
