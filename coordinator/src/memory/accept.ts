// Memory that nodes send (BR-MEM/1): only the node of the agent, under the present epoch, may append to its log. Known entries change
// nothing, forks are stored apart and shown, and gaps and stale writers are answered with the head. Acks are sent after the commit.
import {
  entriesThatFit,
  itemsThatFit,
  type MemoryDown,
  type MemoryEntry,
  type MemoryUp,
  maxRecalled,
  type SharedMemory,
} from '@blackroad/protocol';
import { actorFault, heldBy, refuseNotItsOwn } from '../fleet/held.ts';
import { takeDrained } from '../fleet/planned-moves.ts';
import { noteMemories } from '../fleet/restore-found.ts';
import { isOfLostTime } from '../fleet/restored.ts';
import { change, type Draft, decidedWith, noteEvent, openDraft, remark, send } from '../state/draft.ts';
import type { Decide, Given } from '../state/input.ts';
import type { AgentRow } from '../state/rows.ts';
import { agentNameOf } from '../state/view.ts';
import { advanceMerges, bringIn, keepBranch } from './branches.ts';
import { meet, runFault } from './chain.ts';
import { hearErased, withoutErased } from './erase.ts';
import { settleGiven } from './given.ts';
import { isShared } from './shared.ts';

type Up<T extends MemoryUp['type']> = Extract<MemoryUp, { type: T }>;
type NackReason = Extract<MemoryDown, { type: 'nack' }>['reason'];
interface Head {
  seq: number;
  hash: string;
}
const nothing: Head = { seq: 0, hash: 'genesis' };

export const acceptMemory: Decide<'memory-up'> = (view, input, nowMs) => {
  const draft = openDraft(view, nowMs);
  const { node, agent } = input;
  let follows = false;
  if (draft.nodes.get(node)?.status !== 'active') remark(draft, 'node-not-active', `memory of ${agent} from ${node}`);
  else {
    const row = draft.agents.get(agent);
    const { message } = input;
    // Also of a removed agent, whose log a node may still have; and first of all: what was erased must not be found there any longer than need be.
    if (message.type === 'hello' && message.erased !== undefined)
      hearErased(draft, input, { upto: message.erased, stands: true });
    if (message.type === 'erased') hearErased(draft, input, { upto: message.upto, stands: message.stands === true });
    else if (!row) nack(draft, input, 'unknown-agent', nothing);
    else follows = takeMemory(draft, input, row);
  }
  return decidedWith(draft, { follows });
};

/** Returns whether the next branch is to be offered. */
function takeMemory(draft: Draft, input: Given<'memory-up'>, row: AgentRow): boolean {
  const { id, placement } = row;
  const { node, message } = input;
  const head: Head = draft.view.heads.get(id) ?? nothing;
  // [INV-epoch]
  const isWriter = placement?.node === node && placement.epoch === message.epoch;
  switch (message.type) {
    // [INV-planned-move]
    case 'drained':
      if (isWriter && message.durableSeq === head.seq && message.hash === head.hash)
        takeDrained(draft, row, message.leaving);
      return false;
    // Heard already.
    case 'erased':
      return false;
    case 'hydrated':
      return isWriter && message.durableSeq === head.seq && offerBranch(draft, input);
    case 'fetch':
      if (isWriter) tellEarly(draft, input, message);
      else turnDown(draft, input, head);
      return false;
    case 'recall':
      if (isWriter) tellShared(draft, input, message, row);
      return false;
    case 'branch':
      takeBranch(draft, input, message, head);
      return false;
    case 'batch':
      if (isWriter) return takeBatch(draft, input, message, head);
      turnDown(draft, input, head);
      return false;
    case 'hello':
      if (isWriter) return greet(draft, input, message, head);
      turnDown(draft, input, head);
      return false;
    default:
      message satisfies never;
      return false;
  }
}

/** Refuses entries of a node that is not the writer now. */
function turnDown(draft: Draft, input: Given<'memory-up'>, head: Head): void {
  const { node, agent, message } = input;
  const { epoch } = message;
  if (!heldBy(draft.view, agent, epoch, node) && !isOfLostTime(draft.view, agent, epoch))
    refuseNotItsOwn(draft, node, `it writes the memory of ${agentNameOf(draft, agent)} under epoch ${epoch}`);
  const has =
    message.type === 'hello' &&
    input.stored.some(({ seq, hash }) => seq === message.durableSeq && hash === message.hash);
  nack(draft, input, 'stale-epoch', head, has ? { has } : {});
}

/**
 * Answers the position of the node: behind our head (it gets the missing entries), at it, ahead (it sends the entries after our head), or
 * on another history. Returns whether the next branch is to be offered.
 */
