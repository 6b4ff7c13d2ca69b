// What people give to the memory of an agent: taken as an order, sent to the writer, and settled when its entry is in the log. The writer
// alone appends; an order is durable here until then. Orders of the same agent are sent in their order, and each is written once: its id is
// in the entry. Pure.
import {
  counted,
  type GivenMemory,
  type GivenWaits,
  type MemoryEntry,
  maxDocuments,
  maxDocumentsPerAgent,
  maxGiven,
  maxGivenPerAgent,
  type NodeAbility,
  type Principal,
} from '@blackroad/protocol';
import { refuse } from '../state/decision.ts';
import { change, type Draft, decided, decidedWith, noteAudit, openDraft, send } from '../state/draft.ts';
import { type DocumentRow, type GivenRow, isImport, isUnwritten } from '../state/given-rows.ts';
import type { Decide } from '../state/input.ts';
import { agentNameOf, spaceOf, type View } from '../state/view.ts';

const givenImportance = 0.7;

export const addMemory: Decide<'memory-add'> = (view, { by, id, agent, addition }, nowMs) => {
  const full = noRoom(view, agent);
  if (full !== null) return refuse('fleet-full', full);
  const draft = openDraft(view, nowMs);
  const { text, kind = 'note', tags = [], importance = givenImportance } = addition;
  putGiven(draft, by, { id, agent, kind, text, tags, importance });
  noteAudit(draft, by, 'memory-add', { agent, memory: id, kind });
  return decided(draft);
};

/** Orders of a key are written in their order: the last one holds. */
export const setValue: Decide<'memory-set'> = (view, { by, id, agent, key, text }, nowMs) => {
  const full = noRoom(view, agent);
  if (full !== null) return refuse('fleet-full', full);
  const draft = openDraft(view, nowMs);
  putGiven(draft, by, { id, agent, kind: 'value', key, text, tags: [], importance: givenImportance });
  noteAudit(draft, by, text === '' ? 'memory-unset' : 'memory-set', { agent, key });
  return decided(draft);
};

/** A withdrawal stays: what it takes back is deleted here already. */
export const takeMemoryBack: Decide<'memory-take-back'> = (view, { by, id, agent }, nowMs) => {
  const row = view.given.get(id);
  if (!row || row.agent !== agent || row.kind === 'withdraw')
    return refuse('no-such-memory', `No memory ${id} waits for ${agentNameOf(view, agent)}; it may be written by now.`);
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'given-gone', id });
  noteAudit(draft, by, 'memory-take-back', { agent, memory: id });
  return decided(draft);
};

export const addDocument: Decide<'document-add'> = (view, { by, row }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const own = documentsOf(view, row.agent).filter(({ removing }) => !removing);
  // Two uploads of one file at the same time. Of an import, only what is new came in here.
  const same = isImport(row) ? undefined : own.find((each) => each.sha256 === row.sha256 && !isImport(each));
  if (same) return decidedWith(draft, { id: same.id, already: true });
  if (view.documents.size >= maxDocuments)
    return refuse('fleet-full', `The fleet has ${maxDocuments} documents, the most that it keeps: delete some.`);
  if (own.length >= maxDocumentsPerAgent)
    return refuse(
      'fleet-full',
      `${agentNameOf(view, row.agent)} has ${own.length} documents, the most of one agent: delete some.`,
    );
  const before = isImport(row) ? [] : earlier(own, row).sort((a, b) => b.addedMs - a.addedMs);
  const added = { ...row, space: spaceOf(view, row.agent, by), by: by.name, addedMs: nowMs };
  change(draft, { type: 'document', row: { ...added, written: 0, replaces: before[0]?.id ?? null } });
  const { agent, id: document, name, sha256, bytes, chunks } = row;
  const what = { agent, document, name, sha256, bytes, chunks };
  noteAudit(draft, by, isImport(row) ? 'memory-import' : 'document-add', what);
  return decidedWith(draft, { id: row.id, already: false });
};

export const removeDocument: Decide<'document-remove'> = (view, { by, agent, id }, nowMs) => {
  const row = view.documents.get(id);
  if (!row || row.agent !== agent || row.removing)
    return refuse('no-such-document', `${agentNameOf(view, agent)} has no document ${id}.`);
  const draft = openDraft(view, nowMs);
  withdraw(draft, row, by);
  noteAudit(draft, by, 'document-remove', { agent, document: id, name: row.name });
  return decided(draft);
};

/** Sends orders to the writer, those that are still orders. */
export const giveMemories: Decide<'memory-give'> = (view, { agent, node, epoch, memories }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const placement = view.agents.get(agent)?.placement;
  if (placement?.node !== node || placement.epoch !== epoch) return decided(draft);
  const still = memories.filter(({ given }) => isOrder(view, agent, given));
  if (still.length > 0) send(draft, 'memoryDown', { node }, { type: 'give', agent, epoch, memories: still });
  return decided(draft);
};

