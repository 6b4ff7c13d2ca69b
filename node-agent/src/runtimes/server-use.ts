// Requests of others in a model server: those that its gauges show, less those of this node. In: requests of this node as they begin and
// end, and the numbers of the gauges. Out: requests of others, by model. A request that began or ended while the gauges were read counts as
// the node's own, so that it is never reported as another's.
import type { Clock } from '@blackroad/std/clock';

export interface ServerUse {
  /** Called when a request of this node is sent to the server; the returned function is called when it has ended. */
  begin(model: string): () => void;
  /** Requests of this node in the server. */
  ownOf(model: string): number;
  /** Called before the gauges are read; the returned function receives the number of requests that they show. */
  look(): (model: string, inside: number) => void;
  /** 0 without a recent look. */
  othersOf(model: string): number;
  /** Called after the server was away. */
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
    ownOf: (model) => own.get(model) ?? 0,
    look() {
      const before = new Map(own);
      return (model, inside) => {
        // A server may print any text.
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
