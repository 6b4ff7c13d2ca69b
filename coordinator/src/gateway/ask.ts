// A request of any dialect in neutral terms, and the answer as every dialect is told it. Only plain data.
import type { FleetError, ModelAnswerEnd, ModelAnswerEvent, ModelRequest } from '@blackroad/protocol';

export interface Ask {
  /** Names of models, tiers, or `agent/<name>`, in the order in which they are tried. */
  models: readonly string[];
  request: Omit<ModelRequest, 'model' | 'leftMs' | 'waitMs'>;
  /** Independent answers to the same request. */
  answers: number;
  stream: boolean;
  /** What names the conversation for its caller; null: it is told by the messages themselves. */
  session: string | null;
  /** It has time: it gets what nobody else uses, and fails with `model-busy` when somebody needs its slot. */
  idle?: true;
}

/** Where an answer comes from: it is told before the answer. */
export interface Told {
  id: string;
  /** As the caller named it. */
  asked: string;
  /** The model that answers, by the node's own name. */
  model: string;
  node: string;
  why: string;
  /** The time that the gateway itself took before the node had the request, without waiting for a slot. */
  overheadMs: number;
  createdMs: number;
}

export type Usage = NonNullable<ModelAnswerEnd['usage']>;
export type EndReason = NonNullable<ModelAnswerEnd['reason']>;

/** Hears an answer. `begin` comes first unless it fails before, `done` or `fail` comes last, once. */
export interface AnswerSink {
  begin(told: Told): void;
  event(answer: number, event: ModelAnswerEvent): void;
  end(answer: number, reason: EndReason, usage: Usage): void;
  done(): void;
  fail(error: FleetError): void;
}

export const noUsage: Usage = {
  promptTokens: 0,
  completionTokens: 0,
  loadMs: 0,
  prefillMs: 0,
  decodeMs: 0,
  waitMs: 0,
};

/** The usage of an answer that broke off, as far as it can be told without its model. */
export function usageOfPart(request: Ask['request'], chars: number): Usage {
  return { ...noUsage, promptTokens: estimateTokens(request), completionTokens: Math.ceil(chars / charsPerToken) };
}
export function charsOf({ text = '', thought = '', calls }: ModelAnswerEvent): number {
  return text.length + thought.length + (calls ? JSON.stringify(calls).length : 0);
}

/** Characters of a token, on average over languages and code. */
const charsPerToken = 3.5;
/** Tokens of a picture: what common models make of one. */
const imageTokens = 800;
const perMessageTokens = 5;

/** A text of about so many tokens. */
export const textOfTokens = (tokens: number) => 'x'.repeat(Math.ceil(tokens * charsPerToken));
/** The tokens of a prompt as far as they can be told without its model. */
export function estimateTokens({ messages = [], prompt = '', texts = [], tools = [] }: Ask['request']): number {
  let chars = prompt.length;
  let more = 0;
  for (const { content, images, toolCalls } of messages) {
    chars += content.length + (toolCalls ? JSON.stringify(toolCalls).length : 0);
    more += perMessageTokens + (images?.length ?? 0) * imageTokens;
  }
  for (const text of texts) chars += text.length;
  if (tools.length > 0) chars += JSON.stringify(tools).length;
  return Math.ceil(chars / charsPerToken) + more;
}
