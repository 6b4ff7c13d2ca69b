// Branches: what a node wrote for an agent after the agent was given to another. Kept whole and visible, acknowledged, and brought in
// by the present writer: its own additions only, each once, in order. A branch is deleted by nobody.
import { type MemoryEntry, type MemoryUp, maxMemoryBatchBytes, maxMemoryBatchEntries } from '@blackroad/protocol';
import { change, type Draft, noteEvent, remark, send } from '../draft.ts';
import type { Inputs } from '../input.ts';
import type { BranchRow, Placement } from '../view.ts';

/** Room for the envelope of a message. */
const messageBytes = maxMemoryBatchBytes - 2048;
/** Merged branches are remembered, so that a node that never heard so does not bring them up again. */
const mergedSetting = (branch: string): string => `branch-merged:${branch}`;
interface Merged {
  uptoSeq: number;
  uptoHash: string;
}

/** What a person or the agent added; bookkeeping of the old place, and merges of third branches, are not brought in again. */
function isAddition({ kind, payload }: MemoryEntry): boolean {
  if (payload === null) return false;
  return kind === 'turn' || kind === 'note' || kind === 'import';
}

type BranchMessage = Extract<MemoryUp, { type: 'branch' }>;

/** Stores what is new of an uploaded tail. Answers the seq up to which all is kept, or where a gap begins. */
export function keepBranch(
  draft: Draft,
  input: Inputs['memory-up'],
  message: BranchMessage,
): { keptUpto: number } | { gapAfter: number } {
  const { node, agent, stored } = input;
  const log = new Map(stored.map(({ seq, hash }) => [seq, hash]));
  const ours = message.entries.filter(({ seq, hash }) => log.get(seq) !== hash);
  const uptoSeq = message.entries[message.entries.length - 1]?.seq ?? message.from;
  const { id, row, kept } = branchFor(draft, agent, node, message.epoch, ours);
  const fresh = ours.filter(({ seq }) => seq > kept);
  if (!row && fresh.length === 0) return { keptUpto: uptoSeq };
  const first = fresh[0];
  if (first && row && first.seq !== row.uptoSeq + 1) return { gapAfter: row.uptoSeq };
  if (row?.complete && fresh.length === 0) return { keptUpto: uptoSeq };
  const last = fresh[fresh.length - 1];
  const next: BranchRow = {
    ...(row ?? {
      id,
      agent,
      node,
      epoch: message.epoch,
      fromSeq: (first as MemoryEntry).seq,
      merged: false,
      receivedMs: draft.nowMs,
    }),
    uptoSeq: last?.seq ?? (row as BranchRow).uptoSeq,
    uptoHash: last?.hash ?? (row as BranchRow).uptoHash ?? '',
    complete: message.last,
  };
  const known = wholeBranch(next, row, input.branch, fresh);
  if (next.complete && known && !known.some(isAddition)) next.merged = true;
  putBranch(draft, next, fresh);
  if (!row || next.complete)
    noteEvent(draft, {
      node,
      agent,
      type: 'memory-branch',
      severity: 'info',
      text: `${node} kept ${next.uptoSeq - next.fromSeq + 1} memories of ${agent} from epoch ${next.epoch}${next.complete ? '' : ' and more to come'}: a branch${next.merged ? ', with nothing to bring in' : ''}`,
    });
  if (next.complete && !next.merged && known) offerMerge(draft, next, known);
  return { keptUpto: uptoSeq };
}

/** The writer itself came with another history: kept apart, for people to see. */
export function quarantineFork(
  draft: Draft,
  agent: string,
  node: string,
  epoch: number,
  different: readonly MemoryEntry[],
): void {
  const { id, row, kept } = branchFor(draft, agent, node, epoch, different);
  const fresh = different.filter(({ seq }) => seq > kept);
  const first = fresh[0];
  const last = fresh[fresh.length - 1];
  if (!first || !last || (row && first.seq !== row.uptoSeq + 1)) return;
  const base = row ?? { id, agent, node, epoch, fromSeq: first.seq, merged: false, receivedMs: draft.nowMs };
  putBranch(draft, { ...base, uptoSeq: last.seq, uptoHash: last.hash, complete: false }, fresh);
  noteEvent(draft, {
    node,
    agent,
    type: 'memory-fork',
    severity: 'error',
    text: `${node} holds another history of ${agent} from entry ${first.seq} on; it is kept as branch ${id}`,
  });
}

