// The number of requests that a server runs at once, where it does not report it: measured from its answers. While more requests always ran
// without waiting, more are admitted; as soon as one had to wait inside the server, the number that ran beside it is the limit, so that the
// others wait in our own queue, which is fair and bounded. A limit holds for a while and is then tried again: servers may be restarted.
import type { Clock } from '@blackroad/std/clock';

interface SlotBook {
  /** Undefined until the model was measured. */
  now(model: string): number | undefined;
  /** Most requests that ran at once without waiting; 0 until measured. */
  proven(model: string): number;
  /** This many requests ran at once and none waited. */
  ran(model: string, atOnce: number): void;
  /** This many ran while another waited inside the server. */
  waited(model: string, atOnce: number): void;
  /** Called after the server was away. */
  forget(): void;
}

const maxModels = 256;

/** `next` is the number to try where `proven` ran without waiting; `lifeMs` is how long a limit holds. */
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
