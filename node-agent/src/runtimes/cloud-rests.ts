// For how long a provider, or one of its models, is left alone after it said that it has too much to do. In: refusals and answers. Out: the
// refusal, while it holds, so that nothing is sent meanwhile.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { maxRetryAfterS } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';

interface Rest {
  error: RuntimeError;
  untilMs: number;
  times: number;
}
const untold: Backoff = { firstMs: 2_000, maxMs: 60_000 };

export function createRests(clock: Clock, random: Random) {
  /** By model; null: the whole provider. Models are those that the node offers. */
  const rests = new Map<string | null, Rest>();
  return {
    /** As long as the provider asked for; where it did not say, longer each time. */
    rest(model: string | null, error: RuntimeError): void {
      const times = (rests.get(model)?.times ?? 0) + 1;
      const toldMs = error.retryAfterS === undefined ? null : Math.min(error.retryAfterS, maxRetryAfterS) * 1000;
      const restMs = toldMs ?? backoffMs(untold, times - 1, random);
      rests.set(model, { error, untilMs: clock.monotonicMs() + restMs, times });
    },
    worked(model: string): void {
      rests.delete(model);
      rests.delete(null);
    },
    /** The refusal that still holds for this model, with the rest of its time. */
    of(model: string): RuntimeError | null {
      for (const rest of [rests.get(null), rests.get(model)]) {
        const leftMs = (rest?.untilMs ?? 0) - clock.monotonicMs();
        if (rest && leftMs > 0)
          return new RuntimeError(rest.error.code, rest.error.message, { retryAfterS: leftMs / 1000 });
      }
      return null;
    },
  };
}
