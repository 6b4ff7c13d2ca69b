// A conversation with a model, and its answer, as the node-agent and the coordinator hand them to any model server.
import type { Sampling, TokenLogprob } from '@blackroad/protocol';

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  content: string;
  /** Base64 of pictures, for models that see. */
  images?: string[];
  toolCalls?: ToolCall[];
  /** For role `tool`: the id of the call this answers. */
  toolCallId?: string;
}
export interface ToolCall {
  id: string;
  name: string;
  /** Parsed arguments; `{}` when the model sent none. */
  arguments: Record<string, unknown>;
}
export interface ToolSpec {
  name: string;
  description: string;
  /** JSON Schema of the arguments. */
  parameters: object;
}
export interface ChatRequest {
  model: string;
  messages: ChatMessage[];
  tools?: ToolSpec[];
  /** `tool:` and a name: that tool must be called. Absent: `auto`. */
  toolChoice?: string;
  /** Absent: until the model ends its answer, or its context is full. */
  maxTokens?: number;
  sampling: Sampling;
  /** JSON Schema the answer must satisfy, where the runtime can force it. */
  schema?: object;
  /** The answer is JSON of any form, where the runtime can force it. */
  json?: true;
  /** Log probabilities of each token, and of so many others. Throws `unsupported` where the server has none. */
  logprobs?: number;
  /** False: answer without thinking first, where the server can. Absent: the model decides. */
  think?: false;
  /** Throws `unsupported` where the server refuses the tools or the schema; absent: it is answered without them. */
  strict?: true;
}
export type ChatEvent =
  | { type: 'text'; text: string }
  /** Reasoning before or within the answer. It is not part of the answer: never shown as one, never remembered. */
  | { type: 'thought'; text: string }
  /** All text of this answer so far was thought: the answer begins after it. */
  | { type: 'retract' }
  | { type: 'tool-calls'; calls: ToolCall[] }
  /** Of the tokens of the answer so far that were not told yet. */
  | { type: 'logprobs'; tokens: TokenLogprob[] }
  /** Always the last event of a stream that did not throw. */
  | { type: 'end'; reason: 'stop' | 'length' | 'tool-calls'; usage: Usage };
export interface Usage {
  promptTokens: number;
  /** The part of promptTokens that the server had from an earlier request: `prefillMs` does not include it. Absent when unknown. */
  cachedTokens?: number;
  completionTokens: number;
  /** Milliseconds; 0 when the server does not report them. */
  loadMs: number;
  prefillMs: number;
  decodeMs: number;
}
/** Text that a model goes on with, without a chat template. */
export interface CompletionRequest extends Pick<ChatRequest, 'model' | 'maxTokens' | 'sampling' | 'logprobs'> {
  prompt: string;
}
