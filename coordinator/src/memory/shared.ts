// With whom an agent shares its memories, by its spec: always both ways; and how near a memory has to be that is found by its meaning. Pure.
import type { AgentRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';

/** Cosine: sentences about different things are below it with the models that nodes fetch by themselves; others start higher, and lose nothing by it. */
export const nearAtLeast = 0.3;

export function isShared(of: AgentRow, other: AgentRow): boolean {
  const { scope, team } = of.spec.memory;
  if (of.id === other.id || of.space !== other.space || other.spec.memory.scope !== scope) return false;
  return scope === 'fleet' || (scope === 'team' && other.spec.memory.team === team);
}

/** The ids of the agents whose memories this one recalls. */
export function sharedWith(view: View, agent: string): string[] {
  const of = view.agents.get(agent);
  const { scope = 'own' } = of?.spec.memory ?? {};
  if (!of || scope === 'own') return [];
  const shared: string[] = [];
  for (const other of view.agents.values()) if (isShared(of, other)) shared.push(other.id);
  return shared;
}
