// Rollouts of a model: it is pinned to each node, which fetches it. The way back takes the pin away and has the node remove what the fleet
// fetched; a model that agents use there by then stays.
import { maxPins, maxPinsPerNode } from '@blackroad/protocol';
import { fetchedAs, hasModel } from '../../fleet/known.ts';
import { hasPin, keptBy, pinTo, unpinFrom } from '../../fleet/pins.ts';
import { send } from '../../state/draft.ts';
import type { RolloutSubjectRow } from '../../state/rollout-rows.ts';
import type { View } from '../../state/view.ts';
import type { Kind } from '../kind.ts';

/** The node refuses to remove what agents use; after so many orders it is left there. */
const maxRemovals = 3;

export const modelKind: Kind<'model'> = {
  of: 'node',
  // Gigabytes over a slow line.
  patienceMs: 4 * 3_600_000,
  words: ({ model }) => `model ${model}`,
  fault(view, _request, subjects) {
    if (view.pins.size + subjects <= maxPins) return null;
    return `The fleet would have ${view.pins.size + subjects} pins; at most ${maxPins} are kept. Select fewer nodes, or pin the model to a class.`;
  },
  before(view, { what: { model } }, node) {
    const capacity = view.live.get(node)?.capacity;
    if (!capacity) return { why: 'has not said which models it has' };
    if (hasModel(view.known, capacity, model)) return { why: 'has it already' };
    if ((capacity.pulls ?? []).length === 0) return { why: 'has no runtime that can fetch a model' };
    const row = view.nodes.get(node);
    if (row && keptBy(view.pins.values(), row).length >= maxPinsPerNode)
      return { why: `has ${maxPinsPerNode} pinned models already` };
    return { was: `no ${model}` };
  },
  order(draft, { what: { model }, by }, subject) {
    pinTo(draft, subject.subject, fetchedAs(draft.view.known, model), by);
    return subject;
  },
  stand(view, { what: { model } }, { subject: node, orders }) {
    const capacity = view.live.get(node)?.capacity;
    if (capacity && hasModel(view.known, capacity, model)) return 'there';
    const isPinned = hasPin(view, node, fetchedAs(view.known, model));
    return isPinned || orders === 0 ? 'under-way' : { left: 'a person unpinned it' };
  },
  orderBack(draft, { id, what: { model } }, subject) {
    const named = fetchedAs(draft.view.known, model);
    unpinFrom(draft, subject.subject, named);
    if (isFetched(draft.view, subject, model))
      send(draft, 'removeModel', { node: subject.subject }, { command: `${id}.back.${subject.orders}`, model: named });
    return subject;
  },
  isBack(view, { what: { model } }, subject) {
    if (subject.state !== 'returning' || hasPin(view, subject.subject, fetchedAs(view.known, model))) return false;
    return !isFetched(view, subject, model) || subject.orders > maxRemovals;
  },
};

/** Whether it is there because the fleet fetched it. */
function isFetched(view: View, { subject: node }: RolloutSubjectRow, model: string): boolean {
  const capacity = view.live.get(node)?.capacity;
  if (!capacity) return true;
  const fetched = capacity.models.filter(({ name }) => capacity.evictable?.includes(name));
  return hasModel(view.known, { models: fetched }, model);
}
