// llama.cpp embedded, for machines that run no model server: GGUF files of a folder, in a child process (llama-process.ts), because a
// native crash must not end the node-agent. In: the folder. Out: a Runtime. A model is loaded when first used, with as much context as
// memory allows, and unloaded when it is idle for long or when another one needs its memory.

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChatEvent, ChatRequest, CompletionRequest } from '@blackroad/model-server/chat';
import { fitOf, leastContextTokens, shrunk } from '@blackroad/model-server/llama/llama-fit';
import { LlamaProcess } from '@blackroad/model-server/llama/llama-process';
import {
  type ChatOrder,
  type ChatResult,
  type CompleteOrder,
  type LoadOrder,
  type LoadResult,
  maxTextsPerOrder,
} from '@blackroad/model-server/llama/llama-wire';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { createThoughts } from '@blackroad/model-server/thoughts';
import { unitVector } from '@blackroad/model-server/unit-vector';
import { catalogue, catalogueEntry, entryOfFile, modelNameOf } from '@blackroad/model-server/weights/catalogue';
import { fetchModel } from '@blackroad/model-server/weights/fetch';
import { type GgufFacts, readGguf } from '@blackroad/model-server/weights/gguf';
import { findModel } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { FleetCache } from '../cache/fleet-cache.ts';
import { fetchError } from './llama-fetch.ts';
import { chatOrder, completeOrder } from './llama-orders.ts';
import { createPipe } from './llama-pipe.ts';
import { raced } from './raced.ts';
import type { PullProgress, Runtime, RuntimeModel } from './runtime.ts';

export interface LlamaOptions {
  modelsDir: string;
  clock: Clock;
  random: Random;
  log: Log;
  /** Simultaneous answers of each chat model; each has its own context. */
  slots?: number;
  contextTokens?: number;
  /** A model that is idle for this long is unloaded; 0 keeps it. */
  idleMs?: number;
  /** Path of the child's code; absent: the real one. */
  childPath?: string;
  /** There is a model server: serve only the kinds of models that it does not have. */
  standsIn?: boolean;
  /** The model cache of the coordinator. */
  cache?: FleetCache | undefined;
  /** Memory a model may use; the machine's (or the container's) free memory by default. */
  freeMemoryBytes?: () => number;
}

interface Found {
  model: RuntimeModel;
  path: string;
  facts: GgufFacts;
  loading?: Promise<LoadResult>;
  usedAtMs: number;
  running: number;
}

const defaultSlots = 2;
const defaultContextTokens = 4096;
const defaultIdleMs = 15 * 60_000;
// Function calls need a model that keeps to a format; smaller ones do not (measured on 135M and 360M).
const leastToolsB = 0.4;

