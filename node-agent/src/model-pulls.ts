// The fetching of models onto this node: one at a time, for a home's line and a Pi's SD card carry no more, and one fetch of a
// model however many ask for it. In: a name, and who wants to hear of the progress. Out: a promise; it goes on until the last
// who asked has left. Never keeps more than a bounded number waiting.
import { abortedError } from './runtimes/http-json.ts';
import { raced } from './runtimes/raced.ts';
import { type PullProgress, RuntimeError } from './runtimes/runtime.ts';

export type OnProgress = (progress: PullProgress) => void;
export interface ModelPulls {
  pull(model: string, onProgress: OnProgress, signal: AbortSignal): Promise<void>;
  close(): void;
}
interface Pull {
  askers: Set<OnProgress>;
  stop: AbortController;
  done: Promise<void>;
}

const maxPulls = 16;

export function createModelPulls(
  fetchOne: (model: string, onProgress: OnProgress, signal: AbortSignal) => Promise<void>,
): ModelPulls {
  const pulls = new Map<string, Pull>();
  let last: Promise<void> = Promise.resolve();

  function begin(model: string): Pull {
    const askers: Pull['askers'] = new Set();
    const stop = new AbortController();
    const done = last.then(() => {
      if (stop.signal.aborted) throw abortedError();
      return fetchOne(model, (progress) => askers.forEach((tell) => void tell(progress)), stop.signal);
    });
    const pull = { askers, stop, done };
    pulls.set(model, pull);
    last = done
      .catch(() => {})
      .then(() => {
        if (pulls.get(model) === pull) pulls.delete(model);
      });
    return pull;
  }

  return {
    async pull(model, onProgress, signal) {
      if (!pulls.has(model) && pulls.size >= maxPulls) {
        throw new RuntimeError('overloaded', `${pulls.size} models wait to be fetched already`);
      }
      const pull = pulls.get(model) ?? begin(model);
      // Its own function each time: one that asks twice is two askers.
      const tell: OnProgress = (progress) => onProgress(progress);
      pull.askers.add(tell);
      try {
        await raced(pull.done, signal);
      } finally {
        pull.askers.delete(tell);
        if (pull.askers.size === 0) {
          pull.stop.abort();
          if (pulls.get(model) === pull) pulls.delete(model);
        }
      }
    },
    close() {
      for (const { stop } of pulls.values()) stop.abort();
    },
  };
}
