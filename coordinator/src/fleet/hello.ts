// The hello after every connection: the identity of the node and the tasks it holds. The answer is exactly what the node is missing: a
// welcome, the assignment when its generation differs, leases that it should hold and does not, and a cancel for tasks that are no longer
// its own. [INV-rest]
import { abilitiesIn, type NodeHello, type TaskProblem, type Welcome } from '@blackroad/protocol';
import { change, type Draft, decided, openDraft, putNode, remark, send } from '../state/draft.ts';
import type { Decide, Policy } from '../state/input.ts';
import type { NodeRow, TaskRow } from '../state/rows.ts';
import { giveBack } from '../tasks/ends.ts';
import { lease, leaseForNode, sendLease } from '../tasks/leases.ts';
import { sendSnapshot } from './assignment.ts';
import { asSaid, hardwareClash } from './hardware.ts';
import { heartbeatIntervalMs } from './heartbeat.ts';
import { keptBy } from './pins.ts';
import { licenceMs } from './quiet.ts';
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

/** Refuses an unknown or a quarantined node. */
export function turnAway(draft: Draft, node: string, row: NodeRow | undefined): void {
  remark(draft, 'node-not-active', `${node} is ${row ? 'quarantined' : 'not known'}`);
  if (row) sayFarewell(draft, node, 'quarantined', row.quarantineReason);
  else sayFarewell(draft, node, 'forgotten', `${node} is not a node of this fleet (any more); join it again.`);
}

function greet(draft: Draft, row: NodeRow, message: NodeHello, policy: Policy): void {
  // A node with a higher generation than its record: our data is older (a restored backup). The record must exceed it, or the node would
  // refuse the snapshot as an old one.
  const generation = message.generation > row.generation ? message.generation + 1 : row.generation;
  const said = asSaid(row, message);
  const isOther = said.agentIds !== message.agentIds;
  const known = isOther ? knowingIds(said, message.agentIds) : said;
  const lineage = draft.view.restored?.lineage;
  const met = lineage === undefined || lineage === row.lineage ? {} : { lineage };
  if (generation !== row.generation || known !== row || 'lineage' in met)
    putNode(draft, { ...known, ...met, generation });
  const heartbeatMs = heartbeatIntervalMs(draft.view, policy);
  const { boot, version, address } = message;
  const live = draft.live.get(row.id);
  if (live) draft.live.set(row.id, { ...live, helloBoot: boot });
  change(draft, {
    type: 'hello',
    node: row.id,
    boot,
    heartbeatMs,
    atMs: draft.nowMs,
    version,
    address,
    can: abilitiesIn(message),
  });
  change(draft, { type: 'seen', node: row.id, atMs: draft.nowMs });
  // The answer contains everything the node is missing, so the time for storing it begins anew.
  change(draft, { type: 'behind', node: row.id, behind: null });
  sendWelcome(draft, row.id, message.boot, { heartbeatMs, policy }, message.upMs);
  // A node-agent of another version than before may use other ids for agents, and needs the snapshot as well.
  if (message.generation !== generation || isOther) sendSnapshot(draft, row.id);
}

function knowingIds({ agentIds: _, ...row }: NodeRow, agentIds: true | undefined): NodeRow {
  return agentIds ? { ...row, agentIds } : row;
}

/** `upMs`: from the hello that this answers. */
export function sendWelcome(
  draft: Draft,
  node: string,
  boot: string,
  { heartbeatMs, policy }: { heartbeatMs: number; policy: Policy },
  upMs?: number,
): void {
  const { timeZone, modelCachePort } = policy;
  send(
    draft,
    'welcome',
    { node },
    {
      boot,
      coordinator: draft.view.coordinator,
      nowMs: draft.nowMs,
      heartbeatMs,
      timeZone,
      ...(modelCachePort === undefined ? {} : { modelCachePort }),
      leaseMs: licenceMs,
      generation: draft.nodes.get(node)?.generation ?? 0,
      ...keepFor(draft, node),
      ...drainingFor(draft, node),
      ...(draft.view.restored ? { lineage: draft.view.restored.lineage } : {}),
      ...(upMs === undefined ? {} : { upMs }),
    },
  );
}

/** A node whose last pin was taken back while it was away must hear that it has none. */
function keepFor({ nodes, view }: Draft, node: string): Pick<Welcome, 'keep'> {
  const row = nodes.get(node);
  return row ? { keep: keptBy(view.pins.values(), row) } : {};
}

/** A node with a drain button shows whether it drains. */
function drainingFor({ nodes }: Draft, node: string): Pick<Welcome, 'draining'> {
  const row = nodes.get(node);
  return row ? { draining: row.draining } : {};
}

function matchLeases(draft: Draft, node: string, { held, upMs }: NodeHello): void {
  const attempts = new Map(held.map(({ task, attempt }) => [task, attempt]));
  for (const { task: id, attempt } of held) {
    const task = draft.view.tasks.get(id);
    if (task?.node === node && task.attempt === attempt) continue;
    const placement = task && draft.agents.get(task.agent)?.placement;
    // A task of a node that was lost, without another attempt since: the node continues it. An attempt that the node itself ended is over,
    // although the node has not got the confirmation yet.
    const isOver = task?.past?.some((past) => past.attempt === attempt && (past.outcome !== 'lost' || past.stopped));
    const goesOn = task?.state === 'queued' && task.attempt === attempt && placement?.node === node && !isOver;
    // The tick ends a task that is past its deadline.
    if (goesOn && task.epoch === placement.epoch && task.deadlineMs > draft.nowMs) {
      lease(draft, task, placement, attempt);
      continue;
    }
    // A task that is unknown here and has not just ended is a cron task that the node started itself; it need not be stopped.
    if (!task && !draft.view.justEnded.has(id)) continue;
    const reason = task ? 'the task is not leased to this node any more' : 'the task has ended';
    send(draft, 'cancel', { node }, { task: id, attempt, reason });
  }
  for (const id of draft.view.leasesByNode.get(node) ?? []) {
    const task = draft.view.tasks.get(id) as TaskRow;
    if (attempts.get(id) === task.attempt) continue;
    // A lease older than the node's process was lost with the previous process, which may have done half of the task. A younger lease was
    // lost as a message.
    if ((task.leasedMs ?? 0) < draft.nowMs - upMs) giveBack(draft, task, restarted(node));
    else sendLease(draft, task);
  }
}
function restarted(node: string): TaskProblem {
  return { code: 'node-lost', text: `${node} restarted while it worked on this.`, retryable: true };
}