export function createLlama(options: LlamaOptions): Runtime & { readonly childPid: number | undefined } {
  const found = new Map<string, Found>();
  const damaged = new Map<string, string>();
  const thoughts = createThoughts();
  const freeMemoryBytes = options.freeMemoryBytes ?? (() => process.availableMemory());
  const idleMs = options.idleMs ?? defaultIdleMs;
  let closed = false;
  // One load after the other: each measures the memory that the previous ones left free.
  let lastLoad: Promise<unknown> = Promise.resolve();
  const child = new LlamaProcess({
    ...options,
    onExit() {
      for (const each of found.values()) {
        each.loading = undefined;
        each.model = { ...each.model, resident: false, residentBytes: 0 };
      }
    },
  });
  const idle = idleMs > 0 ? options.clock.every(Math.min(idleMs, 30_000), putDownIdle) : undefined;

  function putDownIdle(): void {
    const loaded = [...found.values()].filter((each) => each.loading);
    const stale = loaded.filter((each) => each.running === 0 && options.clock.monotonicMs() - each.usedAtMs >= idleMs);
    if (stale.length === 0) return;
    if (stale.length === loaded.length) child.rest();
    else for (const each of stale) putDown(each).catch(() => {});
  }

  async function scan(): Promise<Found[]> {
    const names = await readdir(options.modelsDir).catch(() => []);
    const seen = new Set<string>();
    for (const fileName of names.filter((name) => name.endsWith('.gguf'))) {
      const name = modelNameOf(fileName);
      try {
        const path = join(options.modelsDir, fileName);
        const { size } = await stat(path);
        const known = found.get(name);
        if (!known || known.facts.sizeBytes !== size) {
          const facts = readGguf(path);
          found.set(name, { model: modelOf(name, fileName, facts), path, facts, usedAtMs: 0, running: 0 });
        }
        damaged.delete(name);
        seen.add(name);
      } catch (error) {
        const why = (error as Error).message;
        if (damaged.get(name) !== why) options.log.warn({ file: fileName, why }, 'model file cannot be read');
        damaged.set(name, why);
      }
    }
    for (const [name, each] of found) if (!seen.has(name) && !each.loading) found.delete(name);
    return [...found.values()];
  }

  function modelOf(name: string, fileName: string, facts: GgufFacts): RuntimeModel {
    const entry = entryOfFile(fileName);
    const stem = fileName.replace(/\.gguf$/, '');
    const aliases = new Set([stem, ...(entry?.aliases ?? [])]);
    aliases.delete(name);
    const chats = facts.kind === 'chat';
    return {
      name,
      aliases: [...aliases],
      kind: facts.kind,
      sizeBytes: facts.sizeBytes,
      contextTokens: Math.min(
        facts.contextTokens || leastContextTokens,
        chats ? contextWanted() : facts.contextTokens || 512,
      ),
      resident: false,
      residentBytes: 0,
      kvBytesPerToken: facts.kvBytesPerToken,
      parametersB: facts.parametersB,
      slots: chats ? (options.slots ?? defaultSlots) : 1,
      tools: chats && (entry?.tools ?? (facts.parametersB >= leastToolsB && facts.chatTemplate.includes('tool'))),
      // Its library takes no pictures.
      sees: false,
      dimension: chats ? 0 : facts.embeddingLength,
      digest: entry?.sha256 ?? '',
    };
  }

  const contextWanted = () => options.contextTokens ?? defaultContextTokens;

  async function use(name: string, kind?: 'chat' | 'embed'): Promise<Found> {
    if (closed) throw new RuntimeError('unavailable', 'the runtime is closed');
    const one = foundAs(name, [...found.values()]) ?? foundAs(name, await scan());
    if (!one) {
      const why = damaged.get(name) ?? damaged.get(modelNameOf(`${name}.gguf`));
      if (why) throw new RuntimeError('refused', why);
      throw new RuntimeError('unknown-model', `${options.modelsDir} has no model ${name}`);
    }
    if (kind && one.model.kind !== kind) {
      const words = kind === 'chat' ? 'makes embeddings, it cannot chat' : 'chats, it makes no embeddings';
      throw new RuntimeError('wrong-kind', `${name} ${words}`);
    }
    one.usedAtMs = options.clock.monotonicMs();
    return one;
  }

  /** Loads once for all callers; a caller that aborts stops waiting, the load goes on for the others. */
  async function loaded(one: Found, signal?: AbortSignal): Promise<{ waitedMs: number }> {
    if (one.model.resident) return { waitedMs: 0 };
    if (!one.loading) {
      let slots = one.model.slots;
      const loading = lastLoad
        .then(() => orderFor(one))
        .then((order) => {
          slots = order.slots;
          return child.run<LoadResult>(order);
        });
      lastLoad = loading.catch(() => {});
      one.loading = loading;
      loading.then(
        ({ residentBytes, contextTokens }) => {
          if (one.loading !== loading) return;
          one.model = { ...one.model, resident: true, residentBytes, contextTokens, slots };
        },
        () => {
          if (one.loading === loading) one.loading = undefined;
        },
      );
    }
    const { loadMs } = await raced(one.loading, signal);
    return { waitedMs: loadMs };
  }

  /**
   * To make room, idle chat models are unloaded first, the longest unused first; then slots are reduced and the context shortened; the
   * embedding model is unloaded last, as the two would otherwise displace each other in turn. Nothing is unloaded for an embedding model:
   * without it memory is searched by words.
   */
  async function orderFor(one: Found): Promise<LoadOrder> {
    const { facts, model, path } = one;
    const chats = model.kind === 'chat';
    const full = fitOf(facts, {
      slots: chats ? (options.slots ?? defaultSlots) : 1,
      contextTokens: chats ? Math.min(facts.contextTokens || leastContextTokens, contextWanted()) : model.contextTokens,
    });
    let fit = shrunk(facts, full, 0);
    const heldBytes = chats ? resting(one).reduce((sum, each) => sum + each.model.residentBytes, 0) : 0;
    // A model that cannot fit even after all unloads must not displace the others at each try.
    const hopeless = fit.neededBytes > freeMemoryBytes() + heldBytes;
    if (chats && !hopeless) await makeRoom(full.neededBytes, one, 'chat');
    fit = shrunk(facts, full, freeMemoryBytes());
    if (chats && !hopeless && fit.neededBytes > freeMemoryBytes()) {
      await makeRoom(fit.neededBytes, one, 'embed');
      fit = shrunk(facts, full, freeMemoryBytes());
    }
    const free = freeMemoryBytes();
    if (fit.neededBytes > free) {
      const mib = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;
      throw new RuntimeError('refused', `${model.name} needs ${mib(fit.neededBytes)} of memory, ${mib(free)} are free`);
    }
    const { contextTokens, slots } = fit;
    return { op: 'load', model: model.name, path, kind: model.kind, contextTokens, slots };
  }

  /** Loaded models without a running request, the longest unused first. */
  function resting(wanting: Found): Found[] {
    return [...found.values()]
      .filter((each) => each !== wanting && each.model.resident && each.running === 0)
      .toSorted((a, b) => a.usedAtMs - b.usedAtMs);
  }

  async function makeRoom(bytes: number, wanting: Found, kind: RuntimeModel['kind']): Promise<void> {
    for (const each of resting(wanting).filter(({ model }) => model.kind === kind)) {
      if (freeMemoryBytes() >= bytes) return;
      // The model may have got a request while the one before it was unloaded.
      if (each.running > 0) continue;
      options.log.info({ model: each.model.name, for: wanting.model.name }, 'a resting model makes room for another');
      await putDown(each);
    }
  }

  async function unload(name: string): Promise<void> {
    const one = await use(name);
    await one.loading?.catch(() => {});
    await putDown(one);
  }

  async function putDown(one: Found): Promise<void> {
    const { name } = one.model;
    if (one.running > 0) throw new RuntimeError('overloaded', `${name} is in use by ${one.running} requests`);
    if (!one.loading) return;
    one.loading = undefined;
    one.model = { ...one.model, resident: false, residentBytes: 0 };
    await child.run({ op: 'unload', model: name });
  }

  async function remove(name: string): Promise<void> {
    const one = await use(name);
    await one.loading?.catch(() => {});
    await putDown(one);
    for (const path of [one.path, `${one.path}.verified`]) await rm(path, { force: true });
    found.delete(one.model.name);
  }

  async function* chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const one = await use(request.model, 'chat');
    const order = chatOrder(request, one.model);
    yield* worked(one, order, signal, (answer) => thoughts.apart(one.model.name, request.think, answer));
  }

  async function* complete(request: CompletionRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const one = await use(request.model, 'chat');
    yield* worked(one, completeOrder(request, one.model), signal, (answer) => answer);
  }

  async function* worked(
    one: Found,
    order: ChatOrder | CompleteOrder,
    signal: AbortSignal,
    told: (answer: AsyncGenerator<ChatEvent>) => AsyncIterable<ChatEvent>,
  ): AsyncGenerator<ChatEvent> {
    one.running++;
    // A caller that leaves the loop early aborts too: the slot must not work on an unread answer.
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    try {
      const { waitedMs } = await loaded(one, either);
      const texts = createPipe<string>();
      const result = child.run<ChatResult>(order, either, texts.push).finally(texts.end);
      result.catch(() => {});
      yield* told(answered(one, texts.read(), result, waitedMs));
    } finally {
      stop.abort();
      one.running--;
      one.usedAtMs = options.clock.monotonicMs();
    }
  }

  /** The answer as the child sends it; the library separates the thoughts of most models, not of all. */
  async function* answered(
    one: Found,
    texts: AsyncIterable<string>,
    result: Promise<ChatResult>,
    loadMs: number,
  ): AsyncGenerator<ChatEvent> {
    for await (const text of texts) yield { type: 'text', text };
    const { calls, thought, reason, usage, residentBytes } = await result;
    if (residentBytes > one.model.residentBytes && one.model.resident) one.model = { ...one.model, residentBytes };
    if (thought !== '') yield { type: 'thought', text: thought };
    if (calls.length > 0) yield { type: 'tool-calls', calls };
    yield { type: 'end', reason, usage: { ...usage, loadMs } };
  }

  async function embed(name: string, texts: string[], signal: AbortSignal): Promise<Float32Array[]> {
    const one = await use(name, 'embed');
    one.running++;
    try {
      await loaded(one, signal);
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; from += maxTextsPerOrder) {
        const batch = texts.slice(from, from + maxTextsPerOrder);
        const order = { op: 'embed', model: one.model.name, texts: batch } as const;
        vectors.push(...(await child.run<Float32Array[]>(order, signal)));
      }
      return vectors.map(unitVector);
    } finally {
      one.running--;
      one.usedAtMs = options.clock.monotonicMs();
    }
  }

  return {
    kind: 'llama',
    label: `embedded llama.cpp with ${options.modelsDir}`,
    canFetch: (name) => catalogueEntry(name)?.kind ?? null,
    fetchable: catalogue.flatMap(({ id, aliases }) => [id, ...aliases]),
    ...(options.standsIn ? { standsIn: true } : {}),
    get childPid() {
      return child.pid;
    },
    alive: async () => !closed,
    async models() {
      if (closed) throw new RuntimeError('unavailable', 'the runtime is closed');
      return (await scan()).map((each) => ({ ...each.model }));
    },
    async load(name, signal) {
      await loaded(await use(name), signal);
    },
    unload,
    remove,
    async *pull(name, signal): AsyncGenerator<PullProgress> {
      const entry = catalogueEntry(name);
      if (!entry) {
        const known = catalogue.map(({ id }) => id).join(', ');
        const text = `the catalogue of this node-agent has no model ${name}; it has ${known}`;
        throw new RuntimeError('unknown-model', text);
      }
      const steps = createPipe<PullProgress>();
      const stop = new AbortController();
      const work = fetchModel(entry, {
        ...options,
        signal: AbortSignal.any([stop.signal, ...(signal ? [signal] : [])]),
        onProgress: ({ status, completedBytes, totalBytes }) => steps.push({ status, completedBytes, totalBytes }),
      }).finally(steps.end);
      work.catch(() => {});
      try {
        yield* steps.read();
        await work;
      } catch (error) {
        throw fetchError(error);
      } finally {
        stop.abort();
      }
      yield { status: 'success', completedBytes: entry.sizeBytes, totalBytes: entry.sizeBytes };
    },
    chat,
    complete,
    embed,
    async close() {
      closed = true;
      idle?.cancel();
      await child.close();
    },
  };
}

function foundAs(name: string, all: Found[]): Found | null {
  const models = all.map((each) => each.model);
  const model = findModel(models, name);
  return all.find((each) => each.model === model) ?? null;
}
