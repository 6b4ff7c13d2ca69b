// The fetches of models to this node: one at a time, because the line of a home and the SD card of a Pi carry no more, and one fetch of a
// model for all its askers. In: a name, and a function for the progress. Out: a promise, and the state of every fetch, for people. A fetch
// ends when its last asker has left. Never keeps more than a bounded number waiting.

import { abortedError, RuntimeError } from '@blackroad/model-server/runtime-error';
import { type FetchFault, type ModelFetch, maxFetchesShown, modelKey } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { raced } from '../runtimes/raced.ts';
import { fetchFaultOf, type PullProgress } from '../runtimes/runtime.ts';

export type OnProgress = (progress: PullProgress) => void;
interface ModelPulls {
  pull(model: string, onProgress: OnProgress, signal: AbortSignal): Promise<void>;
  /** Ends a fetch for all its askers; false: there is none. */
  stop(model: string): boolean;
  /** Runs work that fetches models under names of its own, in the same queue; it reports each by `board`. */
  inLine(work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  readonly board: FetchBoard;
  close(): void;
}
/** The states of all fetches. */
export interface FetchBoard {
  tell(model: string, progress: PullProgress): void;
  failed(model: string, reason: string, fault?: FetchFault): void;
  gone(model: string): void;
  list(): ModelFetch[];
}
interface Pull {
  askers: Set<OnProgress>;
  stop: AbortController;
  done: Promise<void>;
}

const maxPulls = 16;
/** People watch this over MQTT: a step each two seconds is enough. */
const newsMs = 2000;
/** A person who looks later should still see the reason. */
const failedForMs = 600_000;

export function createModelPulls(parts: {
  fetchOne: (model: string, onProgress: OnProgress, signal: AbortSignal) => Promise<void>;
  /** Called when the board has changed. */
  onNews: () => void;
  clock: Clock;
}): ModelPulls {
  const pulls = new Map<string, Pull>();
  const board = createBoard(parts.clock, parts.onNews);
  const closed = new AbortController();
  let last: Promise<void> = Promise.resolve();

  function begin(model: string): Pull {
    const askers: Pull['askers'] = new Set();
    const stop = new AbortController();
    board.tell(model, { status: 'waiting', completedBytes: 0, totalBytes: 0 });
    const heard: OnProgress = (progress) => {
      // A step that was on its way when the fetch was stopped.
      if (stop.signal.aborted) return;
      board.tell(model, progress);
      for (const tell of askers) tell(progress);
    };
    const done = last.then(async () => {
      try {
        if (stop.signal.aborted) throw abortedError();
        await parts.fetchOne(model, heard, stop.signal);
        board.gone(model);
      } catch (error) {
        if (stop.signal.aborted) board.gone(model);
        else board.failed(model, (error as Error).message, fetchFaultOf(error));
        throw error;
      }
    });
    const key = modelKey(model);
    const pull = { askers, stop, done };
    pulls.set(key, pull);
    last = done
      .catch(() => {})
      .then(() => {
        if (pulls.get(key) === pull) pulls.delete(key);
      });
    return pull;
  }

  return {
    board,
    async pull(model, onProgress, signal) {
      const key = modelKey(model);
      if (!pulls.has(key) && pulls.size >= maxPulls) {
        throw new RuntimeError('overloaded', `${pulls.size} models wait to be fetched already`);
      }
      const pull = pulls.get(key) ?? begin(model);
      // A new function for each call: a caller that asks twice is two askers.
      const tell: OnProgress = (progress) => onProgress(progress);
      pull.askers.add(tell);
      try {
        await raced(pull.done, AbortSignal.any([signal, pull.stop.signal]));
      } catch (error) {
        throw pull.stop.signal.reason === stoppedByHand ? stoppedByHand : error;
      } finally {
        pull.askers.delete(tell);
        if (pull.askers.size === 0) {
          pull.stop.abort();
          if (pulls.get(key) === pull) pulls.delete(key);
        }
      }
    },
    stop(model) {
      const key = modelKey(model);
      const pull = pulls.get(key);
      if (!pull) return false;
      pulls.delete(key);
      pull.stop.abort(stoppedByHand);
      board.gone(model);
      return true;
    },
    inLine(work) {
      const done = last.then(() => work(closed.signal));
      last = done.catch(() => {});
      return done;
    },
    close() {
      closed.abort();
      for (const { stop } of pulls.values()) stop.abort();
    },
  };
}

const stoppedByHand = new RuntimeError(
  'aborted',
  'a person stopped the fetch; what has come is kept for the next one',
  {
    fault: 'stopped',
  },
);
const whole = (bytes: number) => (Number.isFinite(bytes) ? Math.max(0, Math.floor(bytes)) : 0);

function createBoard(clock: Clock, onNews: () => void): FetchBoard {
  const rows = new Map<string, { row: ModelFetch; failedMs: number | null; saidMs: number }>();
  const put = (model: string, row: ModelFetch, failedMs: number | null, isNews: boolean) => {
    const before = rows.get(modelKey(model));
    const nowMs = clock.monotonicMs();
    const say = isNews || !before || nowMs - before.saidMs >= newsMs;
    rows.set(modelKey(model), { row, failedMs, saidMs: say ? nowMs : (before?.saidMs ?? nowMs) });
    // Failures may pile up; the oldest rows are removed.
    for (const key of rows.keys()) {
      if (rows.size <= maxFetchesShown) break;
      rows.delete(key);
    }
    if (say) onNews();
  };
  const named = (model: string) => model.slice(0, 200);
  return {
    tell(model, { status, completedBytes, totalBytes }) {
      const before = rows.get(modelKey(model));
      const row = {
        model: named(model),
        status: status.slice(0, 200),
        completedBytes: whole(completedBytes),
        totalBytes: whole(totalBytes),
      };
      put(model, row, null, before !== undefined && before.failedMs !== null);
    },
    failed(model, reason, fault) {
      const problem = reason.slice(0, 500);
      const failed = { problem, ...(fault === undefined ? {} : { fault }) };
      const row = { model: named(model), status: '', completedBytes: 0, totalBytes: 0, ...failed };
      put(model, row, clock.monotonicMs(), true);
    },
    gone(model) {
      if (rows.delete(modelKey(model))) onNews();
    },
    list() {
      const nowMs = clock.monotonicMs();
      for (const [key, { failedMs }] of rows)
        if (failedMs !== null && nowMs - failedMs >= failedForMs) rows.delete(key);
      return [...rows.values()].map(({ row }) => row);
    },
  };
}
