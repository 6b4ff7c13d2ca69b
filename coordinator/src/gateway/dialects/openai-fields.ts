// What the forms of the OpenAI dialect have in common: sampling, usage, log probabilities.
import type { Sampling, TokenLogprob } from '@blackroad/protocol';
import type { Usage } from '../ask.ts';
import { present, sse } from './dialect.ts';

interface SamplingFields {
  temperature?: number | null;
  top_p?: number | null;
  top_k?: number | null;
  min_p?: number | null;
  seed?: number | null;
  stop?: string | string[] | null;
  presence_penalty?: number | null;
  frequency_penalty?: number | null;
  repetition_penalty?: number | null;
}

export function samplingOf(body: SamplingFields): Sampling {
  const { stop, top_k } = body;
  return present({
    temperature: body.temperature,
    topP: body.top_p,
    // -1 is vLLM's word for no limit.
    topK: top_k !== null && top_k !== undefined && top_k >= 0 ? top_k : undefined,
    minP: body.min_p,
    seed: body.seed,
    stop: stopsOf(stop),
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    repeatPenalty: body.repetition_penalty,
  });
}
export function stopsOf(stop: string | readonly string[] | null | undefined): string[] | undefined {
  const stops = (typeof stop === 'string' ? [stop] : (stop ?? [])).filter((text) => text !== '');
  return stops.length > 0 ? stops : undefined;
}

export function usageOf(usages: readonly Usage[]) {
  const prompt = usages[0]?.promptTokens ?? 0;
  const completion = usages.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: usages[0]?.cachedTokens ?? 0 },
  };
}

/** The end of a stream, after the usage where it is wanted. */
export function doneOf(head: object, usages: readonly Usage[] | null): string {
  return `${usages ? sse({ ...head, choices: [], usage: usageOf(usages) }) : ''}data: [DONE]\n\n`;
}

const withBytes = ({ token, logprob }: { token: string; logprob: number }) => ({
  token,
  logprob,
  bytes: [...Buffer.from(token)],
});
export function chatLogprobs(tokens: readonly TokenLogprob[]) {
  return {
    content: tokens.map((each) => ({ ...withBytes(each), top_logprobs: each.top.map(withBytes) })),
    refusal: null,
  };
}
