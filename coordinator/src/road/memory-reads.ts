// Reads of the store for messages of a node about a memory, before they are decided; and the branch that its writer is offered next. In:
// the store, the view, the message. Out: the stored data, and offers in the form of a message that the writer could have sent.
import {
  decodeVector,
  isVector,
  type MemoryEntry,
  type MemoryHit,
  type MemoryUp,
  maxSharedRecalls,
} from '@blackroad/protocol';
import { heldBy } from '../fleet/held.ts';
import { nearAtLeast, sharedWith } from '../memory/shared.ts';
import type { Inputs, Stored } from '../state/input.ts';
import type { View } from '../state/view.ts';
import type { Store } from '../store/store.ts';

export async function readMemory(
  store: Store,
  view: View,
  { node, agent, message }: Inputs['memory-up'],
): Promise<Stored['memory-up']> {
  const input: Stored['memory-up'] = { stored: [], missing: [], branch: null };
  if (message.type === 'erased') return { ...input, erasure: await nextErasure(store, view, agent, message.upto) };
  if (message.type === 'hello' && message.erased !== undefined)
    input.erasure = await nextErasure(store, view, agent, message.erased);
  // The message will be refused, so nothing is read for it.
  if (!heldBy(view, agent, message.epoch, node) && !view.restored) return input;
  if (message.type === 'hello') {
    const head = view.heads.get(agent);
    // The hash of the node's head is compared with ours: a difference is a fork.
    if (message.durableSeq > 0) input.stored = await store.memoryHashes(agent, message.durableSeq, message.durableSeq);
    if (head && message.durableSeq < head.seq) {
      input.missing = await store.memoryLog(agent, message.durableSeq, view.cuts.memoryBatchEntries);
    } else {
      input.branch = await readBranch(store, view, oldestBranch(view, agent));
    }
  } else if (message.type === 'fetch') {
    input.missing = await readEarly(store, message, agent, view.cuts.memoryBatchEntries);
  } else if (message.type === 'recall') {
    input.found = await readShared(store, view, message, agent);
  } else if (message.type === 'batch' || message.type === 'branch') {
    // The entries, and the one before them, may be stored already.
    const last = message.entries[message.entries.length - 1];
    const beforeSeq = Math.max(0, message.from - 1);
    input.erased = await erasedAmong(store, view, message.entries);
    input.stored = await store.memoryHashes(agent, beforeSeq, Math.max(message.from, last?.seq ?? 0));
    if (message.type === 'batch') {
      input.merging = await readMerging(store, view, message.entries);
      // The branches that this batch merges offer their next parts themselves; the next branch follows when they are merged.
      const offered = new Set(input.merging.map(({ id }) => id));
      input.branch = await readBranch(store, view, oldestBranch(view, agent, offered));
    } else {
      const { siblings, last } = await readSiblings(store, `${agent}.${node}.${message.epoch}`);
      input.siblings = siblings;
      input.branch = last;
    }
  } else if (message.type === 'hydrated') input.branch = await readBranch(store, view, oldestBranch(view, agent));
  return input;
}

/** The ones that count most first. */
async function readEarly(
  store: Store,
  { which, before }: Extract<MemoryUp, { type: 'fetch' }>,
  agent: string,
  most: number,
): Promise<MemoryEntry[]> {
  if (which === 'important') return store.importantMemories(agent, before, most);
  const after = Math.max(0, before - 1 - most);
  return (await store.memoryLog(agent, after, before - 1 - after)).reverse();
}

/** Searches of a store that are under way. */
const searching = new WeakMap<Store, number>();

async function readShared(
  store: Store,
  view: View,
  { text, embedding, limit }: Extract<MemoryUp, { type: 'recall' }>,
  agent: string,
): Promise<MemoryHit[] | null> {
  const agents = sharedWith(view, agent);
  if (agents.length === 0) return [];
  const underWay = searching.get(store) ?? 0;
  if (underWay >= maxSharedRecalls) return null;
  searching.set(store, underWay + 1);
  try {
    const values = embedding && decodeVector(embedding.vector);
    const isWhole = values && values.length === embedding.dimension && isVector(values);
    const vector = isWhole ? { model: embedding.model, values, atLeast: nearAtLeast } : undefined;
    return await store.searchMemory({ text, agents, limit, ...(vector ? { vector } : {}) });
  } finally {
    searching.set(store, (searching.get(store) ?? 1) - 1);
  }
}

