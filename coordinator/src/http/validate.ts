// Input of people, checked against the schemas of the route table: defaults are filled in, query strings are converted, and every fault
// names the field, the value and what was expected. Checks are compiled at first use; the texts come from protocol's interpreter.
import { FleetError, faults, type TSchema, Type, withDefaults } from '@blackroad/protocol';
import { compiledCheck } from './compiled-check.ts';

type Part = 'body' | 'querystring' | 'params' | 'headers';
const partNames: Record<Part, string> = { body: 'body', querystring: 'query', params: 'path', headers: 'headers' };

/** The result that Fastify expects of a validator: the value, or the error. */
type Checked = { value: unknown } | { error: Error };

export function validatorOf(schema: TSchema, part: Part): (value: unknown) => Checked {
  const shape = part === 'querystring' ? closed(schema) : schema;
  return (value) => {
    const given =
      part === 'querystring' || part === 'params' ? coerce(shape, value) : value === null ? undefined : value;
    const whole = withDefaults<unknown>(shape, given);
    if (compiledCheck(shape, whole)) return { value: whole };
    const found = faults(shape, whole);
    const first = found[0] ?? { field: '(root)', expected: 'another value', got: 'this one' };
    const more = found.length > 1 ? ` (and ${found.length - 1} more)` : '';
    return {
      error: new FleetError('invalid-request', {
        detail: `${partNames[part]}: ${first.field}: expected ${first.expected}, got ${first.got}${more}`,
        faults: found.slice(0, 50),
      }),
    };
  };
}

/** Unknown query fields are refused: a misspelt filter that is ignored would show the wrong rows. */
function closed(schema: TSchema): TSchema {
  const { properties } = schema as { properties?: Record<string, TSchema> };
  return properties ? Type.Object(properties, { additionalProperties: false }) : schema;
}

function coerce(schema: TSchema, value: unknown): unknown {
  const { properties = {} } = schema as { properties?: Record<string, TSchema> };
  if (typeof value !== 'object' || value === null) return value;
  const coerced: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(value)) {
    const { type } = (properties[key] ?? {}) as { type?: string };
    coerced[key] = typeof text === 'string' ? coerceText(type, text) : text;
  }
  return coerced;
}
function coerceText(type: string | undefined, text: string): unknown {
  if ((type === 'integer' || type === 'number') && /^-?\d{1,15}(\.\d{1,10})?$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === '1')) return true;
  if (type === 'boolean' && (text === 'false' || text === '0')) return false;
  return text;
}

/** The JSON of a body; undefined for an empty one. The error names the place of the damage. */
export function parseBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    const words = (cause as Error).message.replace(/, ".*" is not valid JSON$/s, ' is not valid JSON').slice(0, 200);
    throw new FleetError('invalid-request', { detail: `The body is not JSON: ${words}` }, { cause });
  }
}
