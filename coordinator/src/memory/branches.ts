// Branches: entries that a node wrote for an agent after the agent moved to another node. Stored completely and visible, acknowledged, and
// merged by the present writer: only the additions of the branch, each once, in order. Nothing deletes a branch. [INV-memory-kept]
import { entriesThatFit, keyIn, type MemoryEntry, type MemoryUp } from '@blackroad/protocol';
import { givenKinds } from '@blackroad/protocol/memory-words';
import { takesRecords } from '../fleet/budget.ts';
import { asWrittenBy } from '../fleet/held.ts';
import { noteMemories } from '../fleet/restore-found.ts';
import { change, type Draft, noteEvent, remark, send } from '../state/draft.ts';
import type { Given } from '../state/input.ts';
import type { AgentRow, BranchRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import type { StoredHash } from '../store/store.ts';
import { withoutErased } from './erase.ts';
import { isStillGiven } from './given.ts';

/** Whether a person or the agent added the entry: bookkeeping of the previous node, and merges of other branches, are not merged again. */
function isAddition(view: View, agent: string, entry: MemoryEntry): boolean {
  if (entry.payload === null || !isStillGiven(view, agent, entry)) return false;
  // A value that a person set, or that an import brings, is an order still: the present writer gets it as one, and its parts in their order.
  const { given, imported } = entry.payload;
  if (given !== undefined && (keyIn(entry) !== null || view.documents.get(imported?.id ?? '')?.values)) return false;
  return additions.has(entry.kind);
}
const additions = new Set(['turn', 'note', 'import', 'document', 'value', ...givenKinds]);

type BranchMessage = Extract<MemoryUp, { type: 'branch' }>;

/**
 * Stores the new entries of an uploaded tail. Returns the seq up to which all are stored; null: entries are missing, or there are too many,
 * and the node must send them again.
 */
export function keepBranch(draft: Draft, input: Given<'memory-up'>, message: BranchMessage): number | null {
  const { node, agent, stored, siblings = [] } = input;
  const { epoch } = message;
  const uptoSeq = message.entries[message.entries.length - 1]?.seq ?? message.from;
  const log = new Map(stored.map(({ seq, hash }) => [seq, hash]));
  const ours = message.entries.filter(({ seq, hash }) => log.get(seq) !== hash);
  const known = siblings.find(({ hashes }) => isSameBranch(hashes, ours));
  const name = `${agent}.${node}.${epoch}`;
  const id = known?.id ?? (siblings.length === 0 ? name : `${name}.${siblings.length + 1}`);
  const row = draft.view.branches.get(id);
  const tip = known?.hashes[known.hashes.length - 1];
  if (!isReadInFull(draft, id, row, tip)) {
    remark(draft, 'memory-branch-late', `${id} grew while it was read`);
    return null;
  }
  const added = ours.filter(({ seq }) => seq > (tip?.seq ?? 0));
  const [first] = added;
  const last = added[added.length - 1];
  if (!first || !last) {
    if (row && message.last && !row.complete) finishBranch(draft, input, { ...row, complete: true }, []);
    return uptoSeq;
  }
  if (!takesRecords(draft, node, added.length)) return null;
  const fresh = withoutErased(draft, input, added, id);
  const { space } = draft.agents.get(agent) as AgentRow;
  const begun = { id, space, agent, node, epoch, fromSeq: first.seq, merged: false, receivedMs: draft.nowMs };
  // A branch in the store but not in the view is merged and grows again: the merged part is not offered again, because the writer would
  // have nothing to answer.
  const base = row ?? { ...begun, ...(tip ? { mergedUpto: tip.seq } : {}) };
  finishBranch(draft, input, { ...base, uptoSeq: last.seq, uptoHash: last.hash, complete: message.last }, fresh);
  return uptoSeq;
}

/** Completes the branches of a node that will not send their rest: the stored entries are all there are, and are merged. */
export function closeBranchesOf(draft: Draft, node: string, cause: 'forgotten' | 'nothing-left'): void {
  for (const row of draft.view.branches.values()) {
    if (row.node !== node || row.complete) continue;
    putBranch(draft, { ...row, complete: true }, []);
    const { agent, id: branch, fromSeq, uptoSeq } = row;
    noteEvent(draft, 'memory-branch-cut', { agent, node, branch, fromSeq, uptoSeq, cause });
  }
}

/** Whether the entries are the same branch or its next part: each entry in both is equal, or the first new one links to the end. */
function isSameBranch(stored: readonly StoredHash[], entries: readonly MemoryEntry[]): boolean {
  const hashes = new Map(stored.map(({ seq, hash }) => [seq, hash]));
  const tip = stored[stored.length - 1];
  let shares = false;
  for (const { seq, hash, previousHash } of entries) {
    const own = hashes.get(seq);
    if (own !== undefined && own !== hash) return false;
    shares ||= own !== undefined || (seq === (tip?.seq ?? 0) + 1 && previousHash === tip?.hash);
  }
  return shares || entries.length === 0;
}
/**
 * Whether the entries that were read before this decision are complete: two messages of one node may have been read for at the same time.
 */
function isReadInFull(draft: Draft, id: string, row: BranchRow | undefined, tip: StoredHash | undefined): boolean {
  const nowHash = row ? row.uptoHash : draft.view.justMerged.get(id);
  return row || nowHash !== undefined ? nowHash === tip?.hash : true;
}

function finishBranch(draft: Draft, input: Given<'memory-up'>, row: BranchRow, fresh: MemoryEntry[]): void {
  const { agent, node, epoch, fromSeq, uptoSeq, complete } = row;
  putBranch(draft, row, fresh);
  noteMemories(draft, node, agent, fresh);
  if (!complete) return;
  noteEvent(draft, 'memory-branch', { agent, node, branch: row.id, epoch, fromSeq, uptoSeq });
  const before = input.branch?.id === row.id ? input.branch.entries : [];
  bringIn(draft, row, [...before, ...fresh]);
}

function putBranch(draft: Draft, row: BranchRow, entries: MemoryEntry[]): void {
  change(draft, { type: 'branch', row, entries });
}

/** Offers a writer with the whole log the entries of a branch that it has not merged. Returns whether all of the branch is merged. */
export function bringIn(draft: Draft, branch: BranchRow, entries: readonly MemoryEntry[]): boolean {
  const isEmpty = !entries.some(
    (entry) => entry.seq > (branch.mergedUpto ?? 0) && isAddition(draft.view, branch.agent, entry),
  );
  if (!isEmpty) {
    offerMerge(draft, branch, entries);
    return false;
  }
  if (!entries.some(({ seq }) => seq === branch.uptoSeq)) return false;
  putBranch(draft, { ...branch, merged: true }, []);
  const { agent, node, id, epoch } = branch;
  noteEvent(draft, 'memory-merged', { agent, node, branch: id, epoch });
  return true;
}
/** Sends the present writer the next additions of a branch, as many as fit one message. */
function offerMerge(draft: Draft, branch: BranchRow, entries: readonly MemoryEntry[]): void {
  // A suspect node also gets the message: its connection may still work, and it may return without a hello of its memory. If the message is
  // lost, the node sends a hello later.
  const placement = draft.view.agents.get(branch.agent)?.placement;
  // A log that is about to move takes nothing more; its next writer is offered the branch.
  if (!placement || placement.leaving) return;
  const { agent, id, node: from } = branch;
  const { node, epoch } = placement;
  const added = entries.filter((entry) => entry.seq > (branch.mergedUpto ?? 0) && isAddition(draft.view, agent, entry));
  const message = { type: 'merge' as const, agent, epoch, branch: id, from };
  const asBrought = added.map((entry) => asWrittenBy(from, entry));
  const part = entriesThatFit(message, asBrought, draft.view.cuts.memoryBatchEntries);
  if (part.length > 0) send(draft, 'memoryDown', { node }, { ...message, entries: part });
}

/**
 * Updates how far branches are merged after the writer's log grew by merge entries, and offers the next additions. Returns whether the
 * writer still has additions to merge; while it has, no other branch is offered.
 */
export function advanceMerges(draft: Draft, input: Given<'memory-up'>, fresh: readonly MemoryEntry[]): boolean {
  const sources = new Set(fresh.flatMap(({ kind, payload }) => (kind === 'merge' ? (payload?.derivedFrom ?? []) : [])));
  let isOpen = false;
  for (const { id, entries } of input.merging ?? []) {
    const branch = draft.view.branches.get(id);
    if (!branch) continue;
    const mergedUpto = entries.reduce(
      (upto, { seq, hash }) => (sources.has(hash) ? Math.max(upto, seq) : upto),
      branch.mergedUpto ?? 0,
    );
    if (mergedUpto === (branch.mergedUpto ?? 0)) {
      isOpen = true;
      continue;
    }
    const next = { ...branch, mergedUpto };
    putBranch(draft, next, []);
    // Parts may overlap: the writer recognises by their hashes the entries that it has merged.
    const isDone = branch.complete && bringIn(draft, next, entries);
    isOpen ||= !isDone;
  }
  return isOpen;
}
