// A model on a node: what it is, what it takes, how fast it is, and the fetch of one.
import { FetchFault } from './fetch-faults.ts';
import { maxLoadMs, maxTokensPerS } from './limits.ts';
import { TokenPrice } from './token-price.ts';
import { type Static, Type } from './typebox.ts';

/** Running means of a node's own answers. With the load in the heartbeat, they give the time at which an answer could be ready. */
const Speed = Type.Object({
  prefillTps: Type.Number({
    minimum: 0,
    maximum: maxTokensPerS,
    description: 'Prompt tokens a second; 0: not measured yet.',
  }),
  decodeTps: Type.Number({ minimum: 0, maximum: maxTokensPerS, description: 'Answer tokens a second of one stream.' }),
  loadMs: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: maxLoadMs,
      description: 'What its first answer waits for while it is not loaded. Missing: it was never seen to load.',
    }),
  ),
  samples: Type.Integer({ minimum: 0, description: '0: a prior from memory bandwidth, nothing measured yet.' }),
});

export const RuntimeKind = Type.OneOf(['ollama', 'openai', 'llama', 'cloud', 'simulated']);
export type RuntimeKind = Static<typeof RuntimeKind>;

export const NodeModel = Type.Object({
  name: Type.String({ maxLength: 200 }),
  aliases: Type.Array(Type.String({ maxLength: 200 }), { maxItems: 16 }),
  runtime: RuntimeKind,
  kind: Type.OneOf(['chat', 'embed']),
  sizeBytes: Type.Integer({ minimum: 0 }),
  contextTokens: Type.Integer({ minimum: 0 }),
  resident: Type.Boolean(),
  asleep: Type.Optional(
    Type.Literal(true, {
      description: 'Its server put it down; the next request wakes it, which takes `speed.loadMs`.',
    }),
  ),
  adapterOf: Type.Optional(
    Type.String({
      maxLength: 200,
      description: 'It is an adapter (LoRA) of this model, and shares its memory and slots.',
    }),
  ),
  residentBytes: Type.Integer({ minimum: 0 }),
  peakBytes: Type.Optional(
    Type.Integer({ minimum: 0, description: 'The most it was ever seen to hold on this node, weights and contexts.' }),
  ),
  kvBytesPerToken: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'Context memory of one token: from the GGUF header or the runtime; estimated where missing.',
    }),
  ),
  parametersB: Type.Number({ minimum: 0 }),
  slots: Type.Integer({ minimum: 0 }),
  tier: Type.Optional(
    Type.OneOf(['small', 'medium', 'large'], {
      description:
        "Of the coordinator's catalogue, which writes it; what a node says here is read of paid models alone. Missing: by size.",
    }),
  ),
  tools: Type.Boolean(),
  sees: Type.Optional(
    Type.Boolean({ description: 'It takes pictures. Missing: its server does not tell, or an older node.' }),
  ),
  price: Type.Optional(TokenPrice),
  speed: Speed,
});
export type NodeModel = Static<typeof NodeModel>;

/** A model that is being fetched to the node, or whose fetch failed. */
export const ModelFetch = Type.Object({
  model: Type.String({ maxLength: 200 }),
  status: Type.String({ maxLength: 200, description: 'Plain words: `waiting`, `pulling manifest`, `checking`.' }),
  completedBytes: Type.Integer({ minimum: 0 }),
  totalBytes: Type.Integer({ minimum: 0, description: '0: not known yet.' }),
  problem: Type.Optional(
    Type.String({
      maxLength: 500,
      description: 'It failed, and why; told for ten minutes, or until it is tried again.',
    }),
  ),
  fault: Type.Optional(FetchFault),
});
export type ModelFetch = Static<typeof ModelFetch>;
