// Tasks that people and programs submit, cancel and retry. A task is stored before anything is sent about it; the same idempotency key is
// the same task; every queue is bounded, and a full one refuses.
import {
  actorOf,
  askerOf,
  charactersOf,
  lengthOf,
  maxAttempts,
  maxLivePromptCharacters,
  maxLiveTasks,
  maxQueuePerAgent,
  maxTaskImageChars,
  maxTurnsChars,
  type Principal,
  type TaskProblem,
  type TaskRequest,
} from '@blackroad/protocol';
import { refuseStop } from '../budgets/requests.ts';
import { taskStop } from '../budgets/task-budgets.ts';
import { type Decision, refuse } from '../state/decision.ts';
import { addTask, change, type Draft, decided, decidedWith, noteAudit, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import { type AgentRow, type EndedTask, isEnded, type TaskRow } from '../state/rows.ts';
import { agentNameOf, inSpace, spaceOf, type View } from '../state/view.ts';
import { answerTo } from './answer.ts';
import { continued } from './conversations.ts';
import { endTask } from './ends.ts';
import { leaseNext, sendCancel } from './leases.ts';
import { newTask } from './new-task.ts';

export const submitTask: Decide<'task-submit'> = (view, input, nowMs) => {
  const { by, id, agent, request, origin, known, replyTo } = input;
  const draft = openDraft(view, nowMs);
  const row = draft.agents.get(agent);
  const space = row?.space ?? spaceOf(view, agent, by);
  const key = request.idempotencyKey ?? null;
  if (key !== null) {
    const live = view.tasksByIdempotencyKey.get(inSpace(space, key));
    // Live tasks are in the view. A task that ended after the store was read is answered in its state at that time: the same work is not
    // done twice.
    const same = (live === undefined ? undefined : draft.tasks.get(live)) ?? known;
    if (same && same.agent !== agent)
      return refuse(
        'conflict',
        `body: idempotencyKey: ${key} names a task of ${agentNameOf(draft, same.agent)} already (${same.id}).`,
      );
    if (same) {
      // An asker over MQTT that repeats its message has lost the answer, or never got it.
      if (replyTo && isEnded(same)) draft.messages.push(answerTo(replyTo, same));
      return decidedWith(draft, same);
    }
    // A task that was submitted and ended after the store was read: at the next request the store has it.
    if (view.justEndedKeys.has(inSpace(space, key)))
      return askAgain(`The task with idempotency key ${key} ended this moment.`);
  }
  if (!row) return refuse('no-such-agent', `There is no agent ${agentNameOf(draft, agent)}.`);
  const place = request.conversation === undefined ? null : continued(draft, input);
  if (place && 'refused' in place) return place.refused;
  const turns = place?.turns ?? request.turns;
  const refused = refuseSize(request) ?? refuseBlind(draft, row, request);
  if (refused) return refused;
  const full = queueFull(view, row, request.prompt.length + charactersOf(turns) + lengthOf(request.images));
  if (full) return full;
  const deadlineSeconds = request.deadlineSeconds ?? row.spec.limits.deadlineSeconds;
  const stopped = budgetStops(view, row, by, nowMs + deadlineSeconds * 1000);
  if (stopped) return stopped;
  const task = newTask({
    id,
    space,
    agent,
    prompt: request.prompt,
    origin,
    createdMs: nowMs,
    deadlineMs: nowMs + deadlineSeconds * 1000,
    attempts: request.attempts ?? row.spec.limits.attempts,
    idempotencyKey: key,
    ...(turns === undefined ? {} : { turns }),
    ...(request.images === undefined ? {} : { images: request.images }),
    ...(place === null ? {} : { conversation: place.conversation }),
    ...(place?.after === undefined ? {} : { after: place.after }),
    ...(request.priority === undefined ? {} : { priority: request.priority }),
    ...(by === null ? {} : { by: askerOf(by) }),
    ...(replyTo === undefined ? {} : { replyTo }),
  });
  if (place) change(draft, { type: 'conversation', row: place.row });
  return queueAndAnswer(draft, task);
};

/** Sums that a schema cannot express. */
function refuseSize({ turns, images }: TaskRequest): Decision<never> | null {
  const characters = charactersOf(turns);
  const most = (field: string, max: number, got: number) =>
    refuse<never>('invalid-request', `body: ${field}: expected at most ${max} characters, got ${got}`);
  if (characters > maxTurnsChars) return most('turns', maxTurnsChars, characters);
  return lengthOf(images) > maxTaskImageChars ? most('images', maxTaskImageChars, lengthOf(images)) : null;
}
/** A model that does not see answers as if there were no pictures, or not at all. */
function refuseBlind(draft: Draft, { spec, placement }: AgentRow, { images }: TaskRequest): Decision<never> | null {
  if (!images?.length || !placement) return null;
  const models = draft.live.get(placement.node)?.capacity?.models ?? [];
  if (models.find(({ name }) => name === placement.model)?.sees !== false) return null;
  return refuse(
    'not-supported',
    `${spec.name} runs with ${placement.model}, which takes no pictures: ask without them.`,
  );
}

function queueAndAnswer<A extends TaskRow>(draft: Draft, task: TaskRow): Decision<A> {
  addTask(draft, task);
  leaseNext(draft, task.agent);
  return decidedWith(draft, draft.tasks.get(task.id) as A);
}

/** [INV-queue] */
function queueFull(view: View, { id, spec }: AgentRow, characters: number): Decision<never> | null {
  if (view.tasks.size >= maxLiveTasks) return busy(`The fleet has ${maxLiveTasks} unfinished tasks, its limit.`);
  if (view.promptCharacters + characters > maxLivePromptCharacters)
    return busy(
      `The prompts of all unfinished tasks have ${view.promptCharacters} characters; the fleet holds ${maxLivePromptCharacters}.`,
    );
  const bound = Math.min(spec.queue, maxQueuePerAgent);
  const waiting = view.work.get(id)?.waiting.length ?? 0;
  if (waiting < bound) return null;
  return busy(`${waiting} tasks wait for ${spec.name} already; its queue holds ${bound}.`);
}
/** A task that could not begin before its deadline is refused at once; one whose budget is renewed before that waits. */
function budgetStops(view: View, { id, placement }: AgentRow, by: Principal | null, deadlineMs: number) {
  const stop = taskStop(view, view, { agent: id, ...(by ? { by: askerOf(by) } : {}) }, placement);
  if (!stop || stop.why === 'reserved' || (stop.renewsMs !== null && stop.renewsMs < deadlineMs)) return null;
  return refuseStop<never>(stop);
}
function busy(detail: string): Decision<never> {
  return {
    changes: [],
    messages: [],
    outcome: { ok: false, code: 'queue-full', details: { detail, retryAfterSeconds: 5 } },
  };
}
function askAgain(detail: string): Decision<never> {
  return {
    changes: [],
    messages: [],
    outcome: { ok: false, code: 'unavailable', details: { detail, retryAfterSeconds: 1 } },
  };
}

/** Ends a task at once, whatever its node reports later. */
export const cancelTask: Decide<'task-cancel'> = (view, { by, id }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const task = draft.tasks.get(id);
  if (!task) {
    if (view.justEnded.has(id)) return refuse('conflict', `The task ${id} has ended.`);
    return refuse('no-such-task', `There is no task ${id} that waits or runs.`);
  }
  const actor = actorOf(by);
  const problem: TaskProblem = { code: 'task-cancelled', text: `Cancelled by ${actor}.`, retryable: false };
  sendCancel(draft, task, `cancelled by ${actor}`);
  endTask(draft, task, { state: 'cancelled', problem });
  noteAudit(draft, by, 'task-cancel', { task: id, agent: task.agent, state: task.state });
  leaseNext(draft, task.agent);
  return decidedWith(draft, { id });
};

/**
 * The time of a retry: as long as that of the first task. A task of a trigger had none, and its start is by a node's clock, which may show
 * 1970.
 */
function patienceMs({ origin, createdMs, deadlineMs }: EndedTask, { spec }: AgentRow): number {
  return origin === 'cron' ? spec.limits.deadlineSeconds * 1000 : Math.max(1000, deadlineMs - createdMs);
}
/** Removes a dead letter from the list for people; it stays in the history. Also possible where its agent is gone. */
export const dismissTask: Decide<'task-dismiss'> = (view, { by, id, ended }, nowMs) => {
  const refused = refuseNoDeadLetter(view, id, ended, 'dismissed');
  if (refused) return refused;
  const draft = openDraft(view, nowMs);
  if (!ended || ended.dismissedMs !== undefined) return decided(draft);
  change(draft, { type: 'task-dismissed', id, atMs: nowMs });
  noteAudit(draft, by, 'task-dismiss', { task: id, agent: ended.agent, state: ended.state });
  return decided(draft);
};
function refuseNoDeadLetter(view: View, id: string, ended: EndedTask | null, what: string): Decision<never> | null {
  if (view.tasks.has(id)) return refuse('conflict', `The task ${id} has not ended; only dead letters are ${what}.`);
  if (!ended) return refuse('no-such-task', `There is no task "${id}", or it ended too long ago.`);
  if (ended.state === 'failed' || ended.state === 'expired') return null;
  return refuse('conflict', `The task ${id} is ${ended.state}; only failed and expired ones are ${what}.`);
}

/** Retries a dead letter as a new task, with new attempts and as much time as the first had. */
export const retryTask: Decide<'task-retry'> = (view, { by, id, ended, newId }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const refused = refuseNoDeadLetter(view, id, ended, 'retried');
  if (refused || !ended) return refused as Decision<never>;
  const row = draft.agents.get(ended.agent);
  if (!row) return refuse('no-such-agent', `The agent ${agentNameOf(draft, ended.agent)} of this task is gone.`);
  const full = queueFull(view, row, ended.prompt.length + charactersOf(ended.turns) + lengthOf(ended.images));
  if (full) return full;
  // The new task has no idempotency key: a request with it must get the first task. It has no `replyTo` either: the asker over MQTT has its
  // answer.
  const deadlineMs = nowMs + patienceMs(ended, row);
  const stopped = budgetStops(view, row, by, deadlineMs);
  if (stopped) return stopped;
  const task = newTask({
    id: newId,
    space: ended.space,
    agent: ended.agent,
    prompt: ended.prompt,
    ...(ended.turns === undefined ? {} : { turns: ended.turns }),
    ...(ended.images === undefined ? {} : { images: ended.images }),
    priority: ended.priority,
    origin: ended.origin,
    createdMs: nowMs,
    deadlineMs,
    attempts: Math.min(maxAttempts, row.spec.limits.attempts),
    by: askerOf(by),
  });
  if (ended.dismissedMs === undefined) change(draft, { type: 'task-dismissed', id, atMs: nowMs });
  noteAudit(draft, by, 'task-retry', { task: id, agent: ended.agent, as: newId });
  return queueAndAnswer(draft, task);
};
