// Ids of agents, which are made here and never change. In: the time and chance. Out: an id that no agent has or had.
import { type Random, sortableId } from '@blackroad/std/random';
import type { View } from '../state/view.ts';

/**
 * The id of a new agent. An agent that is older than ids has its first name as its id, and a person may have chosen a name in the form of
 * an id.
 */
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
