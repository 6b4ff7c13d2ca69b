// The meaning of task states for a page. Pure.
import type { TaskLine } from '@blackroad/protocol';

type Standing = Pick<TaskLine, 'state'>;
export const isOpen = ({ state }: Standing): boolean => state === 'queued' || state === 'leased' || state === 'running';
/** Can be retried. */
export const isDeadLetter = ({ state }: Standing): boolean => state === 'failed' || state === 'expired';