function greet(draft: Draft, input: Given<'memory-up'>, message: Up<'hello'>, head: Head): boolean {
  const { node, agent } = input;
  const { durableSeq, hash, epoch } = message;
  if (durableSeq < head.seq) {
    const answer = {
      ...{ type: 'entries' as const, agent, epoch, headSeq: head.seq, headHash: head.hash },
      early: true as const,
    };
    const entries = entriesThatFit(answer, input.missing, draft.view.cuts.memoryBatchEntries);
    const [next] = entries;
    if (next?.seq !== durableSeq + 1) {
      // The log grew while the store was read: the node asks again.
      nack(draft, input, 'gap', head);
    } else if (next.previousHash !== (durableSeq === 0 ? 'genesis' : hash)) fork(draft, input, durableSeq + 1, head);
    else down(draft, node, { ...answer, entries });
    return false;
  }
  if (durableSeq === head.seq && head.seq > 0 && hash !== head.hash) {
    fork(draft, input, durableSeq, head);
    return false;
  }
  ack(draft, input, head);
  return offerBranch(draft, input);
}

/** Of the newest the last ones that fit, as the node goes on from the first of them; of the important ones the most important. */
function tellEarly(draft: Draft, { node, agent, missing }: Given<'memory-up'>, message: Up<'fetch'>): void {
  const { epoch, which, before } = message;
  const answer = { type: 'early' as const, agent, epoch, which, before };
  const entries = entriesThatFit(answer, missing, draft.view.cuts.memoryBatchEntries);
  down(draft, node, { ...answer, entries: entries.sort((a, b) => a.seq - b.seq) });
}

/** What the agents share with it that do so now: a spec may have changed since the store was read. */
function tellShared(
  draft: Draft,
  { node, agent, found }: Given<'memory-up'>,
  message: Up<'recall'>,
  row: AgentRow,
): void {
  const { epoch, id } = message;
  const answer = { type: 'recalled' as const, agent, epoch, id };
  if (!found) {
    down(draft, node, { ...answer, memories: [], busy: true });
    return;
  }
  const memories = found.flatMap((hit): SharedMemory[] => {
    const of = draft.agents.get(hit.agent);
    if (!of || !isShared(row, of)) return [];
    const { seq, hash, kind, text, createdAt, importance, document, found: how = [] } = hit;
    const at = document ? { document } : {};
    return [{ agent: of.spec.name, seq, hash, kind, text, createdAt, importance, found: how, ...at }];
  });
  const fitting = itemsThatFit({ ...answer, memories: [] }, memories, maxRecalled);
  down(draft, node, { ...answer, memories: fitting });
}

/**
 * Offers the oldest branch that is not merged yet to a writer that has the whole log. The writer recognises by their hashes the entries
 * that it has merged. Returns whether nothing of the branch is left to merge.
 */
function offerBranch(draft: Draft, input: Given<'memory-up'>): boolean {
  const branch = input.branch && draft.view.branches.get(input.branch.id);
  return input.branch !== null && branch?.complete === true && bringIn(draft, branch, input.branch.entries);
}

/** Returns whether the next branch is to be offered. */
function takeBatch(draft: Draft, input: Given<'memory-up'>, message: Up<'batch'>, head: Head): boolean {
  const { agent, node } = input;
  const { previousHash, entries } = message;
  const fault = batchFault(draft, input, message);
  if (fault !== null) {
    refuseForGood(draft, input, head, fault);
    return false;
  }
  const meeting = meet(head, new Map(input.stored.map(({ seq, hash }) => [seq, hash])), previousHash, entries);
  switch (meeting.how) {
    case 'known':
      ack(draft, input, head);
      return false;
    case 'gap':
      nack(draft, input, 'gap', head);
      return false;
    case 'fork':
      fork(draft, input, meeting.fromSeq, head);
      return false;
    case 'next': {
      const fresh = withoutErased(draft, input, meeting.fresh, null);
      const { space } = draft.agents.get(agent) as AgentRow;
      change(draft, { type: 'memory', agent, space, entries: fresh });
      noteMemories(draft, node, agent, fresh);
      settleGiven(draft, agent, fresh);
      ack(draft, input, fresh[fresh.length - 1] as MemoryEntry);
      return !advanceMerges(draft, input, meeting.fresh) && offerBranch(draft, withoutKnown(input, fresh));
    }
    default:
      meeting satisfies never;
      return false;
  }
}
/** Adds the fault as a remark. */
function batchFault(draft: Draft, { agent, node }: Given<'memory-up'>, message: Up<'batch'>): string | null {
  const { epoch, previousHash, entries } = message;
  const fault = runFault(agent, epoch, previousHash, entries, draft.agents.get(agent)?.placement?.restored === true);
  if (fault !== null) {
    remark(draft, 'memory-bad-hash', `${node}, ${agent}: ${fault}`);
    return fault;
  }
  for (const entry of entries) {
    // Of a placement since the backup another node may be the author: nobody knows who had the agent then.
    if (entry.epoch < epoch && entry.actorId.startsWith('node:')) continue;
    const claim = actorFault(draft.view, node, entry);
    if (claim === null) continue;
    refuseNotItsOwn(draft, node, `of ${agentNameOf(draft, agent)}, ${claim}`);
    return claim;
  }
  return null;
}
/** After a restore the writer may bring for the log what another node has brought as a branch: of that nothing is left to merge. */
function withoutKnown(input: Given<'memory-up'>, fresh: readonly MemoryEntry[]): Given<'memory-up'> {
  if (!input.branch) return input;
  const known = new Set(fresh.map(({ hash }) => hash));
  const entries = input.branch.entries.map((entry) => (known.has(entry.hash) ? { ...entry, payload: null } : entry));
  return { ...input, branch: { ...input.branch, entries } };
}

