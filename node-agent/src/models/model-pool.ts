// The models of this node over all its runtimes: which there are, which runtime serves a model, which one `auto` means, which one embeds,
// the measured values of each; models that its agents need are fetched and loaded. Refreshed in the background; a heartbeat only reads.
// Never starts or stops a model server.
import { counted, findModel, isVector, type ModelLoad, type NodeCapacity } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, type Timer, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Embedder } from '../memory/agent-memory.ts';
import type { Probes } from '../probes/probes.ts';
import { type Admission, createAdmission } from '../runtimes/admission.ts';
import type { ChatEvent, ChatRequest, Runtime, Usage } from '../runtimes/runtime.ts';
import { RuntimeError, type RuntimeErrorCode } from '../runtimes/runtime.ts';
import { createDefaultModels, type DefaultModels, type EnsureKinds } from './default-models.ts';
import { fetchFromFirst } from './fetch-from-first.ts';
import type { Learned } from './learned.ts';
import { describeModel } from './model-description.ts';
import { modelLoadsOf } from './model-loads.ts';
import { createModelLook, type Look, lackingKinds, type Served, standOf } from './model-look.ts';
import type { ModelSituation } from './model-notes.ts';
import { createModelPulls, type OnProgress } from './model-pulls.ts';
import type { ModelStand } from './wanted-models.ts';
import { createWantedModels } from './wanted-models.ts';

export interface ModelPool {
  readonly admission: Admission;
  labels(): string[];
  /** The state of the runtimes, for notes to people. */
  situation(): ModelSituation;
  /** Looks at every runtime again; the models of one that does not answer are not served until it does. */
  refresh(): Promise<void>;
  find(name: string): Served | null;
  /** The runtime for turns of this model, under any of its names; its failures and successes change the model's state. */
  runtimeFor(name: string): Runtime | null;
  /** Waits for admission under any of the model's names. */
  enter(name: string, signal: AbortSignal, deadlineMs: number): Promise<() => void>;
  defaultChat(): string | null;
  embed: Embedder;
  learn(model: string, usage: Usage): void;
  capacity(boot: string): NodeCapacity;
  /** The load of each model now, for a heartbeat; the servers are asked about the requests of others for the next heartbeat. */
  loads(): ModelLoad[];
  /** One fetch at a time; joins a running fetch of the same model. */
  pull(model: string, onProgress: OnProgress, signal: AbortSignal): Promise<void>;
  /** Frees the model's memory; throws RuntimeError with a text when the model works now or its server keeps it. */
  unload(model: string): Promise<void>;
  /** An agent on this node uses this model: it is fetched where it is missing, and loaded before the first task. */
  want(agent: string, model: string): void;
  drop(agent: string): void;
  /** Whether agents can use the model now, and if not, why. */
  stand(model: string): ModelStand;
  /** Called when models came, went, were loaded or unloaded, or when a fetch progressed; set by node.ts. */
  onNews: () => void;
  close(): Promise<void>;
}

/** A single embedding must not wait behind a chat for longer than this; memory then stores the words alone. */
const embedWaitMs = 2000;
/** Loading a model of gigabytes from an SD card. */
const loadDeadlineMs = 600_000;
const unloadDeadlineMs = 30_000;
const soonBackoff: Backoff = { firstMs: 1000, maxMs: 15_000 };
/** After so many looks, those of each half minute are as frequent. */
const soonLooks = 6;

