// Which runtimes of this node can fetch a model. Pure.
import type { Runtime } from '../runtimes/runtime.ts';
import type { Look } from './model-look.ts';

/**
 * For this model, or for any. A runtime that does not answer may have the model: nothing is fetched for it, and the capacity does not offer
 * a fetch.
 */
export function fetchersOf(runtimes: readonly Runtime[], look: Look, name?: string): Runtime[] {
  return runtimes.filter((runtime) => {
    if (!runtime.canFetch || look.silent.has(runtime)) return false;
    return name === undefined ? !runtime.standsIn : mayFetch(runtime, look, name);
  });
}

/** A runtime that stands in fetches only models of kinds that the others do not have: it would not serve others. */
export function mayFetch(runtime: Runtime, { served }: Look, name: string): boolean {
  const kind = runtime.canFetch?.(name) ?? null;
  if (kind === null) return false;
  return !runtime.standsIn || !served.some((each) => !each.runtime.standsIn && each.model.kind === kind);
}