/** `agent.node.epoch`, unless that name stands for another history already: then with the hash of its first entry. */
function branchFor(
  draft: Draft,
  agent: string,
  node: string,
  epoch: number,
  entries: readonly MemoryEntry[],
): { id: string; row: BranchRow | null; kept: number } {
  const id = `${agent}.${node}.${epoch}`;
  const first = entries[0];
  for (const name of first ? [id, `${id}.${first.hash.slice(0, 8)}`] : [id]) {
    const row = draft.view.branches.get(name) as BranchRow | undefined;
    const merged = draft.view.settings.get(mergedSetting(name)) as Merged | null | undefined;
    const tip = row ? { uptoSeq: row.uptoSeq, uptoHash: row.uptoHash } : merged;
    if (!tip) return { id: name, row: null, kept: 0 };
    if (continues(tip, entries)) return { id: name, row: row ?? null, kept: tip.uptoSeq };
  }
  // Three histories under one epoch: no honest node has them. Named by their last word, all are kept.
  return { id: `${id}.${entries[entries.length - 1]?.hash.slice(0, 16)}`, row: null, kept: 0 };
}
function continues(tip: { uptoSeq: number; uptoHash?: string }, entries: readonly MemoryEntry[]): boolean {
  for (const { seq, hash, previousHash } of entries) {
    if (seq === tip.uptoSeq) return hash === tip.uptoHash;
    if (seq === tip.uptoSeq + 1) return previousHash === tip.uptoHash;
  }
  // Wholly before the tip, or beyond a gap: sent again, or out of order.
  return true;
}

function putBranch(draft: Draft, row: BranchRow, entries: MemoryEntry[]): void {
  change(draft, { type: 'branch', row, entries });
  if (!row.merged) return;
  const merged: Merged = { uptoSeq: row.uptoSeq, uptoHash: row.uptoHash ?? '' };
  change(draft, { type: 'setting', key: mergedSetting(row.id), value: merged });
}

/** All entries of a branch that are not merged yet, when they are at hand without a hole; else null. */
function wholeBranch(
  next: BranchRow,
  row: BranchRow | null,
  read: Inputs['memory-up']['branch'],
  fresh: readonly MemoryEntry[],
): MemoryEntry[] | null {
  const before = row && read?.id === row.id ? read.entries : [];
  const all = [...before, ...fresh];
  const from = (next.mergedUpto ?? next.fromSeq - 1) + 1;
  const isWhole = all.length === next.uptoSeq - from + 1 && all.every(({ seq }, i) => seq === from + i);
  return isWhole ? all : null;
}

/** Sends the present writer the next additions of a branch, as much as one message holds. */
export function offerMerge(draft: Draft, branch: BranchRow, entries: readonly MemoryEntry[]): void {
  const placement = draft.view.agents.get(branch.agent)?.placement;
  if (!placement || draft.view.nodes.get(placement.node)?.presence !== 'online') return;
  const additions = entries.filter((entry) => entry.seq > (branch.mergedUpto ?? 0) && isAddition(entry));
  const part = fitting(additions);
  if (part.length === 0) return;
  sendMerge(draft, placement, branch, part);
}
function sendMerge(draft: Draft, { node, epoch }: Placement, branch: BranchRow, entries: MemoryEntry[]): void {
  const { agent, id, node: from } = branch;
  send(draft, 'memoryDown', { node }, { type: 'merge', agent, epoch, branch: id, from, entries });
}

/** The writer's log grew by merge entries: how far is the branch brought in, and what comes next. */
export function advanceMerge(draft: Draft, input: Inputs['memory-up'], fresh: readonly MemoryEntry[]): void {
  const read = input.branch;
  const branch = read && (draft.view.branches.get(read.id) as BranchRow | undefined);
  if (!read || !branch) return;
  const sources = new Set(fresh.flatMap(({ kind, payload }) => (kind === 'merge' ? (payload?.derivedFrom ?? []) : [])));
  if (sources.size === 0) return;
  const pending = read.entries.filter(({ seq }) => seq > (branch.mergedUpto ?? 0));
  let mergedUpto = branch.mergedUpto ?? 0;
  for (const entry of pending) if (sources.has(entry.hash)) mergedUpto = Math.max(mergedUpto, entry.seq);
  if (mergedUpto === (branch.mergedUpto ?? 0)) {
    remark(
      draft,
      'merge-unknown',
      `${input.node} merged entries into ${branch.agent} that are not of branch ${branch.id}`,
    );
    return;
  }
  const rest = pending.filter((entry) => entry.seq > mergedUpto && isAddition(entry));
  const seesEnd = read.entries.some(({ seq }) => seq === branch.uptoSeq);
  const merged = branch.complete && seesEnd && rest.length === 0;
  const next = { ...branch, mergedUpto, merged };
  putBranch(draft, next, []);
  if (merged)
    noteEvent(draft, {
      agent: branch.agent,
      node: branch.node,
      type: 'memory-merged',
      severity: 'info',
      text: `what ${branch.node} remembered of ${branch.agent} under epoch ${branch.epoch} is brought in`,
    });
  // The writer knows by their hashes what it has brought in already: parts may overlap.
  else offerMerge(draft, next, read.entries);
}

/** As many entries from the front as one message carries; at least one. */
export function fitting(entries: readonly MemoryEntry[]): MemoryEntry[] {
  const out: MemoryEntry[] = [];
  let bytes = 0;
  for (const entry of entries.slice(0, maxMemoryBatchEntries)) {
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (bytes > messageBytes && out.length > 0) break;
    out.push(entry);
  }
  return out;
}
