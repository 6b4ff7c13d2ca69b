// The steps of a plan for models: fetch, load, keep, unload. Only on nodes that the plan changes. Unloads come last: idle models, the
// largest first, and only as many as the new agents need.
import { heldBytes } from '../model/memory-fit.ts';
import { type Offer, offersInUse, ollamaShare, type Room } from '../model/room.ts';
import type { ModelStep } from '../model/supply.ts';

/** `newcomers`: the models that agents placed by this plan use. */
export function stepsOf(room: Room, newcomers: ReadonlySet<string>): ModelStep[] {
  const { id } = room.node;
  const used = offersInUse(room);
  const steps: ModelStep[] = used.map((offer) => {
    const { model, isPull, agents } = offer;
    const isNew = newcomers.has(model.name) && !model.resident;
    return { node: id, model: model.name, step: isNew ? (isPull ? 'pull' : 'load') : 'keep', agents };
  });
  for (const offer of toUnload(room, used))
    steps.push({ node: id, model: offer.model.name, step: 'unload', agents: 0 });
  return steps;
}

function toUnload(room: Room, used: readonly Offer[]): Offer[] {
  const idle = room.offers.filter(
    (offer) => offer.agents === 0 && offer.isCharged && offer.creditBytes === 0 && offer.model.resident,
  );
  const idleBytes = idle.reduce((sum, { model }) => sum + heldBytes(model), 0);
  // The room counts idle models as free; the memory that is free without an unload must be enough for the charged memory, and for the free
  // memory that Ollama requires.
  let missing = -room.freeBytes;
  for (const { model, chargedBytes } of used) {
    if (model.runtime !== 'ollama' || model.resident) continue;
    missing = Math.max(missing, chargedBytes / ollamaShare - chargedBytes - room.freeBytes);
  }
  let needed = Math.min(idleBytes, idleBytes + missing);
  const leaving: Offer[] = [];
  for (const offer of idle.sort(largestFirst)) {
    if (needed <= 0) break;
    leaving.push(offer);
    needed -= heldBytes(offer.model);
  }
  return leaving;
}
function largestFirst(a: Offer, b: Offer): number {
  return heldBytes(b.model) - heldBytes(a.model) || (a.model.name < b.model.name ? -1 : 1);
}