/** The erasure that a node which stands there has to carry out next. */
async function nextErasure(store: Store, view: View, agent: string, upto: number) {
  const number = upto + 1;
  if (number > (view.erasedUpto.get(agent) ?? 0)) return null;
  return { number, hashes: await store.erasedHashes(agent, number) };
}
/** Of these entries, and of what they were made of. */
async function erasedAmong(store: Store, view: View, entries: readonly MemoryEntry[]): Promise<string[]> {
  if (view.erasedUpto.size === 0) return [];
  return store.erasedAmong(entries.flatMap(({ hash, payload }) => [hash, ...(payload?.derivedFrom ?? [])]));
}

/** Agents whose writer is this node and that have a branch with unmerged entries. */
export function branchedOn(view: View, node: string): Set<string> {
  const agents = new Set<string>();
  for (const { agent } of view.branches.values())
    if (view.agents.get(agent)?.placement?.node === node) agents.add(agent);
  return agents;
}
/**
 * A message that offers the writer of an agent its oldest branch without a request: the writer sends nothing about a memory that is
 * complete there, and an earlier offer may have been lost.
 */
export function offerOf(view: View, agent: string): Inputs['memory-up'] | null {
  const placement = view.agents.get(agent)?.placement;
  if (!placement || !oldestBranch(view, agent)) return null;
  const { node, epoch } = placement;
  const { seq = 0, hash = 'genesis' } = view.heads.get(agent) ?? {};
  return { node, agent, message: { type: 'hydrated', epoch, durableSeq: seq, hash } };
}

/** More than one message holds: the decision cuts the entries, and continues with the next part. */
const branchMessages = 8;

type Branch = ReturnType<View['branches']['get']>;
/** The branches of one agent, node and epoch, with the ids `name`, `name.2`, `name.3`: a node that forked twice has two. */
async function readSiblings(store: Store, name: string) {
  const siblings: NonNullable<Stored['memory-up']['siblings']> = [];
  let last: Stored['memory-up']['branch'] = null;
  for (let id = name; ; id = `${name}.${siblings.length + 1}`) {
    const entries = await store.branchEntries(id);
    if (entries.length === 0) return { siblings, last };
    siblings.push({ id, hashes: entries.map(({ seq, epoch, hash }) => ({ seq, epoch, hash })) });
    last = { id, entries };
  }
}
/** The branches that entries of kind `merge` name in their source. */
async function readMerging(store: Store, view: View, entries: readonly MemoryEntry[]) {
  const ids = new Set<string>();
  for (const { kind, payload } of entries)
    if (kind === 'merge' && payload?.source.startsWith('branch:')) ids.add(payload.source.slice('branch:'.length));
  const merging: NonNullable<Stored['memory-up']['merging']> = [];
  for (const id of ids) {
    const branch = await readBranch(store, view, view.branches.get(id));
    if (branch) merging.push(branch);
  }
  return merging;
}
function oldestBranch(view: View, agent: string, but: ReadonlySet<string> = new Set()): Branch {
  for (const branch of view.branches.values())
    if (branch.agent === agent && branch.complete && !but.has(branch.id)) return branch;
  return undefined;
}
async function readBranch(store: Store, view: View, branch: Branch): Promise<Stored['memory-up']['branch']> {
  if (!branch) return null;
  const entries = await store.branchEntries(branch.id);
  const open = entries
    .filter(({ seq }) => seq > (branch.mergedUpto ?? 0))
    .slice(0, branchMessages * view.cuts.memoryBatchEntries);
  const [first] = open;
  const last = open.at(-1);
  if (!view.restored || !first || !last) return { id: branch.id, entries: open };
  // After a restore several nodes may bring the same entries, one of them for the log itself: there is nothing to merge of these.
  const log = new Map(
    (await store.memoryHashes(branch.agent, first.seq, last.seq)).map(({ seq, hash }) => [seq, hash]),
  );
  return {
    id: branch.id,
    entries: open.map((entry) => (log.get(entry.seq) === entry.hash ? { ...entry, payload: null } : entry)),
  };
}
