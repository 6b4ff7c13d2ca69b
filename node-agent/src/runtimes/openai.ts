// A server of the OpenAI dialect as a Runtime: vLLM and llama.cpp's llama-server, found by URL.
// What the dialect does not say is asked beside it: context (`max_model_len`, `meta.n_ctx`), slots and tools (`/props`),
// the room for contexts (vLLM's `/metrics`), and whether a model embeds (one short probe). llama-server answers any model name with the model it has, so names are
// checked here. It must never decide admission: vLLM queues without bound, admission.ts stands before it.
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { catalogueEntry } from '../models/catalogue.ts';
import { embedWithCut, unitVector } from './cut.ts';
import { createJsonClient, parsed } from './http-json.ts';
import { problemOf, streamProblem } from './openai-problem.ts';
import { type ChatChunk, createToolCallAssembly, eventsOf, kvCacheTokens, wireRequest } from './openai-wire.ts';
import {
  type ChatEvent,
  type ChatRequest,
  type PullProgress,
  type Runtime,
  RuntimeError,
  type RuntimeModel,
  type Usage,
} from './runtime.ts';

export interface OpenAiOptions {
  /** With or without `/v1`. */
  url: string;
  apiKey?: string;
  /** Requests worked on at once where the server does not tell (vLLM). */
  slots?: number;
  clock: Clock;
  log: Log;
}

interface ListedModel {
  id?: string;
  aliases?: string[];
  owned_by?: string;
  max_model_len?: number;
  meta?: { n_ctx?: number; n_params?: number; size?: number; n_embd?: number };
}
interface Props {
  default_generation_settings?: { n_ctx?: number };
  total_slots?: number;
  chat_template_caps?: { supports_tools?: boolean };
}

const quickMs = 5000;
const answerMs = 300_000;
const aliveMs = 1800;
const embedBatch = 32;
// vLLM batches continuously; this many at once keeps single answers fast. Its own limit is 256 and more.
const defaultSlots = 16;
// A turn of an agent mostly needs less context than this, however long the model's own is.
const turnTokens = 4096;
// A probe costs one token of work; a server with a long list is a shop, and is not probed.
const maxProbed = 8;
const embeddingName = /embed|minilm|(^|[-/])(bge|e5|gte)-/i;

