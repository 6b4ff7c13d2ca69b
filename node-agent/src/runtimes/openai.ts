// A server of the OpenAI dialect as a Runtime: vLLM and llama.cpp's llama-server, found by URL. Facts that the dialect does not have are
// requested separately: context (`max_model_len`, `meta.n_ctx`), slots and tools (`/props`), the room for contexts and the running requests
// (vLLM's `/metrics`, llama-server's `/slots`), whether a model embeds (one short probe), its size (the catalogue, by its name). A feature
// that neither reports is used until it is refused, and then left out (refusals.ts). llama-server answers under any model name with the
// model it has, so names are checked here. It must never decide admission: vLLM queues without bound, so admission.ts precedes it.

import { AnswerBody } from '@blackroad/model-server/answer-body';
import type { ChatEvent, ChatRequest, CompletionRequest } from '@blackroad/model-server/chat';
import { given } from '@blackroad/model-server/given';
import { problemOf } from '@blackroad/model-server/openai-problem';
import { type PenaltyName, wireCompletion, wireRequest } from '@blackroad/model-server/openai-wire';
import { createRefusals, type Extra } from '@blackroad/model-server/refusals';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { createThoughts } from '@blackroad/model-server/thoughts';
import { unitVector } from '@blackroad/model-server/unit-vector';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { billionsIn, entryOfServed } from '../weights/served-name.ts';
import { embedWithCut } from './cut.ts';
import { JsonClient } from './http-json.ts';
import { createLlamaServerSlots } from './llama-server-slots.ts';
import { createModelKinds } from './openai-kinds.ts';
import { modelsIn, type NamedModel } from './openai-list.ts';
import { engineOf, type PullProgress, type Runtime, type RuntimeModel } from './runtime.ts';
import { createServerUse } from './server-use.ts';
import { createVllmGauges } from './vllm-gauges.ts';
import { createVllmSleep } from './vllm-sleep.ts';

