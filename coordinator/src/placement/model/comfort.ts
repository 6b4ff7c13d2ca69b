// How many agents share a model before they wait for each other, as far as agents are concerned that name no model: beyond it, more hardware
// is right for them. Pure.
import { type NodeModel, tierOf, tiers } from '@blackroad/protocol';
import type { SupplyNode } from './supply.ts';

/** An agent asks now and then. With more than these on a slot, people begin to wait for other people's answers. */
const agentsPerSlot = 8;
const rankOf = (model: NodeModel) => tiers.indexOf(tierOf(model));

/**
 * The slots of a model that those take who name no model and no large one. Null: all, since no chat model of a larger tier is on the node;
 * else the share `reserve` of them is kept for that, and at least one is left.
 */
export function slotsForLess({ models, reserve }: Pick<SupplyNode, 'models' | 'reserve'>, model: NodeModel) {
  const hasLarger = models.some((other) => other.kind === 'chat' && rankOf(other) > rankOf(model));
  return hasLarger ? Math.max(1, Math.floor(model.slots * (1 - reserve))) : null;
}

export function comfortOf(node: Pick<SupplyNode, 'models' | 'reserve'>, model: NodeModel): number {
  return agentsPerSlot * (slotsForLess(node, model) ?? Math.max(1, model.slots));
}
