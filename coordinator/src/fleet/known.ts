// The catalogue in the view: what a node does not tell of its models is filled in from it, and a tier that a person set is written to
// them. In: the catalogue as read, and reports of capacity. Out: changes. Pure.
import {
  fetchName,
  type KnownModels,
  knownAs,
  knownModels,
  meansModel,
  modelKey,
  type NodeCapacity,
  type NodeModel,
} from '@blackroad/protocol';
import { change, decided, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';

export const learnKnown: Decide<'models-known'> = (view, { models }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const known = knownModels(models);
  change(draft, { type: 'known-models', known });
  for (const [node, { capacity }] of view.live) {
    const told = capacity && withKnown(known, capacity);
    if (told && told !== capacity) change(draft, { type: 'capacity', node, capacity: told });
  }
  return decided(draft);
};

/** The name under which nodes fetch what a person calls by this name; a name that the catalogue lacks is the runtime's own. */
export function fetchedAs({ byKey }: KnownModels, named: string): string {
  const entry = byKey.get(modelKey(named));
  return entry ? fetchName(entry) : named.trim();
}

/** The names under which a node may have the model that is called by this name. */
export function namesOf({ byKey }: KnownModels, named: string): string[] {
  const entry = byKey.get(modelKey(named));
  if (!entry) return [named];
  return [named, entry.name, ...(entry.ollama === undefined ? [] : [entry.ollama]), ...entry.aliases];
}
export function hasModel(known: KnownModels, { models }: Pick<NodeCapacity, 'models'>, named: string): boolean {
  return namesOf(known, named).some((name) => models.some((each) => meansModel(name, each)));
}

/** The report with the facts of the catalogue; the same one where nothing differs. Tiers are those of the catalogue, but of paid models. */
export function withKnown(known: KnownModels, capacity: NodeCapacity): NodeCapacity {
  let differs = false;
  const models = capacity.models.map((model) => {
    const filled = filledIn(known, model);
    differs ||= filled !== model;
    return filled;
  });
  return differs ? { ...capacity, models } : capacity;
}

function filledIn(known: KnownModels, model: NodeModel): NodeModel {
  const entry = known.byKey.size > 0 ? knownAs(known, model) : null;
  // A paid model tells no size, so its node says its tier.
  const tier = entry?.tier ?? (model.price ? model.tier : undefined);
  const sizeBytes = model.sizeBytes || (entry?.sizeBytes ?? 0);
  const parametersB = model.parametersB || (entry?.parametersB ?? 0);
  const sees = model.sees ?? (entry?.vision ? true : undefined);
  const isSame =
    tier === model.tier && sizeBytes === model.sizeBytes && parametersB === model.parametersB && sees === model.sees;
  if (isSame) return model;
  const { tier: _, ...own } = model;
  return {
    ...own,
    sizeBytes,
    parametersB,
    ...(sees === undefined ? {} : { sees }),
    ...(tier === undefined ? {} : { tier }),
  };
}
