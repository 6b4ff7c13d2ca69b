// The hello after every (re)connection: who the node is, what it holds. The answer is exactly what is missing: a welcome, the
// assignment when its generation differs, leases it should hold and does not, word to stop what is no longer its own. [INV-rest]
import type { NodeHello, TaskProblem } from '@blackroad/protocol';
import { change, type Draft, decided, openDraft, putNode, remark, send } from '../state/draft.ts';
import type { Decide, Policy } from '../state/input.ts';
import type { NodeRow, TaskRow } from '../state/rows.ts';
import { giveBack } from '../tasks/ends.ts';
import { lease, leaseForNode, sendLease } from '../tasks/leases.ts';
import { sendSnapshot } from './assignment.ts';
import { asSaid, hardwareClash } from './hardware.ts';
import { heartbeatIntervalMs } from './heartbeat.ts';
import { leaseMs } from './quiet.ts';
import { quarantine, sayFarewell, turnOnline } from './transitions.ts';
import { isTwin, twinText } from './twins.ts';

export const acceptHello: Decide<'node-hello'> = (view, { node, message }, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  if (row?.status !== 'active') {
    turnAway(draft, node, row);
    return decided(draft);
  }
  const clash = hardwareClash(view, row, message);
  if (clash !== null) {
    quarantine(draft, row, clash);
    return decided(draft);
  }
  if (isTwin(draft, row, message.boot)) {
    quarantine(draft, row, twinText(node));
    return decided(draft);
  }
  greet(draft, turnOnline(draft, row, message.boot, 'connected'), message, policy);
  matchLeases(draft, node, message);
  leaseForNode(draft, node);
  return decided(draft);
};

/** A node nobody knows, or one in quarantine. */
export function turnAway(draft: Draft, node: string, row: NodeRow | undefined): void {
  remark(draft, 'node-not-active', `${node} is ${row ? 'quarantined' : 'not known'}`);
  if (row) sayFarewell(draft, node, 'quarantined', row.quarantineReason);
  else sayFarewell(draft, node, 'forgotten', `${node} is not a node of this fleet (any more); join it again.`);
}

function greet(draft: Draft, row: NodeRow, message: NodeHello, policy: Policy): void {
  // Ahead of us: our data is older than the node's (a restored backup). Go past it, or it would refuse the snapshot as an old one.
  const generation = message.generation > row.generation ? message.generation + 1 : row.generation;
  const said = asSaid(row, message);
  const isOther = said.agentIds !== message.agentIds;
  const known = isOther ? knowingIds(said, message.agentIds) : said;
  if (generation !== row.generation || known !== row) putNode(draft, { ...known, generation });
  const heartbeatMs = heartbeatIntervalMs(draft.view, policy);
  const { boot, version } = message;
  const live = draft.live.get(row.id);
  if (live) draft.live.set(row.id, { ...live, helloBoot: boot });
  change(draft, { type: 'hello', node: row.id, boot, heartbeatMs, atMs: draft.nowMs, version });
  change(draft, { type: 'seen', node: row.id, atMs: draft.nowMs });
  // What it lacks comes with the answer: it has its time for that.
  change(draft, { type: 'behind', node: row.id, behind: null });
  sendWelcome(draft, row.id, message.boot, { heartbeatMs, timeZone: policy.timeZone }, message.upMs);
  // Also a node that is of another version than before: it knows agents by another word.
  if (message.generation !== generation || isOther) sendSnapshot(draft, row.id);
}

function knowingIds({ agentIds: _, ...row }: NodeRow, agentIds: true | undefined): NodeRow {
  return agentIds ? { ...row, agentIds } : row;
}

/** `upMs`: of the hello that it answers. */
export function sendWelcome(
  draft: Draft,
  node: string,
  boot: string,
  told: { heartbeatMs: number; timeZone: string },
  upMs?: number,
): void {
  send(
    draft,
    'welcome',
    { node },
    {
      boot,
      coordinator: draft.view.coordinator,
      nowMs: draft.nowMs,
      ...told,
      leaseMs,
      generation: draft.nodes.get(node)?.generation ?? 0,
      ...(upMs === undefined ? {} : { upMs }),
    },
  );
}

function matchLeases(draft: Draft, node: string, { held, upMs }: NodeHello): void {
  const attempts = new Map(held.map(({ task, attempt }) => [task, attempt]));
  for (const { task: id, attempt } of held) {
    const task = draft.view.tasks.get(id);
    if (task?.node === node && task.attempt === attempt) continue;
    const placement = task && draft.agents.get(task.agent)?.placement;
    // It was given up for lost, but nobody else has begun: it goes on with what it has.
    // What the node itself called over is over: it only has not heard that this is settled.
    const isOver = task?.past?.some((past) => past.attempt === attempt && (past.outcome !== 'lost' || past.stopped));
    const goesOn = task?.state === 'queued' && task.attempt === attempt && placement?.node === node && !isOver;
    // Past its deadline: the tick ends it.
    if (goesOn && task.epoch === placement.epoch && task.deadlineMs > draft.nowMs) {
      lease(draft, task, placement, attempt);
      continue;
    }
    // Unknown here and not ended just now: a cron task of its own, which is nobody's business yet.
    if (!task && !draft.view.justEnded.has(id)) continue;
    const reason = task ? 'the task is not leased to this node any more' : 'the task has ended';
    send(draft, 'cancel', { node }, { task: id, attempt, reason });
  }
  for (const id of draft.view.leasesByNode.get(node) ?? []) {
    const task = draft.view.tasks.get(id) as TaskRow;
    if (attempts.get(id) === task.attempt) continue;
    // Leased to the process before this one: it died with it, and may have done half of it. Else the message was lost on the way.
    if ((task.leasedMs ?? 0) < draft.nowMs - upMs) giveBack(draft, task, restarted(node));
    else sendLease(draft, task);
  }
}
function restarted(node: string): TaskProblem {
  return { code: 'node-lost', text: `${node} restarted while it worked on this.`, retryable: true };
}
