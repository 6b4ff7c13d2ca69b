// Changes that time alone causes: suspicion and loss, deadlines, ends of backoffs, the valve, the announcement of the coordinator; and the
// first decision after a start. All is computed from `now`, so no node has a timer. Reads only indexes and the rows of nodes.
import { counted, cutToBytes, type FleetState } from '@blackroad/protocol';
import { judgeBudgets, settleLeftOver } from '../budgets/judge.ts';
import { stepRollouts } from '../rollouts/step.ts';
import { change, type Draft, decided, decidedWith, noteEvent, openDraft, send } from '../state/draft.ts';
import type { Decide, Policy } from '../state/input.ts';
import { deadlineSlot, wakeSlot } from '../state/task-index.ts';
import { endTask } from '../tasks/ends.ts';
import { leaseNext, sendCancel } from '../tasks/leases.ts';
import { whyWaiting } from '../tasks/place-trouble.ts';
import { heartbeatIntervalMs, isOffInterval, silenceMs } from './heartbeat.ts';
import { sendWelcome } from './hello.ts';
import { judgeFaults } from './model-faults.ts';
import { judgeLeaving } from './planned-moves.ts';
import { turnLost, turnSuspect } from './transitions.ts';
import { judgeValve } from './valve.ts';

/** The interval of fleet/state. Each announcement also renews the leases of nodes (quiet.ts); two in a row may be lost. */
const announceMs = 9_000;
/** Ticks come every 250 ms. A longer gap than this means that the coordinator paused (suspended, overloaded), not the nodes. */
export const pauseMs = 5_000;
/** The number of changes of presence in one decision; the next decision follows at once. Loss of a large site must not block the loop. */
const maxTurnChanges = 600;
/** The number of agents with only waiting tasks that one tick examines: that takes well below a millisecond. */
const maxServed = 200;
/** Expired tokens are kept for this time: an enrolment repeated after a crash still finds its token. */
const tokenKeepMs = 86_400_000;

export const started: Decide<'started'> = (view, _input, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  let away = 0;
  for (const id of view.nodes.keys()) {
    const row = draft.nodes.get(id);
    if (row?.presence !== 'online') continue;
    turnSuspect(draft, row, 'restarted', 'the coordinator restarted');
    away++;
  }
  if (away > 0)
    noteEvent(draft, 'coordinator-started', {
      nodes: away,
      graceSeconds: Math.round(policy.restartGraceMs / 1000),
    });
  settleLeftOver(draft);
  announce(draft, policy);
  return decided(draft);
};

export const tick: Decide<'tick'> = (view, _input, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const resumed = view.tickedMs !== null && nowMs - view.tickedMs > pauseMs;
  const more = !resumed && judgePresence(draft, policy);
  expireTasks(draft);
  wakeTasks(draft);
  const served = serveWaiting(draft);
  // The valve is judged once all nodes are counted; placement makes no plan before.
  if (!more) judgeValve(draft, policy);
  // After a pause nobody could answer meanwhile.
  if (!resumed) judgeLeaving(draft);
  dropTokens(draft);
  judgeBudgets(draft, policy);
  if (view.announcedMs === null || nowMs - view.announcedMs >= announceMs || nowMs < view.announcedMs) {
    announce(draft, policy);
    judgeFaults(draft);
  }
  // While nodes are still to be counted, none is told anything new.
  if (!more) stepRollouts(draft, policy);
  change(draft, { type: 'ticked', atMs: nowMs, resumed, served });
  return decidedWith(draft, { more });
};

