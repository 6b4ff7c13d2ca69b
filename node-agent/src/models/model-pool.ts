// The models of this node over all its runtimes: which there are, which runtime serves a model, which one `auto` means, which one embeds,
// the measured values of each; models that its agents need are fetched and loaded. Refreshed in the background; a heartbeat only reads.
// Never starts or stops a model server.

import type { ChatEvent, ChatRequest, Usage } from '@blackroad/model-server/chat';
import { RuntimeError, type RuntimeErrorCode } from '@blackroad/model-server/runtime-error';
import { counted, findModel, isVector, type KeptModels, type ModelLoad, type NodeCapacity } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Embedder } from '../memory/agent-memory.ts';
import type { Probes } from '../probes/probes.ts';
import { type Admission, createAdmission } from '../runtimes/admission.ts';
import type { Runtime, RuntimeModel } from '../runtimes/runtime.ts';
import { engineOf } from '../runtimes/runtime.ts';
import { createDefaultModels, type DefaultModels, type EnsureKinds } from './default-models.ts';
import { EmbedBatches } from './embed-batches.ts';
import { fetchFromFirst } from './fetch-from-first.ts';
import { fetchersOf, mayFetch } from './fetchers.ts';
import { type KeptModelsBook, type KeptPlace, openKeptModels } from './kept-models.ts';
import type { Learned } from './learned.ts';
import { capacityOf } from './model-capacity.ts';
import { describeModel } from './model-description.ts';
import { modelLoadsOf } from './model-loads.ts';
import type { Look, Served } from './model-look.ts';
import { createModelLook, defaultChatOf, directServers, embedderOf, lackingKinds, standOf } from './model-look.ts';
import type { ModelSituation } from './model-notes.ts';
import { createModelPulls, type OnProgress } from './model-pulls.ts';
import { createSoonLooks } from './soon-looks.ts';
import { type ModelStand, WantedModels } from './wanted-models.ts';
import { within } from './within.ts';

/** A single embedding must not wait behind a chat for longer than this; memory then stores the words alone. */
const embedWaitMs = 2000;
/** Loading a model of gigabytes from an SD card. */
const loadDeadlineMs = 600_000;
const unloadDeadlineMs = 30_000;

interface ModelPoolParts {
  runtimes: Runtime[];
  /** Called at every refresh while no model runs: returns better runtimes than the present ones, which may be among them, or null. */
  lookAgain?: (present: readonly Runtime[]) => Promise<Runtime[] | null>;
  /** Fetches the kinds that no runtime here has. Absent: only models that somebody asked for are fetched. */
  defaults?: { ensure: EnsureKinds; mayFetch: () => boolean };
  /** Why there is no chat model, in words; empty: there is one, or none is wanted. */
  noModel?: (now: ModelSituation) => string;
  probes: Pick<Probes, 'modelMemory' | 'diskFreeBytes' | 'diskUsed'>;
  /** Of the memory that models run in, bytes a second: it gives a model's speed until one is measured. */
  bandwidth: () => number;
  /** Whether a machine of its class runs models itself. */
  runsModels: () => boolean;
  queue: number;
  /** The price of a server in the OpenAI dialect, US dollars. */
  pricePerMillionTokens?: number;
  learned: Learned;
  /** Where the list of kept models is stored, and how full the disk may be; missing: nothing is kept or removed. */
  kept?: KeptPlace;
  clock: Clock;
  random: Random;
  log: Log;
}

