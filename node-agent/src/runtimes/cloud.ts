// A paid API as a Runtime: the models that its owner offers of one provider, through the provider's own client with its retries off. The
// clients are loaded here alone, at the first use. What the provider refuses is kept: a model or all of it is left alone for as long as it
// asks, and a key without credit, or a wrong one, is not used again until a person has seen to it. It must never splice two answers, retry by
// itself, or let the key into a text. Knows the fields and the errors of no provider: those are in cloud-openai.ts and cloud-anthropic.ts.

import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import { createRefusals, type Extra } from '@blackroad/model-server/refusals';
import { abortedError, RuntimeError, type RuntimeErrorCode } from '@blackroad/model-server/runtime-error';
import type { CloudModel } from '@blackroad/protocol/cloud-models';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { CloudOptions, CloudProvider } from './cloud-provider.ts';
import { createRests } from './cloud-rests.ts';
import { cloudNames, cloudRefusal, missingNote } from './cloud-words.ts';
import { embedWithCut } from './cut.ts';
import type { PullProgress, Runtime, RuntimeModel } from './runtime.ts';

interface CloudParts extends CloudOptions {
  clock: Clock;
  random: Random;
}

const ownUrls = { openai: 'https://api.openai.com', anthropic: 'https://api.anthropic.com' } as const;
/** Providers run many requests at once; this bounds what a fault can spend in a moment. */
const usualSlots = 16;
const embedBatch = 64;
/** Until the first event, and between two: models that think out of sight are silent for so long. */
const silenceMs = 120_000;
const embedMs = 60_000;
const checkMs = 10_000;
const aliveMs = 1_800;
/** The check costs nothing, but nothing changes that often either. */
const checkEveryMs = 600_000;
/** A model that the key may not use, or that the provider no longer has. */
const missingMs = 1_800_000;
const maxSaidChars = 400;

export function createCloud(parts: CloudParts): Runtime {
  const cloud = new Cloud(parts);
  // A plain object: the node wraps runtimes by copying their fields.
  return {
    kind: 'cloud',
    label: cloud.label,
    notes: () => cloud.notes(),
    alive: () => cloud.alive(),
    models: (signal) => cloud.models(signal),
    load: async (model) => void cloud.offered(model),
    async unload(model) {
      cloud.offered(model);
      throw new RuntimeError('unsupported', `${model} is at ${cloud.label}: nothing of it is here to be put down`);
    },
    // biome-ignore lint/correctness/useYield: the interface wants a stream, a paid API has none to give
    async *pull(model): AsyncGenerator<PullProgress> {
      throw new RuntimeError('unsupported', `${model} cannot be fetched: this node only asks ${cloud.label}`);
    },
    chat: (request, signal) => cloud.chat(request, signal),
    embed: (model, texts, signal) => cloud.embed(model, texts, signal),
    close: async () => cloud.close(),
  };
}

class Cloud {
  readonly label: string;
  readonly #parts: CloudParts;
  readonly #name: string;
  readonly #url: string;
  readonly #refusals: ReturnType<typeof createRefusals>;
  readonly #rests: ReturnType<typeof createRests>;
  readonly #missing = new Map<string, number>();
  readonly #closing = new AbortController();
  #client: Promise<CloudProvider> | null = null;
  #checkedMs = Number.NEGATIVE_INFINITY;
  /** Why nothing is asked until a person has seen to it. */
  #blocked: RuntimeError | null = null;

  constructor(parts: CloudParts) {
    const { provider, url, clock, random } = parts;
    this.#parts = parts;
    this.#name = cloudNames[provider];
    this.#url = url ?? ownUrls[provider];
    this.label = `${this.#name} at ${this.#url}`;
    this.#refusals = createRefusals(clock);
    this.#rests = createRests(clock, random);
  }

