// The types of TypeBox that the protocol uses, made as plain JSON Schema objects. The bundle of the node-agent has this in place of
// `typebox`, whose thousands of exported functions cost an idle node 2.5 MB of memory. Every shape is that of TypeBox; schemas.test.ts
// compares all schemas of the protocol.
import { knownKeywords } from './check.ts';

type Schema = Record<string, unknown>;
type Options = Record<string, unknown>;

const optional = Symbol('optional');

/** @throws Error on a keyword that check.ts would ignore */
function schema(shape: Schema, options: Options): Schema {
  for (const keyword of Object.keys(options))
    if (!knownKeywords.has(keyword) || (keyword === 'additionalProperties' && typeof options[keyword] !== 'boolean'))
      throw new Error(`a schema with this ${keyword} cannot be checked in a bundle`);
  return { ...shape, ...options };
}

export const Optional = (given: Schema): Schema => {
  const marked = { ...given };
  Object.defineProperty(marked, optional, { value: true });
  return marked;
};
function object(properties: Record<string, Schema>, options: Options = {}): Schema {
  const required = Object.keys(properties).filter((key) => !(optional in (properties[key] as Schema)));
  return schema({ type: 'object', ...(required.length > 0 ? { required } : {}), properties }, options);
}
const array = (items: Schema, options: Options = {}): Schema => schema({ type: 'array', items }, options);
const boolean = (options: Options = {}): Schema => schema({ type: 'boolean' }, options);
const number = (options: Options = {}): Schema => schema({ type: 'number' }, options);
const string = (options: Options = {}): Schema => schema({ type: 'string' }, options);
export const Integer = (options: Options = {}): Schema => schema({ type: 'integer' }, options);
export const Null = (options: Options = {}): Schema => schema({ type: 'null' }, options);
export const Unknown = (options: Options = {}): Schema => schema({}, options);
export const Union = (anyOf: Schema[], options: Options = {}): Schema => schema({ anyOf }, options);
export const Literal = (value: string | number | boolean, options: Options = {}): Schema =>
  schema({ type: typeof value, const: value }, options);
const record = (key: Schema, value: Schema, options: Options = {}): Schema =>
  schema({ type: 'object', patternProperties: { [(key.pattern as string | undefined) ?? '^.*$']: value } }, options);

export { array as Array, boolean as Boolean, number as Number, object as Object, record as Record, string as String };