export function createOpenAi(options: OpenAiOptions): Runtime {
  const baseUrl = options.url.replace(/\/+$/, '').replace(/\/v1$/, '');
  const headers = options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : undefined;
  const client = createJsonClient({ baseUrl, clock: options.clock, headers });
  const probed = new Map<string, Pick<RuntimeModel, 'kind' | 'dimension'>>();
  let known: RuntimeModel[] = [];
  let cacheTokens: number | undefined;
  let server = 'openai dialect';

  async function models(signal?: AbortSignal): Promise<RuntimeModel[]> {
    const answer = await client.call({ method: 'GET', path: 'v1/models', signal, answerMs: quickMs });
    if (answer.status !== 200) throw problemOf(answer);
    const listed = (answer.json as { data?: ListedModel[] } | undefined)?.data;
    if (!Array.isArray(listed)) throw new RuntimeError('unavailable', `${baseUrl}/v1/models lists no models`);
    const props = await propsOf(signal);
    if (listed.some((model) => model.owned_by === 'vllm')) server = 'vLLM';
    else if (listed.some((model) => model.owned_by === 'llamacpp')) server = 'llama-server';
    // The cache is laid out when vLLM starts; until it tells, it is asked again.
    if (server === 'vLLM') cacheTokens ??= await cacheTokensOf(signal);
    const found: RuntimeModel[] = [];
    for (const model of listed) {
      if (typeof model.id !== 'string') continue;
      const contextTokens = Math.min(
        model.max_model_len ?? model.meta?.n_ctx ?? props?.default_generation_settings?.n_ctx ?? 0,
        cacheTokens ?? Number.POSITIVE_INFINITY,
      );
      const { kind, dimension } = await kindOf(model.id, listed.length <= maxProbed, signal);
      found.push({
        name: model.id,
        aliases: aliasesOf(model),
        kind,
        sizeBytes: model.meta?.size ?? 0,
        contextTokens,
        // Both servers load their model before they answer.
        resident: true,
        residentBytes: model.meta?.size ?? 0,
        parametersB: (model.meta?.n_params ?? 0) / 1e9,
        slots: props?.total_slots ?? options.slots ?? slotsIn(cacheTokens, contextTokens),
        tools: kind === 'chat' && (props?.chat_template_caps?.supports_tools ?? true),
        dimension,
        digest: '',
      });
    }
    known = found;
    return found;
  }

  async function propsOf(signal?: AbortSignal): Promise<Props | undefined> {
    const answer = await client.call({ method: 'GET', path: 'props', signal, answerMs: quickMs });
    return answer.status === 200 ? (answer.json as Props | undefined) : undefined;
  }

  async function cacheTokensOf(signal?: AbortSignal): Promise<number | undefined> {
    const answer = await client.call({ method: 'GET', path: 'metrics', signal, answerMs: quickMs });
    return answer.status === 200 ? kvCacheTokens(answer.text) : undefined;
  }

  async function kindOf(
    id: string,
    probe: boolean,
    signal?: AbortSignal,
  ): Promise<Pick<RuntimeModel, 'kind' | 'dimension'>> {
    const cached = probed.get(id);
    if (cached) return cached;
    const guess: RuntimeModel['kind'] = embeddingName.test(id) ? 'embed' : 'chat';
    if (!probe) return { kind: guess, dimension: 0 };
    const body = { model: id, input: 'a', encoding_format: 'float' };
    const answer = await client.call({ method: 'POST', path: 'v1/embeddings', body, signal, answerMs: quickMs });
    const vector = (answer.json as { data?: { embedding?: number[] }[] } | undefined)?.data?.[0]?.embedding;
    // A busy server says nothing about the model: ask again next time.
    if (answer.status === 503 || answer.status === 429) return { kind: guess, dimension: 0 };
    const learned: Pick<RuntimeModel, 'kind' | 'dimension'> =
      answer.status === 200 && Array.isArray(vector)
        ? { kind: 'embed', dimension: vector.length }
        : { kind: 'chat', dimension: 0 };
    probed.set(id, learned);
    return learned;
  }

  async function modelOf(name: string, signal?: AbortSignal): Promise<RuntimeModel> {
    const wanted = (model: RuntimeModel) => model.name === name;
    const found = known.find(wanted) ?? (await models(signal)).find(wanted);
    if (!found) throw new RuntimeError('unknown-model', `${baseUrl} has no model ${name}`);
    return found;
  }

  async function* chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const model = await modelOf(request.model, signal);
    if (model.kind !== 'chat') throw new RuntimeError('wrong-kind', `${model.name} makes embeddings, it cannot chat`);
    if (request.tools?.length && !model.tools)
      throw new RuntimeError('unsupported', `${model.name} does not support tools`);
    const startMs = options.clock.monotonicMs();
    const body = wireRequest(request, server === 'llama-server' ? model.parametersB : 0);
    const answer = await client.stream({ method: 'POST', path: 'v1/chat/completions', body, signal, answerMs });
    if (!('lines' in answer)) throw problemOf(answer);
    const assembly = createToolCallAssembly();
    let finish: string | undefined;
    let last: ChatChunk = {};
    let firstMs = 0;
    for await (const data of eventsOf(answer.lines)) {
      if (data === '[DONE]') break;
      const chunk = parsed(data) as ChatChunk | undefined;
      if (typeof chunk !== 'object' || chunk === null)
        throw new RuntimeError('unavailable', 'an event of the answer is not JSON');
      if (chunk.error !== undefined) throw streamProblem(chunk.error);
      last = { usage: chunk.usage ?? last.usage, timings: chunk.timings ?? last.timings };
      const choice = chunk.choices?.[0];
      if (!choice) continue;
      finish = choice.finish_reason ?? finish;
      assembly.add(choice.delta?.tool_calls ?? []);
      if (choice.delta?.content) {
        firstMs ||= options.clock.monotonicMs();
        yield { type: 'text', text: choice.delta.content };
      }
    }
    if (finish === undefined) throw new RuntimeError('unavailable', 'the answer ended before it was done');
    const calls = assembly.done();
    if (calls.length > 0) yield { type: 'tool-calls', calls };
    const reason = calls.length > 0 ? 'tool-calls' : finish === 'length' ? 'length' : 'stop';
    yield { type: 'end', reason, usage: usageOf(last, startMs, firstMs, options.clock.monotonicMs()) };
  }

  async function embed(name: string, texts: string[], signal: AbortSignal): Promise<Float32Array[]> {
    const model = await modelOf(name, signal);
    if (model.kind !== 'embed') throw new RuntimeError('wrong-kind', `${model.name} chats, it makes no embeddings`);
    const vectors: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += embedBatch) {
      const batch = texts.slice(from, from + embedBatch);
      vectors.push(...(await embedWithCut(batch, model.contextTokens, (cut) => embedOnce(model.name, cut, signal))));
    }
    return vectors;
  }

  async function embedOnce(model: string, input: string[], signal: AbortSignal): Promise<Float32Array[]> {
    const body = { model, input, encoding_format: 'float' };
    const answer = await client.call({ method: 'POST', path: 'v1/embeddings', body, signal, answerMs });
    if (answer.status !== 200) throw problemOf(answer);
    const data = (answer.json as { data?: { index?: number; embedding?: number[] }[] } | undefined)?.data ?? [];
    if (data.length !== input.length || data.some((each) => !Array.isArray(each.embedding))) {
      throw new RuntimeError('unavailable', `${input.length} texts were sent, ${data.length} vectors came back`);
    }
    return data.toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0)).map((each) => unitVector(each.embedding!));
  }

  return {
    kind: 'openai',
    get label() {
      return `${server} at ${baseUrl}`;
    },
    async alive() {
      try {
        const ask = (path: string, ms: number) => client.call({ method: 'GET', path, answerMs: ms, stallMs: ms });
        const health = await ask('health', aliveMs / 2);
        if (health.status === 200) return true;
        // 503: it loads its model. 404: a server of the dialect without /health.
        if (health.status !== 404) return isKeyAsked(health.status);
        const { status } = await ask('v1/models', aliveMs / 2);
        // One that wants another key is there: that the key is wrong is said when its models are asked for.
        return status === 200 || isKeyAsked(status);
      } catch {
        return false;
      }
    },
    models,
    async load(model, signal) {
      await modelOf(model, signal);
    },
    async unload(model, signal) {
      await modelOf(model, signal);
      throw new RuntimeError('unsupported', `${server} at ${baseUrl} keeps ${model} for as long as it runs`);
    },
    // biome-ignore lint/correctness/useYield: the interface wants a stream, this server has none to give
    async *pull(model): AsyncGenerator<PullProgress> {
      throw new RuntimeError('unsupported', `${baseUrl} serves what it was started with; it cannot pull ${model}`);
    },
    chat,
    embed,
    async close() {
      client.close();
    },
  };
}

