// The view made from what is stored: at a start, and again in place when a commit failed and the view had run ahead of the store.
// In: what the store loads. Out: a view that knows nothing the store does not, save what nodes said of themselves since (their
// heartbeats, capacity and connections are never stored, and stay true).
import { apply, type DurableChange } from './change.ts';
import type { MemoryHead, MutableView } from './view.ts';

export interface Loaded {
  changes: Iterable<DurableChange>;
  heads: Iterable<{ agent: string } & MemoryHead>;
}

export function fill(view: MutableView, { changes, heads }: Loaded): void {
  for (const change of changes) apply(view, change);
  for (const { agent, ...head } of heads) view.heads.set(agent, head);
}

/** `lost`: what the view knew and the store does not. */
export function rebuild(view: MutableView, loaded: Loaded, lost: readonly DurableChange[]): void {
  const observed = new Map(view.observed);
  for (const part of [
    view.nodes,
    view.agents,
    view.observed,
    view.tasks,
    view.tokens,
    view.keys,
    view.sessions,
    view.heads,
    view.branches,
    view.settings,
    view.work,
    view.unserved,
    view.agentsByNode,
    view.leasesByNode,
    view.nodesByHardware,
    view.tasksByIdempotencyKey,
    view.tasksByDeadline,
    view.tasksByWake,
  ]) {
    part.clear();
  }
  fill(view, loaded);
  for (const part of [view.live, view.modelUse, view.modelFaults])
    for (const id of [...part.keys()]) if (!view.nodes.has(id)) part.delete(id);
  for (const [agent, seen] of observed) {
    const placement = view.agents.get(agent)?.placement;
    if (placement?.node === seen.node && placement.epoch === seen.epoch) view.observed.set(agent, seen);
  }
  // An end that was not stored is none.
  for (const change of lost) {
    if (change.type !== 'task-end') continue;
    const { id, idempotencyKey } = change.row;
    view.justEnded.delete(id);
    if (idempotencyKey !== null && view.justEndedKeys.get(idempotencyKey) === id)
      view.justEndedKeys.delete(idempotencyKey);
  }
}
