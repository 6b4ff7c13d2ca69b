// The orders to the child of the embedded runtime. What it does not have is refused here, before a model is loaded.

import type { ChatRequest, CompletionRequest } from '@blackroad/model-server/chat';
import { type ChatOrder, type CompleteOrder, maxPromptChars } from '@blackroad/model-server/llama/llama-wire';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { repeatPenaltyFor } from '@blackroad/model-server/sampling';
import type { RuntimeModel } from './runtime.ts';

const lacking = (words: string) => new RuntimeError('unsupported', words);
function refuseLong(characters: number): void {
  if (characters > maxPromptChars) throw new RuntimeError('too-long', `the prompt has ${characters} characters`);
}

/** @throws RuntimeError `unsupported`, `too-long` */
export function chatOrder(request: ChatRequest, model: RuntimeModel): ChatOrder {
  const { messages, tools, toolChoice, maxTokens, sampling, schema, json, logprobs, think } = request;
  if (tools?.length && !model.tools) throw lacking(`${model.name} does not support tools`);
  if (toolChoice && toolChoice !== 'auto') throw lacking('the embedded runtime cannot be told which tool to call');
  if (logprobs !== undefined) throw lacking('the embedded runtime has no log probabilities');
  if (messages.some(({ images }) => images?.length)) throw lacking('the embedded runtime has no model that sees');
  refuseLong(messages.reduce((sum, { content }) => sum + content.length, 0));
  return {
    op: 'chat',
    model: model.name,
    messages,
    tools: tools ?? [],
    maxTokens,
    sampling,
    repeatPenalty: sampling.repeatPenalty ?? repeatPenaltyFor(model.parametersB),
    ...(schema ? { schema } : {}),
    ...(json ? { json } : {}),
    ...(think === false ? { think } : {}),
  };
}

/** @throws RuntimeError `unsupported`, `too-long` */
export function completeOrder(request: CompletionRequest, { name, parametersB }: RuntimeModel): CompleteOrder {
  const { prompt, maxTokens, sampling, logprobs } = request;
  if (logprobs !== undefined) throw lacking('the embedded runtime has no log probabilities');
  refuseLong(prompt.length);
  const repeatPenalty = sampling.repeatPenalty ?? repeatPenaltyFor(parametersB);
  return { op: 'complete', model: name, prompt, maxTokens, sampling, repeatPenalty };
}
