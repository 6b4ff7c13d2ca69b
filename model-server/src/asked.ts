// A request of the gateway in the terms of a model server, and the server's answer in the terms of the gateway.
import type { ModelAnswerEnd, ModelAnswerEvent, ModelRequest } from '@blackroad/protocol';
import type { ChatEvent, ChatRequest, CompletionRequest, Usage } from './chat.ts';
import { given } from './given.ts';

/** `model`: its name at its server. */
export function chatOf(asked: ModelRequest, model: string): ChatRequest {
  const { messages = [], tools, toolChoice, maxTokens, sampling = {}, schema, json, logprobs, think } = asked;
  return {
    model,
    messages,
    sampling,
    // A program that sent tools or a schema reads an answer without them as if the model had decided so.
    strict: true,
    ...(tools?.length ? { tools } : {}),
    ...given({ toolChoice, maxTokens, schema, json, logprobs, think }),
  };
}

export function completionOf(
  { prompt = '', maxTokens, sampling = {}, logprobs }: ModelRequest,
  model: string,
): CompletionRequest {
  return { model, prompt, sampling, ...given({ maxTokens, logprobs }) };
}

export function told(event: Exclude<ChatEvent, { type: 'end' }>): ModelAnswerEvent {
  switch (event.type) {
    case 'text':
      return { text: event.text };
    case 'thought':
      return { thought: event.text };
    case 'retract':
      return { retract: true };
    case 'tool-calls':
      return { calls: event.calls };
    case 'logprobs':
      return { logprobs: event.tokens };
  }
}

/** `waitMs`: for a slot. */
export function usageToTell(usage: Usage, waitMs: number): NonNullable<ModelAnswerEnd['usage']> {
  const { promptTokens, cachedTokens, completionTokens, loadMs, prefillMs, decodeMs } = usage;
  return { promptTokens, ...given({ cachedTokens }), completionTokens, loadMs, prefillMs, decodeMs, waitMs };
}
