// Reports of nodes about attempts. Idempotent by (task, attempt) under the epoch; a stale report changes nothing, but ends are always
// acknowledged, or the node would keep them for ever. [INV-one-end]
import { isOfPlace, maxDeadlineSeconds, type TaskProblem, type TaskReport } from '@blackroad/protocol';
import { settleAttempt } from '../budgets/task-budgets.ts';
import { takesRecords } from '../fleet/budget.ts';
import { heldBy, refuseNotItsOwn } from '../fleet/held.ts';
import { judgeWork } from '../fleet/model-faults.ts';
import { isOfLostTime } from '../fleet/restored.ts';
import { addTask, type Draft, decided, openDraft, remark, send, setTask, waitingIn } from '../state/draft.ts';
import type { Decide, Policy } from '../state/input.ts';
import type { AgentRow, EndedTask, TaskRow } from '../state/rows.ts';
import { agentNameOf } from '../state/view.ts';
import { endTask, giveBack, retryWaitMs } from './ends.ts';
import { leaseNext } from './leases.ts';
import { newTask } from './new-task.ts';
import { isOfWorkAfterAll, noteRefusal, placeWorks } from './place-trouble.ts';

export const reportTask: Decide<'task-report'> = (view, { node, message, ended }, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  if (draft.nodes.get(node)?.status !== 'active') {
    remark(draft, 'node-not-active', `report of ${message.task} from ${node}`);
    return decided(draft);
  }
  const task = draft.tasks.get(message.task);
  if (!task && message.local) recordLocal(draft, node, message, ended, policy);
  else if (task && isHeldBy(task, node, message)) takeReport(draft, task, node, message, policy);
  else if (task && isStillIts(draft, task, node, message)) takeLateReport(draft, task, node, message);
  else turnDown(draft, task, node, message);
  return decided(draft);
};

/** Only a report of the node that holds the lease counts. [INV-one-lease] [INV-reported] */
function isHeldBy(task: TaskRow, node: string, { attempt, epoch }: TaskReport): boolean {
  return task.state !== 'queued' && task.node === node && task.attempt === attempt && task.epoch === epoch;
}
/**
 * Whether a task that was queued again after the loss of its node still may end by this attempt: no other attempt has begun and the agent
 * has not moved.
 */
function isStillIts(draft: Draft, task: TaskRow, node: string, { attempt, epoch }: TaskReport): boolean {
  const placement = draft.agents.get(task.agent)?.placement;
  const same = task.state === 'queued' && task.attempt === attempt && task.epoch === epoch;
  return same && placement?.node === node && placement.epoch === epoch;
}

function takeReport(draft: Draft, task: TaskRow, node: string, message: TaskReport, policy: Policy): void {
  if (message.state !== 'running') settle(draft, node, message);
  takeAttempt(draft, task, node, message, policy);
}

function takeAttempt(draft: Draft, task: TaskRow, node: string, message: TaskReport, policy: Policy): void {
  switch (message.state) {
    case 'running':
      if (task.state !== 'running') setTask(draft, { ...task, state: 'running' });
      return;
    case 'refused':
      turnedDown(draft, task, node, message, policy);
      return;
    case 'done': {
      const placement = draft.agents.get(task.agent)?.placement;
      if (placement?.node === node) judgeWork(draft, node, placement.model);
      finish(draft, task, message);
      break;
    }
    case 'failed':
    case 'cancelled': {
      // A node of an older version reports `failed` for a trouble of the place.
      if (isOfPlace(message.problem?.code ?? '')) {
        turnedDown(draft, task, node, message, policy);
        return;
      }
      // A lease that the coordinator cancelled has an ended task, so this attempt was stopped by the node and is repeated.
      const problem = message.problem ?? unexplained(node, message.state);
      const waitMs = retryWaitMs(policy.retryMs, task.attempt);
      if (problem.retryable) settleAttempt(draft, task, message.usage ?? null);
      if (problem.retryable) giveBack(draft, task, problem, waitMs, 'failed');
      else endTask(draft, task, { state: message.state, problem, usage: message.usage ?? null, trace: message.trace });
      break;
    }
    default:
      message.state satisfies never;
  }
  placeWorks(draft, task.agent);
  leaseNext(draft, task.agent, true);
}

/** Queues the task again after a trouble of the place. Nothing is leased at once: the place would refuse the next task as well. */
function turnedDown(draft: Draft, task: TaskRow, node: string, message: TaskReport, policy: Policy): void {
  const noRoom = { code: 'refused', text: `${node} has no room for it now.`, retryable: true };
  const problem = message.problem ?? noRoom;
  if (isOfWorkAfterAll(draft, task, node)) {
    giveBack(draft, task, problem, retryWaitMs(policy.retryMs, task.attempt), 'failed');
    leaseNext(draft, task.agent);
    return;
  }
  const waitMs = noteRefusal(draft, task, node, problem, policy.retryMs);
  giveBack(draft, task, problem, waitMs, 'refused');
}

function takeLateReport(draft: Draft, task: TaskRow, node: string, message: TaskReport): void {
  if (message.state === 'running') {
    stop(draft, node, message);
    return;
  }
  // A result is kept although its lease is over; a failure was counted when the task was queued again.
  if (message.state === 'done') finish(draft, { ...task, node }, message);
  else {
    remark(draft, 'stale-report', `${node}: ${message.task} attempt ${message.attempt} is queued again already`);
    noteStopped(draft, task, message.attempt);
  }
  settle(draft, node, message);
  leaseNext(draft, task.agent);
}