export class ModelPool {
  /** Called when models came, went, were loaded or unloaded, or when a fetch progressed; set by node.ts. */
  onNews: () => void = () => {};
  /** Called when a model was removed because the disk filled up; set by node.ts. */
  onEvicted: (evicted: { model: string; bytes: number; usedMs: number }) => void = () => {};
  readonly admission: Admission;
  readonly embeds: EmbedBatches;
  readonly #parts: ModelPoolParts;
  readonly #look: ReturnType<typeof createModelLook>;
  readonly #pulls: ReturnType<typeof createModelPulls>;
  readonly #wanted: WantedModels;
  readonly #defaults: DefaultModels | null;
  readonly #kept: KeptModelsBook;
  readonly #soon: ReturnType<typeof createSoonLooks>;
  #runtimes: Runtime[];
  #now: Look = { served: [], silent: new Map(), leftOut: new Map() };
  #queued: Promise<void> | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: ModelPoolParts) {
    this.#parts = parts;
    this.#runtimes = parts.runtimes;
    const { clock, random, log } = parts;
    const around = { clock, random, log };
    this.admission = createAdmission({ slots: 1, queue: parts.queue, clock });
    this.embeds = new EmbedBatches({
      admission: { enter: (name, signal, deadlineMs) => this.enter(name, signal, deadlineMs) },
      run: (name, texts, signal) => {
        this.#kept.used(name);
        return this.#found(name).runtime.embed(name, texts, signal);
      },
      clock,
    });
    this.#look = createModelLook({ clock, log });
    this.#pulls = createModelPulls({
      fetchOne: (model, onProgress, signal) => this.#pullOnce(model, onProgress, signal),
      onNews: () => this.onNews(),
      clock,
    });
    this.#wanted = new WantedModels({
      find: (name) => this.find(name)?.model ?? null,
      canPull: (name) => this.#pullers(name).length > 0,
      pull: (model, onProgress, signal) => this.#pulls.pull(model, onProgress, signal),
      load: (name, signal) => this.#load(name, signal),
      ...around,
    });
    this.#soon = createSoonLooks({ clock, random, look: () => void this.#refreshAndTell() });
    this.#kept = openKeptModels({
      ...(parts.kept ?? { path: ':memory:', diskLimit: 1 }),
      diskUsed: () => parts.probes.diskUsed(),
      models: () => this.#models(),
      isNeeded: (model) => this.#isNeeded(model),
      want: (by, model) => this.#wanted.want(by, model, false),
      drop: (by) => this.#wanted.drop(by),
      remove: (name) => this.#removeNow(this.#found(name)),
      onEvicted: (evicted) => this.onEvicted(evicted),
      ...around,
    });
    this.#defaults = parts.defaults
      ? createDefaultModels({
          ensure: parts.defaults.ensure,
          inLine: this.#pulls.inLine,
          board: this.#pulls.board,
          onChange: () => this.#refreshAndTell(),
          ...around,
        })
      : null;
  }

  /** The state of the runtimes, for notes to people. */
  situation(): ModelSituation {
    return {
      runtimes: standOf(this.#runtimes, this.#now),
      underWay: this.#defaults?.underWay() ?? [],
      fetching: this.#fetching(),
      problems: this.#defaults?.problems() ?? [],
      runsModels: this.#parts.runsModels(),
    };
  }

  find(name: string): Served | null {
    const model = findModel(this.#models(), name);
    return this.#now.served.find((each) => each.model === model) ?? null;
  }

  defaultChat(): string | null {
    return defaultChatOf(this.#models());
  }

  /** One look after the other; a call during a look gets the next one, which sees the changes since. */
  refresh(): Promise<void> {
    this.#queued ??= this.#last.then(() => {
      this.#queued = null;
      this.#last = this.#refreshOnce().catch((error) =>
        this.#parts.log.error({ err: error }, 'the models could not be looked at'),
      );
      return this.#last;
    });
    return this.#queued;
  }

  /** Servers that the coordinator may ask itself, each with the models that it has loaded. */
  direct() {
    return directServers(this.#runtimes, this.#now);
  }

  labels(): string[] {
    return this.#runtimes.map((runtime) => runtime.label);
  }

  /** The runtime for turns of this model, under any of its names; its failures and successes change the model's state. */
  runtimeFor(name: string): Runtime | null {
    const one = this.find(name);
    return one && { ...one.runtime, chat: (request, signal) => this.#watched(one, request, signal) };
  }

  /** Waits for admission under any of the model's names. */
  enter(name: string, signal: AbortSignal, deadlineMs: number): Promise<() => void> {
    const one = this.find(name);
    return this.admission.enter(one ? engineOf(one.model) : name, signal, deadlineMs);
  }

  async embed(texts: string[], signal: AbortSignal): ReturnType<Embedder> {
    const embedder = embedderOf(this.#now.served);
    if (!embedder) return null;
    const { name } = embedder.model;
    try {
      const { vectors } = await this.embeds.embed(name, texts, signal, embedWaitMs);
      return { model: name, vectors: vectors.map((vector) => (isVector(vector) ? vector : null)) };
    } catch (error) {
      this.#noteFailure(name, error);
      throw error;
    }
  }

  learn(name: string, usage: Usage): void {
    const own = this.find(name)?.model.name ?? name;
    this.#parts.learned.learn(own, usage);
    this.#kept.used(own);
  }

  capacity(boot: string): NodeCapacity {
    const { learned, bandwidth, runsModels, probes, noModel, pricePerMillionTokens: price } = this.#parts;
    return capacityOf(boot, {
      probes,
      models: this.#now.served.map((each) => describeModel(each, learned, bandwidth())),
      fetchers: runsModels() ? this.#pullers() : [],
      fetches: this.#pulls.board.list(),
      evictable: this.#kept.evictable(this.#models()),
      noModel: noModel?.(this.situation()) ?? '',
      defaultChat: this.defaultChat(),
      embedder: embedderOf(this.#now.served)?.model.name ?? null,
      price: this.#runtimes.some(({ kind }) => kind === 'openai') ? price : undefined,
    });
  }

  /** The load of each model now, for a heartbeat; the servers are asked about the requests of others for the next heartbeat. */
  loads(): ModelLoad[] {
    for (const runtime of this.#runtimes) runtime.lookInside?.();
    return modelLoadsOf(this.admission.load(), this.#now.served);
  }

  /** One fetch at a time; joins a running fetch of the same model. */
  pull(model: string, onProgress: OnProgress, signal: AbortSignal): Promise<void> {
    return this.#pulls.pull(model, onProgress, signal);
  }

  /** Ends a fetch for all who wait for it; false: there is none. */
  stopPull(model: string): boolean {
    return this.#pulls.stop(model);
  }

  /** The whole list of pins: what is to be here is fetched, and none of it is removed for want of disk. */
  keep(pins: KeptModels): void {
    this.#kept.keep(pins);
  }

  /** Removes a model from the disk; throws RuntimeError with a text when it is needed here or its server cannot. */
  async remove(name: string): Promise<void> {
    const one = this.#found(name);
    if (this.#isNeeded(one.model))
      throw new RuntimeError('overloaded', `${name} is needed here: by an agent, by a pin, or by an answer under way`);
    await this.#removeNow(one);
    this.#kept.gone(one.model.name);
    await this.#refreshAndTell();
  }

  /** Frees the model's memory; throws RuntimeError with a text when the model works now or its server keeps it. */
  async unload(name: string): Promise<void> {
    const { runtime, model } = this.#found(name);
    const turns = this.#turns(engineOf(model));
    if (turns > 0) throw new RuntimeError('overloaded', `${name} is in use: ${counted(turns, 'answer')} under way`);
    await within(this.#parts.clock, unloadDeadlineMs, 'putting it down', (signal) =>
      runtime.unload(model.name, signal),
    );
    await this.#refreshAndTell();
    this.#wanted.retryLoads();
  }

  /** An agent on this node uses this model: it is fetched where it is missing, and loaded before the first task. */
  want(agent: string, model: string): void {
    this.#wanted.want(agent, model);
  }

  drop(agent: string): void {
    this.#wanted.drop(agent);
  }

  /** Whether agents can use the model now, and if not, why. */
  stand(model: string): ModelStand {
    return this.#wanted.stand(model);
  }

  async close(): Promise<void> {
    this.#soon.close();
    this.#wanted.close();
    this.#defaults?.close();
    this.#pulls.close();
    this.#parts.learned.close();
    this.#kept.close();
    await Promise.all(this.#runtimes.map((runtime) => runtime.close()));
  }

  #pullers(name?: string): Runtime[] {
    return fetchersOf(this.#runtimes, this.#now, name);
  }

  #isNeeded(model: RuntimeModel): boolean {
    const { name } = model;
    const isFetching = this.#fetching().some((each) => this.find(each)?.model.name === name);
    return isFetching || this.#wanted.needs(name) || this.#turns(engineOf(model)) > 0;
  }

  #fetching(): string[] {
    return this.#pulls.board.list().flatMap(({ model, problem }) => (problem === undefined ? [model] : []));
  }

  #turns(engine: string): number {
    const load = this.admission.load().find(({ model }) => model === engine);
    return load ? load.busy + load.waiting : 0;
  }

  async #removeNow({ runtime, model }: Served): Promise<void> {
    if (!runtime.remove) throw new RuntimeError('unsupported', `${runtime.label} cannot remove models`);
    const { remove } = runtime;
    await within(this.#parts.clock, unloadDeadlineMs, 'removing it', (signal) => remove(model.name, signal));
    this.#now = await this.#look(this.#runtimes);
  }

  #models(): RuntimeModel[] {
    return this.#now.served.map(({ model }) => model);
  }

  async #refreshOnce(): Promise<void> {
    const idle = this.admission.load().every(({ busy, waiting }) => busy + waiting === 0);
    const better = idle ? await this.#parts.lookAgain?.(this.#runtimes) : null;
    if (better) {
      const old = this.#runtimes;
      this.#runtimes = better;
      this.#parts.log.info({ runtimes: better.map(({ label }) => label) }, 'a model server was found');
      await Promise.all(old.flatMap((runtime) => (better.includes(runtime) ? [] : [runtime.close()])));
    }
    this.#now = await this.#look(this.#runtimes);
    for (const one of this.#now.served) {
      this.#setSlots(one);
      this.#parts.learned.saw(one.model);
    }
    this.#wanted.look();
    await this.#kept.looked();
    this.#soon.after([...this.#now.silent.keys()].some(({ standsIn }) => !standsIn));
    if (this.#parts.runsModels() && this.#parts.defaults?.mayFetch()) this.#defaults?.look(lackingKinds(this.#now));
  }

  /** A server that does not report its slots shows their number with every answer. */
  #setSlots({ runtime, model }: Served): void {
    this.admission.setSlots(engineOf(model), Math.max(1, runtime.slotsNow?.(model.name) ?? model.slots));
  }

  async #refreshAndTell(): Promise<void> {
    await this.refresh();
    this.onNews();
  }

  async #load(name: string, signal: AbortSignal): Promise<void> {
    const { runtime, model } = this.#found(name);
    try {
      await within(this.#parts.clock, loadDeadlineMs, 'loading', (stop) => runtime.load(model.name, stop), signal);
    } catch (error) {
      this.#noteFailure(model.name, error, 'load');
      throw error;
    }
    await this.#refreshAndTell();
  }

  #found(name: string): Served {
    const one = this.find(name);
    if (!one) throw new RuntimeError('unknown-model', `no runtime on this node serves ${name} now`);
    return one;
  }

  async #pullOnce(model: string, onProgress: OnProgress, signal: AbortSignal): Promise<void> {
    const able = this.#runtimes.filter((runtime) => !runtime.standsIn || mayFetch(runtime, this.#now, model));
    const wasHere = this.find(model) !== null;
    await fetchFromFirst(able, { model, onProgress, signal, clock: this.#parts.clock });
    await this.#refreshAndTell();
    const own = this.find(model)?.model.name;
    if (!wasHere && own !== undefined) this.#kept.fetched(own);
  }

  async *#watched(one: Served, request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const { name, resident } = one.model;
    try {
      for await (const event of one.runtime.chat({ ...request, model: name }, signal)) {
        if (event.type === 'end') {
          this.#wanted.works(name);
          this.#setSlots(one);
          // This answer loaded the model: the coordinator should learn that before the next look.
          if (!resident) void this.#refreshAndTell();
        }
        yield event;
      }
    } catch (error) {
      this.#noteFailure(name, error);
      throw error;
    }
  }

  /** The error of an answer may mean that the model or its server is gone: the coordinator should learn that before the next look. */
  #noteFailure(name: string, error: unknown, of: 'answer' | 'load' = 'answer'): void {
    if (!(error instanceof RuntimeError)) return;
    if (error.code === 'refused' && of === 'answer') this.#wanted.doesNotLoad(name, error.message);
    if (goneCodes.includes(error.code)) void this.#refreshAndTell();
  }
}

/** Errors after which the server or the model counts as gone. */
const goneCodes: readonly RuntimeErrorCode[] = ['unavailable', 'unknown-model', 'wrong-key', 'no-credit'];
