// Leases: the node that each waiting task runs on now. A lease is (task, attempt) under the epoch of the agent's placement; a node gets one
// only while it is online, has sent its hello in this boot and runs the agent under that epoch.
import type { TaskProblem } from '@blackroad/protocol';
import { booksOf } from '../budgets/books.ts';
import { reserveForTask, taskStop } from '../budgets/task-budgets.ts';
import { type Draft, leasedCountIn, leasedIn, send, setTask } from '../state/draft.ts';
import type { AgentRow, Placement, TaskRow } from '../state/rows.ts';
import { giveBack } from './ends.ts';
import { nextTasks } from './place-trouble.ts';

/** Leases as many waiting tasks of one agent as it may run now. `isBack`: its place reported that the trouble may be over. */
export function leaseNext(draft: Draft, agent: string, isBack = false): void {
  const row = draft.agents.get(agent);
  if (!row?.placement || !takesWork(draft, row, row.placement)) return;
  const free = row.spec.concurrency - leasedCountIn(draft, agent);
  if (free <= 0) return;
  const { placement } = row;
  // The one before may have reserved the rest of the budget.
  for (const task of nextTasks(draft, agent, placement, free, isBack))
    if (taskStop(draft, booksOf(draft), task, placement) === null) lease(draft, task, placement, task.attempt + 1);
}

/** Leases the waiting tasks of all agents on a node after its connection. */
export function leaseForNode(draft: Draft, node: string): void {
  for (const agent of draft.view.agentsByNode.get(node) ?? []) if (draft.view.work.has(agent)) leaseNext(draft, agent);
}

function takesWork(draft: Draft, agent: AgentRow, placement: Placement): boolean {
  const node = draft.nodes.get(placement.node);
  if (node?.status !== 'active' || node.presence !== 'online') return false;
  // The agent is about to move; where no other node fits it continues to work, or the drain would stop it for no gain.
  if (node.draining && agent.unplaced === null) return false;
  if (placement.leaving) return false;
  if (draft.live.get(node.id)?.helloBoot !== node.boot) return false;
  const observed = draft.observed.get(agent.id);
  return (
    observed?.state === 'ready' &&
    observed.epoch === placement.epoch &&
    observed.node === placement.node &&
    observed.boot === node.boot
  );
}

/** Leases a task to the node of its agent; under the same attempt when the node held it all the time. [INV-one-lease] */
export function lease(draft: Draft, task: TaskRow, placement: Placement, attempt: number): void {
  reserveForTask(draft, task, placement, attempt);
  const leased: TaskRow = {
    ...task,
    state: 'leased',
    attempt,
    node: placement.node,
    epoch: placement.epoch,
    leasedMs: draft.nowMs,
    notBeforeMs: 0,
  };
  setTask(draft, leased);
  sendLease(draft, leased);
}
export function sendLease(draft: Draft, task: TaskRow): void {
  send(
    draft,
    'task',
    { node: task.node as string },
    {
      task: task.id,
      attempt: task.attempt,
      agent: task.agent,
      epoch: task.epoch as number,
      prompt: task.prompt,
      ...(task.turns === undefined ? {} : { turns: [...task.turns] }),
      ...(task.images === undefined ? {} : { images: [...task.images] }),
      ...(task.conversation === undefined ? {} : { trace: true as const }),
      leftMs: Math.max(0, task.deadlineMs - draft.nowMs),
    },
  );
}
/** Asks the node of a lease to stop. The node may be absent: its later report is stale then. */
export function sendCancel(draft: Draft, task: TaskRow, reason: string): void {
  if (task.node === null || task.state === 'queued') return;
  send(draft, 'cancel', { node: task.node }, { task: task.id, attempt: task.attempt, reason: reason.slice(0, 200) });
}

/** Queues all leased tasks of a node again; with `cancelReason` the node is also asked to stop, in case the message arrives. */
export function loseLeases(draft: Draft, node: string, problem: TaskProblem, cancelReason: string | null): number {
  let count = 0;
  for (const id of draft.view.leasesByNode.get(node) ?? []) {
    const task = draft.tasks.get(id);
    if (!task || task.node !== node || task.state === 'queued') continue;
    if (cancelReason !== null) sendCancel(draft, task, cancelReason);
    giveBack(draft, task, problem);
    count++;
  }
  return count;
}
/** Queues all leased tasks of one agent again, and asks their nodes to stop. */
export function loseAgentLeases(draft: Draft, agent: string, problem: TaskProblem, cancelReason: string): void {
  for (const task of leasedIn(draft, agent)) {
    sendCancel(draft, task, cancelReason);
    giveBack(draft, task, problem);
  }
}