interface OpenAiOptions {
  /** With or without `/v1`. */
  url: string;
  apiKey?: string;
  /** Simultaneous requests; replaces the number that the server reports or shows. */
  slots?: number;
  /** The coordinator may ask the server itself. It runs on this machine, so its certificate is taken as it is. */
  isDirect?: boolean;
  clock: Clock;
  log: Log;
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
const lookInsideEveryMs = 1000;
// A server of the dialect that reports no slots: desktop programs answer one or a few requests at once.
const unknownSlots = 4;
// A probe costs one token of work; a server with a long list is a commercial one, and is not probed.
const maxProbed = 8;

function isRefusedConnection(error: unknown): boolean {
  return error instanceof RuntimeError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
}

export function createOpenAi(options: OpenAiOptions): Runtime {
  const baseUrl = options.url.replace(/\/+$/, '').replace(/\/v1$/, '');
  const headers = options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : undefined;
  const client = new JsonClient({ baseUrl, clock: options.clock, headers, anyCertificate: options.isDirect ?? false });
  const kindOf = createModelKinds(client);
  const refusals = createRefusals(options.clock);
  const thoughts = createThoughts();
  const use = createServerUse(options.clock);
  const gauges = createVllmGauges(client, use, options.clock);
  const serverSlots = createLlamaServerSlots(client);
  const sleep = createVllmSleep(client, options.clock);
  let lookedInsideMs = Number.NEGATIVE_INFINITY;
  let isLooking = false;
  let known: RuntimeModel[] = [];
  let server = 'openai dialect';
  let version = '';

  async function models(signal?: AbortSignal): Promise<RuntimeModel[]> {
    try {
      return await listed(signal);
    } catch (error) {
      // A server that was away may return with other flags.
      if (error instanceof RuntimeError && error.code === 'unavailable') forget();
      throw error;
    }
  }

  function forget(): void {
    refusals.forget();
    gauges.forget();
    serverSlots.forget();
    sleep.forget();
    use.forget();
    version = '';
  }

  /** Another server may answer at the address of the one before: nothing that was learned of that one holds. */
  function serverIs(listed: readonly NamedModel[]): void {
    const owns = (name: string) => listed.some(({ row }) => row.owned_by === name);
    const now = owns('vllm') ? 'vLLM' : owns('llamacpp') ? 'llama-server' : 'openai dialect';
    if (now !== server && listed.length > 0) {
      forget();
      server = now;
    }
  }

  function lookInside(): void {
    const nowMs = options.clock.monotonicMs();
    if (isLooking || nowMs - lookedInsideMs < lookInsideEveryMs) return;
    lookedInsideMs = nowMs;
    isLooking = true;
    // The error of a server that does not answer is reported when its models are requested.
    look()
      .catch(() => {})
      .finally(() => {
        isLooking = false;
      });
  }

  async function look(): Promise<void> {
    if (server === 'vLLM') return gauges.look(known.map(engineOf));
    const [model] = known;
    if (server !== 'llama-server' || !model) return;
    const showed = use.look();
    const atWork = await serverSlots.atWork();
    if (atWork !== undefined) showed(model.name, atWork);
  }

  async function listed(signal?: AbortSignal): Promise<RuntimeModel[]> {
    const answer = await client.call({ method: 'GET', path: 'v1/models', signal, answerMs: quickMs });
    if (answer.status !== 200) throw problemOf(answer);
    const listed = modelsIn((answer.json as { data?: unknown } | undefined)?.data);
    if (!listed) throw new RuntimeError('unavailable', `${baseUrl}/v1/models lists no models`);
    const props = await propsOf(signal);
    serverIs(listed);
    if (server === 'vLLM') {
      if (version === '') version = await versionOf(signal);
      const engines = listed.filter(({ base }) => !base).map(({ row }) => row.id);
      await Promise.all([gauges.look(engines, signal), sleep.look(signal)]);
    }
    const found: RuntimeModel[] = [];
    for (const model of listed) found.push(await described(model, listed.length <= maxProbed, props, signal));
    known = found;
    // It does not report its slots while it reads a long prompt, so this is not awaited.
    if (server === 'llama-server') lookInside();
    return found;
  }

  async function described(
    { row, names, base }: NamedModel,
    probe: boolean,
    props: Props | undefined,
    signal?: AbortSignal,
  ): Promise<RuntimeModel> {
    // An adapter is as large as its model, which holds the weights.
    const own = base ?? row;
    const entry = entryOfServed(own.id) ?? entryOfServed(own.root ?? '');
    const contextTokens = Math.min(
      row.max_model_len ?? own.max_model_len ?? own.meta?.n_ctx ?? props?.default_generation_settings?.n_ctx ?? 0,
      gauges.cacheTokens ?? Number.POSITIVE_INFINITY,
    );
    const { kind, dimension } = await kindOf(own.id, probe, signal);
    const told = props?.chat_template_caps?.supports_tools ?? true;
    return {
      name: row.id,
      aliases: aliasesOf(row.id, base ? names : [...names, ...(entry ? [entry.id, ...entry.aliases] : [])]),
      kind,
      sizeBytes: base ? 0 : (row.meta?.size ?? entry?.sizeBytes ?? 0),
      contextTokens,
      // Both servers load their model before they answer requests.
      resident: !sleep.isAsleep,
      ...(sleep.isAsleep ? { asleep: true as const } : {}),
      residentBytes: base || sleep.isAsleep ? 0 : (row.meta?.size ?? 0),
      parametersB: own.meta?.n_params
        ? own.meta.n_params / 1e9
        : (entry?.parametersB ?? (billionsIn(own.id) || billionsIn(own.root ?? ''))),
      slots: options.slots ?? props?.total_slots ?? slotsOf(own.id, contextTokens),
      tools: kind === 'chat' && told && !refusals.of(row.id).has('tools'),
      dimension,
      digest: '',
      ...(base ? { adapterOf: base.id } : {}),
    };
  }

  function slotsOf(id: string, contextTokens: number): number {
    return server === 'vLLM' ? gauges.slotsFor(id, contextTokens) : unknownSlots;
  }

  async function versionOf(signal?: AbortSignal): Promise<string> {
    const answer = await client.call({ method: 'GET', path: 'version', signal, answerMs: quickMs });
    const told = (answer.json as { version?: unknown } | undefined)?.version;
    return answer.status === 200 && typeof told === 'string' ? told.slice(0, 40) : '';
  }

  async function propsOf(signal?: AbortSignal): Promise<Props | undefined> {
    const answer = await client.call({ method: 'GET', path: 'props', signal, answerMs: quickMs });
    return answer.status === 200 ? (answer.json as Props | undefined) : undefined;
  }

  async function modelOf(name: string, signal?: AbortSignal): Promise<RuntimeModel> {
    const wanted = (model: RuntimeModel) => model.name === name;
    const found = known.find(wanted) ?? (await models(signal)).find(wanted);
    if (!found) throw new RuntimeError('unknown-model', `${baseUrl} has no model ${name}`);
    return found;
  }

  async function chatModel(name: string, signal: AbortSignal): Promise<RuntimeModel> {
    const model = await modelOf(name, signal);
    if (model.kind !== 'chat') throw new RuntimeError('wrong-kind', `${model.name} makes embeddings, it cannot chat`);
    return model;
  }

  async function* chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const model = await chatModel(request.model, signal);
    if (request.tools?.length && !model.tools && !refusals.of(model.name).has('tools'))
      throw new RuntimeError('unsupported', `${model.name} does not support tools`);
    const answer = refusals.asked({ ...request, model: model.name }, alsoUsed(), (asked, lacks) => {
      const body = wireRequest(asked, model.parametersB, penaltyName(), lacks);
      return answered('v1/chat/completions', body, signal);
    });
    yield* whileUsed(model, thoughts.apart(model.name, request.think, answer), signal);
  }

