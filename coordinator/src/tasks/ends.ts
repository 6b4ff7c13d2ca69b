// The two exits of a lease: an end (exactly one for each task) or back into the queue. Every end of a task is made here, so that an asker
// over MQTT always gets an answer. [INV-one-end]
import {
  costOf,
  cutToBytes,
  isOfPlace,
  maxPastAttempts,
  maxResultBytes,
  type PastAttempt,
  priceOn,
  type TaskProblem,
  type TaskTrace,
  type TaskUsage,
} from '@blackroad/protocol';
import { invariant } from '@blackroad/std/invariant';
import { settleAttempt, settleEnd } from '../budgets/task-budgets.ts';
import { closeTask, type Draft, setTask } from '../state/draft.ts';
import type { EndedTask, TaskRow } from '../state/rows.ts';
import { answerTo } from './answer.ts';

interface TaskEnd {
  state: 'done' | 'failed' | 'cancelled' | 'expired';
  result?: string | null;
  truncated?: boolean;
  problem?: TaskProblem | null;
  /** Missing: nobody knows what it used. */
  usage?: TaskUsage | null;
  trace?: TaskTrace | undefined;
}

export function endTask(draft: Draft, task: TaskRow, end: TaskEnd): EndedTask {
  invariant(draft.tasks.get(task.id), 'INV-one-end', `task ${task.id} has ended already`);
  const result = end.result ?? null;
  const isCut = result !== null && Buffer.byteLength(result) > maxResultBytes;
  const row: EndedTask = {
    ...task,
    state: end.state,
    endedMs: draft.nowMs,
    result: result === null ? null : cutToBytes(result, maxResultBytes),
    truncated: isCut || (end.truncated ?? false),
    problem: end.problem ?? null,
    usage: end.usage ? priced(draft, task.node, end.usage) : null,
    // Only a lease of a conversation asks for it.
    ...(end.trace === undefined || task.conversation === undefined ? {} : { trace: end.trace }),
  };
  settleEnd(draft, task, end.usage);
  closeTask(draft, row);
  if (row.replyTo) draft.messages.push(answerTo(row.replyTo, row));
  return row;
}

/** With its cost: the price is known now, and may not be after a restart. What the node itself says of a cost is left out. */
function priced({ view }: Draft, node: string | null, { costUsd: _, ...usage }: TaskUsage): TaskUsage {
  const price = priceOn(view.live.get(node ?? '')?.capacity, usage.model);
  return price ? { ...usage, costUsd: costOf(price, usage) } : usage;
}

/**
 * Ends a lease without an end of the task: it is queued again, or is a dead letter when its attempts are used up. In a trouble of the place
 * the attempt does not count: one more is allowed.
 */
export function giveBack(
  draft: Draft,
  task: TaskRow,
  problem: TaskProblem,
  waitMs = 0,
  outcome: PastAttempt['outcome'] = 'lost',
): void {
  // A place that refused did nothing. Of a lost attempt the end may still come, until the next one begins.
  if (outcome === 'refused') settleAttempt(draft, task, null);
  const isCounted = outcome === 'failed' || (outcome === 'lost' && !isOfPlace(problem.code));
  if (!isCounted) queueAgain(draft, { ...task, attempts: task.attempts + 1 }, waitMs, outcome, problem.text);
  else if (task.attempt >= task.attempts) endTask(draft, task, { state: 'failed', problem });
  else queueAgain(draft, task, waitMs, outcome, problem.text);
}

function queueAgain(draft: Draft, task: TaskRow, waitMs: number, outcome: PastAttempt['outcome'], text: string): void {
  const { attempt, node, leasedMs, past = [] } = task;
  const over = { attempt, node, leasedMs, endedMs: draft.nowMs, outcome, text: text.slice(0, maxPastText) };
  setTask(draft, {
    ...task,
    state: 'queued',
    // The epoch of the last attempt stays in the row: its node may still continue the task while no other attempt has begun.
    node: null,
    leasedMs: null,
    notBeforeMs: waitMs > 0 ? draft.nowMs + waitMs : 0,
    past: [...past, over].slice(-maxPastAttempts),
  });
}

const maxPastText = 300;
const maxRetryMs = 60_000;
/**
 * The wait doubles with every attempt. It has no jitter: decisions are deterministic, and the tasks of one agent's queue do not retry at
 * the same time.
 */
export function retryWaitMs(retryMs: number, attempt: number): number {
  return Math.min(maxRetryMs, retryMs * 2 ** Math.min(Math.max(attempt, 1) - 1, 20));
}
