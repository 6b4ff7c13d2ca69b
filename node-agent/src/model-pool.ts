// The models of this node over all its runtimes: what is there, which runtime serves a model, what `auto` means, who embeds,
// what was learned of them, and that those its agents need are fetched and loaded. Refreshed in the background; a heartbeat only
// reads. Never starts or stops a model server.
import type { NodeCapacity, NodeModel } from '@blackroad/protocol';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Embedder, ModelStand, Probes } from './contracts.ts';
import type { Learned } from './learned.ts';
import { createModelPulls, type OnProgress } from './model-pulls.ts';
import { type Admission, createAdmission } from './runtimes/admission.ts';
import type { ChatEvent, ChatRequest, Runtime, RuntimeModel, Usage } from './runtimes/runtime.ts';
import { RuntimeError } from './runtimes/runtime.ts';
import { createWantedModels } from './wanted-models.ts';

interface Served {
  runtime: Runtime;
  model: RuntimeModel;
}
export interface ModelPool {
  readonly admission: Admission;
  labels(): string[];
  /** Asks every runtime again; the models of one that does not answer are not served until it does. */
  refresh(): Promise<void>;
  find(name: string): Served | null;
  /** What runs turns of this model, under any of its names; its failures and successes count for how the model stands. */
  runtimeFor(name: string): Runtime | null;
  /** Admission under any of the model's names. */
  enter(name: string, signal: AbortSignal, deadlineMs: number): Promise<() => void>;
  defaultChat(): string | null;
  embed: Embedder;
  learn(model: string, usage: Usage): void;
  capacity(boot: string): NodeCapacity;
  /** One at a time; joins the fetch of that model that is under way. */
  pull(model: string, onProgress: OnProgress, signal: AbortSignal): Promise<void>;
  /** Frees the model's memory; throws RuntimeError in words when it works now or its server keeps it. */
  unload(model: string): Promise<void>;
  /** An agent is here that uses this model: it is fetched where it lacks, and loaded ahead of the first task. */
  want(agent: string, model: string): void;
  drop(agent: string): void;
  /** Whether agents can use the model now, and if not, why. */
  stand(model: string): ModelStand;
  /** Called when models came, went, were loaded or put down; set by node.ts. */
  onNews: () => void;
  close(): Promise<void>;
}

/** A single embedding must not wait behind a chat for longer than this; memory then stores the words alone. */
const embedWaitMs = 2000;
const refreshDeadlineMs = 5000;
/** A cold model of gigabytes on an SD card. */
const loadDeadlineMs = 600_000;
const unloadDeadlineMs = 30_000;
/** Checking a model of gigabytes on an SD card is silent for minutes. */
const pullSilenceMs = 20 * 60_000;