function takeBranch(draft: Draft, input: Given<'memory-up'>, message: Up<'branch'>, head: Head): void {
  const { agent, node } = input;
  const fault = runFault(agent, message.epoch, message.previousHash, message.entries);
  if (fault !== null) {
    remark(draft, 'memory-bad-hash', `branch of ${node}, ${agent}: ${fault}`);
    refuseForGood(draft, input, head, fault);
    return;
  }
  if (!heldBy(draft.view, agent, message.epoch, node) && !mayBeOfLostTime(draft, input, message)) {
    refuseNotItsOwn(draft, node, `it brings a branch of ${agentNameOf(draft, agent)} under epoch ${message.epoch}`);
    const why = `the node that is now called ${node} never held ${agentNameOf(draft, agent)} under epoch ${message.epoch}`;
    refuseForGood(draft, input, head, why);
    return;
  }
  const uptoSeq = keepBranch(draft, input, message);
  if (uptoSeq === null) nack(draft, input, 'gap', head);
  else down(draft, node, { type: 'branch-ack', agent, epoch: message.epoch, upto: uptoSeq });
}

/**
 * After a restore: a node that had the agent since the backup is not among its holders. What it brings must follow an entry of the log or of
 * a branch, which only a node that had the log can know; or it begins a log under an epoch that was given out since.
 */
function mayBeOfLostTime({ view }: Draft, { agent, stored }: Given<'memory-up'>, message: Up<'branch'>): boolean {
  if (!view.restored) return false;
  const { previousHash, epoch } = message;
  if (previousHash === 'genesis') return isOfLostTime(view, agent, epoch);
  if (stored.some(({ hash }) => hash === previousHash)) return true;
  for (const branch of view.branches.values())
    if (branch.agent === agent && branch.uptoHash === previousHash) return true;
  for (const [id, hash] of view.justMerged) if (hash === previousHash && id.startsWith(`${agent}.`)) return true;
  return false;
}

/** Refuses another history under the writer's own epoch. The node moves its tail aside and sends it as a branch; people see an event. */
function fork(draft: Draft, input: Given<'memory-up'>, fromSeq: number, head: Head): void {
  const { node, agent } = input;
  noteEvent(draft, 'memory-fork', { agent, node, fromSeq });
  nack(draft, input, 'fork', head);
}
function ack(draft: Draft, { node, agent, message }: Given<'memory-up'>, { seq, hash }: Head): void {
  down(draft, node, { type: 'ack', agent, epoch: message.epoch, upto: seq, hash });
}
function nack(
  draft: Draft,
  { node, agent, message }: Given<'memory-up'>,
  reason: NackReason,
  { seq, hash }: Head,
  more: { final?: string; has?: true } = {},
): void {
  const { epoch, type } = message;
  remark(draft, `memory-nack-${reason}`, `${node}, ${agent}: ${type} under epoch ${epoch}`);
  const of = 'entries' in message ? message.entries.at(-1)?.hash : 'hash' in message ? message.hash : undefined;
  const about = of === undefined ? {} : { of };
  down(draft, node, { type: 'nack', agent, epoch, reason, headSeq: seq, headHash: hash, ...about, ...more });
}
/**
 * Refuses entries that will never be accepted, with the reason: the node sends a batch again as a branch, and sets a branch aside. An older
 * node-agent reads only the reason, and sends the entries again after growing pauses.
 */
function refuseForGood(draft: Draft, input: Given<'memory-up'>, head: Head, why: string): void {
  nack(draft, input, 'bad-hash', head, { final: why.slice(0, 300) });
}
function down(draft: Draft, node: string, message: MemoryDown): void {
  send(draft, 'memoryDown', { node }, message);
}
