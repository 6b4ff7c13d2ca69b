// The fields of a request that have a value: a missing one is left to the server.
import type { Sampling } from '@blackroad/protocol';

export function given<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** How the next token is chosen, in the names that Ollama and servers of the OpenAI dialect share; the repeat penalty has several. */
export function wireNames(sampling: Sampling) {
  return {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    seed: sampling.seed,
    stop: sampling.stop,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
  };
}
