// Ollama as a Runtime. Its capabilities are requested before any work (a chat model that has to embed would first be loaded and then fail),
// one context length for each model is pinned (another one reloads the model), cloud models (`remote_host`) are never shown, and errors
// come as HTTP codes or as a line in the middle of a stream under HTTP 200. It does not report its slots; the part of an answer's time that
// none of its durations explains was a wait. It must never decide admission: Ollama queues without bound, so admission.ts precedes it.

import type { ChatEvent, ChatRequest, CompletionRequest } from '@blackroad/model-server/chat';
import { logprobsOf, toolCallPieces } from '@blackroad/model-server/openai-wire';
import { createRefusals, type Extra } from '@blackroad/model-server/refusals';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { repeatPenaltyFor } from '@blackroad/model-server/sampling';
import { createThoughts } from '@blackroad/model-server/thoughts';
import { unitVector } from '@blackroad/model-server/unit-vector';
import { catalogueEntry } from '@blackroad/model-server/weights/catalogue';
import { findModel } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { AbortableAsyncIterator, Ollama } from 'ollama/browser';
import { embedWithCut, refuseSurelyTooLong } from './cut.ts';
import { type HttpAnswer, JsonClient } from './http-json.ts';
import { createOllamaClient } from './ollama-client.ts';
import { createOllamaFacts, type OllamaFacts, type Tag } from './ollama-facts.ts';
import { problemOf, pullProblem, streamProblem, wrongKind } from './ollama-problem.ts';
import { isRelayName, type OllamaCache, pullNear } from './ollama-pull.ts';
import { bodyOf, type ChatLine, millisecondsOf, toolCallOf, usageOf, wireMessages } from './ollama-wire.ts';
import type { PullProgress, Runtime, RuntimeModel } from './runtime.ts';
import { createSlotBook } from './slots.ts';

interface OllamaOptions {
  url: string;
  /** Context pinned for every model, at most that of its training. */
  contextTokens: number;
  /** How long a model stays loaded after its last request, in Ollama's notation. */
  keepAlive: string;
  /** OLLAMA_NUM_PARALLEL of that server; replaces the number measured from its answers. */
  slots?: number;
  /** The model cache of the coordinator; absent: none. */
  cache?: OllamaCache | undefined;
  clock: Clock;
  log: Log;
}

const quickMs = 5000;
// The head of an answer comes with its first token: a 7B model that is not loaded needs minutes for it on a Pi.
const answerMs = 300_000;
// It reports nothing while it checks a fetched model: minutes for gigabytes on an SD card.
const pullStallMs = 900_000;
const aliveMs = 1800;
const embedBatch = 32;
// When a found limit is tried again, one answer has to wait.
const slotLifeMs = 10 * 60_000;
// A person may set more than the default of 1, but hardly more than this.
const mostSlots = 32;
// A shorter time passes for reading a request and starting to work.
const leastWaitMs = 50;
const waitShare = 0.25;

