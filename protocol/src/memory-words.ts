// How a memory was found, and what memories can be found by, in words for the console and the command.
import type { MemoryHit, MemoryVectors } from './memory.ts';

/** An older coordinator does not say it: it searched by words alone. */
export const foundInWords = ({ found = ['words'] }: Pick<MemoryHit, 'found'>): string => found.join(' and ');

const number = (count: number) => count.toLocaleString('en');

/** Whether searches find memories by their meaning, and how far the vectors are that this needs. */
export function vectorsInWords({ model, searched, memories, looked, refused, why }: MemoryVectors): string {
  if (model === null) return 'No memory has a vector: memories are found by their words alone.';
  const without = refused === 0 ? '' : ` The model did not take ${number(refused)} of their texts.`;
  if (looked === memories && searched === model)
    return `Memories are found by meaning too: each has a vector of ${model}.${without}`;
  const meanwhile = searched === null || searched === model ? '' : ` Until then searches by meaning use ${searched}.`;
  const waits = why === null ? '' : ` It waits: ${why}`;
  return `Memories get a vector of ${model}: ${number(looked)} of ${number(memories)} looked at, newest first.${meanwhile}${without}${waits}`;
}