/** Whether some nodes are left for the next decision. */
function judgePresence(draft: Draft, policy: Policy): boolean {
  const { view, nowMs } = draft;
  const intervalMs = heartbeatIntervalMs(view, policy);
  const heardFromMs = Math.max(view.startedMs, view.resumedMs ?? 0);
  const losesFromMs = heardFromMs + policy.restartGraceMs;
  for (const row of draft.nodes.values()) {
    const { id } = row;
    if (row.status !== 'active') continue;
    if (row.presence === 'online') {
      const live = view.live.get(id);
      const lastMs = Math.max(live?.lastSeenMs ?? row.presenceSinceMs, view.resumedMs ?? 0);
      if (nowMs - lastMs > silenceMs(live, intervalMs)) {
        turnSuspect(draft, row, 'silent', 'silent');
      } else if (live?.helloBoot === row.boot && isOffInterval(live.heartbeatMs, intervalMs)) {
        change(draft, { type: 'hello', node: id, boot: row.boot, heartbeatMs: intervalMs });
        sendWelcome(draft, id, row.boot, { heartbeatMs: intervalMs, policy });
      }
    } else if (row.presence === 'suspect' && nowMs >= losesFromMs) {
      // [INV-presence]
      const awayMs = nowMs - row.presenceSinceMs;
      if (awayMs >= policy.lostAfterMs) {
        turnLost(draft, row, awayMs);
      }
    }
    if (draft.nodes.writtenSize + draft.changes.length >= maxTurnChanges) return true;
  }
  return false;
}

/** [INV-deadline] */
function expireTasks(draft: Draft): void {
  const now = deadlineSlot(draft.nowMs);
  const agents = new Set<string>();
  for (const [slot, ids] of draft.view.tasksByDeadline) {
    if (slot > now) continue;
    for (const id of ids) {
      const task = draft.tasks.get(id);
      if (!task || task.deadlineMs > draft.nowMs) continue;
      const where = task.state === 'queued' ? 'in the queue' : `on ${task.node}`;
      const why = task.state === 'queued' ? whyWaiting(draft.view, task) : null;
      const tries = counted(task.attempt, 'attempt');
      sendCancel(draft, task, 'the deadline passed');
      endTask(draft, task, {
        state: 'expired',
        problem: {
          code: 'deadline-passed',
          text: cutToBytes(`The deadline passed ${where}, after ${tries}${why === null ? '.' : `; ${why}`}`, 1000),
          retryable: true,
        },
      });
      agents.add(task.agent);
    }
  }
  for (const agent of agents) leaseNext(draft, agent);
}

function wakeTasks(draft: Draft): void {
  const now = wakeSlot(draft.nowMs);
  const agents = new Set<string>();
  for (const [slot, ids] of draft.view.tasksByWake) {
    if (slot > now) continue;
    for (const id of ids) {
      const agent = draft.view.tasks.get(id)?.agent;
      if (agent !== undefined) agents.add(agent);
    }
  }
  for (const agent of agents) leaseNext(draft, agent);
}

/**
 * A task waits for a node, an agent or the end of another task, and each of these starts it when it occurs. Should one be missed, the task
 * must still not wait for ever: agents with only waiting tasks are examined in turn, a bounded number at each tick.
 */
function serveWaiting(draft: Draft): number {
  const { unserved } = draft.view;
  for (const agent of unserved.keys().take(maxServed)) leaseNext(draft, agent);
  return Math.min(unserved.size, maxServed);
}

function dropTokens(draft: Draft): void {
  for (const { id, expiresMs } of draft.view.tokens.values())
    if (draft.nowMs > expiresMs + tokenKeepMs) change(draft, { type: 'token-gone', id });
}

export function announce(draft: Draft, policy: Policy, coordinator = draft.view.coordinator): void {
  send(draft, 'fleetState', {}, fleetState('online', coordinator, draft.nowMs, policy));
  change(draft, { type: 'announced', atMs: draft.nowMs });
}
export function fleetState(
  state: FleetState['state'],
  coordinator: string,
  nowMs: number,
  { reconnectWindowMs }: Pick<Policy, 'reconnectWindowMs'>,
): FleetState {
  return { state, coordinator, nowMs, reconnectWindowMs };
}
