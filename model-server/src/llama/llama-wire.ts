// The messages between llama.ts and its child process: plain data over Node's IPC channel, bounded on both sides.

import type { Sampling } from '@blackroad/protocol';
import type { ChatMessage, ToolCall, ToolSpec, Usage } from '../chat.ts';
import type { RuntimeErrorCode } from '../runtime-error.ts';

export interface LoadOrder {
  op: 'load';
  model: string;
  path: string;
  kind: 'chat' | 'embed';
  contextTokens: number;
  slots: number;
}
export interface ChatOrder {
  op: 'chat';
  model: string;
  messages: ChatMessage[];
  tools: ToolSpec[];
  maxTokens?: number;
  sampling: Sampling;
  repeatPenalty?: number;
  schema?: object;
  json?: true;
  think?: false;
}
export interface CompleteOrder extends Pick<ChatOrder, 'model' | 'maxTokens' | 'sampling' | 'repeatPenalty'> {
  op: 'complete';
  prompt: string;
}
export interface EmbedOrder {
  op: 'embed';
  model: string;
  texts: string[];
}
export type Order = LoadOrder | ChatOrder | CompleteOrder | EmbedOrder | { op: 'unload'; model: string };

/** Parent to child. `abort` ends the order with that id. */
export type ToChild = { id: number; order: Order } | { id: number; abort: true };

export interface ChatResult {
  reason: 'stop' | 'length' | 'tool-calls';
  calls: ToolCall[];
  /** The text that the library separated as thought. */
  thought: string;
  usage: Usage;
  /** Memory of the model now, buffers of work included; 0 where other models in the same process make the measurement wrong. */
  residentBytes: number;
}
export interface LoadResult {
  loadMs: number;
  residentBytes: number;
  contextTokens: number;
}

/** Child to parent. */
export type FromChild =
  | { id: number; text: string }
  | { id: number; done: ChatResult | LoadResult | Float32Array[] | null }
  | { id: number; failed: { code: RuntimeErrorCode; message: string } }
  | { log: { level: 'info' | 'warn' | 'error'; message: string } };

// A prompt longer than this fits no context that is ever opened; it is refused before it is sent to the child.
export const maxPromptChars = 4 * 1024 * 1024;
export const maxTextsPerOrder = 64;
