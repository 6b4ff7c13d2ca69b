// The right size of hardware for an agent that names no model: the least that writes as fast as people read. In: a model on a node, and the
// entry of the agent's list that found it. Out: a value between 0 and 1. Pure.
import { hardwareOf, type NodeModel, tierOf } from '@blackroad/protocol';
import type { Offer } from '../model/room.ts';
import type { PlacedFacts, SupplyNode } from '../model/supply.ts';
import { namesModel } from '../model/wish.ts';

/** Classes are told apart up to this much hardware; a paid API has its price. */
const mostHardware = 5;

/** A speed that is not known yet counts as enough. */
function isFastEnough({ health }: Pick<SupplyNode, 'health'>, model: NodeModel): boolean {
  const { decodeTps } = model.speed;
  return decodeTps === 0 || decodeTps * health >= tierOf(model).tokensPerS;
}

/** The less hardware, the more; 0 where it is not fast enough. */
export function sizeValue(node: Pick<SupplyNode, 'class' | 'health'>, model: NodeModel): number {
  return isFastEnough(node, model) ? Math.max(0, 1 - hardwareOf(node.class) / mostHardware) : 0;
}

export function setSize(facts: PlacedFacts, node: SupplyNode, { model, agents, comfort }: Offer, wanted: string): void {
  facts.class = node.class;
  facts.isNamed = namesModel(wanted, model);
  facts.isFast = isFastEnough(node, model);
  facts.isCrowded = agents >= comfort;
  facts.hardware = sizeValue(node, model);
}
