// Golden messages: one recorded form of every topic's message. New ones are added, none is ever edited: a message of a node of the last
// version must still decode. Each is also damaged in every way a wire can damage it, and must then be refused with words.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { schemaOf } from '../../test/fixtures/protocol/schema-of.ts';
import { AgentSpec } from './agent.ts';
import { type Decoded, decode, encode } from './codec.ts';
import { explain, faults } from './faults.ts';
import { entryFault, type MemoryEntry } from './memory.ts';
import type { TopicRow } from './topic-row.ts';
import { type TopicName, topics } from './topics.ts';

const folder = join(import.meta.dirname, '../golden');
const golden = readdirSync(folder)
  .sort()
  .map((file) => {
    const { topic, payload } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
      topic: string;
      payload: unknown;
    };
    return { file, name: file.split('.')[0] as TopicName, topic, payload };
  });
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const decoded = (topic: string, payload: unknown): Decoded => {
  const result = decode(topic, bytes(payload));
  if ('refused' in result) throw new Error(result.text);
  return result;
};

t.test('every topic has a recorded message, and every recording a topic', async (t) => {
  for (const { file } of golden) t.match(file, /^\w+(\.[\w-]+)?\.v\d+\.json$/);
  t.same([...new Set(golden.map(({ name }) => name))].sort(), Object.keys(topics).sort());
});

for (const { file, name, topic, payload } of golden) {
  t.test(file, async (t) => {
    const row: TopicRow = topics[name];
    const result = decoded(topic, payload);
    t.equal(result.name, name);
    t.same(result.message, payload, 'the value comes through unchanged');
    const again = encode(name, result.params, result.message as never);
    t.match(again, { topic, qos: row.qos, retain: row.retain });
    t.same(JSON.parse(again.payload), payload, 'and goes out as it came');

    const newer = { ...(payload as object), addedInTheNextVersion: { anything: [1, null] } };
    t.same(decoded(topic, newer).message, newer, 'unknown fields pass');

    const whole = bytes(payload);
    if (name !== 'ask' && name !== 'wake') {
      const cut = decode(topic, whole.subarray(0, whole.length - 1));
      t.match(cut, { refused: 'not-json', text: new RegExp(`^${name} is not JSON`) }, 'cut');
    }
    const large = decode(topic, Buffer.alloc(row.maxBytes + 1, ' '));
    t.match(large, { refused: 'too-large', text: new RegExp(`^${name} has ${row.maxBytes + 1} bytes`) }, 'large');

    if (name === 'agentOut' || name === 'wake') return; // an agent may publish any JSON, and people any text
    const required = schemaOf(row.schema, payload).required ?? [];
    for (const field of name === 'ask' ? ['prompt'] : required) {
      const { [field]: _, ...without } = payload as Record<string, unknown>;
      const missing = decode(topic, bytes(without));
      t.match(missing, { refused: 'invalid' }, `without ${field}`);
      t.ok('refused' in missing && missing.text.startsWith(`${name}: `), `without ${field}: in words`);
      t.ok(
        faults(row.schema, without).some((fault) => fault.field === field),
        `${field} is named: ${'refused' in missing ? missing.text : ''}`,
      );
      const wrong = { ...(payload as object), [field]: { not: 'this' } };
      const refused = decode(topic, bytes(wrong));
      t.match(refused, { refused: 'invalid' }, `wrong ${field}`);
      t.ok(
        faults(row.schema, wrong).some((fault) => fault.field === field || fault.field.startsWith(`${field}.`)),
        `wrong ${field} is named: ${'refused' in refused ? refused.text : ''}`,
      );
    }
    for (const other of [[], null, 'text', 7]) {
      if (name !== 'ask') t.match(decode(topic, bytes(other)), { refused: 'invalid' }, JSON.stringify(other));
    }
  });
}

t.test('a spec from a newer coordinator passes, unknown fields on any level included', async (t) => {
  const { topic, payload } = golden.find(({ file }) => file === 'assign.v1.json')!;
  const newer = structuredClone(payload) as { put: { spec: Record<string, never> }[] };
  const spec = newer.put[0]!.spec as Record<string, Record<string, unknown>[] & Record<string, unknown>>;
  for (const at of [spec, spec.placement, spec.limits, spec.tools![0], spec.triggers![0]])
    (at as Record<string, unknown>).addedInTheNextVersion = [1, null];
  t.same(decoded(topic, newer).message, newer);
  spec.placement!.labels = { 'Not A Key': 'x' };
  t.match(decode(topic, bytes(newer)), { refused: 'invalid', text: /labels/ }, 'rules for keys stay');
  const { put } = payload as { put: { spec: object }[] };
  t.match(explain(AgentSpec, { ...put[0]!.spec, tempreature: 1 }), 'tempreature: expected no field of that name');
});

t.test('the recorded memories hash as they did', async (t) => {
  const entries = golden.flatMap(({ payload }) => (payload as { entries?: MemoryEntry[] }).entries ?? []);
  t.ok(entries.length >= 6);
  for (const entry of entries) t.equal(entryFault(entry), null);
  const erased = entries.filter(({ payload }) => payload === null);
  t.ok(erased.length > 0, 'an erased one among them');
});
