// How many agents share a model before they wait for each other, as far as agents are concerned that name no model: beyond it, more hardware
// is right for them. Pure.
import { type NodeModel, reservedShare, tierOf, tiers } from '@blackroad/protocol';

/** An agent asks now and then. With more than these on a slot, people begin to wait for other people's answers. */
const agentsPerSlot = 8;
const rankOf = (model: NodeModel) => tiers.indexOf(tierOf(model));

/** Whether a chat model of a larger tier is on the same node. */
export function hasLarger(models: readonly NodeModel[], model: NodeModel): boolean {
  return models.some((other) => other.kind === 'chat' && rankOf(other) > rankOf(model));
}

/** Of the slots of a node with a larger model, a share is kept for that. */
export function comfortOf(models: readonly NodeModel[], model: NodeModel): number {
  const slots = Math.max(1, model.slots);
  return agentsPerSlot * (hasLarger(models, model) ? Math.max(1, Math.floor(slots * (1 - reservedShare))) : slots);
}
