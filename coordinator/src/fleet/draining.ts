// How far a node is with draining: which agents it keeps, as placement found no other node for them, and whether anything is on it
// that is nowhere else. Pure. [INV-only-here]
import type { View } from '../state/view.ts';

/** Ids of the agents that stay on a draining node; empty while it does not drain. Sorted. */
export function stayingOn(view: View, id: string): string[] {
  if (view.nodes.get(id)?.draining !== true) return [];
  const staying: string[] = [];
  for (const agent of view.agentsByNode.get(id) ?? []) if (view.agents.get(agent)?.unplaced) staying.push(agent);
  return staying.sort();
}

/**
 * Messages and memories that are on this node alone, by its last heartbeat. Null: not known, as it is an older node-agent, not connected,
 * at work, or not yet told what it no longer runs.
 */
export function onlyOn(view: View, id: string): number | null {
  const row = view.nodes.get(id);
  const health = view.live.get(id)?.health;
  if (row?.presence !== 'online' || health?.memoriesUnacked === undefined) return null;
  if (health.boot !== row.boot || health.generation !== row.generation || health.tasksRunning > 0) return null;
  return health.outboxDepth + health.memoriesUnacked;
}