export function createModelPool(parts: {
  runtimes: Runtime[];
  /** Asked at every refresh while no model runs: better runtimes than the present ones, or null. */
  lookAgain?: (present: readonly Runtime[]) => Promise<Runtime[] | null>;
  probes: Pick<Probes, 'modelMemory' | 'diskFreeBytes'>;
  /** Of the memory that models run in, bytes a second: a model's speed until it is measured. */
  bandwidth: () => number;
  queue: number;
  learned: Learned;
  clock: Clock;
  random: Random;
  log: Log;
}): ModelPool {
  const { probes, learned, clock, log } = parts;
  let { runtimes } = parts;
  const admission = createAdmission({ slots: 1, queue: parts.queue, clock });
  let served: Served[] = [];
  let silent = new Set<Runtime>();
  let queued: Promise<void> | null = null;
  let last: Promise<void> = Promise.resolve();
  const pulls = createModelPulls(pullOnce);
  const wanted = createWantedModels({
    find: (name) => find(name)?.model ?? null,
    canPull: () => pullers().length > 0,
    pull: (model, onProgress, signal) => pulls.pull(model, onProgress, signal),
    load,
    clock,
    random: parts.random,
    log,
  });

  /** One that does not answer may have the model all the while: nothing is fetched for it, and nobody is sent here for that. */
  function pullers(): Runtime[] {
    return runtimes.filter((runtime) => runtime.pulls && !silent.has(runtime));
  }
  function find(name: string): Served | null {
    return (
      served.find(({ model }) => model.name === name) ??
      served.find(({ model }) => model.aliases.includes(name)) ??
      null
    );
  }
  function defaultChat(): string | null {
    const chats = served.filter(({ model }) => model.kind === 'chat').map(({ model }) => model);
    const best = chats.toSorted((a, b) => Number(b.resident) - Number(a.resident) || b.sizeBytes - a.sizeBytes)[0];
    return best?.name ?? null;
  }
  function embedderModel(): Served | null {
    const all = served.filter(({ model }) => model.kind === 'embed');
    return all.find(({ model }) => model.resident) ?? all[0] ?? null;
  }

  /** Ends what does not answer in time, so that nothing waits for a server that hangs. */
  async function within<T>(
    deadlineMs: number,
    what: string,
    work: (signal: AbortSignal) => Promise<T>,
    outer?: AbortSignal,
  ): Promise<T> {
    const stop = new AbortController();
    const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
    const late = () => new RuntimeError('unavailable', `${what} took longer than ${Math.round(deadlineMs / 1000)} s`);
    try {
      return await withDeadline(clock, deadlineMs, work(signal), late);
    } finally {
      stop.abort();
    }
  }

  async function refreshOnce(): Promise<void> {
    const idle = admission.load().every(({ busy, waiting }) => busy + waiting === 0);
    const better = idle ? await parts.lookAgain?.(runtimes) : null;
    if (better) {
      const old = runtimes;
      runtimes = better;
      log.info({ runtimes: better.map(({ label }) => label) }, 'a model server was found');
      await Promise.all(old.map((runtime) => runtime.close()));
    }
    const found: Served[] = [];
    const quiet = new Set<Runtime>();
    for (const runtime of runtimes) {
      try {
        const models = await within(refreshDeadlineMs, 'listing its models', (signal) => runtime.models(signal));
        for (const model of models) found.push({ runtime, model });
      } catch (error) {
        quiet.add(runtime);
        log.warn({ err: error, runtime: runtime.label }, 'a runtime does not say which models it has');
      }
    }
    for (const { model } of found) {
      admission.setSlots(model.name, Math.max(1, model.slots));
      learned.saw(model);
    }
    served = found;
    silent = quiet;
    wanted.look();
  }

  /** One look after the other; who asks while one runs gets the next, which sees what has changed since. */
  function refresh(): Promise<void> {
    queued ??= last.then(() => {
      queued = null;
      last = refreshOnce().catch((error) => log.error({ err: error }, 'the models could not be looked at'));
      return last;
    });
    return queued;
  }

  async function refreshAndTell(): Promise<void> {
    await refresh();
    pool.onNews();
  }

  async function load(name: string, signal: AbortSignal): Promise<void> {
    const { runtime, model } = found(name);
    await within(loadDeadlineMs, 'loading', (stop) => runtime.load(model.name, stop), signal);
    await refreshAndTell();
  }

  function found(name: string): Served {
    const one = find(name);
    if (!one) throw new RuntimeError('unknown-model', `no runtime on this node serves ${name} now`);
    return one;
  }

  async function pullOnce(model: string, onProgress: OnProgress, outer: AbortSignal): Promise<void> {
    let refused: unknown = new RuntimeError('unsupported', 'no runtime of this node can fetch models');
    const stop = new AbortController();
    const signal = AbortSignal.any([outer, stop.signal]);
    let watch = clock.after(pullSilenceMs, () => stop.abort());
    const heard: OnProgress = (progress) => {
      watch.cancel();
      watch = clock.after(pullSilenceMs, () => stop.abort());
      onProgress(progress);
    };
    try {
      for (const runtime of runtimes) {
        try {
          for await (const progress of runtime.pull(model, signal)) heard(progress);
          await refreshAndTell();
          return;
        } catch (error) {
          if (stop.signal.aborted) throw new RuntimeError('unavailable', 'nothing was heard of it for 20 minutes');
          refused = error;
          // Another runtime may know where to get it.
          const code = error instanceof RuntimeError ? error.code : '';
          if (code !== 'unsupported' && code !== 'unknown-model') break;
        }
      }
    } finally {
      watch.cancel();
    }
    throw refused;
  }

  async function* watched(one: Served, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const { name, resident } = one.model;
    try {
      for await (const event of one.runtime.chat({ ...request, model: name }, signal)) {
        if (event.type === 'end') {
          wanted.works(name);
          // This answer loaded it: the coordinator should know before the next look.
          if (!resident) void refreshAndTell();
        }
        yield event;
      }
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'refused') wanted.doesNotLoad(name, error.message);
      throw error;
    }
  }

  const pool: ModelPool = {
    admission,
    onNews: () => {},
    labels: () => runtimes.map((runtime) => runtime.label),
    find,
    runtimeFor(name) {
      const one = find(name);
      return one && { ...one.runtime, chat: (request, signal) => watched(one, request, signal) };
    },
    enter: (name, signal, deadlineMs) => admission.enter(find(name)?.model.name ?? name, signal, deadlineMs),
    defaultChat,
    refresh,
    async embed(texts, signal) {
      const embedder = embedderModel();
      if (!embedder) return null;
      const release = await admission.enter(embedder.model.name, signal, embedWaitMs);
      try {
        return {
          model: embedder.model.name,
          vectors: await embedder.runtime.embed(embedder.model.name, texts, signal),
        };
      } finally {
        release();
      }
    },
    learn: (name, usage) => learned.learn(find(name)?.model.name ?? name, usage),
    capacity(boot) {
      const { totalBytes, freeBytes } = probes.modelMemory();
      return {
        boot,
        memoryTotalBytes: totalBytes,
        memoryFreeBytes: freeBytes,
        diskFreeBytes: probes.diskFreeBytes(),
        models: served.map(({ runtime, model }): NodeModel => {
          const speed = learned.speedOf(model.name);
          const peakBytes = learned.peakOf(model);
          const prior = model.sizeBytes > 0 ? parts.bandwidth() / model.sizeBytes : 0;
          return {
            name: model.name,
            aliases: model.aliases,
            runtime: runtime.kind,
            kind: model.kind,
            sizeBytes: model.sizeBytes,
            contextTokens: model.contextTokens,
            resident: model.resident,
            residentBytes: model.residentBytes,
            ...(peakBytes > 0 ? { peakBytes } : {}),
            ...(model.kvBytesPerToken === undefined ? {} : { kvBytesPerToken: model.kvBytesPerToken }),
            parametersB: model.parametersB,
            slots: model.slots,
            tools: model.tools,
            speed: {
              prefillTps: speed?.prefillTps ?? 0,
              decodeTps: speed?.decodeTps || Math.round(prior * 10) / 10,
              // What was only read and never written is no measure of writing: the prior stands.
              samples: speed?.decodeTps ? speed.samples : 0,
            },
          };
        }),
        pulls: [...new Set(pullers().map((runtime) => runtime.kind))],
        defaultChat: defaultChat(),
        embedder: embedderModel()?.model.name ?? null,
      };
    },
    pull: (model, onProgress, signal) => pulls.pull(model, onProgress, signal),
    async unload(name) {
      const { runtime, model } = found(name);
      const load = admission.load().find((each) => each.model === model.name);
      const turns = load ? load.busy + load.waiting : 0;
      if (turns > 0)
        throw new RuntimeError(
          'overloaded',
          `${name} is in use: ${turns} ${turns === 1 ? 'answer' : 'answers'} under way`,
        );
      await within(unloadDeadlineMs, 'putting it down', (signal) => runtime.unload(model.name, signal));
      await refreshAndTell();
      wanted.retryLoads();
    },
    want: wanted.want,
    drop: wanted.drop,
    stand: wanted.stand,
    async close() {
      wanted.close();
      pulls.close();
      learned.close();
      await Promise.all(runtimes.map((runtime) => runtime.close()));
    },
  };
  return pool;
}