  notes(): string[] {
    const gone = this.#parts.models.filter(({ name }) => this.#isMissing(name));
    return [...this.#refusals.notes(this.#name), ...gone.map(({ name }) => missingNote(this.#name, name))];
  }

  async alive(): Promise<boolean> {
    const late = () => new RuntimeError('unavailable', 'no answer');
    try {
      // The client takes a while to load on a small machine, which says nothing of the provider.
      await this.#opened();
      await withDeadline(this.#parts.clock, aliveMs, this.#check(this.#closing.signal), late);
      return true;
    } catch (error) {
      // A provider that wants another key is there.
      return error instanceof RuntimeError && error.code === 'wrong-key';
    }
  }

  async models(signal: AbortSignal = this.#closing.signal): Promise<RuntimeModel[]> {
    const { models, slots, clock } = this.#parts;
    if (this.#closing.signal.aborted) throw closed();
    // Credit cannot be asked for: what was refused for the lack of it stays so until a restart.
    if (this.#blocked?.code === 'no-credit') throw this.#blocked;
    if (clock.monotonicMs() - this.#checkedMs >= checkEveryMs) await this.#check(signal);
    if (this.#blocked) throw this.#blocked;
    return models.filter(({ name }) => !this.#isMissing(name)).map((model) => described(model, slots));
  }

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    if (signal.aborted) throw abortedError();
    const model = this.#usable(request.model, 'chat');
    if (request.logprobs !== undefined && this.#parts.provider === 'anthropic')
      throw new RuntimeError('unsupported', `${this.#name} has no log probabilities`);
    const client = await this.#opened();
    const askedMs = this.#parts.clock.monotonicMs();
    yield* this.#refusals.asked(request, client.also(request), (asked, lacks) =>
      this.#sent(client, { request: asked, model, lacks, signal }),
    );
    this.#rests.worked(model.name, askedMs);
  }

  async embed(wanted: string, texts: string[], signal: AbortSignal): Promise<Float32Array[]> {
    if (signal.aborted) throw abortedError();
    const { contextTokens } = this.#usable(wanted, 'embed');
    const client = await this.#opened();
    const { clock } = this.#parts;
    const beganMs = clock.monotonicMs();
    const once = async (batch: string[]) => {
      const askedMs = clock.monotonicMs();
      const late = () => new RuntimeError('unavailable', `${this.#name} made no vectors within ${embedMs / 1000} s`);
      const stop = new AbortController();
      try {
        const any = AbortSignal.any([signal, this.#closing.signal, stop.signal]);
        const work = client.embed?.(wanted, batch, any) ?? Promise.resolve([]);
        return await withDeadline(clock, embedMs, work, late);
      } catch (error) {
        throw this.#told(error, client, { signal, model: wanted, askedMs });
      } finally {
        stop.abort();
      }
    };
    const vectors: Float32Array[] = [];
    for (let from = 0; from < texts.length; from += embedBatch)
      vectors.push(...(await embedWithCut(texts.slice(from, from + embedBatch), contextTokens, once)));
    this.#rests.worked(wanted, beganMs);
    return vectors;
  }

  close(): void {
    this.#closing.abort();
  }

  #isMissing(model: string): boolean {
    return (this.#missing.get(model) ?? 0) > this.#parts.clock.monotonicMs();
  }

  offered(wanted: string): CloudModel {
    if (this.#closing.signal.aborted) throw closed();
    const model = this.#parts.models.find(({ name }) => name === wanted);
    if (model) return model;
    throw new RuntimeError('unknown-model', `${this.label} is not asked for ${wanted}: it is not offered here`);
  }

  #usable(wanted: string, kind: CloudModel['kind']): CloudModel {
    const model = this.offered(wanted);
    if (model.kind !== kind)
      throw new RuntimeError('wrong-kind', `${wanted} ${kind === 'chat' ? 'makes vectors, it cannot chat' : 'chats'}`);
    const resting = this.#blocked ?? this.#rests.of(wanted);
    if (resting) throw resting;
    return model;
  }

  #opened(): Promise<CloudProvider> {
    if (this.#closing.signal.aborted) return Promise.reject(closed());
    this.#client ??= clientOf(this.#parts, this.#url).catch((error) => {
      this.#client = null;
      const why = (error as Error).message;
      throw new RuntimeError('unavailable', `the client of ${this.#name} cannot be loaded: ${why}`);
    });
    return this.#client;
  }

  async #check(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const client = await this.#opened();
    const late = () => new RuntimeError('unavailable', `${this.label} did not answer within ${checkMs / 1000} s`);
    const askedMs = clock.monotonicMs();
    try {
      await withDeadline(clock, checkMs, client.check(AbortSignal.any([signal, this.#closing.signal])), late);
      if (this.#blocked?.code === 'wrong-key') this.#blocked = null;
    } catch (error) {
      const problem = this.#told(error, client, { signal, model: null, askedMs });
      // A gateway without a list of models, or a provider that is busy, is there.
      if (awayCodes.includes(problem.code)) throw problem;
    }
    this.#checkedMs = clock.monotonicMs();
  }

  async *#sent(client: CloudProvider, { request, model, lacks, signal }: Sent): AsyncGenerator<ChatEvent> {
    const askedMs = this.#parts.clock.monotonicMs();
    const stop = new AbortController();
    let begun = false;
    let silent: RuntimeError | null = null;
    const arm = () =>
      this.#parts.clock.after(silenceMs, () => {
        const what = begun ? 'stopped within its answer' : 'did not begin its answer';
        silent = new RuntimeError('unavailable', `${this.#name} ${what}: nothing came for ${silenceMs / 1000} s`);
        stop.abort();
      });
    let timer = arm();
    try {
      const any = AbortSignal.any([signal, this.#closing.signal, stop.signal]);
      for await (const event of client.chat(request, model, lacks, any)) {
        timer.cancel();
        begun = true;
        yield event;
        timer = arm();
      }
    } catch (error) {
      throw this.#told(silent ?? error, client, { signal, model: model.name, askedMs });
    } finally {
      timer.cancel();
      // Ends the request where the reader left.
      stop.abort();
    }
  }

  /** The error of a client as one with a code, in words without the key; what it means for later requests is kept. */
  #told(error: unknown, client: CloudProvider, { signal, model, askedMs }: Asked): RuntimeError {
    if (this.#closing.signal.aborted) return closed();
    if (signal.aborted) return abortedError();
    const { code, message, cause, retryAfterS } = error instanceof RuntimeError ? error : client.problemOf(error);
    const said = message.replaceAll(this.#parts.apiKey, '[key]').slice(0, maxSaidChars);
    const told = new RuntimeError(code, cloudRefusal(code, this.#name, said), { cause, retryAfterS });
    this.#keep(told, model, askedMs);
    return told;
  }

  #keep(error: RuntimeError, model: string | null, askedMs: number): void {
    const nowMs = this.#parts.clock.monotonicMs();
    switch (error.code) {
      case 'no-credit':
      case 'wrong-key':
        this.#blocked = error;
        this.#checkedMs = nowMs;
        return;
      case 'provider-overloaded':
        this.#rests.rest(null, error, askedMs);
        return;
      case 'rate-limited':
        if (model !== null) this.#rests.rest(model, error, askedMs);
        return;
      case 'unknown-model':
        if (model !== null) this.#missing.set(model, nowMs + missingMs);
        return;
      case 'unavailable':
        // An error with a cause is about the connection: the next look at the models finds out whether the provider answers.
        if (error.cause !== undefined) this.#checkedMs = Number.NEGATIVE_INFINITY;
        return;
      default:
    }
  }
}

interface Asked {
  signal: AbortSignal;
  /** Null: the provider itself was asked for what it has. */
  model: string | null;
  /** When the request was sent, by the clock's monotonic time. */
  askedMs: number;
}
interface Sent {
  request: ChatRequest;
  model: CloudModel;
  lacks: ReadonlySet<Extra>;
  signal: AbortSignal;
}

/** Errors of a check after which the models count as away. */
const awayCodes: readonly RuntimeErrorCode[] = ['unavailable', 'wrong-key', 'no-credit', 'aborted'];

const closed = () => new RuntimeError('unavailable', 'the runtime is closed');

async function clientOf({ provider, apiKey, clock }: CloudParts, url: string): Promise<CloudProvider> {
  const options = { url, apiKey, clock };
  if (provider === 'openai') return (await import('./cloud-openai.ts')).openAiProvider(options);
  return (await import('./cloud-anthropic.ts')).anthropicProvider(options);
}

function described(model: CloudModel, slots = usualSlots): RuntimeModel {
  const { name, kind, tier, contextTokens, dimension = 0, sees = false, price } = model;
  return {
    name,
    aliases: [],
    kind,
    sizeBytes: 0,
    contextTokens,
    resident: true,
    residentBytes: 0,
    parametersB: 0,
    tier,
    price,
    slots,
    tools: kind === 'chat',
    sees,
    dimension,
    digest: '',
  };
}
