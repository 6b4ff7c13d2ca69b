// Ids of agents: made here, and for good. In: the time and chance. Out: one that no agent has or had.
import { type Random, sortableId } from '@blackroad/std/random';
import type { View } from '../state/view.ts';

/** An agent that is older than ids has its first name for one, and a person may have named it like this. */
export function mintAgentId(
  { agents, removedAgents }: Pick<View, 'agents' | 'removedAgents'>,
  nowMs: number,
  random: Random,
): string {
  for (;;) {
    const id = sortableId(nowMs, random);
    if (!agents.has(id) && !removedAgents.has(id)) return id;
  }
}
