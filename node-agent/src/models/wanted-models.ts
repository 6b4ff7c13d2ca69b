// The models that this node's agents need: fetched when the node lacks one and some runtime can fetch it, loaded before the first task,
// tried again after growing waits when that fails. In: which agent needs which model, and a look after every refresh. Out: the state of a
// model, in words for people. An unloaded model is not loaded again here: its next task does that. Never two tries at once for one model,
// never a try without a pause after a failure.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { NodeReason } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { RuntimeModel } from '../runtimes/runtime.ts';
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

interface WantedModelsParts {
  find: (name: string) => RuntimeModel | null;
  canPull: (model: string) => boolean;
  pull: (model: string, onProgress: OnProgress, signal: AbortSignal) => Promise<void>;
  load: (model: string, signal: AbortSignal) => Promise<void>;
  clock: Clock;
  random: Random;
  log: Log;
}

export class WantedModels {
  readonly #parts: WantedModelsParts;
  readonly #wanted = new Map<string, Wanted>();
  readonly #modelOf = new Map<string, string>();
  #closed = false;

  constructor(parts: WantedModelsParts) {
    this.#parts = parts;
  }

  /** An agent with this model is (again) on this node. `load: false`: a pin, for which the model only has to be on the disk. */
  want(agent: string, model: string, load = true): void {
    if (this.#modelOf.get(agent) !== model) this.drop(agent);
    this.#modelOf.set(agent, model);
    let each = this.#wanted.get(model);
    if (!each) {
      each = {
        name: model,
        agents: new Set(),
        load,
        trying: null,
        retry: null,
        stop: new AbortController(),
        failures: 0,
        failed: null,
        fetching: null,
        toldMs: 0,
      };
      this.#wanted.set(model, each);
    }
    each.agents.add(agent);
    each.load ||= load;
    this.#step(each);
  }

  /** Whether an agent or a pin here means the runtime's model of this name. */
  needs(model: string): boolean {
    return this.#meaning(model).length > 0;
  }

  drop(agent: string): void {
    const each = this.#wanted.get(this.#modelOf.get(agent) ?? '');
    this.#modelOf.delete(agent);
    each?.agents.delete(agent);
    if (each?.agents.size === 0) this.#end(each);
  }

  stand(model: string): ModelStand {
    const each = this.#wanted.get(model);
    if (each?.failed) return each.failed;
    if (this.#parts.find(model)) return { state: 'ready', reason: '' };
    if (each?.fetching) return each.fetching;
    return { state: 'starting', reason: `no runtime on this node serves ${model} now`, code: 'model-missing' };
  }

  /** Called when the models of the runtimes may have changed. */
  look(): void {
    for (const each of this.#wanted.values()) {
      if (each.retry?.what === 'fetch' && this.#parts.find(each.name)) {
        each.retry.timer.cancel();
        each.retry = null;
        each.failed = null;
      }
      this.#step(each);
    }
  }

  /** Memory was freed: models that did not load are tried at once. */
  retryLoads(): void {
    for (const each of this.#wanted.values()) {
      if (each.retry?.what !== 'load') continue;
      each.retry.timer.cancel();
      each.retry = null;
      this.#step(each);
    }
  }

  /** An answer failed because the model does not load; `model` is the runtime's own name for it. */
  doesNotLoad(model: string, reason: string): void {
    for (const each of this.#meaning(model)) {
      each.load = true;
      if (!each.retry && !each.trying) this.#failedOnce(each, 'load', new Error(reason));
    }
  }

  works(model: string): void {
    for (const each of this.#meaning(model)) {
      each.failures = 0;
      each.failed = null;
    }
  }

  close(): void {
    this.#closed = true;
    for (const each of [...this.#wanted.values()]) this.#end(each);
  }

  #step(each: Wanted): void {
    if (this.#closed || each.trying || each.retry) return;
    const found = this.#parts.find(each.name);
    if (!found) {
      if (this.#parts.canPull(each.name)) void this.#attempt(each, 'fetch', () => this.#fetchModel(each));
    } else if (found.resident) each.load = false;
    else if (each.load) void this.#attempt(each, 'load', () => this.#parts.load(found.name, each.stop.signal));
  }

  async #attempt(each: Wanted, what: 'fetch' | 'load', work: () => Promise<void>): Promise<void> {
    each.trying = what;
    try {
      await work();
      if (what === 'load') each.load = false;
      each.failed = null;
    } catch (error) {
      if (!each.stop.signal.aborted) this.#failedOnce(each, what, error as Error);
    } finally {
      each.trying = null;
      each.fetching = null;
    }
    if (this.#wanted.get(each.name) === each) this.#step(each);
  }

  #fetchModel(each: Wanted): Promise<void> {
    each.failed = null;
    each.fetching = { state: 'starting', reason: `waiting to fetch ${each.name}`, code: 'model-queued' };
    each.toldMs = Number.NEGATIVE_INFINITY;
    let largest = 0;
    return this.#parts.pull(
      each.name,
      ({ completedBytes, totalBytes }) => {
        // A model has several parts; the largest is the weights, and the others take a moment.
        if (totalBytes < largest) return;
        largest = totalBytes;
        const now = this.#parts.clock.monotonicMs();
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

  #failedOnce(each: Wanted, what: 'fetch' | 'load', error: Error): void {
    const { clock, random, log } = this.#parts;
    each.failures++;
    const words = `${what === 'fetch' ? `${each.name} could not be fetched` : `${each.name} does not load`}: ${error.message}`;
    // A server that is busy or gone for a moment must not make an agent count as failed.
    const passing = what === 'load' && error instanceof RuntimeError && error.retryable && each.failures === 1;
    if (!passing) {
      const code = what === 'fetch' ? 'model-not-fetched' : 'model-not-loaded';
      each.failed = { state: 'failed', reason: words, code };
    }
    const delayMs = backoffMs(backoffs[what], each.failures - 1, random);
    log.warn({ err: error, model: each.name, retryMs: Math.round(delayMs) }, words);
    each.retry?.timer.cancel();
    const timer = clock.after(delayMs, () => {
      each.retry = null;
      this.#step(each);
    });
    each.retry = { what, timer };
  }

  #end(each: Wanted): void {
    this.#wanted.delete(each.name);
    each.retry?.timer.cancel();
    each.stop.abort();
  }

  /** The wanted models that mean the runtime's model of this name, by any of its names. */
  #meaning(model: string): Wanted[] {
    return [...this.#wanted.values()].filter(({ name }) => this.#parts.find(name)?.name === model);
  }
}
