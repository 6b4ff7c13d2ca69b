// The lines of a batch's file: read one after the other, and checked as the same requests would be over HTTP. Pure, but for the reading.
import { createReadStream } from 'node:fs';
import {
  type batchEndpoints,
  type Checker,
  explain,
  FleetError,
  maxModelRequestBytes,
  OpenAiBatchLine,
  routes,
  type TSchema,
} from '@blackroad/protocol';
import { linesOf as streamLines } from '@blackroad/std/lines';
import type { Ask } from '../gateway/ask.ts';
import type { Dialect } from '../gateway/dialects/dialect.ts';
import { openaiChat } from '../gateway/dialects/openai-chat.ts';
import { openaiCompletion } from '../gateway/dialects/openai-completion.ts';
import { openaiEmbeddings } from '../gateway/dialects/openai-embeddings.ts';
import { openaiResponse } from '../gateway/dialects/openai-response.ts';

export type Endpoint = (typeof batchEndpoints)[number];

interface Spoken {
  body: TSchema;
  dialect: Dialect<never>;
}
const spoken: Record<Endpoint, Spoken> = {
  '/v1/chat/completions': { body: routes.openaiChat.body, dialect: openaiChat as Dialect<never> },
  '/v1/completions': { body: routes.openaiCompletion.body, dialect: openaiCompletion as Dialect<never> },
  '/v1/embeddings': { body: routes.openaiEmbeddings.body, dialect: openaiEmbeddings as Dialect<never> },
  '/v1/responses': { body: routes.openaiResponse.body, dialect: openaiResponse as Dialect<never> },
};

export interface BatchRequest {
  customId: string;
  ask: Ask;
  /** The answer in the form of its dialect. */
  whole: (...answer: Parameters<Dialect<never>['whole']> extends [unknown, ...infer R] ? R : never) => object;
}

/** @throws FleetError in the words for the line */
export function readLine(text: string, endpoint: Endpoint, check: Checker): BatchRequest {
  if (text.length > maxModelRequestBytes) throw wrong(`expected at most ${maxModelRequestBytes} characters, got more`);
  const line = parsed(text);
  const refuse = (schema: TSchema, value: unknown, at: string) => {
    if (!check(schema, value)) throw wrong(`${at}${explain(schema, value)}`);
  };
  refuse(OpenAiBatchLine, line, '');
  const { custom_id: customId, url, body } = line as OpenAiBatchLine;
  if (url !== endpoint) throw wrong(`url: expected ${endpoint}, the endpoint of the batch, got ${url}`);
  const { body: schema, dialect } = spoken[endpoint];
  refuse(schema, body, 'body.');
  const ask = dialect.read(body as never);
  if (ask.models.length === 0) throw wrong('body.model: expected a name, got nothing');
  if (ask.stream) throw wrong('body.stream: expected false, as nobody reads along, got true');
  return { customId, ask: { ...ask, idle: true }, whole: (...answer) => dialect.whole(body as never, ...answer) };
}

/** Lines that are not empty, with their numbers from 1. */
export const linesOf = (path: string) => streamLines(createReadStream(path), Number.POSITIVE_INFINITY);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong(`not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}
const wrong = (detail: string) => new FleetError('invalid-request', { detail });
