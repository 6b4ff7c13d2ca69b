// What an entry in an agent's list of models means on a node: a model by one of its names, or any model of a tier (`small`, `medium`, `large`),
// or the node's own choice (`auto`). A model that is called like a tier is meant by its name. A tier means models that cost nothing: in the list
// `small, large, auto` the paid model comes last, not as the small one of a node that has it.
import { isTierWish, meansModel, type NodeModel, tierOf } from '@blackroad/protocol';

type Wished = Pick<NodeModel, 'name' | 'aliases' | 'tier' | 'parametersB' | 'sizeBytes' | 'price'>;

/** Whether the entry means this chat model of a node with that default. */
export function isWished(wanted: string, model: Wished, defaultChat: string | null): boolean {
  return meansModel(wanted, model) || isOfWish(wanted, model, defaultChat);
}
/** The same, where the entry names no model: then the agent leaves the choice to the fleet. */
export function isOfWish(wanted: string, model: Wished, defaultChat: string | null): boolean {
  if (!isTierWish(wanted)) return false;
  if (wanted === 'auto') return model.name === defaultChat;
  return model.price === undefined && tierOf(model).name === wanted;
}
/** Whether the entry that found this model names it: then the agent leaves no choice to the fleet. */
export function namesModel(wanted: string, model: Wished): boolean {
  return !isTierWish(wanted) || meansModel(wanted, model);
}
/** Names under which a plan looks for the model, beside its own. */
export function wishesFor(model: Wished, defaultChat: string | null): string[] {
  const auto = model.name === defaultChat ? ['auto'] : [];
  return model.price === undefined ? [tierOf(model).name, ...auto] : auto;
}
