// Who else uses a model server: what its gauges show of it, less what this node has sent it. In: requests of this node as they begin and
// end, and what the gauges showed. Out: requests of others, by model. A request that began or ended while the gauges were read counts
// as the node's own, so that it is never told as another's.
import type { Clock } from '@blackroad/std/clock';

export interface ServerUse {
  /** A request of this node goes to the server; what is returned is called when it has ended. */
  begin(model: string): () => void;
  /** Called before the gauges are read; what is returned takes how many requests they showed in the server. */
  look(): (model: string, inside: number) => void;
  /** 0 where nothing was seen lately. */
  othersOf(model: string): number;
  /** The server was away. */
  forget(): void;
}

// The list of models is read every half minute, and the gauges with it.
const believedMs = 60_000;
const maxModels = 256;

export function createServerUse(clock: Clock): ServerUse {
  const own = new Map<string, number>();
  const seen = new Map<string, { others: number; untilMs: number }>();
  return {
    begin(model) {
      own.set(model, (own.get(model) ?? 0) + 1);
      return () => {
        const left = (own.get(model) ?? 1) - 1;
        if (left > 0) own.set(model, left);
        else own.delete(model);
      };
    },
    look() {
      const before = new Map(own);
      return (model, inside) => {
        // A server may print anything.
        if (!Number.isFinite(inside)) return;
        const ours = Math.max(before.get(model) ?? 0, own.get(model) ?? 0);
        if (!seen.has(model) && seen.size >= maxModels) seen.delete(seen.keys().next().value as string);
        seen.set(model, { others: Math.max(0, Math.round(inside) - ours), untilMs: clock.monotonicMs() + believedMs });
      };
    },
    othersOf(model) {
      const row = seen.get(model);
      return row && row.untilMs > clock.monotonicMs() ? row.others : 0;
    },
    forget: () => seen.clear(),
  };
}
