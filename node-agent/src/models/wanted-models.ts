// The models that this node's agents need: fetched when the node lacks one and some runtime can fetch it, loaded before the first task,
// tried again after growing waits when that fails. In: which agent needs which model, and a look after every refresh. Out: the state of a
// model, in words for people. An unloaded model is not loaded again here: its next task does that. Never two tries at once for one model,
// never a try without a pause after a failure.
import type { NodeReason } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { RuntimeError, type RuntimeModel } from '../runtimes/runtime.ts';
import type { OnProgress } from './model-pulls.ts';

/** The state of a model on this node for the agents that use it. */
export interface ModelStand {
  state: 'ready' | 'starting' | 'failed';
  /** The reason in words for people; '' when ready. */
  reason: string;
  /** The reason as a code for programs; missing when ready. */
  code?: NodeReason;
  /** 0 to 1; missing where it is not known. */
  progress?: number;
}

interface WantedModels {
  /** An agent with this model is (again) on this node. */
  want(agent: string, model: string): void;
  drop(agent: string): void;
  stand(model: string): ModelStand;
  /** Called when the models of the runtimes may have changed. */
  look(): void;
  /** Memory was freed: models that did not load are tried at once. */
  retryLoads(): void;
  /** An answer failed because the model does not load; `model` is the runtime's own name for it. */
  doesNotLoad(model: string, reason: string): void;
  works(model: string): void;
  close(): void;
}

interface Wanted {
  name: string;
  agents: Set<string>;
  /** Whether to load it before the first task; false again once it was loaded. */
  load: boolean;
  trying: 'fetch' | 'load' | null;
  /** Set while the next try is waiting. */
  retry: { what: 'fetch' | 'load'; timer: Timer } | null;
  stop: AbortController;
  failures: number;
  /** Why it cannot be used; null when it can. */
  failed: ModelStand | null;
  /** The progress of a fetch. */
  fetching: ModelStand | null;
  toldMs: number;
}

const backoffs: Record<'fetch' | 'load', Backoff> = {
  fetch: { firstMs: 30_000, maxMs: 30 * 60_000 },
  load: { firstMs: 10_000, maxMs: 10 * 60_000 },
};
/** People watch the progress, and every agent that waits sends it. */
const progressMs = 3000;
const agentsATell = 10;