export function createModelPool(parts: {
  runtimes: Runtime[];
  /** Called at every refresh while no model runs: returns better runtimes than the present ones, or null. */
  lookAgain?: (present: readonly Runtime[]) => Promise<Runtime[] | null>;
  /** Fetches the kinds that no runtime here has. Absent: only models that somebody asked for are fetched. */
  defaults?: { ensure: EnsureKinds; mayFetch: () => boolean };
  /** Why there is no chat model, in words; empty: there is one, or none is wanted. */
  noModel?: (now: ModelSituation) => string;
  probes: Pick<Probes, 'modelMemory' | 'diskFreeBytes'>;
  /** Of the memory that models run in, bytes a second: it gives a model's speed until one is measured. */
  bandwidth: () => number;
  /** Whether a machine of its class runs models itself. */
  runsModels: () => boolean;
  queue: number;
  /** The price of a server in the OpenAI dialect, US dollars. */
  pricePerMillionTokens?: number;
  learned: Learned;
  clock: Clock;
  random: Random;
  log: Log;
}): ModelPool {
  const { probes, learned, clock, log, pricePerMillionTokens: price } = parts;
  let { runtimes } = parts;
  const admission = createAdmission({ slots: 1, queue: parts.queue, clock });
  const look = createModelLook({ clock, log });
  let now: Look = { served: [], silent: new Map(), leftOut: new Map() };
  let queued: Promise<void> | null = null;
  let soon: Timer | null = null;
  let silentLooks = 0;
  let last: Promise<void> = Promise.resolve();
  const pulls = createModelPulls({ fetchOne: pullOnce, onNews: () => pool.onNews(), clock });
  const wanted = createWantedModels({
    find: (name) => find(name)?.model ?? null,
    canPull: (name) => pullers(name).length > 0,
    pull: (model, onProgress, signal) => pulls.pull(model, onProgress, signal),
    load,
    clock,
    random: parts.random,
    log,
  });
  const defaults: DefaultModels | null = parts.defaults
    ? createDefaultModels({
        ensure: parts.defaults.ensure,
        inLine: pulls.inLine,
        board: pulls.board,
        onChange: refreshAndTell,
        clock,
        random: parts.random,
        log,
      })
    : null;

  /** A runtime that does not answer may have the model: nothing is fetched for it, and the capacity does not offer a fetch. */
  function pullers(name?: string): Runtime[] {
    return runtimes.filter((runtime) => {
      if (!runtime.canFetch || now.silent.has(runtime)) return false;
      return name === undefined ? !runtime.standsIn : mayFetch(runtime, name);
    });
  }
  /** A runtime that stands in fetches only models of kinds that the others do not have: it would not serve others. */
  function mayFetch(runtime: Runtime, name: string): boolean {
    const kind = runtime.canFetch?.(name) ?? null;
    if (kind === null) return false;
    return !runtime.standsIn || !now.served.some((each) => !each.runtime.standsIn && each.model.kind === kind);
  }
  function situation(): ModelSituation {
    return {
      runtimes: standOf(runtimes, now),
      underWay: defaults?.underWay() ?? [],
      fetching: pulls.board.list().flatMap(({ model, problem }) => (problem === undefined ? [model] : [])),
      problems: defaults?.problems() ?? [],
      runsModels: parts.runsModels(),
    };
  }
  function find(name: string): Served | null {
    const model = findModel(
      now.served.map((each) => each.model),
      name,
    );
    return now.served.find((each) => each.model === model) ?? null;
  }
  function defaultChat(): string | null {
    const chats = now.served.filter(({ model }) => model.kind === 'chat').map(({ model }) => model);
    const best = chats.toSorted((a, b) => Number(b.resident) - Number(a.resident) || b.sizeBytes - a.sizeBytes)[0];
    return best?.name ?? null;
  }
  function embedderModel(): Served | null {
    const all = now.served.filter(({ model }) => model.kind === 'embed');
    return all.find(({ model }) => model.resident) ?? all[0] ?? null;
  }

  /** Aborts work that does not end in time, so that nothing waits for a server that hangs. */
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
    now = await look(runtimes);
    for (const one of now.served) {
      setSlots(one);
      learned.saw(one.model);
    }
    wanted.look();
    lookSoonWhileSilent();
    if (parts.runsModels() && parts.defaults?.mayFetch()) defaults?.look(lackingKinds(now));
  }

  /** A server that does not report its slots shows their number with every answer. */
  function setSlots({ runtime, model }: Served): void {
    admission.setSlots(model.name, Math.max(1, runtime.slotsNow?.(model.name) ?? model.slots));
  }

  /** A server that restarts is back within seconds; its waiting agents should not wait for the next look of the half minute. */
  function lookSoonWhileSilent(): void {
    soon?.cancel();
    soon = null;
    if (![...now.silent.keys()].some(({ standsIn }) => !standsIn)) silentLooks = 0;
    else if (silentLooks < soonLooks)
      soon = clock.after(backoffMs(soonBackoff, silentLooks++, parts.random), () => void refreshAndTell());
  }

  /** One look after the other; a call during a look gets the next one, which sees the changes since. */
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
    try {
      await within(loadDeadlineMs, 'loading', (stop) => runtime.load(model.name, stop), signal);
    } catch (error) {
      noteFailure(model.name, error, 'load');
      throw error;
    }
    await refreshAndTell();
  }

  function found(name: string): Served {
    const one = find(name);
    if (!one) throw new RuntimeError('unknown-model', `no runtime on this node serves ${name} now`);
    return one;
  }

  async function pullOnce(model: string, onProgress: OnProgress, signal: AbortSignal): Promise<void> {
    const able = runtimes.filter((runtime) => !runtime.standsIn || mayFetch(runtime, model));
    await fetchFromFirst(able, { model, onProgress, signal, clock });
    await refreshAndTell();
  }

  async function* watched(one: Served, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const { name, resident } = one.model;
    try {
      for await (const event of one.runtime.chat({ ...request, model: name }, signal)) {
        if (event.type === 'end') {
          wanted.works(name);
          setSlots(one);
          // This answer loaded the model: the coordinator should learn that before the next look.
          if (!resident) void refreshAndTell();
        }
        yield event;
      }
    } catch (error) {
      noteFailure(name, error);
      throw error;
    }
  }

  /** The error of an answer may mean that the model or its server is gone: the coordinator should learn that before the next look. */
  function noteFailure(name: string, error: unknown, of: 'answer' | 'load' = 'answer'): void {
    if (!(error instanceof RuntimeError)) return;
    if (error.code === 'refused' && of === 'answer') wanted.doesNotLoad(name, error.message);
    if (goneCodes.includes(error.code)) void refreshAndTell();
  }

  const pool: ModelPool = {
    admission,
    onNews: () => {},
    labels: () => runtimes.map((runtime) => runtime.label),
    find,
    situation,
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
        const vectors = await embedder.runtime.embed(embedder.model.name, texts, signal);
        return {
          model: embedder.model.name,
          vectors: vectors.map((vector) => (isVector(vector) ? vector : null)),
        };
      } catch (error) {
        noteFailure(embedder.model.name, error);
        throw error;
      } finally {
        release();
      }
    },
    learn: (name, usage) => learned.learn(find(name)?.model.name ?? name, usage),
    capacity(boot) {
      const { totalBytes, freeBytes } = probes.modelMemory();
      const fetchers = parts.runsModels() ? pullers() : [];
      const names = fetchers.map(({ fetchable }) => fetchable);
      const fetches = pulls.board.list();
      const noModel = parts.noModel?.(situation()).slice(0, 300) ?? '';
      return {
        boot,
        memoryTotalBytes: totalBytes,
        memoryFreeBytes: freeBytes,
        diskFreeBytes: probes.diskFreeBytes(),
        models: now.served.map((each) => describeModel(each, learned, parts.bandwidth())),
        pulls: [...new Set(fetchers.map((runtime) => runtime.kind))],
        ...(fetchers.length > 0 && !names.includes(undefined)
          ? { fetchable: names.flatMap((each) => each ?? []) }
          : {}),
        ...(fetches.length > 0 ? { fetches } : {}),
        ...(noModel ? { noModel } : {}),
        defaultChat: defaultChat(),
        embedder: embedderModel()?.model.name ?? null,
        ...(price !== undefined && runtimes.some(({ kind }) => kind === 'openai')
          ? { pricePerMillionTokens: price }
          : {}),
      };
    },
    loads() {
      for (const runtime of runtimes) runtime.lookInside?.();
      return modelLoadsOf(admission.load(), now.served);
    },
    pull: (model, onProgress, signal) => pulls.pull(model, onProgress, signal),
    async unload(name) {
      const { runtime, model } = found(name);
      const load = admission.load().find((each) => each.model === model.name);
      const turns = load ? load.busy + load.waiting : 0;
      if (turns > 0) throw new RuntimeError('overloaded', `${name} is in use: ${counted(turns, 'answer')} under way`);
      await within(unloadDeadlineMs, 'putting it down', (signal) => runtime.unload(model.name, signal));
      await refreshAndTell();
      wanted.retryLoads();
    },
    want: wanted.want,
    drop: wanted.drop,
    stand: wanted.stand,
    async close() {
      soon?.cancel();
      silentLooks = soonLooks;
      wanted.close();
      defaults?.close();
      pulls.close();
      learned.close();
      await Promise.all(runtimes.map((runtime) => runtime.close()));
    },
  };
  return pool;
}

/** Errors after which the server or the model counts as gone. */
const goneCodes: readonly RuntimeErrorCode[] = ['unavailable', 'unknown-model', 'wrong-key'];
