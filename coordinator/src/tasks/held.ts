// A lease lasts only while its node holds it: every heartbeat names the leases of the node, and a lease that is missing there although it
// should have arrived ends. A message may be lost, and a node may lose the end of a task; neither must block the agent until the deadline.
// In: the leases in a heartbeat. Out: tasks that are queued again, without a counted attempt.
import { leaseKey, maxHeldInHealth, type TaskProblem } from '@blackroad/protocol';
import type { Draft } from '../state/draft.ts';
import { giveBack } from './ends.ts';
import { leaseNext, sendCancel } from './leases.ts';

/**
 * A lease reaches its node, and the node's next heartbeat the coordinator, within this time; with one heartbeat more it is still less than
 * the lease of quiet.ts.
 */
export const unheldMs = 20_000;

export function takeBackUnheld(draft: Draft, node: string, held: readonly string[]): void {
  const leases = draft.view.leasesByNode.get(node);
  if (!leases || leases.size === 0) return;
  const keys = new Set(held);
  const dueMs = draft.nowMs - unheldMs;
  // Leases that a node was missing at its hello were sent again then: its first heartbeats may be older than their arrival.
  if ((draft.view.live.get(node)?.helloMs ?? 0) > dueMs) return;
  const untilMs = held.length < maxHeldInHealth ? dueMs : Math.min(dueMs, newestNamed(draft, leases, keys));
  const agents = new Set<string>();
  for (const id of leases) {
    const task = draft.tasks.get(id);
    if (task?.node !== node || task.state === 'queued') continue;
    if ((task.leasedMs ?? draft.nowMs) > untilMs || keys.has(leaseKey(task.id, task.attempt))) continue;
    sendCancel(draft, task, 'the node did not name it among those it holds');
    giveBack(draft, task, notHeld(node));
    agents.add(task.agent);
  }
  for (const agent of agents) leaseNext(draft, agent);
}
/**
 * The time of the newest lease in a heartbeat. A node with more leases than a heartbeat can name names the oldest: a newer one may be held
 * without being named.
 */
function newestNamed(draft: Draft, leases: ReadonlySet<string>, keys: ReadonlySet<string>): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (const id of leases) {
    const task = draft.view.tasks.get(id);
    if (task && keys.has(leaseKey(task.id, task.attempt))) newest = Math.max(newest, (task.leasedMs ?? 0) - unheldMs);
  }
  return newest;
}
function notHeld(node: string): TaskProblem {
  return {
    code: 'not-held',
    text: `${node} does not hold it (any more): a message or its end was lost.`,
    retryable: true,
  };
}
