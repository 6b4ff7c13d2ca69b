// The view made from the store: at a start, and again in place after a conflict, when another process changed rows that the view still
// shows as they were. In: the rows that the store loads. Out: a view with only those, and with the reports of nodes since (their
// heartbeats, capacity and connections are never stored, and stay true).

import { apply } from './apply.ts';
import type { DurableChange } from './change.ts';
import type { MemoryHead } from './memory-rows.ts';
import type { MutableView } from './view.ts';

/**
 * What a store knows: nodes, agents, live tasks, tokens, keys, budgets, conversations, acknowledged alerts and branches as changes, and where
 * each memory stands.
 */
export interface Loaded {
  changes: Iterable<DurableChange>;
  heads: Iterable<LoadedHead>;
}
export type LoadedHead = { agent: string } & MemoryHead;

export function fill(view: MutableView, { changes, heads }: Loaded): void {
  for (const change of changes) apply(view, change);
  for (const { agent, ...head } of heads) view.heads.set(agent, head);
}

type Origin = 'stored' | 'summed' | 'heard';
/** The source of each part of the view: the store, a sum over it, or reports of nodes and the time. A part without one does not compile. */
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
  observed: 'stored', // reports that fit the stored placements are added again below
  holders: 'stored',
  tasks: 'stored',
  promptCharacters: 'summed',
  tokens: 'stored',
  keys: 'stored',
  sessions: 'stored',
  conversations: 'stored',
  heads: 'stored',
  branches: 'stored',
  checkpoint: 'heard', // the stored one takes its place where that is newer
  anchored: 'stored',
  erasures: 'stored',
  erasedUpto: 'stored',
  erasuresOwed: 'stored',
  memoryCopies: 'heard',
  justErased: 'heard',
  given: 'stored',
  givenByAgent: 'stored',
  documents: 'stored',
  documentsByAgent: 'stored',
  unwritten: 'stored',
  runs: 'stored',
  runsByAgent: 'stored',
  acknowledged: 'stored',
  spending: 'stored',
  reservations: 'stored',
  reservedBy: 'stored',
  pins: 'stored',
  webhooks: 'stored',
  deliveries: 'stored',
  deliveriesByWebhook: 'stored',
  known: 'heard',
  rollouts: 'stored',
  rolloutSubjects: 'stored',
  subjectsByRollout: 'stored',
  nodeSums: 'heard',
  agentSums: 'heard',
  releases: 'heard',
  balena: 'heard',
  judgedMs: 'heard',
  justMerged: 'heard',
  work: 'stored',
  unserved: 'stored',
  agentsByNode: 'stored',
  leaving: 'stored',
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
  justEnded: 'heard',
  justEndedKeys: 'heard',
  restored: 'heard', // a restore is no change of a coordinator that works
  found: 'stored',
  backups: 'heard',
  objectStore: 'heard',
  announcedMs: 'heard',
  tickedMs: 'heard',
  resumedMs: 'heard',
};

export function rebuild(view: MutableView, loaded: Loaded): void {
  const observed = new Map(view.observed);
  for (const [name, from] of Object.entries(origins) as [keyof MutableView, Origin][])
    if (from === 'stored') (view[name] as { clear(): void }).clear();
    else if (from === 'summed') (view[name] as number) = 0;
  fill(view, loaded);
  for (const part of [view.live, view.modelUse, view.modelFaults, view.modelWorked, view.nodeSums])
    for (const id of [...part.keys()]) if (!view.nodes.has(id)) part.delete(id);
  for (const id of [...view.agentSums.keys()]) if (!view.agents.has(id)) view.agentSums.delete(id);
  for (const [agent, seen] of observed) {
    const placement = view.agents.get(agent)?.placement;
    if (placement?.node === seen.node && placement.epoch === seen.epoch) view.observed.set(agent, seen);
  }
}