/**
 * Marks an attempt as stopped. A hello may still list it, because the node has not got the confirmation of its end: it must not be leased
 * to the node again as if it ran.
 */
function noteStopped(draft: Draft, task: TaskRow, attempt: number): void {
  const { past = [] } = task;
  const isNews = past.some((each) => each.attempt === attempt && each.outcome === 'lost' && !each.stopped);
  if (!isNews) return;
  const stopped = past.map((each) => (each.attempt === attempt ? { ...each, stopped: true as const } : each));
  setTask(draft, { ...task, past: stopped });
}

function turnDown(draft: Draft, task: TaskRow | undefined, node: string, message: TaskReport): void {
  const known = task
    ? `it is ${task.state}${task.node ? ` on ${task.node}` : ''}, attempt ${task.attempt}, epoch ${task.epoch ?? '-'}`
    : 'it has ended or was never known';
  const { task: id, state, attempt, epoch } = message;
  remark(draft, 'stale-report', `${node} reports ${id} ${state} (attempt ${attempt}, epoch ${epoch}); ${known}`);
  if (state === 'running') stop(draft, node, message);
  else settle(draft, node, message);
}

function finish(draft: Draft, task: TaskRow, message: TaskReport): void {
  endTask(draft, task, {
    state: 'done',
    result: message.result ?? '',
    truncated: message.truncated ?? false,
    usage: message.usage ?? null,
    trace: message.trace,
  });
}
function unexplained(node: string, state: 'failed' | 'cancelled'): TaskProblem {
  return {
    code: `task-${state}`,
    text: `${node} says it was ${state}, without a reason.`,
    retryable: state === 'cancelled',
  };
}
function settle(draft: Draft, node: string, { task, attempt }: TaskReport): void {
  send(draft, 'settled', { node }, { tasks: [{ task, attempt }] });
}
function stop(draft: Draft, node: string, { task, attempt }: TaskReport): void {
  send(draft, 'cancel', { node }, { task, attempt, reason: 'the attempt is not leased to this node any more' });
}

/** Records a task that the node started itself (cron) once, with its end, or as one that is repeated like any other. */
function recordLocal(draft: Draft, node: string, message: TaskReport, ended: EndedTask | null, policy: Policy): void {
  const { local, task: id, agent, attempt, epoch, state } = message;
  if (!local || state === 'running') return;
  const row = draft.agents.get(agent);
  const isKnown = ended !== null || draft.view.justEnded.has(id);
  const isIts = heldBy(draft.view, agent, epoch, node) || isOfLostTime(draft.view, agent, epoch);
  const isNews = !isKnown && row !== undefined && isIts;
  // Without a confirmation the node keeps the report and sends it again.
  if (isNews && !takesRecords(draft, node, 1)) return;
  // The report is confirmed once, also where the task is not recorded.
  settle(draft, node, message);
  if (isKnown) return;
  if (!row) {
    remark(draft, 'stale-report', `${node} ran ${id} by itself for ${agentNameOf(draft, agent)}, which is gone`);
    return;
  }
  if (!isIts) {
    refuseNotItsOwn(
      draft,
      node,
      `it reports the task ${id} of ${agentNameOf(draft, agent)} under epoch ${epoch} as its own`,
    );
    return;
  }
  // The node's clock may be wrong: the start of a task is never in the future.
  const createdMs = Math.min(local.atMs, draft.nowMs);
  const born = newTask({
    id,
    space: row.space,
    agent,
    prompt: local.prompt,
    origin: 'cron',
    createdMs,
    deadlineMs: localDeadlineMs(draft, row, createdMs),
    attempts: Math.max(attempt, row.spec.limits.attempts),
    by: { kind: 'node', id: node, name: node },
  });
  const task: TaskRow = { ...born, state: 'running', attempt, node, epoch };
  const problem = message.problem ?? unexplained(node, 'failed');
  const isAgain = state === 'refused' || (state === 'failed' && problem.retryable);
  const missed = isAgain ? missedBecause(draft, row, task) : null;
  addTask(draft, task);
  if (state === 'cancelled') endTask(draft, task, { state, problem: message.problem ?? unexplained(node, state) });
  // A missed turn of a trigger is no dead letter: the trigger fires again by itself.
  else if (missed !== null)
    endTask(draft, task, {
      state: 'cancelled',
      problem: { ...problem, text: `${missed}: ${problem.text}`.slice(0, 1000), retryable: false },
    });
  else takeAttempt(draft, task, node, message, policy);
}
/**
 * The deadline of a local task, by the limits of its agent. A start before the longest possible life of a task shows that the node's clock
 * was wrong.
 */
function localDeadlineMs({ nowMs }: Draft, { spec }: AgentRow, createdMs: number): number {
  const isByWrongClock = nowMs - createdMs > maxDeadlineSeconds * 1000;
  return (isByWrongClock ? nowMs : createdMs) + spec.limits.deadlineSeconds * 1000;
}
/** The reason why a turn of a trigger is not repeated; null: it is. */
function missedBecause(draft: Draft, { id, spec }: AgentRow, { prompt, deadlineMs }: TaskRow): string | null {
  if (deadlineMs <= draft.nowMs) return 'Not done again, its time had passed when the node could say so';
  let waiting = 0;
  for (const other of waitingIn(draft, id)) {
    if (other.origin === 'cron' && other.prompt === prompt) return 'Not done again, the turn before it still waits';
    if (++waiting >= spec.queue) return `Not done again, ${waiting} tasks wait for ${spec.name} already`;
  }
  return null;
}
