// Every schema of the protocol has only keywords that the checker in the bundle of the node-agent knows: with another one the bundle would not
// start. Said here in a second, where a schema is written; schemas.test.ts of the node-agent proves that both checkers agree.
import * as protocol from '@blackroad/protocol';
import t from 'tap';
import { knownKeywords } from '../../node-agent/src/schemas/check.ts';

type Json = Record<string, unknown>;
const isSchema = (value: unknown): value is Json => typeof value === 'object' && value !== null && '~kind' in value;

function* unknownIn(schema: Json, path: string): Generator<string> {
  for (const key of Object.keys(schema)) if (!knownKeywords.has(key)) yield `${path}: ${key}`;
  const {
    properties = {},
    patternProperties = {},
    anyOf = [],
    items,
  } = schema as {
    properties?: Record<string, Json>;
    patternProperties?: Record<string, Json>;
    anyOf?: Json[];
    items?: Json;
  };
  const named = { ...properties, ...patternProperties };
  for (const [name, each] of Object.entries(named)) yield* unknownIn(each, `${path}.${name}`);
  for (const each of anyOf) yield* unknownIn(each, path);
  if (items) yield* unknownIn(items, `${path}[]`);
}

t.test('schemas have known keywords', async (t) => {
  const rows = { ...protocol.topics, ...protocol.routes } as unknown as Record<string, Json>;
  const found = [
    ...Object.entries(protocol as unknown as Json),
    ...Object.entries(rows).flatMap(([name, row]) =>
      Object.entries(row).map(([part, value]) => [`${name}.${part}`, value] as const),
    ),
  ].filter((entry): entry is [string, Json] => isSchema(entry[1]));
  t.ok(found.length > 200, `${found.length} schemas`);
  t.same(
    found.flatMap(([name, schema]) => [...unknownIn(schema, name)]),
    [],
  );
  const other = protocol.Type.Array(protocol.Type.String(), { uniqueItems: true }) as unknown as Json;
  t.same([...unknownIn(other, 'x')], ['x: uniqueItems'], 'another one is seen');
});
