// What a plan asks of every node before it looks at any of them closely. In: a node; out: a few facts about it and its agents.
import { modelKey } from '@blackroad/protocol';
import type { SupplyNode } from './supply.ts';

export interface NodeDigest {
  /** Keys of the names by which its chat models can be meant, aliases and `auto` included. */
  names: readonly string[];
  /** Models of its agents that it does not have, and could fetch. */
  fetching: readonly string[];
  /** The lowest priority among agents that may yield; null: nobody may. */
  lowestYielding: number | null;
  /** Some of its agents mind the company of others. */
  isSocial: boolean;
}

export function digestOf(node: SupplyNode): NodeDigest {
  const fetching: string[] = [];
  let lowestYielding: number | null = null;
  let isSocial = false;
  for (const { spec, model, mayYield } of node.agents) {
    const { avoidAgents, nearAgents, spread } = spec.placement;
    if (avoidAgents.length > 0 || nearAgents?.length || spread) isSocial = true;
    if (mayYield && (lowestYielding === null || spec.priority < lowestYielding)) lowestYielding = spec.priority;
    if (node.pulls.length > 0 && !node.models.some(({ name }) => modelKey(name) === modelKey(model)))
      fetching.push(model);
  }
  return { names: namesOf(node), fetching, lowestYielding, isSocial };
}
function namesOf({ models, defaultChat }: SupplyNode): string[] {
  const names = new Set<string>();
  for (const { kind, name, aliases } of models) {
    if (kind !== 'chat') continue;
    names.add(modelKey(name));
    for (const alias of aliases) names.add(modelKey(alias));
  }
  if (defaultChat !== null && names.has(modelKey(defaultChat))) names.add('auto');
  return [...names];
}
