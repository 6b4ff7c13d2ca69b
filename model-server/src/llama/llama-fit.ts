// The context of a model on this machine: the wanted one; where memory is short, fewer slots, then a shorter context. In: the figures of
// the model's header and the free memory. Out: slots and context, or the memory that even the least would need. Pure: llama.ts decides
// which models are unloaded to make room.
import type { GgufFacts } from '../weights/gguf.ts';

interface Fit {
  slots: number;
  contextTokens: number;
  neededBytes: number;
}

export const leastContextTokens = 1024;
// Compute buffers and llama.cpp itself, over weights and KV: measured 70-150 MB for models up to 3B.
const overheadBytes = 128 * 1024 ** 2;

export function fitOf(
  facts: Pick<GgufFacts, 'sizeBytes' | 'kvBytesPerToken'>,
  wanted: Pick<Fit, 'slots' | 'contextTokens'>,
): Fit {
  const { slots, contextTokens } = wanted;
  const neededBytes = facts.sizeBytes + facts.kvBytesPerToken * contextTokens * slots + overheadBytes;
  return { slots, contextTokens, neededBytes };
}

/** A small Pi answers one request at a time rather than none. The result may still need more memory than is free. */
export function shrunk(facts: Pick<GgufFacts, 'sizeBytes' | 'kvBytesPerToken'>, full: Fit, freeBytes: number): Fit {
  let fit = full;
  while (fit.neededBytes > freeBytes && (fit.slots > 1 || fit.contextTokens > leastContextTokens)) {
    const { slots, contextTokens } = fit;
    fit = fitOf(
      facts,
      slots > 1
        ? { slots: slots - 1, contextTokens }
        : { slots, contextTokens: Math.max(leastContextTokens, contextTokens >> 1) },
    );
  }
  return fit;
}
