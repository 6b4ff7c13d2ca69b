// Bytes to checked messages and back. Unknown fields pass (a newer peer may send them), sizes are bounded before parsing,
// a refusal names the field, what came and what was expected.
import { Check, Errors } from 'typebox/schema';
import { Settings } from 'typebox/system';
import { maxJsonDepth } from './limits.ts';
import { FleetError } from './problem.ts';
import { parseTopic, type TopicMessage, type TopicName, type TopicParams, topicOf, topics } from './topics.ts';
import type { TSchema } from './typebox.ts';

// The default stops at 8 errors, which cuts a list of allowed values short.
Settings.Set({ maxErrors: 100 });

export type Checker = (schema: TSchema, value: unknown) => boolean;
/** Interprets the schema: little memory, for node-agents. The coordinator passes compiled checks instead. */
export const interpretingChecker: Checker = (schema, value) => Check(schema, value);

export type Decoded = { [N in TopicName]: { name: N; params: TopicParams; message: TopicMessage<N> } }[TopicName];
export interface RefusedMessage {
  refused: 'unknown-topic' | 'too-large' | 'not-json' | 'invalid';
  text: string;
}

/** Decodes what arrived on a topic. Never throws. */
export function decode(
  topic: string,
  bytes: Uint8Array,
  check: Checker = interpretingChecker,
): Decoded | RefusedMessage {
  const parsed = parseTopic(topic);
  if (!parsed) return { refused: 'unknown-topic', text: `topic ${topic.slice(0, 200)} is not in the table` };
  const row = topics[parsed.name];
  if (bytes.byteLength > row.maxBytes) {
    return {
      refused: 'too-large',
      text: `${parsed.name} has ${bytes.byteLength} bytes; at most ${row.maxBytes} are allowed`,
    };
  }
  if (nestsDeeper(bytes, maxJsonDepth)) {
    return { refused: 'invalid', text: `${parsed.name}: expected at most ${maxJsonDepth} levels of nesting, got more` };
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (cause) {
    // Home Assistant's publish action sends bare text; a prompt in quotes would surprise its users.
    if (parsed.name === 'ask' && text.trim() !== '') message = { prompt: text };
    else return { refused: 'not-json', text: `${parsed.name} is not JSON: ${(cause as Error).message.slice(0, 200)}` };
  }
  if (parsed.name === 'ask' && (typeof message !== 'object' || message === null)) message = { prompt: text };
  if (!check(row.schema, message))
    return { refused: 'invalid', text: `${parsed.name}: ${explain(row.schema, message)}` };
  return { name: parsed.name, params: parsed.params, message } as Decoded;
}

/**
 * Whether JSON opens more than `limit` arrays and objects inside each other. Looked at before parsing: whoever prints or copies
 * a value later does so by recursion, and 16 KiB of `[` would end the process.
 */
function nestsDeeper(bytes: Uint8Array, limit: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (quoted) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) quoted = false;
    } else if (byte === 0x22) quoted = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > limit) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}

export interface Encoded {
  topic: string;
  payload: string;
  qos: 0 | 1;
  retain: boolean;
}
/** A message ready for a broker. Sizes are the sender's duty: batches are cut before they come here. */
export function encode<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): Encoded {
  const row = topics[name];
  return { topic: topicOf(name, params), payload: JSON.stringify(message), qos: row.qos, retain: row.retain };
}

/** The first fault of a value in words: `placement.class/0: expected string matching ..., got 5`. Empty when it fits. */
export function explain(schema: TSchema, value: unknown): string {
  const fault = faults(schema, value)[0];
  return fault ? `${fault.field}: expected ${fault.expected}, got ${fault.got}` : '';
}

export interface Fault {
  /** Dotted path, `(root)` for the value itself. */
  field: string;
  expected: string;
  got: string;
}
/** Every fault of a value, deepest first: of a union the branch that came closest is named. */
export function faults(schema: TSchema, value: unknown): Fault[] {
  const [fits, errors] = Errors(schema, value);
  if (fits) return [];
  const seen = new Map<string, { keywords: string[]; details: string[] }>();
  for (const error of errors) {
    let path = error.instancePath;
    let detail = error.message;
    const params = error.params as Record<string, unknown>;
    if (error.keyword === 'required') {
      for (const key of (params.requiredProperties as string[]) ?? []) {
        push(`${path}/${key}`, 'required', 'a value (it is required)');
      }
      continue;
    }
    if (error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties') {
      for (const key of (params.additionalProperties as string[]) ?? (params.unevaluatedProperties as string[]) ?? []) {
        push(`${path}/${key}`, 'additional', 'no such field');
      }
      continue;
    }
    if (error.keyword === 'anyOf' || error.keyword === 'boolean') continue;
    if (error.keyword === 'const') detail = JSON.stringify(params.allowedValue);
    else if (error.keyword === 'pattern') detail = `text matching ${String(params.pattern)}`;
    else detail = detail.replace(/^must (be |have |match )?/, '');
    path = error.instancePath;
    push(path, error.keyword, detail);
  }
  function push(path: string, keyword: string, detail: string) {
    const entry = seen.get(path) ?? { keywords: [], details: [] };
    if (!entry.details.includes(detail)) entry.details.push(detail);
    entry.keywords.push(keyword);
    seen.set(path, entry);
  }
  return [...seen.entries()]
    .sort(([a], [b]) => b.split('/').length - a.split('/').length)
    .map(([path, { keywords, details }]) => {
      // Literals of a union report `type` beside each `const`: the values say more.
      const shown = keywords.includes('const') ? details.filter((d) => d.startsWith('"')) : details;
      return {
        field: path === '' ? '(root)' : path.slice(1).replaceAll('/', '.'),
        expected: shown.join(' or '),
        got: shownValue(at(value, path)),
      };
    });
}

function at(value: unknown, path: string): unknown {
  let current = value;
  for (const key of path.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string, unknown>)[key.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return current;
}
function shownValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  let text: string;
  try {
    text = JSON.stringify(value) ?? String(value);
  } catch {
    text = '(too deep to show)'; // a request body over HTTP; messages were refused before
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Fills in `default`s of the schema, so that a spec of three lines becomes whole. Returns a new value. */
export function withDefaults<T>(schema: TSchema, value: unknown): T {
  const node = schema as { type?: string; default?: unknown; properties?: Record<string, TSchema>; items?: TSchema };
  const given = value === undefined && node.default !== undefined ? structuredClone(node.default) : value;
  if (node.properties && typeof given === 'object' && given !== null && !Array.isArray(given)) {
    const filled: Record<string, unknown> = { ...given };
    for (const [key, child] of Object.entries(node.properties)) {
      const next = withDefaults(child, filled[key]);
      if (next !== undefined) filled[key] = next;
    }
    return filled as T;
  }
  if (node.items && Array.isArray(given)) {
    const { items } = node;
    return given.map((item) => withDefaults(items, item)) as T;
  }
  return given as T;
}

/** Throws FleetError `invalid-request` naming every fault when `value` does not fit. */
export function assertFits<T>(schema: TSchema, value: unknown, what: string): asserts value is T {
  const found = faults(schema, value);
  if (found.length > 0) {
    const first = found[0] as Fault;
    throw new FleetError('invalid-request', {
      detail: `${what}: ${first.field}: expected ${first.expected}, got ${first.got}`,
      faults: found,
    });
  }
}
