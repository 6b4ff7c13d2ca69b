// A new task: the only place that defines the row of a task without attempts.
import { defaultTaskPriority } from '@blackroad/protocol';
import type { TaskRow } from '../state/rows.ts';

type Asked = 'id' | 'space' | 'agent' | 'prompt' | 'origin' | 'createdMs' | 'deadlineMs' | 'attempts';
type MayBeAsked = 'turns' | 'images' | 'conversation' | 'after' | 'priority' | 'idempotencyKey' | 'by' | 'replyTo';

/** The row of a task that waits for its first lease. */
export function newTask(asked: Pick<TaskRow, Asked> & Partial<Pick<TaskRow, MayBeAsked>>): TaskRow {
  return {
    state: 'queued',
    priority: defaultTaskPriority,
    attempt: 0,
    node: null,
    epoch: null,
    leasedMs: null,
    idempotencyKey: null,
    notBeforeMs: 0,
    ...asked,
  };
}
