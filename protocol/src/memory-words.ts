// How a memory was found, in words for the console and the command.
import type { MemoryHit } from './memory.ts';

/** An older coordinator does not say it: it searched by words alone. */
export const foundInWords = ({ found = ['words'] }: Pick<MemoryHit, 'found'>): string => found.join(' and ');
