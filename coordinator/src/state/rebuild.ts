// The view made from what is stored: at a start, and again in place when a commit failed and the view had run ahead of the store.
// In: what the store loads. Out: a view that knows nothing the store does not, save what nodes said of themselves since (their
// heartbeats, capacity and connections are never stored, and stay true).
import { apply, type DurableChange } from './change.ts';
import { inSpace, type MemoryHead, type MutableView } from './view.ts';

interface Loaded {
  changes: Iterable<DurableChange>;
  heads: Iterable<{ agent: string } & MemoryHead>;
}

export function fill(view: MutableView, { changes, heads }: Loaded): void {
  for (const change of changes) apply(view, change);
  for (const { agent, ...head } of heads) view.heads.set(agent, head);
}

type Origin = 'stored' | 'heard';
/** Where each part of the view comes from: what is stored, or what nodes said and time did. A new part does not compile without. */
const origins: Record<keyof MutableView, Origin> = {
  cuts: 'heard',
  startedMs: 'heard',
  coordinator: 'heard',
  nodes: 'stored',
  live: 'heard',
  agents: 'stored',
  agentIds: 'stored',
  removedAgents: 'stored',
  removedIds: 'stored',
  observed: 'stored', // below: what fits the stored placements is put back
  holders: 'stored',
  tasks: 'stored',
  tokens: 'stored',
  keys: 'stored',
  sessions: 'stored',
  heads: 'stored',
  branches: 'stored',
  acknowledged: 'stored',
  justMerged: 'heard', // below: what was not stored is taken out
  work: 'stored',
  unserved: 'stored',
  agentsByNode: 'stored',
  leasesByNode: 'stored',
  modelUse: 'heard',
  modelFaults: 'heard',
  modelWorked: 'heard',
  placeTroubles: 'heard',
  nodesByHardware: 'stored',
  tasksByIdempotencyKey: 'stored',
  frozen: 'heard',
  excused: 'heard',
  tasksByDeadline: 'stored',
  tasksByWake: 'stored',
  justEnded: 'heard', // below: what was not stored is taken out
  justEndedKeys: 'heard',
  announcedMs: 'heard',
  tickedMs: 'heard',
  resumedMs: 'heard',
};

/** `lost`: what the view knew and the store does not. */
export function rebuild(view: MutableView, loaded: Loaded, lost: readonly DurableChange[]): void {
  const observed = new Map(view.observed);
  for (const [name, from] of Object.entries(origins) as [keyof MutableView, Origin][])
    if (from === 'stored') (view[name] as { clear(): void }).clear();
  fill(view, loaded);
  for (const part of [view.live, view.modelUse, view.modelFaults, view.modelWorked])
    for (const id of [...part.keys()]) if (!view.nodes.has(id)) part.delete(id);
  for (const [agent, seen] of observed) {
    const placement = view.agents.get(agent)?.placement;
    if (placement?.node === seen.node && placement.epoch === seen.epoch) view.observed.set(agent, seen);
  }
  // An end that was not stored is none, and neither is a merge.
  for (const change of lost) {
    if (change.type === 'branch') view.justMerged.delete(change.row.id);
    if (change.type !== 'task-end') continue;
    const { id, space, idempotencyKey } = change.row;
    view.justEnded.delete(id);
    if (idempotencyKey === null) continue;
    const key = inSpace(space, idempotencyKey);
    if (view.justEndedKeys.get(key) === id) view.justEndedKeys.delete(key);
  }
}