export function createOllama(options: OllamaOptions): Runtime {
  const http = new JsonClient({ baseUrl: options.url, clock: options.clock });
  const client = createOllamaClient(options.url, http);
  // The facts of a model do not change under its digest.
  const facts = createOllamaFacts({ client, contextTokens: options.contextTokens, clock: options.clock });
  let known = new Map<string, RuntimeModel>();
  let version = '';
  const refusals = createRefusals(options.clock);
  const thoughts = createThoughts();
  const slots = createSlotBook(options.clock, slotLifeMs, (proven) => Math.min(mostSlots, proven + 1));
  const atWork = new Map<string, number>();

  async function models(signal?: AbortSignal): Promise<RuntimeModel[]> {
    const [tags, resident] = await Promise.all([
      client.ask({ signal, answerMs: quickMs }, problemOf, (ollama) => ollama.list()),
      client.ask({ signal, answerMs: quickMs }, problemOf, (ollama) => ollama.ps()),
    ]).catch((error) => {
      // A server that was away may return with other settings.
      forget();
      throw error;
    });
    const loaded = new Map(
      listOf<{ name: string; size?: number }>(resident).map((each) => [each.name, each.size ?? 0]),
    );
    const local = listOf<Tag>(tags).filter(
      (tag) => !tag.remote_host && typeof tag.name === 'string' && !isRelayName(tag.name),
    );
    const told = await facts.of(local, signal);
    const found = local.map(
      (tag, index): RuntimeModel => ({
        name: tag.name,
        aliases: aliasesOf(tag.name),
        sizeBytes: tag.size ?? 0,
        resident: loaded.has(tag.name),
        residentBytes: loaded.get(tag.name) ?? 0,
        parametersB: billions(tag.details?.parameter_size),
        slots: options.slots ?? Math.max(1, slots.proven(tag.name)),
        digest: tag.digest ?? '',
        ...(told[index] as OllamaFacts),
        ...(refusals.of(tag.name).has('tools') ? { tools: false } : {}),
      }),
    );
    known = new Map(found.map((model) => [model.name, model]));
    return found;
  }

  function forget(): void {
    refusals.forget();
    slots.forget();
  }

  async function modelOf(name: string, signal?: AbortSignal): Promise<RuntimeModel> {
    const found = findModel([...known.values()], name) ?? findModel(await models(signal), name);
    if (!found) throw new RuntimeError('unknown-model', `${options.url} has no model ${name}`);
    return found;
  }

  async function residency(name: string, keepAlive: string | number, signal?: AbortSignal): Promise<void> {
    const model = await modelOf(name, signal);
    const asked = { model: model.name, keep_alive: keepAlive };
    const pinned = keepAlive === 0 ? {} : { options: { num_ctx: model.contextTokens } };
    await client.ask<object>(
      { signal, answerMs },
      (answer) => problemOf(answer, name),
      (ollama) =>
        model.kind === 'chat'
          ? ollama.generate({ ...asked, ...pinned, prompt: '', stream: false })
          : ollama.embed({ ...asked, input: [] }),
    );
  }

  async function* chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const model = await modelOf(request.model, signal);
    if (model.kind !== 'chat') throw wrongKind(model.name, 'chat');
    if (request.tools?.length && !model.tools && !refusals.of(model.name).has('tools'))
      throw new RuntimeError('unsupported', `${model.name} does not support tools`);
    if (request.toolChoice && request.toolChoice !== 'auto')
      throw new RuntimeError('unsupported', 'Ollama cannot be told which tool to call');
    refuseSurelyTooLong(request, model.contextTokens);
    const answer = refusals.asked({ ...request, model: model.name }, penalties(model), (asked, lacks) => {
      const body = {
        ...bodyOf(model, asked, lacks, options.keepAlive),
        messages: wireMessages(asked.messages),
        ...(asked.tools?.length ? { tools: asked.tools.map((tool) => ({ type: 'function', function: tool })) } : {}),
      };
      return answered(model, signal, 'logprobs' in body, (ollama) => ollama.chat(body));
    });
    yield* whileUsed(model, thoughts.apart(model.name, request.think, answer));
  }

  async function* complete(request: CompletionRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const model = await modelOf(request.model, signal);
    if (model.kind !== 'chat') throw wrongKind(model.name, 'chat');
    const asChat = { ...request, model: model.name, messages: [{ role: 'user' as const, content: request.prompt }] };
    refuseSurelyTooLong(asChat, model.contextTokens);
    const answer = refusals.asked(asChat, penalties(model), (asked, lacks) => {
      const body = { ...bodyOf(model, asked, lacks, options.keepAlive), prompt: request.prompt, raw: true };
      return answered(model, signal, 'logprobs' in body, (ollama) => ollama.generate(body));
    });
    yield* whileUsed(model, answer);
  }

  const penalties = ({ parametersB }: RuntimeModel): Extra[] => (repeatPenaltyFor(parametersB) ? ['penalty'] : []);

  async function* whileUsed(model: RuntimeModel, answer: AsyncIterable<ChatEvent>): AsyncGenerator<ChatEvent> {
    const running = (atWork.get(model.name) ?? 0) + 1;
    atWork.set(model.name, running);
    try {
      yield* answer;
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'unavailable' && error.cause) forget();
      throw error;
    } finally {
      atWork.set(model.name, (atWork.get(model.name) ?? 1) - 1);
    }
  }

  /** The answer as Ollama sends it. */
  async function* answered(
    model: RuntimeModel,
    signal: AbortSignal,
    wantsLogprobs: boolean,
    send: (ollama: Ollama) => Promise<AbortableAsyncIterator<ChatLine>>,
  ): AsyncGenerator<ChatEvent> {
    const running = atWork.get(model.name) ?? 1;
    const unfinished = 'the answer ended before it was done';
    const problems = {
      refused: (answer: HttpAnswer) => problemOf(answer, model.name),
      broken: streamProblem,
      unfinished,
    };
    let calls = 0;
    for await (const line of client.lines({ signal, answerMs }, problems, send)) {
      if (line.message?.thinking) yield { type: 'thought', text: line.message.thinking };
      const said = line.message?.content ?? line.response;
      // Older versions ignore the field.
      if (said && wantsLogprobs && !line.logprobs)
        throw new RuntimeError('unsupported', `this Ollama has no log probabilities${version ? ` (${version})` : ''}`);
      if (said) yield { type: 'text', text: said };
      const tokens = logprobsOf({ content: line.logprobs });
      if (tokens.length > 0) yield { type: 'logprobs', tokens };
      const toolCalls = toolCallPieces(line.message ?? {}).filter((call) => call.function?.name);
      if (toolCalls.length > 0) {
        yield { type: 'tool-calls', calls: toolCalls.map((call, index) => toolCallOf(call, calls + index)) };
        calls += toolCalls.length;
      }
      if (line.done) {
        learnSlots(model.name, running, line);
        const reason = calls > 0 ? 'tool-calls' : line.done_reason === 'length' ? 'length' : 'stop';
        yield { type: 'end', reason, usage: usageOf(line) };
        return;
      }
    }
    throw new RuntimeError('unavailable', unfinished);
  }

  function learnSlots(name: string, running: number, line: ChatLine): void {
    if (line.total_duration === undefined) return;
    const workMs = millisecondsOf(line.prompt_eval_duration) + millisecondsOf(line.eval_duration);
    const waitMs = millisecondsOf(line.total_duration) - millisecondsOf(line.load_duration) - workMs;
    if (running > 1 && waitMs > Math.max(leastWaitMs, workMs * waitShare)) slots.waited(name, running - 1);
    else slots.ran(name, running);
  }

  async function embed(name: string, texts: string[], signal: AbortSignal): Promise<Float32Array[]> {
    const model = await modelOf(name, signal);
    if (model.kind !== 'embed') throw wrongKind(model.name, 'embed');
    const vectors: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += embedBatch) {
      const batch = texts.slice(from, from + embedBatch);
      vectors.push(...(await embedWithCut(batch, model.contextTokens, (cut) => embedOnce(model, cut, signal))));
    }
    return vectors;
  }

  async function embedOnce(model: RuntimeModel, input: string[], signal: AbortSignal): Promise<Float32Array[]> {
    const body = { model: model.name, input, truncate: false, keep_alive: options.keepAlive };
    const answer = await client.ask<{ embeddings?: unknown } | null | undefined>(
      { signal, answerMs },
      (refusal) => problemOf(refusal, model.name),
      (ollama) => ollama.embed(body),
    );
    const embeddings = answer?.embeddings;
    const came = Array.isArray(embeddings) ? embeddings.length : 0;
    if (!Array.isArray(embeddings) || came !== input.length)
      throw new RuntimeError('unavailable', `${input.length} texts were sent, ${came} vectors came back`);
    return embeddings.map(unitVector);
  }

  /** Exactly this name: one with host and port is asked for there. */
  async function* pullAs(name: string, signal?: AbortSignal): AsyncGenerator<PullProgress> {
    // A private registry uses plain HTTP; its name has host and port.
    const insecure = /^[^/]+:\d+\//.test(name);
    const unfinished = `pulling ${name} ended without success`;
    const problems = {
      refused: (answer: HttpAnswer) => problemOf(answer, name),
      broken: (said: string) => pullProblem(name, said),
      unfinished,
    };
    const lines = client.lines({ signal, answerMs, stallMs: pullStallMs }, problems, (ollama) =>
      ollama.pull({ model: name, stream: true, ...(insecure ? { insecure } : {}) }),
    );
    for await (const line of lines) {
      yield { status: line.status ?? '', completedBytes: line.completed ?? 0, totalBytes: line.total ?? 0 };
      if (line.status === 'success') {
        known.clear();
        return;
      }
    }
    throw new RuntimeError('unavailable', unfinished);
  }

  async function remove(name: string, signal?: AbortSignal): Promise<void> {
    const model = await modelOf(name, signal);
    if ((atWork.get(model.name) ?? 0) > 0) throw new RuntimeError('overloaded', `${model.name} is in use`);
    const refused = (answer: HttpAnswer) => problemOf(answer, model.name);
    await client.ask({ signal, answerMs }, refused, (ollama) => ollama.delete({ model: model.name }));
    known.clear();
  }

  return {
    kind: 'ollama',
    remove,
    // Its registry has more models than any list.
    canFetch: () => 'unknown',
    notes: () => refusals.notes(`ollama at ${options.url}`),
    slotsNow: (model) => options.slots ?? slots.now(model),
    get label() {
      return `ollama${version ? ` ${version}` : ''} at ${options.url}`;
    },
    async alive() {
      try {
        const limits = { answerMs: aliveMs, stallMs: aliveMs };
        const found = (await client.ask(limits, problemOf, (ollama) => ollama.version()))?.version;
        if (typeof found !== 'string') return false;
        version = found === '0.0.0' ? '' : found;
        return true;
      } catch {
        return false;
      }
    },
    models,
    load: (model, signal) => residency(model, options.keepAlive, signal),
    unload: (model, signal) => residency(model, 0, signal),
    pull: (name, signal) =>
      pullNear({ client, url: options.url, through: options.cache, pull: pullAs, log: options.log }, name, signal),
    chat,
    complete,
    embed,
    async close() {
      facts.close();
      http.close();
    },
  };
}

function listOf<T>(body: unknown): T[] {
  const list = (body as { models?: unknown } | undefined)?.models;
  if (!Array.isArray(list)) throw new RuntimeError('unavailable', 'the answer lists no models: is this Ollama?');
  return list as T[];
}

function aliasesOf(name: string): string[] {
  const short = name.replace(/:latest$/, '');
  const entry = catalogueEntry(short);
  return [...new Set([short, ...(entry ? [entry.id, ...entry.aliases] : [])])].filter((alias) => alias !== name);
}

/** `134.52M` -> 0.13452, `7.6B` -> 7.6. */
export function billions(size: string | undefined): number {
  const found = /^([\d.]+)\s*([KMBT])/i.exec(size ?? '');
  if (!found) return 0;
  const unit = { K: 1e-6, M: 1e-3, B: 1, T: 1e3 }[found[2]!.toUpperCase()] ?? 0;
  return Number(found[1]) * unit;
}
