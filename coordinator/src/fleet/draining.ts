// Which agents a draining node keeps: placement looked for another node for them and there is none. Pure.
import type { View } from '../view.ts';

/** Names of the agents that stay on a draining node; empty while it does not drain. Sorted. */
export function stayingOn(view: View, id: string): string[] {
  if (view.nodes.get(id)?.draining !== true) return [];
  const staying: string[] = [];
  for (const name of view.agentsByNode.get(id) ?? []) if (view.agents.get(name)?.unplaced) staying.push(name);
  return staying.sort();
}