/** Settles the orders whose entries came into the log. All versions before one that is written completely are withdrawn. */
export function settleGiven(draft: Draft, agent: string, fresh: readonly MemoryEntry[]): void {
  const written = new Map<string, number>();
  for (const { payload, kind } of fresh) {
    if (payload?.given === undefined) continue;
    const { id, part } = orderOf(payload.given);
    if (part !== null) {
      // Each node writes the parts in their order; those before it came in the same log.
      const of = draft.view.documents.get(id) ?? draft.view.runs.get(id);
      if (of?.agent === agent) written.set(id, Math.max(part, written.get(id) ?? 0));
    } else if (draft.view.given.get(id)?.agent === agent) {
      change(draft, { type: 'given-gone', id });
      if (kind === 'withdraw' && payload.document) settleWithdrawal(draft, payload.document.id);
    }
  }
  for (const [id, part] of written) {
    const run = draft.view.runs.get(id);
    if (run && part > run.written)
      change(draft, { type: 'memory-run', row: { ...run, written: Math.min(part, run.results) } });
    const row = draft.view.documents.get(id);
    if (!row || part <= row.written || row.removing) continue;
    const next = { ...row, written: Math.min(part, row.chunks) };
    change(draft, { type: 'document', row: next });
    if (isUnwritten(next) || isImport(next)) continue;
    for (const before of earlier(documentsOf(draft.view, agent), next))
      if (before.id !== id && before.addedMs <= next.addedMs && !before.removing)
        withdraw(draft, before, { name: row.by });
  }
}

/** A document goes; a run stays to be read. */
function settleWithdrawal(draft: Draft, id: string): void {
  const run = draft.view.runs.get(id);
  if (run) change(draft, { type: 'memory-run', row: { ...run, undo: 'done' } });
  else change(draft, { type: 'document-gone', id });
}

/** Whether the order with this id is not in the log yet. */
function isOrder(view: View, agent: string, given: string): boolean {
  const { id, part } = orderOf(given);
  if (part === null) return view.given.get(id)?.agent === agent;
  const run = view.runs.get(id);
  if (run) return run.agent === agent && run.undo === undefined && part > run.written;
  const row = view.documents.get(id);
  return row?.agent === agent && !row.removing && part > row.written;
}
/** `part`: of a document; null: a single memory. */
function orderOf(given: string): { id: string; part: number | null } {
  const dot = given.indexOf('.');
  return dot < 0 ? { id: given, part: null } : { id: given.slice(0, dot), part: Number(given.slice(dot + 1)) };
}

export function documentsOf(view: View, agent: string): DocumentRow[] {
  return [...(view.documentsByAgent.get(agent) ?? [])].flatMap((id) => view.documents.get(id) ?? []);
}
export function givenTo(view: View, agent: string): GivenRow[] {
  return [...(view.givenByAgent.get(agent) ?? [])].flatMap((id) => view.given.get(id) ?? []);
}

/** The documents that a file of this name takes the place of. */
function earlier(own: readonly DocumentRow[], { name }: Pick<DocumentRow, 'name'>): DocumentRow[] {
  return own.filter((each) => each.name === name && !isImport(each));
}

/** The objects that documents and runs have: files, and parts; of an import its origins, and its parts until they are written. */
export function namedObjects({ documents, runs }: View): Set<string> {
  const named = new Set<string>();
  for (const row of documents.values()) {
    if (row.removing) continue;
    if (row.origins !== undefined) named.add(row.origins);
    else named.add(row.sha256);
    if (!isImport(row) || isUnwritten(row)) named.add(row.parts);
  }
  for (const { parts } of runs.values()) named.add(parts);
  return named;
}

/** Why nothing more can be given; null: there is room. */
function noRoom(view: View, agent: string): string | null {
  const waiting = view.givenByAgent.get(agent)?.size ?? 0;
  if (waiting >= maxGivenPerAgent)
    return `${counted(waiting, 'memory', 'memories')} wait to be written by the node of ${agentNameOf(view, agent)}, the most of one agent.`;
  return view.given.size >= maxGiven
    ? `${maxGiven} memories wait to be written in this fleet, the most that it keeps.`
    : null;
}

/** The parts that are not written yet will not be; an entry of the log erases those that are. */
function withdraw(draft: Draft, row: DocumentRow, by: Pick<Principal, 'name'>): void {
  const { id, name, agent } = row;
  change(draft, { type: 'document', row: { ...row, removing: true } });
  putGiven(draft, by, {
    ...{ id: `${id}w`, agent, kind: 'withdraw', tags: [], importance: 0 },
    text: isImport(row) ? `The import of ${name} was taken back.` : `The document ${name} was taken back.`,
    document: { id, name },
  });
}

export function putGiven(
  draft: Draft,
  by: Pick<Principal, 'name'>,
  row: Omit<GivenRow, 'space' | 'by' | 'givenMs'>,
): void {
  const space = spaceOf(draft.view, row.agent, null);
  change(draft, { type: 'given', row: { ...row, space, by: by.name, givenMs: draft.nowMs } });
}

export function wireOf({ id, kind, text, tags, importance, by, document, key, ...row }: GivenRow): GivenMemory {
  const source = row.source ?? (kind === 'withdraw' && document ? `document:${document.id}` : `person:${by}`);
  const about = { ...(document ? { document } : {}), ...(key === undefined ? {} : { key }) };
  return { given: id, kind, text, tags: [...tags], importance, source, ...about };
}

/** Why an order of this agent waits, and for which node. */
export function waitsOf(
  view: View,
  agent: string,
  knows: NodeAbility = 'given',
): { waits: GivenWaits; node: string | null } {
  const node = view.agents.get(agent)?.placement?.node;
  if (node === undefined) return { waits: 'no-node', node: null };
  if (view.nodes.get(node)?.presence !== 'online') return { waits: 'node-away', node };
  const live = view.live.get(node);
  return { waits: live?.helloBoot != null && !live.can?.[knows] ? 'node-older' : 'sent', node };
}

/**
 * Whether an entry of a branch is to be merged, as far as it was given: an order that is settled is in the log already, and a document that
 * is withdrawn or unknown is in it no more.
 */
export function isStillGiven(view: View, agent: string, { kind, payload }: MemoryEntry): boolean {
  if (kind === 'withdraw') return false;
  return payload?.given === undefined || isOrder(view, agent, payload.given);
}
