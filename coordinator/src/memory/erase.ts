// Erasures: the content of memories goes, their headers stay, so the chain still verifies. Stored first, then sent to every node that has or
// had the log, which confirms each by its number; what a node owes is kept until it confirms or is removed. A node that stands behind its
// number, because it was restored from an old copy, owes again. Pure. [INV-erased]
import { actorOf, type MemoryEntry, maxErasures } from '@blackroad/protocol';
import { everHeldBy } from '../fleet/held.ts';
import { refuse } from '../state/decision.ts';
import { change, type Draft, decided, noteAudit, noteEvent, openDraft, remark, send } from '../state/draft.ts';
import { erasureId, erasuresAfter } from '../state/erasures.ts';
import type { Decide, Given } from '../state/input.ts';
import type { ErasedPlace, ErasureRow } from '../state/memory-rows.ts';
import type { View } from '../state/view.ts';

/** Of one log, on nodes that never held it by what is known: what a node claims is bounded. */
const maxCopies = 100;

export const eraseMemories: Decide<'memory-erase'> = (view, { by, places }, nowMs) => {
  const byAgent = new Map<string, ErasedPlace[]>();
  for (const { agent, ...place } of places) {
    const list = byAgent.get(agent);
    if (list) list.push(place);
    else byAgent.set(agent, [place]);
  }
  if (view.erasures.size + byAgent.size > maxErasures)
    return refuse('conflict', `The fleet has ${view.erasures.size} erasures; ${maxErasures} is the most.`);
  const draft = openDraft(view, nowMs);
  for (const [agent, erased] of byAgent) {
    addErasure(draft, agent, erased, actorOf(by));
    noteAudit(draft, by, 'memory-erase', { agent, entries: erased.length });
  }
  return decided(draft);
};

/**
 * The nodes that have or had the log, also in a life before they were forgotten: their disk may be the same. A removed node is none of ours
 * any more.
 */
export function holdersOf(view: View, agent: string): string[] {
  const nodes = new Set((view.holders.get(agent) ?? []).map(({ node }) => node));
  for (const node of view.memoryCopies.get(agent) ?? []) nodes.add(node);
  return [...nodes].filter((node) => view.nodes.has(node));
}

function addErasure(draft: Draft, agent: string, erased: readonly ErasedPlace[], by: string): void {
  const number = (draft.view.erasedUpto.get(agent) ?? 0) + 1;
  const id = erasureId(agent, number);
  const owed = holdersOf(draft.view, agent);
  const row = { id, agent, number, atMs: draft.nowMs, by, entries: erased.length, owed };
  change(draft, { type: 'erasure', row, erased });
  noteEvent(draft, 'memory-erased', { agent, erasure: id, entries: erased.length, nodes: owed.length });
  if (owed.length === 0) noteEvent(draft, 'memory-erased-everywhere', { agent, erasure: id });
  const hashes = erased.map(({ hash }) => hash);
  for (const node of owed) tell(draft, node, agent, { number, hashes });
}

/** An older node-agent could not read it: it owes the erasure, and people see that. */
function tell(draft: Draft, node: string, agent: string, erasure: { number: number; hashes: string[] }): void {
  if (draft.live.get(node)?.can?.erases) send(draft, 'memoryDown', { node }, { type: 'erase', agent, ...erasure });
}

export const tellErasure: Decide<'memory-erase-again'> = (view, { node, agent, number, hashes }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const isOwed = view.erasures.get(erasureId(agent, number))?.owed.includes(node);
  if (isOwed && draft.nodes.get(node)?.status === 'active') tell(draft, node, agent, { number, hashes });
  return decided(draft);
};

/**
 * A node says which erasures of a log it has carried out; it is told the next one. `stands`: it says so at a connection; a confirmation may
 * have been overtaken by a later one.
 */
export function hearErased(
  draft: Draft,
  { node, agent, erasure }: Given<'memory-up'>,
  { upto, stands }: { upto: number; stands: boolean },
): void {
  const { view } = draft;
  const isKnown = everHeldBy(view, agent, node) || view.memoryCopies.get(agent)?.has(node) === true;
  // A machine that was forgotten and joined anew may have a log of its former life, under another name.
  if (!isKnown && view.heads.has(agent) && (view.memoryCopies.get(agent)?.size ?? 0) < maxCopies)
    change(draft, { type: 'memory-copy', node, agent });
  for (const row of view.erasuresOwed.get(node) ?? []) settle(draft, view.erasures.get(row), node, agent, upto);
  for (const row of stands ? erasuresAfter(view, agent, upto) : []) {
    if (row.owed.includes(node)) continue;
    remark(draft, 'memory-erase-again', `${node} has an old copy of ${agent}: it owes ${row.id} again`);
    change(draft, { type: 'erasure', row: { ...row, owed: [...row.owed, node] } });
  }
  if (erasure && erasure.number === upto + 1) tell(draft, node, agent, erasure);
}
function settle(draft: Draft, row: ErasureRow | undefined, node: string, agent: string, upto: number): void {
  if (row?.agent !== agent || row.number > upto) return;
  const owed = row.owed.filter((each) => each !== node);
  change(draft, { type: 'erasure', row: { ...row, owed } });
  const isDone = !owed.some((each) => draft.view.nodes.has(each));
  if (isDone) noteEvent(draft, 'memory-erased-everywhere', { agent, erasure: row.id });
}

/**
 * Entries that a node brings, without the content of those that were erased, or that were made of such. The latter are an erasure of their
 * own, as their node has them still.
 */
export function withoutErased(
  draft: Draft,
  { agent, erased = [] }: Given<'memory-up'>,
  entries: readonly MemoryEntry[],
  branch: string | null,
): MemoryEntry[] {
  const { view } = draft;
  if ((view.erasedUpto.size === 0 && erased.length === 0) || entries.length === 0) return [...entries];
  const gone = new Set(erased);
  const isGone = (hash: string) => gone.has(hash) || view.justErased.has(hash);
  const made: ErasedPlace[] = [];
  const kept = entries.map((entry): MemoryEntry => {
    const { hash, seq, payload } = entry;
    if (payload === null) return entry;
    const isMade = payload.derivedFrom.some(isGone);
    if (!isGone(hash) && !isMade) return entry;
    if (!isGone(hash)) made.push({ hash, seq, branch });
    gone.add(hash);
    return { ...entry, salt: null, payload: null };
  });
  if (made.length > 0) addErasure(draft, agent, made, madeOfErased);
  return kept;
}
const madeOfErased = 'the coordinator: made of memories that were erased';
