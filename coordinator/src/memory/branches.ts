// Branches: what a node wrote for an agent after the agent was given to another. Kept whole and visible, acknowledged, and brought in
// by the present writer: its own additions only, each once, in order. A branch is deleted by nobody. [INV-memory-kept]
import { entriesThatFit, type MemoryEntry, type MemoryUp } from '@blackroad/protocol';
import { takesRecords } from '../fleet/budget.ts';
import { asWrittenBy } from '../fleet/held.ts';
import { change, type Draft, noteEvent, remark, send } from '../state/draft.ts';
import type { Given } from '../state/input.ts';
import type { AgentRow, BranchRow } from '../state/rows.ts';
import type { StoredHash } from '../store/store.ts';

/** What a person or the agent added; bookkeeping of the old place, and merges of third branches, are not brought in again. */
function isAddition({ kind, payload }: MemoryEntry): boolean {
  if (payload === null) return false;
  return kind === 'turn' || kind === 'note' || kind === 'import';
}

type BranchMessage = Extract<MemoryUp, { type: 'branch' }>;

/** Stores what is new of an uploaded tail. Answers the seq up to which all is kept; null: something lacks, or the node brings too much, and it must come again. */
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
  const fresh = ours.filter(({ seq }) => seq > (tip?.seq ?? 0));
  const [first] = fresh;
  const last = fresh[fresh.length - 1];
  if (!first || !last) {
    if (row && message.last && !row.complete) finishBranch(draft, input, { ...row, complete: true }, []);
    return uptoSeq;
  }
  if (!takesRecords(draft, node, fresh.length)) return null;
  const { space } = draft.agents.get(agent) as AgentRow;
  const begun = { id, space, agent, node, epoch, fromSeq: first.seq, merged: false, receivedMs: draft.nowMs };
  // Stored and in no view, it was brought in, and goes on: that is not offered again, its writer would have nothing to answer.
  const base = row ?? { ...begun, ...(tip ? { mergedUpto: tip.seq } : {}) };
  finishBranch(draft, input, { ...base, uptoSeq: last.seq, uptoHash: last.hash, complete: message.last }, fresh);
  return uptoSeq;
}

/** Nobody brings the rest of what this node had begun to bring: what is here is all there is, and is brought in. */
export function closeBranchesOf(draft: Draft, node: string, cause: 'forgotten' | 'nothing-left'): void {
  for (const row of draft.view.branches.values()) {
    if (row.node !== node || row.complete) continue;
    putBranch(draft, { ...row, complete: true }, []);
    const { agent, id: branch, fromSeq, uptoSeq } = row;
    noteEvent(draft, 'memory-branch-cut', { agent, node, branch, fromSeq, uptoSeq, cause });
  }
}

/** Sent again, or its next part: every entry that both have is the same, and what is new links to the end. */
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
/** What was read of it before this decision is all there is: two messages of one node may have been read for at once. */
function isReadInFull(draft: Draft, id: string, row: BranchRow | undefined, tip: StoredHash | undefined): boolean {
  const nowHash = row ? row.uptoHash : draft.view.justMerged.get(id);
  return row || nowHash !== undefined ? nowHash === tip?.hash : true;
}

function finishBranch(draft: Draft, input: Given<'memory-up'>, row: BranchRow, fresh: MemoryEntry[]): void {
  const { agent, node, epoch, fromSeq, uptoSeq, complete } = row;
  putBranch(draft, row, fresh);
  if (!complete) return;
  noteEvent(draft, 'memory-branch', { agent, node, branch: row.id, epoch, fromSeq, uptoSeq });
  const before = input.branch?.id === row.id ? input.branch.entries : [];
  bringIn(draft, row, [...before, ...fresh]);
}

function putBranch(draft: Draft, row: BranchRow, entries: MemoryEntry[]): void {
  change(draft, { type: 'branch', row, entries });
}

/** The writer is here and caught up: it gets what it has not brought in of a branch. Answers whether all of the branch is brought in. */
export function bringIn(draft: Draft, branch: BranchRow, entries: readonly MemoryEntry[]): boolean {
  const isEmpty = !entries.some((entry) => entry.seq > (branch.mergedUpto ?? 0) && isAddition(entry));
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
/** Sends the present writer the next additions of a branch, as much as one message holds. */
function offerMerge(draft: Draft, branch: BranchRow, entries: readonly MemoryEntry[]): void {
  // Also to a node that is suspect: it may hear, and comes back without a hello of its memory. One that does not hear says hello later.
  const placement = draft.view.agents.get(branch.agent)?.placement;
  if (!placement) return;
  const { agent, id, node: from } = branch;
  const { node, epoch } = placement;
  const additions = entries.filter((entry) => entry.seq > (branch.mergedUpto ?? 0) && isAddition(entry));
  const message = { type: 'merge' as const, agent, epoch, branch: id, from };
  const asBrought = additions.map((entry) => asWrittenBy(from, entry));
  const part = entriesThatFit(message, asBrought, draft.view.cuts.memoryBatchEntries);
  if (part.length > 0) send(draft, 'memoryDown', { node }, { ...message, entries: part });
}

/**
 * The writer's log grew by merge entries: how far are branches brought in, and what comes next. Answers whether the writer still has
 * work with them; while it has, no other branch is offered.
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
    // The writer knows by their hashes what it has brought in already: parts may overlap.
    const isDone = branch.complete && bringIn(draft, next, entries);
    isOpen ||= !isDone;
  }
  return isOpen;
}
