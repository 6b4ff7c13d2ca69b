// How much context a model gets on this machine: as much as was asked for, fewer slots where memory is short, then shorter ones.
// In: what the model's header says and the memory that is free. Out: slots and context, or what even the least would need.
// Pure: what is put down to make room is llama.ts's decision.
import type { GgufFacts } from '../models/gguf.ts';

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

/** A small Pi answers one at a time rather than not. What comes out may still need more than there is. */
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
