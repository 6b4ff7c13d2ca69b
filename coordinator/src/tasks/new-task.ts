// The birth of a task: the one place that says what a task is before anything has happened to it.
import { defaultTaskPriority } from '@blackroad/protocol';
import type { TaskRow } from '../state/rows.ts';

type Asked = 'id' | 'space' | 'agent' | 'prompt' | 'origin' | 'createdMs' | 'deadlineMs' | 'attempts';
type MayBeAsked = 'priority' | 'idempotencyKey' | 'by' | 'replyTo';

/** Waits for its first lease. */
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
