// A request of the gateway to one model of a node, and the answer. Neither is stored: a request that is lost ends with an error, and its
// sender may ask again. A request is larger than one message may be, so its JSON travels in pieces; an answer travels as events, some of
// them in each part, and the last part has the end.
import { CommandId } from './ids.ts';
import {
  maxEmbedTexts,
  maxMessagesPerRequest,
  maxModelRequestBytes,
  maxModelServers,
  maxModelsPerNode,
  maxRequestPieces,
  maxRetryAfterS,
  maxTokensPerTask,
  maxToolsPerRequest,
} from './limits.ts';
import { type Static, Type } from './typebox.ts';

const Text = Type.String({ maxLength: maxModelRequestBytes });
const Name = Type.String({ minLength: 1, maxLength: 200 });

export const ModelToolCall = Type.Object({
  id: Type.String({ maxLength: 200 }),
  name: Name,
  arguments: Type.Record(Type.String(), Type.Unknown()),
});
export type ModelToolCall = Static<typeof ModelToolCall>;

export const ModelMessage = Type.Object({
  role: Type.OneOf(['system', 'user', 'assistant', 'tool']),
  content: Text,
  images: Type.Optional(
    Type.Array(Text, { maxItems: 32, description: 'Base64 of PNG, JPEG or WebP; only for models that see.' }),
  ),
  toolCalls: Type.Optional(Type.Array(ModelToolCall, { maxItems: 64 })),
  toolCallId: Type.Optional(Type.String({ maxLength: 200, description: 'For role `tool`: the call that it answers.' })),
});
export type ModelMessage = Static<typeof ModelMessage>;

export const ModelTool = Type.Object({
  name: Name,
  description: Type.String({ maxLength: 16 * 1024 }),
  parameters: Type.Record(Type.String(), Type.Unknown(), { description: 'JSON Schema of the arguments.' }),
});
export type ModelTool = Static<typeof ModelTool>;

const number = (minimum: number, maximum: number) => Type.Optional(Type.Number({ minimum, maximum }));
/** How the next token is chosen. What is missing is left to the model server. */
export const Sampling = Type.Object({
  temperature: number(0, 10),
  topP: number(0, 1),
  topK: number(0, 1_000_000),
  minP: number(0, 1),
  seed: Type.Optional(Type.Integer()),
  stop: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 1000 }), { maxItems: 16 })),
  presencePenalty: number(-2, 2),
  frequencyPenalty: number(-2, 2),
  repeatPenalty: number(0, 10),
});
export type Sampling = Static<typeof Sampling>;

export const ModelRequest = Type.Object({
  kind: Type.OneOf(['chat', 'complete', 'embed'], {
    description: 'chat: `messages`; complete: goes on with the text of `prompt`; embed: a vector for each of `texts`.',
  }),
  model: Name,
  leftMs: Type.Number({ minimum: 0, maximum: 86_400_000, description: 'For all of the answer.' }),
  waitMs: Type.Number({ minimum: 0, maximum: 86_400_000, description: 'For a slot of the model.' }),
  messages: Type.Optional(Type.Array(ModelMessage, { maxItems: maxMessagesPerRequest })),
  prompt: Type.Optional(Text),
  texts: Type.Optional(Type.Array(Text, { minItems: 1, maxItems: maxEmbedTexts })),
  tools: Type.Optional(Type.Array(ModelTool, { maxItems: maxToolsPerRequest })),
  toolChoice: Type.Optional(
    Type.String({
      maxLength: 210,
      description: '`auto`, `none`, `required`, or `tool:` and the name of the one to call.',
    }),
  ),
  maxTokens: Type.Optional(Type.Integer({ minimum: 1, maximum: maxTokensPerTask })),
  sampling: Type.Optional(Sampling),
  schema: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), { description: 'The answer is JSON of this schema.' }),
  ),
  json: Type.Optional(Type.Literal(true, { description: 'The answer is JSON of any form.' })),
  logprobs: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 20, description: 'Log probabilities of each token, and of so many others.' }),
  ),
  think: Type.Optional(Type.Literal(false, { description: 'Answer without thinking first, where the model can.' })),
});
export type ModelRequest = Static<typeof ModelRequest>;

/** The JSON of a ModelRequest, in pieces that each fit one message. */
export const ModelRequestPiece = Type.Object({
  request: CommandId,
  at: Type.Integer({ minimum: 0, maximum: maxRequestPieces - 1 }),
  of: Type.Integer({ minimum: 1, maximum: maxRequestPieces }),
  text: Type.String(),
});
export type ModelRequestPiece = Static<typeof ModelRequestPiece>;

/** The node may open a channel for requests: a WebSocket with the coordinator, for the time in which it is busy with them. */
export const ModelChannel = Type.Object({
  ticket: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Opens one channel of this node, within 20 s.' }),
});
export type ModelChannel = Static<typeof ModelChannel>;

/** The names that servers of the OpenAI dialect have for the repeat penalty; empty: it has none. */
const penaltyNames = ['repeat_penalty', 'repetition_penalty', ''] as const;
/** A model server that the coordinator may ask itself, at the address from which the node's channel comes. */
export const ModelServer = Type.Object({
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
  path: Type.String({ pattern: '^(/[A-Za-z0-9._~-]{1,100}){0,8}$', description: 'Before `/v1`; mostly empty.' }),
  certificate: Type.Optional(
    Type.String({
      pattern: '^([0-9A-F]{2}:){31}[0-9A-F]{2}$',
      description:
        'SHA-256 of its certificate as the node sees it: no other one is accepted. Missing: it speaks no TLS.',
    }),
  ),
  key: Type.Optional(Type.String({ maxLength: 4096 })),
  penalty: Type.OneOf([...penaltyNames]),
  models: Type.Array(Name, {
    maxItems: maxModelsPerNode,
    description: 'That it has loaded, by their names on the node.',
  }),
});
export type ModelServer = Static<typeof ModelServer>;
/** All of them: they replace what the node told before. */
export const ModelServers = Type.Object({ servers: Type.Array(ModelServer, { maxItems: maxModelServers }) });
export type ModelServers = Static<typeof ModelServers>;

