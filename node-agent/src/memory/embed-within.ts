// Vectors of texts within a deadline: a memory is never kept waiting for a model. In: an embedder, texts, how long it may take, what ends the work
// earlier. Out: what the embedder returned; null where it failed, for whatever reason, and words alone decide.
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Embedder } from './agent-memory.ts';

interface EmbedLimits {
  withinMs: number;
  /** Each ends the work. */
  signals: readonly AbortSignal[];
  clock: Clock;
  log: Log;
}

export async function embedWithin(
  embed: Embedder,
  texts: string[],
  { withinMs, signals, clock, log }: EmbedLimits,
): ReturnType<Embedder> {
  const late = new AbortController();
  const timer = clock.after(withinMs, () => late.abort());
  const stop = AbortSignal.any([late.signal, ...signals]);
  const ended = new Promise<null>((resolve) => stop.addEventListener('abort', () => resolve(null), { once: true }));
  try {
    return stop.aborted ? null : await Promise.race([embed(texts, stop), ended]);
  } catch (error) {
    if (!stop.aborted) log.debug({ err: error }, 'memories could not be embedded: words only');
    return null;
  } finally {
    timer.cancel();
  }
}
