// The facts that a plan needs of every node before it examines any of them in detail. In: a node. Out: a few facts about it and its agents.
import { modelKey } from '@blackroad/protocol';
import type { SupplyNode } from '../model/supply.ts';
import { wishesFor } from '../model/wish.ts';

export interface NodeDigest {
  /** Keys of the names that refer to its chat models, aliases, tiers and `auto` included. */
  names: readonly string[];
  /** Models of its agents that it does not have, and can fetch. */
  fetching: readonly string[];
  /** The lowest priority among agents that may yield; null: none may. */
  lowestYielding: number | null;
  /** Whether some of its agents have rules about other agents. */
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
  for (const model of models) {
    const { kind, name, aliases } = model;
    if (kind !== 'chat') continue;
    names.add(modelKey(name));
    for (const alias of aliases) names.add(modelKey(alias));
    for (const wish of wishesFor(model, defaultChat)) names.add(wish);
  }
  return [...names];
}
