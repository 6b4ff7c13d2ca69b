// Bytes to checked messages and back. Unknown fields are accepted (a newer peer may send them), sizes are checked before parsing, a refusal
// names the field, the value and the expected one.
import { Check } from 'typebox/schema';
import { explain, shownValue } from './faults.ts';
import { maxJsonDepth } from './limits.ts';
import { parseTopic, type TopicMessage, type TopicName, type TopicParams, topicOf, topics } from './topics.ts';
import type { TSchema } from './typebox.ts';

export type Checker = (schema: TSchema, value: unknown) => boolean;
/** Interprets the schema: this needs little memory, so node-agents use it. The coordinator passes compiled checks instead. */
export const interpretingChecker: Checker = (schema, value) => Check(schema, value);

export type Decoded = { [N in TopicName]: { name: N; params: TopicParams; message: TopicMessage<N> } }[TopicName];
interface RefusedMessage {
  refused: 'unknown-topic' | 'too-large' | 'not-json' | 'invalid';
  text: string;
}

/** Decodes a message of a topic. Never throws. */
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
    // Home Assistant's publish action sends bare text; its users would not expect to have to quote a prompt.
    if (parsed.name === 'ask' && text.trim() !== '') message = { prompt: text };
    // Sensors say `ON`, not `"ON"`.
    else if (parsed.name === 'wake') message = text;
    else return { refused: 'not-json', text: `${parsed.name} is not JSON: ${(cause as Error).message.slice(0, 200)}` };
  }
  if (parsed.name === 'ask' && (typeof message !== 'object' || message === null)) message = { prompt: text };
  if (!check(row.schema, message))
    return { refused: 'invalid', text: `${parsed.name}: ${explain(row.schema, message)}` };
  const other = otherThanTopic(row.schema, parsed.params, message);
  if (other) return { refused: 'invalid', text: `${parsed.name}: ${other}` };
  return { name: parsed.name, params: parsed.params, message } as Decoded;
}

/** A message and its topic as one text, for a channel that has no topics of its own. */
export const frameOf = ({ topic, payload }: Pick<Encoded, 'topic' | 'payload'>): string => `${topic}\n${payload}`;
export function decodeFrame(frame: Buffer, check?: Checker): Decoded | RefusedMessage {
  const cut = frame.indexOf(0x0a);
  return decode(frame.toString('latin1', 0, Math.max(0, cut)), frame.subarray(cut + 1), check);
}

/** A topic and its message must name the same node, agent or task: the broker checks rights by the topic, readers use the message. */
function otherThanTopic(schema: TSchema, params: TopicParams, message: unknown): string | null {
  if (typeof message !== 'object' || message === null) return null;
  const fields = (schema as { properties?: Record<string, unknown> }).properties ?? {};
  for (const [key, expected] of Object.entries(params)) {
    const got = (message as Record<string, unknown>)[key];
    if (key in fields && got !== undefined && got !== expected)
      return `${key}: expected ${expected.slice(0, 80)} as in the topic, got ${shownValue(got)}`;
  }
  return null;
}

/**
 * Whether JSON opens more than `limit` arrays and objects inside each other. Checked before parsing: code that prints or copies a value
 * does so by recursion, and 16 KiB of `[` would end the process.
 */
export function nestsDeeper(bytes: Uint8Array, limit: number): boolean {
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
/** A message ready for a broker. The size is not checked here: the sender cuts its batches before. */
export function encode<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): Encoded {
  const row = topics[name];
  return { topic: topicOf(name, params), payload: JSON.stringify(message), qos: row.qos, retain: row.retain };
}

/** Fills in the `default`s of the schema, so that a spec of three lines becomes complete. Returns a new value. */
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
