// Whether a value fits a JSON Schema, for the keywords that the protocol uses. The bundle of the node-agent has this in place of
// `typebox/schema` and `typebox/system`; schemas.test.ts proves that both agree. The words for an invalid value come from TypeBox itself,
// in a file beside the bundle that is loaded the first time they are needed.
import { createRequire } from 'node:module';

type Schema = Record<string, unknown> & {
  type?: string;
  const?: unknown;
  anyOf?: Schema[];
  required?: string[];
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean;
  minProperties?: number;
  maxProperties?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
};

/** Keywords that do not change whether a value is valid. */
const silent = ['default', 'description', 'title', 'examples'];
/** A schema with any other keyword would be checked wrongly: plain.ts makes none. */
export const knownKeywords: ReadonlySet<string> = new Set([
  ...['type', 'const', 'anyOf', 'required', 'properties', 'patternProperties', 'additionalProperties'],
  ...['minProperties', 'maxProperties', 'items', 'minItems', 'maxItems', 'minLength', 'maxLength', 'pattern'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  ...silent,
]);

const patterns = new Map<string, RegExp>();
function patternOf(source: string): RegExp {
  let pattern = patterns.get(source);
  if (!pattern) {
    pattern = new RegExp(source, 'u');
    patterns.set(source, pattern);
  }
  return pattern;
}

export function Check(schema: Schema, value: unknown): boolean {
  if (schema.anyOf && !schema.anyOf.some((each) => Check(each, value))) return false;
  if ('const' in schema && schema.const !== value) return false;
  if (schema.type !== undefined && !isOfType(schema.type, value)) return false;
  if (typeof value === 'string') return fitsText(schema, value);
  if (typeof value === 'number') return fitsNumber(schema, value);
  if (Array.isArray(value)) return fitsList(schema, value);
  return typeof value !== 'object' || value === null || fitsObject(schema, value as Record<string, unknown>);
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}
/** Counts without an array of them: a result may have megabytes. */
function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
/** Lengths count code points: `length` is never less and at most twice as much. */
function fitsText({ minLength, maxLength, pattern }: Schema, value: string): boolean {
  const isTooLong = maxLength !== undefined && value.length > maxLength && codePoints(value) > maxLength;
  const isTooShort = minLength !== undefined && value.length < minLength * 2 && codePoints(value) < minLength;
  return !isTooLong && !isTooShort && (pattern === undefined || patternOf(pattern).test(value));
}
function fitsNumber({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema, value: number): boolean {
  return (
    (minimum === undefined || value >= minimum) &&
    (maximum === undefined || value <= maximum) &&
    (exclusiveMinimum === undefined || value > exclusiveMinimum) &&
    (exclusiveMaximum === undefined || value < exclusiveMaximum)
  );
}
function fitsList({ items, minItems, maxItems }: Schema, value: readonly unknown[]): boolean {
  return (
    (minItems === undefined || value.length >= minItems) &&
    (maxItems === undefined || value.length <= maxItems) &&
    (items === undefined || value.every((each) => Check(items, each)))
  );
}
function fitsObject(schema: Schema, value: Record<string, unknown>): boolean {
  const { required = [], properties = {}, patternProperties = {}, additionalProperties } = schema;
  const { minProperties, maxProperties } = schema;
  const keys = Object.keys(value);
  if (minProperties !== undefined && keys.length < minProperties) return false;
  if (maxProperties !== undefined && keys.length > maxProperties) return false;
  if (!required.every((key) => Object.hasOwn(value, key))) return false;
  const byPattern = Object.entries(patternProperties);
  for (const key of keys) {
    const own = Object.hasOwn(properties, key) ? properties[key] : undefined;
    // As in TypeScript: an optional field may be present as undefined.
    const isLeftOut = value[key] === undefined && !required.includes(key);
    if (own && !isLeftOut && !Check(own, value[key])) return false;
    const matching = byPattern.filter(([pattern]) => patternOf(pattern).test(key));
    if (!matching.every(([, each]) => Check(each, value[key]))) return false;
    if (!own && matching.length === 0 && additionalProperties === false) return false;
  }
  return true;
}

interface TypeBox {
  Errors(schema: unknown, value: unknown): [boolean, unknown[]];
  Settings: { Set(settings: object): void };
}
let typeBox: TypeBox | null = null;
let settings: object = {};
/** Settings are passed to TypeBox once it is loaded. */
export const Settings = {
  Set(given: object): void {
    settings = { ...settings, ...given };
  },
};
/** TypeBox's own list of errors. */
export function Errors(schema: Schema, value: unknown): [boolean, unknown[]] {
  if (Check(schema, value)) return [true, []];
  if (!typeBox) {
    typeBox = createRequire(import.meta.url)('./schema-errors.cjs') as TypeBox;
    typeBox.Settings.Set(settings);
  }
  return typeBox.Errors(schema, value);
}