export function createWantedModels(parts: {
  find: (name: string) => RuntimeModel | null;
  canPull: (model: string) => boolean;
  pull: (model: string, onProgress: OnProgress, signal: AbortSignal) => Promise<void>;
  load: (model: string, signal: AbortSignal) => Promise<void>;
  clock: Clock;
  random: Random;
  log: Log;
}): WantedModels {
  const { find, clock, log } = parts;
  const wanted = new Map<string, Wanted>();
  const modelOf = new Map<string, string>();
  let closed = false;

  function step(each: Wanted): void {
    if (closed || each.trying || each.retry) return;
    const found = find(each.name);
    if (!found) {
      if (parts.canPull(each.name)) void attempt(each, 'fetch', fetchModel);
    } else if (found.resident) each.load = false;
    else if (each.load) void attempt(each, 'load', () => parts.load(found.name, each.stop.signal));
  }

  async function attempt(each: Wanted, what: 'fetch' | 'load', work: (each: Wanted) => Promise<void>): Promise<void> {
    each.trying = what;
    try {
      await work(each);
      if (what === 'load') each.load = false;
      each.failed = null;
    } catch (error) {
      if (!each.stop.signal.aborted) failedOnce(each, what, error as Error);
    } finally {
      each.trying = null;
      each.fetching = null;
    }
    if (wanted.get(each.name) === each) step(each);
  }

  function fetchModel(each: Wanted): Promise<void> {
    each.failed = null;
    each.fetching = { state: 'starting', reason: `waiting to fetch ${each.name}`, code: 'model-queued' };
    each.toldMs = Number.NEGATIVE_INFINITY;
    let largest = 0;
    return parts.pull(
      each.name,
      ({ completedBytes, totalBytes }) => {
        // A model has several parts; the largest is the weights, and the others take a moment.
        if (totalBytes < largest) return;
        largest = totalBytes;
        const now = clock.monotonicMs();
        if (now - each.toldMs < progressMs * Math.max(1, each.agents.size / agentsATell)) return;
        each.toldMs = now;
        const percent = totalBytes > 0 ? Math.floor((completedBytes / totalBytes) * 100) : null;
        const reason = `fetching ${each.name}${percent === null ? '' : `, ${percent} %`}`;
        each.fetching = { state: 'starting', reason, code: 'model-fetching' };
        if (percent !== null) each.fetching.progress = Math.min(1, percent / 100);
      },
      each.stop.signal,
    );
  }

  function failedOnce(each: Wanted, what: 'fetch' | 'load', error: Error): void {
    each.failures++;
    const words = `${what === 'fetch' ? `${each.name} could not be fetched` : `${each.name} does not load`}: ${error.message}`;
    // A server that is busy or gone for a moment must not make an agent count as failed.
    const passing = what === 'load' && error instanceof RuntimeError && error.retryable && each.failures === 1;
    if (!passing) {
      const code = what === 'fetch' ? 'model-not-fetched' : 'model-not-loaded';
      each.failed = { state: 'failed', reason: words, code };
    }
    const delayMs = backoffMs(backoffs[what], each.failures - 1, parts.random);
    log.warn({ err: error, model: each.name, retryMs: Math.round(delayMs) }, words);
    each.retry?.timer.cancel();
    const timer = clock.after(delayMs, () => {
      each.retry = null;
      step(each);
    });
    each.retry = { what, timer };
  }

  function end(each: Wanted): void {
    wanted.delete(each.name);
    each.retry?.timer.cancel();
    each.stop.abort();
  }

  function drop(agent: string): void {
    const each = wanted.get(modelOf.get(agent) ?? '');
    modelOf.delete(agent);
    each?.agents.delete(agent);
    if (each?.agents.size === 0) end(each);
  }

  /** The wanted models that mean the runtime's model of this name, by any of its names. */
  const meaning = (model: string) => [...wanted.values()].filter(({ name }) => find(name)?.name === model);

  return {
    want(agent, model) {
      if (modelOf.get(agent) !== model) drop(agent);
      modelOf.set(agent, model);
      let each = wanted.get(model);
      if (!each) {
        each = {
          name: model,
          agents: new Set(),
          load: true,
          trying: null,
          retry: null,
          stop: new AbortController(),
          failures: 0,
          failed: null,
          fetching: null,
          toldMs: 0,
        };
        wanted.set(model, each);
      }
      each.agents.add(agent);
      each.load = true;
      step(each);
    },
    drop,
    stand(model) {
      const each = wanted.get(model);
      if (each?.failed) return each.failed;
      if (find(model)) return { state: 'ready', reason: '' };
      if (each?.fetching) return each.fetching;
      return { state: 'starting', reason: `no runtime on this node serves ${model} now`, code: 'model-missing' };
    },
    look() {
      for (const each of wanted.values()) {
        if (each.retry?.what === 'fetch' && find(each.name)) {
          each.retry.timer.cancel();
          each.retry = null;
          each.failed = null;
        }
        step(each);
      }
    },
    retryLoads() {
      for (const each of wanted.values()) {
        if (each.retry?.what !== 'load') continue;
        each.retry.timer.cancel();
        each.retry = null;
        step(each);
      }
    },
    doesNotLoad(model, reason) {
      for (const each of meaning(model)) {
        each.load = true;
        if (!each.retry && !each.trying) failedOnce(each, 'load', new Error(reason));
      }
    },
    works(model) {
      for (const each of meaning(model)) {
        each.failures = 0;
        each.failed = null;
      }
    },
    close() {
      closed = true;
      for (const each of [...wanted.values()]) end(each);
    },
  };
}
