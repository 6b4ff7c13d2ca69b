// For how long a provider, or one of its models, is left alone after it said that it has too much to do. In: refusals and answers. Out: the
// refusal, while it holds, so that nothing is sent meanwhile.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { maxRetryAfterS } from '@blackroad/protocol';
import type { Backoff } from '@blackroad/std/backoff';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { Rest } from '@blackroad/std/rest';

const backoff: Backoff = { firstMs: 2_000, maxMs: 60_000 };

export function createRests(clock: Clock, random: Random) {
  /** By model; null: the whole provider. Models are those that the node offers. */
  const rests = new Map<string | null, Rest<RuntimeError>>();
  return {
    /** As long as the provider asked for; where it did not say, longer each time. `askedMs`: when the request was sent. */
    rest(model: string | null, error: RuntimeError, askedMs: number): void {
      const { retryAfterS } = error;
      const rest = rests.get(model) ?? new Rest({ clock, random, backoff });
      rests.set(model, rest);
      rest.failed(error, askedMs, (usualMs) =>
        retryAfterS === undefined ? usualMs : Math.min(retryAfterS, maxRetryAfterS) * 1000,
      );
    },
    worked(model: string, askedMs: number): void {
      rests.get(model)?.worked(askedMs);
      rests.get(null)?.worked(askedMs);
    },
    /** The refusal that still holds for this model, with the rest of its time. */
    of(model: string): RuntimeError | null {
      const left = rests.get(null)?.left() ?? rests.get(model)?.left();
      return left ? new RuntimeError(left.why.code, left.why.message, { retryAfterS: left.ms / 1000 }) : null;
    },
  };
}