  async function* complete(request: CompletionRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const model = await chatModel(request.model, signal);
    const asChat = { ...request, model: model.name, messages: [] };
    const answer = refusals.asked(asChat, alsoUsed(), ({ sampling }, lacks) => {
      const body = wireCompletion({ ...request, sampling, model: model.name }, model.parametersB, penaltyName(), lacks);
      return answered('v1/completions', body, signal);
    });
    yield* whileUsed(model, answer, signal);
  }

  const alsoUsed = (): Extra[] => (penaltyName() === '' ? ['usage'] : ['usage', 'penalty']);

  async function* whileUsed(
    model: RuntimeModel,
    answer: AsyncIterable<ChatEvent>,
    signal: AbortSignal,
  ): AsyncGenerator<ChatEvent> {
    const engine = engineOf(model);
    const end = use.begin(engine);
    try {
      const wokeMs = server === 'vLLM' ? await sleep.wake(signal) : 0;
      for await (const event of answer)
        yield event.type === 'end' && wokeMs > 0
          ? { ...event, usage: { ...event.usage, loadMs: event.usage.loadMs + wokeMs } }
          : event;
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'unavailable' && error.cause) forget();
      if (error instanceof RuntimeError && error.code === 'overloaded' && server === 'vLLM')
        gauges.refused(engine, use.ownOf(engine) - 1);
      throw error;
    } finally {
      end();
    }
  }

  function penaltyName(): PenaltyName {
    return server === 'llama-server' ? 'repeat_penalty' : server === 'vLLM' ? 'repetition_penalty' : '';
  }

  /** The answer as the server sends it. */
  async function* answered(path: string, body: object, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const startMs = options.clock.monotonicMs();
    const answer = await client.stream({ method: 'POST', path, body, signal, answerMs });
    if (!('pieces' in answer)) throw problemOf(answer);
    if (server === 'vLLM') lookInside();
    const { contentType, pieces } = answer;
    const reader = new AnswerBody({ contentType, startMs, clock: options.clock });
    for await (const piece of pieces) {
      yield* reader.push(piece);
      if (reader.isDone) break;
    }
    yield* reader.end();
  }

  async function embed(name: string, texts: string[], signal: AbortSignal): Promise<Float32Array[]> {
    const model = await modelOf(name, signal);
    if (model.kind !== 'embed') throw new RuntimeError('wrong-kind', `${model.name} chats, it makes no embeddings`);
    const vectors: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += embedBatch) {
      const batch = texts.slice(from, from + embedBatch);
      vectors.push(...(await embedWithCut(batch, model.contextTokens, (cut) => embedOnce(model, cut, signal))));
    }
    return vectors;
  }

  async function embedOnce(model: RuntimeModel, input: string[], signal: AbortSignal): Promise<Float32Array[]> {
    if (server === 'vLLM') await sleep.wake(signal);
    const body = { model: model.name, input, encoding_format: 'float' };
    const end = use.begin(engineOf(model));
    const answer = await client.call({ method: 'POST', path: 'v1/embeddings', body, signal, answerMs }).finally(end);
    if (answer.status !== 200) throw problemOf(answer);
    const data = (answer.json as { data?: ({ index?: number; embedding?: unknown } | null)[] } | undefined)?.data ?? [];
    if (data.length !== input.length) {
      throw new RuntimeError('unavailable', `${input.length} texts were sent, ${data.length} vectors came back`);
    }
    return data.toSorted((a, b) => (a?.index ?? 0) - (b?.index ?? 0)).map((each) => unitVector(each?.embedding));
  }

  return {
    kind: 'openai',
    get label() {
      return `${server}${version ? ` ${version}` : ''} at ${baseUrl}`;
    },
    notes: () => refusals.notes(`${server} at ${baseUrl}`),
    slotsNow(name) {
      const model = known.find((each) => each.name === name);
      if (!model || server !== 'vLLM' || options.slots !== undefined) return undefined;
      return slotsOf(engineOf(model), model.contextTokens);
    },
    others: (name) => use.othersOf(known.find((each) => each.name === name)?.adapterOf ?? name),
    lookInside,
    direct() {
      const { protocol, port, pathname } = new URL(baseUrl);
      const isTls = protocol === 'https:';
      // Its certificate is known once it has answered.
      if (!options.isDirect || (isTls && client.certificate === null)) return null;
      return {
        port: Number(port) || (isTls ? 443 : 80),
        path: pathname === '/' ? '' : pathname,
        ...(client.certificate === null ? {} : { certificate: client.certificate }),
        ...given({ key: options.apiKey }),
        penalty: penaltyName(),
      };
    },
    async alive() {
      try {
        const ask = (path: string, ms: number) => client.call({ method: 'GET', path, answerMs: ms, stallMs: ms });
        const health = await ask('health', aliveMs / 2);
        if (health.status === 200) return true;
        // 503: the server is loading its model. 404: a server of the dialect without /health.
        if (health.status !== 404) return isKeyAsked(health.status);
        const { status } = await ask('v1/models', aliveMs / 2);
        // A server that wants another key is alive: the wrong key is reported when its models are requested.
        return status === 200 || isKeyAsked(status);
      } catch (error) {
        // Nobody listens there: whoever does next was started anew, maybe with other flags.
        if (isRefusedConnection(error)) forget();
        return false;
      }
    },
    models,
    async load(model, signal) {
      await modelOf(model, signal);
      if (server === 'vLLM') await sleep.wake(signal);
    },
    async unload(name, signal) {
      const model = await modelOf(name, signal);
      const engine = engineOf(model);
      if (server === 'vLLM') {
        await gauges.look([engine], signal);
        if (use.ownOf(engine) + use.othersOf(engine) > 0)
          throw new RuntimeError('overloaded', `${server} at ${baseUrl} works on requests now`);
        if (await sleep.sleep(signal)) return;
      }
      const cure = server === 'vLLM' ? '; --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1 would let it sleep' : '';
      throw new RuntimeError('unsupported', `${server} at ${baseUrl} keeps ${name} for as long as it runs${cure}`);
    },
    // biome-ignore lint/correctness/useYield: the interface wants a stream, this server has none to give
    async *pull(model): AsyncGenerator<PullProgress> {
      throw new RuntimeError('unsupported', `${baseUrl} serves what it was started with; it cannot pull ${model}`);
    },
    chat,
    complete,
    embed,
    async close() {
      client.close();
    },
  };
}

const isKeyAsked = (status: number) => status === 401 || status === 403;

const aliasesOf = (id: string, names: string[]) => [...new Set(names)].filter((alias) => alias !== id);
