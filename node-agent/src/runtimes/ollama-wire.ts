// The wire of Ollama: our request in its format, its lines as numbers and calls of ours.

import type { ChatMessage, ChatRequest, ToolCall, Usage } from '@blackroad/model-server/chat';
import { given, wireNames } from '@blackroad/model-server/given';
import type { ToolCallPiece } from '@blackroad/model-server/openai-wire';
import type { Extra } from '@blackroad/model-server/refusals';
import { repeatPenaltyFor } from '@blackroad/model-server/sampling';
import { argumentsOf } from '@blackroad/model-server/tool-arguments';
import type { Message } from 'ollama/browser';
import type { RuntimeModel } from './runtime.ts';

export interface ChatLine {
  message?: {
    content?: string;
    thinking?: string;
    tool_calls?: ToolCallPiece[] | null;
  };
  /** Of a completion. */
  response?: string;
  logprobs?: unknown;
  done?: boolean;
  done_reason?: string;
  error?: string;
  total_duration?: number;
  load_duration?: number;
  prompt_eval_count?: number;
  prompt_eval_duration?: number;
  eval_count?: number;
  eval_duration?: number;
}

export const millisecondsOf = (nanoseconds = 0) => nanoseconds / 1e6;

/** The fields that chats and completions have in common. */
export function bodyOf(model: RuntimeModel, request: ChatRequest, lacks: ReadonlySet<Extra>, keepAlive: string) {
  const { sampling, logprobs } = request;
  const repeatPenalty = lacks.has('penalty')
    ? undefined
    : (sampling.repeatPenalty ?? repeatPenaltyFor(model.parametersB));
  return {
    model: model.name,
    stream: true as const,
    // Not documented, but read by its source: without these the oldest messages vanish silently. Older versions ignore them.
    truncate: false,
    shift: false,
    keep_alive: keepAlive,
    ...(request.think === false ? { think: false } : {}),
    ...(request.schema ? { format: request.schema } : request.json ? { format: 'json' } : {}),
    ...(logprobs === undefined ? {} : { logprobs: true, top_logprobs: logprobs }),
    options: given({
      num_ctx: model.contextTokens,
      num_predict: request.maxTokens,
      ...wireNames(sampling),
      repeat_penalty: repeatPenalty,
    }),
  };
}

export function wireMessages(messages: ChatMessage[]): Message[] {
  const names = new Map(messages.flatMap((message) => (message.toolCalls ?? []).map((call) => [call.id, call.name])));
  return messages.map(({ role, content, images, toolCalls, toolCallId }) => {
    if (toolCalls?.length) {
      const calls = toolCalls.map((call) => ({
        id: call.id,
        function: { name: call.name, arguments: call.arguments },
      }));
      return { role, content, tool_calls: calls };
    }
    if (role === 'tool')
      return { role, content, tool_name: names.get(toolCallId ?? '') ?? '', tool_call_id: toolCallId };
    return { role, content, ...(images?.length ? { images } : {}) };
  });
}

export function toolCallOf(call: ToolCallPiece, index: number): ToolCall {
  return {
    id: String(call.id || `call-${index}`),
    name: call.function?.name ?? '',
    arguments: argumentsOf(call.function?.arguments),
  };
}

// Ollama leaves out fields that are zero.
export function usageOf(line: ChatLine): Usage {
  return {
    promptTokens: line.prompt_eval_count ?? 0,
    completionTokens: line.eval_count ?? 0,
    loadMs: millisecondsOf(line.load_duration),
    prefillMs: millisecondsOf(line.prompt_eval_duration),
    decodeMs: millisecondsOf(line.eval_duration),
  };
}
