// A runtime that runs no model: for the fleet simulator and load tests, labelled `simulated` wherever it shows.
// It answers in the time a model of the given speed would take, fails in the ways real ones fail, and gives the same answer
// and the same vectors for the same input, so that a simulated run can be repeated from its seed.
import { createHash } from 'node:crypto';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { cutText, unitVector } from './cut.ts';
import { abortedError } from './http-json.ts';
import { type ChatEvent, type ChatRequest, type Runtime, RuntimeError, type RuntimeModel } from './runtime.ts';

export interface SimulatedOptions {
  models: (Pick<RuntimeModel, 'name' | 'kind'> & Partial<RuntimeModel>)[];
  /** Tokens a second; Infinity answers at once and spends no timer. */
  decodeTps: number;
  clock: Clock;
  /** Chance of a failing answer, drawn from the simulator's seed. */
  random: Random;
  failureRate?: number;
}

const charsPerToken = 4;

export function createSimulated(options: SimulatedOptions): Runtime {
  const models = new Map<string, RuntimeModel>();
  for (const given of options.models) models.set(given.name, { ...defaultsFor(given.kind), ...given });
  let closed = false;

  function modelOf(name: string, kind?: RuntimeModel['kind']): RuntimeModel {
    if (closed) throw new RuntimeError('unavailable', 'the runtime is closed');
    const model = models.get(name);
    if (!model) throw new RuntimeError('unknown-model', `no simulated model ${name}`);
    if (kind && model.kind !== kind) throw new RuntimeError('wrong-kind', `${name} is a simulated ${model.kind} model`);
    return model;
  }

  async function* chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const model = modelOf(request.model, 'chat');
    if (signal.aborted) throw abortedError();
    if (request.tools?.length && !model.tools)
      throw new RuntimeError('unsupported', `${model.name} does not support tools`);
    const promptTokens = tokensOf(request.messages.map((message) => message.content).join('\n'));
    if (promptTokens >= model.contextTokens) {
      throw new RuntimeError('too-long', `${promptTokens} tokens, ${model.name} takes ${model.contextTokens}`);
    }
    if (options.failureRate && options.random.next() < options.failureRate) {
      throw new RuntimeError('unavailable', 'simulated failure of the runtime');
    }
    model.resident = true;
    const words = answerTo(request).split(/(?<= )/);
    const kept = words.slice(0, Math.max(0, request.maxTokens));
    const instant = !Number.isFinite(options.decodeTps);
    const tokenMs = instant ? 0 : 1000 / options.decodeTps;
    for (const text of instant ? [kept.join('')] : kept) {
      if (!instant) await sleep(options.clock, tokenMs);
      if (signal.aborted) throw abortedError();
      yield { type: 'text', text };
    }
    if (signal.aborted) throw abortedError();
    yield {
      type: 'end',
      reason: kept.length < words.length ? 'length' : 'stop',
      usage: { promptTokens, completionTokens: kept.length, loadMs: 0, prefillMs: 0, decodeMs: kept.length * tokenMs },
    };
  }

  return {
    kind: 'simulated',
    label: 'simulated (no model runs)',
    alive: async () => !closed,
    async models() {
      return [...models.values()].map((model) => ({ ...model }));
    },
    async load(name) {
      modelOf(name).resident = true;
    },
    async unload(name) {
      modelOf(name).resident = false;
    },
    async *pull(name, signal) {
      if (signal?.aborted) throw abortedError();
      const totalBytes = 1_000_000;
      yield { status: 'pulling simulated model', completedBytes: 0, totalBytes };
      models.set(name, models.get(name) ?? { ...defaultsFor('chat'), name, kind: 'chat' });
      yield { status: 'success', completedBytes: totalBytes, totalBytes };
    },
    chat,
    async embed(name, texts, signal) {
      const model = modelOf(name, 'embed');
      if (signal.aborted) throw abortedError();
      return texts.map((text) => bagOfWords(cutText(text, model.contextTokens * charsPerToken), model.dimension));
    },
    async close() {
      closed = true;
    },
  };
}

function defaultsFor(kind: RuntimeModel['kind']): Omit<RuntimeModel, 'name' | 'kind'> {
  return {
    aliases: [],
    sizeBytes: 100_000_000,
    contextTokens: kind === 'chat' ? 4096 : 512,
    resident: false,
    residentBytes: 0,
    parametersB: kind === 'chat' ? 0.135 : 0.0226,
    slots: 4,
    tools: false,
    dimension: kind === 'chat' ? 0 : 64,
    digest: '',
  };
}

function answerTo(request: ChatRequest): string {
  const asked = request.messages.findLast((message) => message.role === 'user')?.content ?? '';
  return `Simulated answer to: ${cutText(asked.replace(/\s+/g, ' ').trim(), 120)}`;
}

const tokensOf = (text: string) => Math.ceil(text.length / charsPerToken);

/** Each word adds to one place of the vector: texts that share words are near each other. */
function bagOfWords(text: string, dimension: number): Float32Array {
  const vector = new Float32Array(dimension);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const digest = createHash('sha256').update(word).digest();
    vector[digest.readUInt32LE(0) % dimension]! += digest[4]! & 1 ? 1 : -1;
  }
  if (vector.every((value) => value === 0)) vector[0] = 1;
  return unitVector(vector);
}
