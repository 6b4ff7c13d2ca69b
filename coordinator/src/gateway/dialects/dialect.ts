// What a dialect is: how its requests are read, and how an answer is written in it, whole or as a stream. Pure translation: no dialect knows
// of nodes, queues or connections.
import {
  FleetError,
  type ModelAnswerEvent,
  type ModelTool,
  type ModelToolCall,
  type TokenLogprob,
} from '@blackroad/protocol';
import { type Ask, type EndReason, noUsage, type Told, type Usage } from '../ask.ts';

/** Writes an answer as it comes; each call returns the text to send. */
export interface StreamWriter {
  begin(told: Told): string;
  event(answer: number, event: ModelAnswerEvent): string;
  end(answer: number, reason: EndReason, usage: Usage): string;
  done(): string;
  /** The error of an answer that has begun. */
  fail(error: FleetError): string;
}
export interface Dialect<B> {
  /** @throws FleetError for what the schema of the body cannot say */
  read(body: B): Ask;
  /** Null: this form of request has no stream. */
  stream: ((body: B) => StreamWriter) | null;
  streamType: 'text/event-stream; charset=utf-8' | 'application/x-ndjson';
  whole(body: B, told: Told, answers: readonly WholeAnswer[]): object;
}

/** One answer, gathered. */
export interface WholeAnswer {
  text: string;
  thought: string;
  calls: ModelToolCall[];
  logprobs: TokenLogprob[];
  /** Base64 of 32-bit floats. */
  vectors: string[];
  reason: EndReason;
  usage: Usage;
}
export function emptyAnswer(): WholeAnswer {
  return { text: '', thought: '', calls: [], logprobs: [], vectors: [], reason: 'stop', usage: noUsage };
}
export function gather(
  answer: WholeAnswer,
  { text, thought, retract, calls, logprobs, vector }: ModelAnswerEvent,
): void {
  if (retract) {
    answer.thought += answer.text;
    answer.text = '';
  }
  answer.text += text ?? '';
  answer.thought += thought ?? '';
  if (calls) answer.calls.push(...calls);
  if (logprobs) answer.logprobs.push(...logprobs);
  if (vector !== undefined) answer.vectors.push(vector);
}

/** Refuses fields that the fleet does not have, unless their value asks for nothing. */
export function refuseLacking(body: object, lacks: Readonly<Record<string, readonly unknown[]>>, at = ''): void {
  for (const [field, neutral] of Object.entries(lacks)) {
    const value = (body as Record<string, unknown>)[field];
    if (value === undefined || value === null) continue;
    const text = JSON.stringify(value);
    if (neutral.some((each) => JSON.stringify(each) === text)) continue;
    throw new FleetError('not-supported', { detail: `${at}${field}: this fleet does not have it; leave it out` });
  }
}
export function invalid(field: string, expected: string, got: string): FleetError {
  return new FleetError('invalid-request', { detail: `${field}: expected ${expected}, got ${got}` });
}
export function lacking(field: string, what: string): FleetError {
  return new FleetError('not-supported', { detail: `${field}: this fleet does not have ${what}` });
}

/** `a,b` and the further models of a request, without repetition. */
export function modelsOf(model: string, more: readonly string[] = []): string[] {
  const names = [...model.split(','), ...more].map((name) => name.trim()).filter((name) => name !== '');
  return [...new Set(names)].slice(0, 16);
}

/** A tool as models take it: all dialects leave out what says nothing. */
export function toolOf({
  name,
  description,
  parameters,
}: {
  name: string;
  description?: string | null;
  parameters?: Record<string, unknown> | null;
}): ModelTool {
  return { name, description: description ?? '', parameters: parameters ?? { type: 'object', properties: {} } };
}

/** The base64 of a picture in a data URL. Pictures elsewhere are not fetched: a request could make the coordinator read any address. */
export function pictureOf(url: string, field: string): string {
  const found = /^data:image\/(?:png|jpe?g|webp|gif);base64,([A-Za-z0-9+/=\s]+)$/i.exec(url);
  if (!found) throw invalid(field, 'a data: URL with a PNG, JPEG, WebP or GIF', url.slice(0, 40));
  return (found[1] as string).replace(/\s/g, '');
}

/** The arguments of a call; some clients send text that is not JSON. */
export function argumentsOf(text: string, field: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  try {
    const value = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // It is refused below, as is JSON of another form.
  }
  throw invalid(field, 'a JSON object as text', text.slice(0, 40));
}

export const sse = (data: unknown) => `data: ${JSON.stringify(data)}\n\n`;
export const namedSse = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** The values of a field that is missing or null are left out. */
export function present<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  ) as never;
}
export const secondsOf = (ms: number) => Math.floor(ms / 1000);
