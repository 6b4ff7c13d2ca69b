// One fetch of a model, from the first runtime that can find it. In: runtimes, in the order of preference. Out: a promise, and progress.
// Gives up a fetch that is silent for too long.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { Clock } from '@blackroad/std/clock';
import type { Runtime } from '../runtimes/runtime.ts';
import type { OnProgress } from './model-pulls.ts';

/** The check of a model of gigabytes on an SD card reports nothing for minutes. */
const silenceMs = 20 * 60_000;

/** @throws RuntimeError with the text of the first runtime that refused, when none can find the model */
export async function fetchFromFirst(
  runtimes: readonly Runtime[],
  order: { model: string; onProgress: OnProgress; signal: AbortSignal; clock: Clock },
): Promise<void> {
  const { model, clock } = order;
  const stop = new AbortController();
  const signal = AbortSignal.any([order.signal, stop.signal]);
  const watched = () => clock.after(silenceMs, () => stop.abort());
  let watch = watched();
  let refused: unknown;
  try {
    for (const runtime of runtimes) {
      try {
        for await (const progress of runtime.pull(model, signal)) {
          watch.cancel();
          watch = watched();
          order.onProgress(progress);
        }
        return;
      } catch (error) {
        if (stop.signal.aborted)
          throw new RuntimeError('unavailable', 'nothing was heard of it for 20 minutes', { fault: 'network' });
        // Another runtime may find the model; if none does, the first one's text is the most useful.
        if (!isElsewhere(error)) throw error;
        refused ??= error;
      }
    }
  } finally {
    watch.cancel();
  }
  throw refused ?? new RuntimeError('unsupported', 'no runtime was found that can fetch models');
}

const isElsewhere = (error: unknown) =>
  error instanceof RuntimeError && (error.code === 'unsupported' || error.code === 'unknown-model');