/** Nobody waits for the answer any more: the model server is to stop. */
export const ModelRequestStop = Type.Object({ request: CommandId });
export type ModelRequestStop = Static<typeof ModelRequestStop>;

const logprob = { token: Type.String({ maxLength: 1000 }), logprob: Type.Number() };
export const TokenLogprob = Type.Object({
  ...logprob,
  top: Type.Array(Type.Object(logprob), { maxItems: 20 }),
});
export type TokenLogprob = Static<typeof TokenLogprob>;

/** One event has one of the fields. */
export const ModelAnswerEvent = Type.Object({
  text: Type.Optional(Type.String()),
  thought: Type.Optional(Type.String()),
  retract: Type.Optional(
    Type.Literal(true, { description: 'All text of this answer so far was thought: the answer begins after it.' }),
  ),
  calls: Type.Optional(Type.Array(ModelToolCall, { maxItems: 64 })),
  logprobs: Type.Optional(Type.Array(TokenLogprob, { maxItems: 1000 })),
  vector: Type.Optional(
    Type.String({ description: 'Base64 of 32-bit floats, little-endian; one event for each text, in order.' }),
  ),
});
export type ModelAnswerEvent = Static<typeof ModelAnswerEvent>;

const ModelUsage = Type.Object({
  promptTokens: Type.Integer({ minimum: 0, maximum: maxTokensPerTask }),
  cachedTokens: Type.Optional(
    Type.Integer({ minimum: 0, maximum: maxTokensPerTask, description: 'Of the prompt; missing: not known.' }),
  ),
  completionTokens: Type.Integer({ minimum: 0, maximum: maxTokensPerTask }),
  loadMs: Type.Number({ minimum: 0 }),
  prefillMs: Type.Number({ minimum: 0 }),
  decodeMs: Type.Number({ minimum: 0 }),
  waitMs: Type.Number({ minimum: 0, description: 'For a slot on the node.' }),
});

interface ModelProblemRow {
  /** Whether another node may answer the same request. */
  elsewhere: boolean;
  /**
   * What is to blame: the `place`, a model on a node, which is then left alone for a while; its `server`, with all models of it; the
   * `request`, which says nothing of the place; or the `moment`.
   */
  blames: 'place' | 'server' | 'request' | 'moment';
  text: string;
}
const place = (text: string): ModelProblemRow => ({ elsewhere: true, blames: 'place', text });
const server = (text: string): ModelProblemRow => ({ elsewhere: true, blames: 'server', text });
const request = (elsewhere: boolean, text: string): ModelProblemRow => ({ elsewhere, blames: 'request', text });
/** The reasons why a node gives no whole answer. */
export const modelProblems = {
  unavailable: place('The model server does not answer, or its answer broke off'),
  'unknown-model': place('The node does not serve the model now'),
  refused: place('The model does not load on the node'),
  'wrong-key': server('The model server wants another key'),
  'rate-limited': place('The provider was asked too much lately'),
  'provider-overloaded': server('The provider is overloaded'),
  'no-credit': server('The provider wants money first: there is no credit, or a limit of spending is reached'),
  internal: place('A fault in the node-agent'),
  overloaded: { elsewhere: true, blames: 'moment', text: 'The queue of the model is full' },
  aborted: {
    elsewhere: true,
    blames: 'moment',
    text: 'The node stopped the request: it restarts, or its connection broke',
  },
  'too-long': request(true, 'The prompt does not fit the context'),
  unsupported: request(true, 'The model or its server cannot do what the request asks for'),
  'wrong-kind': request(false, 'The model is not one for this kind of request'),
  'bad-request': request(false, 'The model server takes the request for wrong'),
  filtered: request(false, 'The provider, or its model, declines the content'),
  'deadline-passed': request(false, 'The deadline passed'),
} as const satisfies Record<string, ModelProblemRow>;
export type ModelProblemCode = keyof typeof modelProblems;
export const ModelProblem = Type.Object({
  code: Type.OneOf(Object.keys(modelProblems) as ModelProblemCode[]),
  text: Type.String({ maxLength: 1000 }),
  retryAfterS: Type.Optional(
    Type.Number({ minimum: 0, maximum: maxRetryAfterS, description: 'How long the server wants to be left alone.' }),
  ),
});
export type ModelProblem = Static<typeof ModelProblem>;

export const ModelAnswerEnd = Type.Object({
  reason: Type.Optional(Type.OneOf(['stop', 'length', 'tool-calls'])),
  usage: Type.Optional(ModelUsage),
  problem: Type.Optional(ModelProblem),
});
export type ModelAnswerEnd = Static<typeof ModelAnswerEnd>;

export const ModelAnswer = Type.Object({
  request: CommandId,
  seq: Type.Integer({ minimum: 0, description: 'Counts the parts of this answer from 0.' }),
  events: Type.Array(ModelAnswerEvent, { maxItems: 1000 }),
  end: Type.Optional(ModelAnswerEnd),
});
export type ModelAnswer = Static<typeof ModelAnswer>;

/** Parts of several answers of a node, gathered for a moment: one message for all that it writes then. */
export const ModelAnswers = Type.Object({ answers: Type.Array(ModelAnswer, { minItems: 1, maxItems: 1000 }) });
export type ModelAnswers = Static<typeof ModelAnswers>;
