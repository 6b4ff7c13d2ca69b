// The progress of a draining node: the agents that stay, since placement found no other node for them, and the amount of data that only
// this node has. Pure. [INV-only-here]
import type { View } from '../state/view.ts';

/** Ids of the agents that stay on a draining node; empty while it does not drain. Sorted. */
export function stayingOn(view: View, id: string): string[] {
  if (view.nodes.get(id)?.draining !== true) return [];
  const staying: string[] = [];
  for (const agent of view.agentsByNode.get(id) ?? []) if (view.agents.get(agent)?.unplaced) staying.push(agent);
  return staying.sort();
}

/**
 * The number of messages and memories that only this node has, by its last heartbeat. Null: not known, because the node-agent is older, the
 * node is not connected, a task runs, or the node does not have its present assignment yet.
 */
export function onlyOn(view: View, id: string): number | null {
  const row = view.nodes.get(id);
  const health = view.live.get(id)?.health;
  if (row?.presence !== 'online' || health?.memoriesUnacked === undefined) return null;
  if (health.boot !== row.boot || health.generation !== row.generation || health.tasksRunning > 0) return null;
  return health.outboxDepth + health.memoriesUnacked;
}
