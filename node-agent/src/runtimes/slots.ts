// How many requests a server works on at once, where it does not say: found by watching it. While more always ran without waiting,
// more are let in; as soon as one had to wait inside the server, what ran beside it is the limit, so that the others wait with us,
// where the queue is fair and bounded. A limit is believed for a while and then tried again: servers are started anew.
import type { Clock } from '@blackroad/std/clock';

interface SlotBook {
  /** Undefined until something was seen of the model. */
  now(model: string): number | undefined;
  /** Most that ran at once without waiting; 0 until something was seen. */
  proven(model: string): number;
  /** So many requests were worked on at once and none waited. */
  ran(model: string, atOnce: number): void;
  /** So many were worked on while another waited inside the server. */
  waited(model: string, atOnce: number): void;
  /** The server was away. */
  forget(): void;
}

const maxModels = 256;

/** `next` is how many may be tried where `proven` ran without waiting; `lifeMs` how long a limit is believed. */
export function createSlotBook(clock: Clock, lifeMs: number, next: (proven: number) => number): SlotBook {
  const seen = new Map<string, { proven: number; limit: number; untilMs: number }>();
  const rowOf = (model: string) => {
    const row = seen.get(model) ?? { proven: 0, limit: 0, untilMs: 0 };
    if (!seen.has(model) && seen.size >= maxModels) seen.delete(seen.keys().next().value as string);
    seen.set(model, row);
    return row;
  };
  return {
    now(model) {
      const row = seen.get(model);
      if (!row) return undefined;
      return row.untilMs > clock.monotonicMs() ? row.limit : next(row.proven);
    },
    proven: (model) => seen.get(model)?.proven ?? 0,
    ran(model, atOnce) {
      const row = rowOf(model);
      row.proven = Math.max(row.proven, atOnce);
      if (atOnce > row.limit) row.untilMs = 0;
    },
    waited(model, atOnce) {
      const row = rowOf(model);
      const believed = row.untilMs > clock.monotonicMs() ? row.limit : Number.POSITIVE_INFINITY;
      const limit = Math.max(1, Math.min(believed, atOnce));
      seen.set(model, { proven: limit, limit, untilMs: clock.monotonicMs() + lifeMs });
    },
    forget: () => seen.clear(),
  };
}
