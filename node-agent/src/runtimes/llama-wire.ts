// What llama.ts and its child process say to each other: plain data over Node's IPC channel, bounded on both sides.
import type { ChatMessage, RuntimeErrorCode, ToolCall, ToolSpec, Usage } from './runtime.ts';

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
  maxTokens: number;
  temperature: number;
  repeatPenalty?: number;
  schema?: object;
  think?: false;
}
export interface EmbedOrder {
  op: 'embed';
  model: string;
  texts: string[];
}
export type Order = LoadOrder | ChatOrder | EmbedOrder | { op: 'unload'; model: string };

/** Parent to child. `abort` names the order it ends. */
export type ToChild = { id: number; order: Order } | { id: number; abort: true };

export interface ChatResult {
  reason: 'stop' | 'length' | 'tool-calls';
  calls: ToolCall[];
  /** What the library set apart from the answer. */
  thought: string;
  usage: Usage;
  /** What the model holds by now, buffers of work included; 0 where another one in the same process blurs the measure. */
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

// A prompt longer than this fits no context we would open; it is refused before it crosses the channel.
export const maxPromptChars = 4 * 1024 * 1024;
export const maxTextsPerOrder = 64;
