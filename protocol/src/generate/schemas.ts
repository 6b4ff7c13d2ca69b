// JSON Schemas of the protocol for documents: an exported value appears once, under its name, and other schemas refer to it. In: TypeBox
// values. Out: plain JSON. Identity decides what has a name, so no list of names is kept here.
import * as protocol from '../index.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const names = new Map<object, string>();
for (const [name, value] of Object.entries(protocol)) {
  if (typeof value === 'object' && value !== null && '~kind' in value) names.set(value, name);
}

export interface SchemaWriter {
  /** The schema, or a reference to it where it is exported under a name. */
  schema(value: object): Json;
  /** The schemas that were referred to, by name, sorted: for `components.schemas`. */
  components(): JsonObject;
}

export function createSchemaWriter(): SchemaWriter {
  const used = new Map<string, Json>();
  function plain(value: unknown): Json {
    if (Array.isArray(value)) return value.map(schema);
    if (typeof value !== 'object' || value === null) return value as Json;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, schema(part)]));
  }
  function schema(value: unknown): Json {
    const name = typeof value === 'object' && value !== null ? names.get(value) : undefined;
    if (name === undefined) return plain(value);
    if (!used.has(name)) {
      used.set(name, null); // reserved before its parts are read: a schema may contain itself
      used.set(name, plain(value));
    }
    return { $ref: `#/components/schemas/${name}` };
  }
  return {
    schema,
    components: () => Object.fromEntries([...used].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}
