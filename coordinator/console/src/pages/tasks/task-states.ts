// What the states of a task mean for a page. Pure.
import type { TaskLine } from '@blackroad/protocol';

type Standing = Pick<TaskLine, 'state'>;
export const isOpen = ({ state }: Standing): boolean => state === 'queued' || state === 'leased' || state === 'running';
/** Can be retried. */
export const isDeadLetter = ({ state }: Standing): boolean => state === 'failed' || state === 'expired';

/** Lists cut their texts and end them so; a text that really ends so is asked for once too often, no harm done. */
const shortest = 150;
const endsCut = (text: string | null) => text !== null && text.length >= shortest && text.endsWith('…');
export const isCut = ({ prompt, result, problem }: Pick<TaskLine, 'prompt' | 'result' | 'problem'>): boolean =>
  endsCut(prompt) || endsCut(result) || endsCut(problem);
