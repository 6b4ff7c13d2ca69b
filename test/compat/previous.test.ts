// Every recorded message of this version is read by the version before it: it may have fields that the older one does not know, and lacks none
// that the older one needs. The other way round, a recording is never edited (protocol/src/golden.test.ts). With real programs: compat.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { interpretingChecker, type RouteName, type RouteRow, routes } from '@blackroad/protocol';
import t from 'tap';
import { earlier } from './earlier.ts';
import { previousReaders } from './previous.ts';

const folder = new URL('../../protocol/golden/', import.meta.url);
const { commit, readers } = previousReaders();
const golden = readdirSync(folder).map((file) => {
  const { payload } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { payload: Record<string, unknown> };
  return { file, name: file.split('.')[0] as string, payload };
});

t.test('what is written down is of the latest earlier version', async (t) => {
  t.equal(commit, earlier[0].commit, 'node test/compat/previous.ts writes it');
});

/** Messages of a kind that the older version does not have: by what their sender knows that the receiver reads them. */
const toNewerAlone: Record<string, string> = {
  'assign.gpio.v1.json': 'hello.pins of the node',
  'assign.mcp.v1.json': 'hello.mcp of the node',
  'memoryDown.anchor.v1.json': 'hello.erases of the node',
  'memoryDown.erase.v1.json': 'hello.erases of the node',
  'memoryDown.give.v1.json': 'hello.given of the node',
  'memoryDown.marks.v1.json': 'hello.marks of the node',
  'memoryDown.give-import.v1.json': 'hello.imports of the node',
  'memoryDown.give-value.v1.json': 'hello.values of the node',
  'memoryDown.early.v1.json': 'it answers a fetch',
  'memoryDown.recalled.v1.json': 'it answers a recall',
  'memoryUp.erased.v1.json': 'it answers an order to erase',
  'memoryUp.recall.v1.json': 'memory.scope of the spec, which the coordinator sent',
  'memoryUp.fetch.v1.json': 'entries.early of the coordinator',
};

for (const { file, name, payload } of golden) {
  const reader = readers.get(name);
  // A topic that this version brought: the older one is never told of it, or does not listen.
  if (!reader) continue;
  t.test(file, async (t) => {
    if (toNewerAlone[file]) {
      t.notOk(interpretingChecker(reader.schema, payload), 'the older version has no such message');
      return;
    }
    t.ok(interpretingChecker(reader.schema, payload), 'the older version reads it');
    t.ok(JSON.stringify(payload).length <= reader.maxBytes);
    if (typeof payload !== 'object' || name === 'agentOut') return;
    t.ok(
      interpretingChecker(reader.schema, { ...payload, addedLater: { anything: [1, null] } }),
      'with more fields, too',
    );
    for (const field of Object.keys(payload))
      if (requiredIn(reader.schema).includes(field)) {
        const { [field]: _, ...without } = payload;
        t.notOk(interpretingChecker(reader.schema, without), `the check sees that ${field} is missing`);
      }
  });
}

t.test('what machines send over HTTP may have fields of a newer version', async (t) => {
  const sent: RouteName[] = ['enrol', 'renew', 'installRefused', 'firstBootSaid'];
  const taken = Object.entries(routes).filter(([, row]: [string, RouteRow]) => row.body && row.machines);
  for (const [name] of taken) t.ok(sent.includes(name as RouteName), `${name} is one of them`);
  for (const name of sent) t.notOk(isClosed((routes[name] as RouteRow).body), name);
});
/** Whether an object with known fields, at any depth, refuses others. Labels, whose names are free, have rules for them. */
function isClosed(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  const { properties, additionalProperties } = schema as { properties?: object; additionalProperties?: unknown };
  return (properties !== undefined && additionalProperties === false) || Object.values(schema).some(isClosed);
}

function requiredIn(schema: object): readonly string[] {
  const { $ref, required, components } = schema as {
    $ref?: string;
    required?: string[];
    components: { schemas: Record<string, { required?: string[] }> };
  };
  return ($ref === undefined ? required : components.schemas[$ref.split('/').at(-1) as string]?.required) ?? [];
}
