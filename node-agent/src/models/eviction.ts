// The choice of the model that goes when the disk fills up. Pure.
import type { RuntimeModel } from '../runtimes/runtime.ts';

/** A model that the fleet fetched to this node. */
export interface Fetched {
  model: string;
  /** Counts uses over all models: the clock of a Pi may be wrong for a while, an order by it too. */
  use: number;
  /** By the machine's clock, for people. */
  usedMs: number;
}

/** Once it has begun, models go until this much less of the disk is used: without it, each fetch would remove one model more. */
const relief = 0.05;

/** Whether models are to go. `limit` 1 or more: never. `was`: the last answer. */
export function isPressed(used: number, limit: number, was: boolean): boolean {
  if (limit >= 1) return false;
  return used > (was ? limit - relief : limit);
}

/** The least recently used of the candidates; null: there is none. */
export function nextToGo(
  candidates: readonly RuntimeModel[],
  fetched: ReadonlyMap<string, Fetched>,
): RuntimeModel | null {
  let next: RuntimeModel | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const model of candidates) {
    const use = fetched.get(model.name)?.use ?? Number.POSITIVE_INFINITY;
    if (use >= least) continue;
    next = model;
    least = use;
  }
  return next;
}
