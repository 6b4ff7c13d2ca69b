// The options about memories: who makes their vectors, where these are, and when memories are consolidated.
import { consolidationOptions } from './consolidation-settings.ts';
import { embedderOptions } from './embedder-settings.ts';
import { vectorOptions } from './vector-settings.ts';

export const memoryOptions = {
  memoryModel: {
    type: 'text',
    flag: 'memory-model',
    env: 'BLACKROAD_MEMORY_MODEL',
    default: '',
    text: 'Embedding model of which every memory gets a vector, made by a node that has it or by the coordinator itself (docs/memory.md). Empty: the one that most memories have.',
  },
  ...embedderOptions,
  ...vectorOptions,
  ...consolidationOptions,
} as const;
