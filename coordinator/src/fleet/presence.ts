// Reports of nodes about themselves: births and wills, inventory, capacity, heartbeats, observed agents. Every boot has an id; messages of
// an earlier boot never overwrite a later one. Heartbeats are perishable, only transitions are stored.
import { type AgentObserved, stoppedReason } from '@blackroad/protocol';
import { closeBranchesOf } from '../memory/branches.ts';
import { change, type Draft, decided, noteEvent, openDraft, putNode, remark } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { NodeRow } from '../state/rows.ts';
import { agentNameOf } from '../state/view.ts';
import { takeBackUnheld } from '../tasks/held.ts';
import { leaseForNode, leaseNext } from '../tasks/leases.ts';
import { placeMayBeBack } from '../tasks/place-trouble.ts';
import { bringUpToDate, endQuiet, sendSnapshot } from './assignment.ts';
import { countConnect } from './flapping.ts';
import { everHeldBy, heldBy, refuseNotItsOwn } from './held.ts';
import { turnAway } from './hello.ts';
import { withKnown } from './known.ts';
import { judgeCapacity, judgeModel } from './model-faults.ts';
import { isOver } from './quiet.ts';
import { isOfLostTime } from './restored.ts';
import { quarantine, turnOnline, turnSuspect } from './transitions.ts';
import { isTwin, twinText } from './twins.ts';

export const acceptState: Decide<'node-state'> = (view, { node, message }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = draft.nodes.get(node);
  if (row?.status !== 'active') {
    turnAway(draft, node, row);
    return decided(draft);
  }
  if (message.state === 'online') {
    if (isTwin(draft, row, message.boot)) {
      quarantine(draft, row, twinText(node));
      return decided(draft);
    }
    countConnect(draft, node);
    turnOnline(draft, row, message.boot, row.boot === message.boot ? 'connected' : 'started');
    change(draft, { type: 'seen', node, atMs: nowMs });
    return decided(draft);
  }
  if (message.boot !== row.boot) {
    remark(draft, 'old-boot', `${node}: the will of boot ${message.boot} came after the birth of ${row.boot}`);
    return decided(draft);
  }
  const { reason = 'its connection broke' } = message;
  turnSuspect(draft, row, reason === stoppedReason ? 'stopped' : 'broken', reason);
  return decided(draft);
};

export const acceptInfo: Decide<'node-info'> = (view, { node, message }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = ofThisBoot(draft, node, message.boot, 'info');
  if (!row) return decided(draft);
  const { boot: _, ...facts } = message;
  const { boot: __, ...known } = row.info ?? { boot: '' };
  const found = foundClass(row, message.class);
  if (found !== null) noteEvent(draft, 'node-class', { node, class: found, was: row.class });
  if (found !== null || JSON.stringify(facts) !== JSON.stringify(known))
    putNode(draft, { ...row, class: found ?? row.class, info: message });
  return decided(draft);
};

export const acceptHardware: Decide<'node-hardware'> = (view, { node, message }, nowMs) => {
  const draft = openDraft(view, nowMs);
  if (ofThisBoot(draft, node, message.boot, 'hardware'))
    change(draft, { type: 'hardware', node, atMs: nowMs, hardware: message.hardware });
  return decided(draft);
};

/** The class to store; null: it stays. The class `cloud` costs money and is set by a person or a join token, never by a report. */
function foundClass(row: NodeRow, told: string): string | null {
  const isOpen = !row.classFixed && row.class !== 'cloud' && told !== 'cloud';
  return isOpen && told !== row.class ? told : null;
}

export const acceptCapacity: Decide<'node-capacity'> = (view, { node, message }, nowMs) => {
  const draft = openDraft(view, nowMs);
  if (!ofThisBoot(draft, node, message.boot, 'capacity')) return decided(draft);
  judgeCapacity(draft, node, message);
  change(draft, { type: 'capacity', node, capacity: withKnown(view.known, message) });
  return decided(draft);
};

export const acceptHealth: Decide<'node-health'> = (view, { node, message }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = ofThisBoot(draft, node, message.boot, 'health');
  if (!row) return decided(draft);
  change(draft, { type: 'health', node, health: message, atMs: nowMs });
  // A node with nothing left to send will not complete a branch: its journal was damaged, or its disk exchanged.
  if (message.memoriesUnacked === 0) closeBranchesOf(draft, node, 'nothing-left');
  // The tasks that a node holds are compared only after its hello to this coordinator; without one, the node is about to send it.
  if (view.live.get(node)?.helloBoot !== row.boot) return decided(draft);
  if (row.presence === 'online') {
    bringUpToDate(draft, row, message.generation);
    if (message.held) takeBackUnheld(draft, node, message.held);
    return decided(draft);
  }
  turnOnline(draft, row, row.boot, 'heard again', 'heard');
  if (message.generation !== row.generation) sendSnapshot(draft, node);
  leaseForNode(draft, node);
  return decided(draft);
};

export const acceptObserved: Decide<'agent-observed'> = (view, { node, message }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = ofThisBoot(draft, node, message.boot, 'agent state');
  if (!row) return decided(draft);
  const isLost =
    view.restored !== null && (!view.agents.has(message.agent) || isOfLostTime(view, message.agent, message.epoch));
  if (!everHeldBy(view, message.agent, node) && !isLost) {
    refuseNotItsOwn(
      draft,
      node,
      `it says that ${agentNameOf(draft, message.agent)} is ${message.state} under epoch ${message.epoch}`,
    );
    return decided(draft);
  }
  const wasIts = heldBy(view, message.agent, message.epoch, node);
  if (message.state === 'stopped' && wasIts) letGo(draft, message);
  const placement = draft.agents.get(message.agent)?.placement;
  if (placement?.node !== node || placement.epoch !== message.epoch) {
    remark(
      draft,
      'stale-epoch',
      `${node} reports ${agentNameOf(draft, message.agent)} under epoch ${message.epoch}; ${placement ? `${placement.node} holds it under ${placement.epoch}` : 'no node holds it'}`,
    );
    return decided(draft);
  }
  const before = view.observed.get(message.agent);
  change(draft, { type: 'observed', agent: message.agent, node, observed: message });
  draft.observed.set(message.agent, { ...message, node });
  if (message.state === 'failed' && (before?.state !== 'failed' || before.reason !== message.reason))
    noteEvent(draft, 'agent-failed', { agent: message.agent, node, reason: message.reason });
  judgeModel(draft, node, placement.model, message);
  const isBack = before?.state !== 'ready' || before.boot !== message.boot;
  if (message.state !== 'ready') return decided(draft);
  if (isBack) placeMayBeBack(draft, message.agent, node);
  leaseNext(draft, message.agent, isBack);
  return decided(draft);
};

/** Ends the quiet time that waits for this stopped agent: its node does nothing for it any more, so the next node may act. */
function letGo(draft: Draft, { agent, boot, epoch }: AgentObserved): void {
  const row = draft.agents.get(agent);
  if (row && isOver(row.placement ? row.placement.quiet : row.quiet, boot, epoch)) endQuiet(draft, row);
}

/** The node, if it is active and the message is of its present boot. */
function ofThisBoot(draft: Draft, node: string, boot: string, what: string): NodeRow | null {
  const row = draft.nodes.get(node);
  if (row?.status !== 'active') {
    remark(draft, 'node-not-active', `${what} from ${node}, which is ${row ? 'quarantined' : 'not known'}`);
    return null;
  }
  if (row.boot !== boot) {
    remark(draft, 'old-boot', `${what} from ${node} of boot ${boot}; the present one is ${row.boot || 'not known'}`);
    return null;
  }
  return row;
}