/** As many answers at once as the cache holds turns; it would take more and then throw work away to make room. */
function slotsIn(cacheTokens: number | undefined, contextTokens: number): number {
  if (cacheTokens === undefined) return defaultSlots;
  const turn = contextTokens > 0 ? Math.min(contextTokens, turnTokens) : turnTokens;
  return Math.min(defaultSlots, Math.max(1, Math.floor(cacheTokens / turn)));
}

const isKeyAsked = (status: number) => status === 401 || status === 403;

function aliasesOf(model: ListedModel): string[] {
  const entry = catalogueEntry(model.id!);
  const all = [...(model.aliases ?? []), ...(entry ? [entry.id, ...entry.aliases] : [])];
  return [...new Set(all)].filter((alias) => alias !== model.id);
}

// llama-server measures itself; for the others our own clock has to do, which includes their queue.
function usageOf(last: ChatChunk, startMs: number, firstMs: number, endMs: number): Usage {
  const { usage, timings } = last;
  const cachedTokens = timings?.cache_n ?? usage?.prompt_tokens_details?.cached_tokens;
  const first = firstMs || endMs;
  return {
    promptTokens: usage?.prompt_tokens ?? (timings ? (timings.prompt_n ?? 0) + (timings.cache_n ?? 0) : 0),
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    completionTokens: usage?.completion_tokens ?? timings?.predicted_n ?? 0,
    loadMs: 0,
    prefillMs: timings?.prompt_ms ?? first - startMs,
    decodeMs: timings?.predicted_ms ?? endMs - first,
  };
}
