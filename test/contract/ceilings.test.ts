// Every number that comes from outside has a ceiling, in every topic and every route: what JSON can say must not reach a sum.
import {
  decode,
  faults,
  JoinTokenRequest,
  KeyRequest,
  maxModelsInHealth,
  maxRequestsPerModel,
  routes,
  type TSchema,
  topicOf,
  topics,
} from '@blackroad/protocol';
import t from 'tap';
import { sampleHealth } from '../fixtures/coordinator/sample-rows.ts';

interface Shape {
  type?: string;
  maximum?: number;
  minimum?: number;
  exclusiveMinimum?: number;
  properties?: Record<string, Shape>;
  items?: Shape;
  anyOf?: Shape[];
  patternProperties?: Record<string, Shape>;
  additionalProperties?: Shape | boolean;
}
function* numbers(schema: Shape | undefined, path: string): Generator<[string, Shape]> {
  if (!schema || typeof schema !== 'object') return;
  if (schema.type === 'number' || schema.type === 'integer') yield [path, schema];
  for (const [key, child] of Object.entries(schema.properties ?? {})) yield* numbers(child, `${path}.${key}`);
  for (const [key, child] of Object.entries(schema.patternProperties ?? {})) yield* numbers(child, `${path}.${key}`);
  for (const child of schema.anyOf ?? []) yield* numbers(child, path);
  yield* numbers(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === 'object') yield* numbers(schema.additionalProperties, `${path}.*`);
}
const isSafe = (bound: unknown) => typeof bound === 'number' && Math.abs(bound) <= Number.MAX_SAFE_INTEGER;

t.test('in every message and request', async (t) => {
  let count = 0;
  const look = (name: string, schema: TSchema | undefined) => {
    for (const [path, { maximum, minimum, exclusiveMinimum }] of numbers(schema as Shape, name)) {
      count++;
      if (!isSafe(maximum)) t.fail(`${path} has no ceiling that sums can bear: ${maximum}`);
      if (!isSafe(minimum ?? exclusiveMinimum)) t.fail(`${path} has no floor: ${minimum}`);
    }
  };
  for (const [name, { schema }] of Object.entries(topics)) look(name, schema);
  for (const [name, row] of Object.entries(routes)) {
    const { body, query, params } = row as Partial<Record<'body' | 'query' | 'params', TSchema>>;
    for (const [part, schema] of Object.entries({ body, query, params })) look(`${name} ${part}`, schema);
  }
  t.ok(count > 100, `${count} numbers were seen`);
});

t.test('a number beyond it is refused by name', async (t) => {
  const say = (name: 'taskReport' | 'nodeHello' | 'nodeHealth', params: Record<string, string>, message: object) =>
    decode(topicOf(name, { node: 'alice', ...params }), Buffer.from(JSON.stringify(message)));
  const usage = {
    model: 'tiny',
    promptTokens: 1.7e308,
    completionTokens: 1,
    recalled: 0,
    toolCalls: 0,
    firstTokenMs: 1,
    totalMs: 1,
  };
  const report = { task: 't1', attempt: 1, agent: 'echo', epoch: 1, state: 'done', usage };
  t.match(say('taskReport', { task: 't1' }, report), { refused: 'invalid', text: /usage\.promptTokens: expected/ });
  const hello = {
    boot: '01jq8y2k',
    version: '1',
    hardware: 'a'.repeat(64),
    generation: 0,
    upMs: 0,
    held: [],
  };
  t.match(say('nodeHello', {}, { ...hello, generation: 1e300 }), { refused: 'invalid', text: /generation: expected/ });
  t.match(say('nodeHello', {}, { ...hello, generation: 7 }), { name: 'nodeHello' });
  const load = { name: 'tiny', busy: 1, waiting: 0, slots: 2 };
  const beat = (models: object[]) => say('nodeHealth', {}, { ...sampleHealth(), models });
  t.match(beat(Array(maxModelsInHealth).fill({ ...load, busy: maxRequestsPerModel })), { name: 'nodeHealth' });
  for (const field of ['busy', 'waiting', 'slots', 'others']) {
    const text = new RegExp(`models\\.0\\.${field}: expected`);
    t.match(beat([{ ...load, [field]: maxRequestsPerModel + 1 }]), { refused: 'invalid', text }, field);
  }
  t.match(beat(Array(maxModelsInHealth + 1).fill(load)), { refused: 'invalid', text: /models: expected/ });
});

const named = {
  'the name of a key': (name: string) => faults(KeyRequest, { name, role: 'viewer' }),
  'the site of a node that joins': (site: string) => faults(JoinTokenRequest, { site }),
  'the site of a node': (site: string) => faults(routes.nodeEdit.body, { site }),
  'a label of a node': (room: string) => faults(routes.nodeEdit.body, { labels: room === '' ? 1 : { room } }),
};
for (const [what, faultsOf] of Object.entries(named))
  t.test(`${what} can be printed`, async (t) => {
    const fits = (name: string) => faultsOf(name).length === 0;
    for (const name of ['laptop', "Ada's phone", 'Küche 2', 'キッチン']) t.ok(fits(name), name);
    for (const name of ['a\nb', '\u001b[31mred', 'x\u202egnp', 'a\u0000', 'a\u200bb', '\u2066a', ''])
      t.notOk(fits(name), JSON.stringify(name));
    t.match(faultsOf('a\nb'), [{ expected: /marks of direction/ }]);
  });
