// A runtime without a model: for the fleet simulator and load tests, labelled `simulated` wherever it is shown. It answers in the time that
// a model of the given speed would need, fails in the ways of real ones, and returns the same answer and the same vectors for the same
// input, so that a simulated run can be repeated from its seed.

import { createHash } from 'node:crypto';
import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import { abortedError, RuntimeError } from '@blackroad/model-server/runtime-error';
import { unitVector } from '@blackroad/model-server/unit-vector';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { cutText } from './cut.ts';
import type { Runtime, RuntimeModel } from './runtime.ts';

interface SimulatedOptions {
  models: (Pick<RuntimeModel, 'name' | 'kind'> & Partial<RuntimeModel>)[];
  /** Tokens a second; Infinity answers at once without a timer. */
  decodeTps: number;
  clock: Clock;
  /** The random numbers for failing answers, from the simulator's seed. */
  random: Random;
  failureRate?: number;
  /** The faults that a scenario sets; read at every call, so that they may change while the server runs. */
  faults?: SimulatedFaults;
  /** Share of answers that first call the first tool of the request, with arguments that match its schema. */
  toolRate?: number;
}
export interface SimulatedFaults {
  /** The duration of a load; 0: none. */
  loadMs: number;
  /** A load fails like that of a model that does not fit. */
  outOfMemory: boolean;
  /** Requests are accepted and never answered, as by an overloaded Ollama. */
  hangs: boolean;
  /** Every answer breaks off in the middle. */
  fails: boolean;
  /** Share of requests that the server takes for wrong: the work is to blame, and not the place. */
  refuses: number;
}
export const noFaults = (): SimulatedFaults => ({
  loadMs: 0,
  outOfMemory: false,
  hangs: false,
  fails: false,
  refuses: 0,
});

const charsPerToken = 4;
/** The form of a prompt in agents/prompt.ts. */
const beforeTheQuestion = /^[\s\S]*\n\nThe user says now:\n/;

export function createSimulated(options: SimulatedOptions): Runtime {
  const models = new Map<string, RuntimeModel>();
  for (const given of options.models) models.set(given.name, { ...defaultsFor(given.kind), ...given });
  const faults = options.faults ?? noFaults();
  let closed = false;

  async function loadModel(model: RuntimeModel, signal?: AbortSignal): Promise<void> {
    if (model.resident) return;
    if (faults.hangs) await never(signal);
    if (faults.loadMs > 0) await sleep(options.clock, faults.loadMs);
    if (signal?.aborted) throw abortedError();
    if (faults.outOfMemory) throw new RuntimeError('refused', `${model.name} does not fit into memory (simulated)`);
    model.resident = true;
    model.residentBytes = model.sizeBytes;
  }

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
    await loadModel(model, signal);
    if (faults.hangs) await never(signal);
    if (faults.refuses > 0 && options.random.next() < faults.refuses)
      throw new RuntimeError('bad-request', 'simulated: the server takes the request for wrong');
    const tool = request.messages.at(-1)?.role === 'user' ? request.tools?.[0] : undefined;
    if (tool && options.toolRate && options.random.next() < options.toolRate) {
      yield {
        type: 'tool-calls',
        calls: [{ id: 'call-1', name: tool.name, arguments: argumentsFor(tool.parameters) }],
      };
      yield { type: 'end', reason: 'tool-calls', usage: usageOf(promptTokens, 1, 0) };
      return;
    }
    const words = answerTo(request).split(/(?<= )/);
    const kept = words.slice(0, Math.max(0, request.maxTokens ?? words.length));
    const instant = !Number.isFinite(options.decodeTps);
    const tokenMs = instant ? 0 : 1000 / options.decodeTps;
    for (const text of instant ? [kept.join('')] : kept) {
      if (!instant) await sleep(options.clock, tokenMs);
      if (signal.aborted) throw abortedError();
      if (faults.fails) throw new RuntimeError('unavailable', 'simulated: the runner was killed');
      yield { type: 'text', text };
    }
    if (signal.aborted) throw abortedError();
    yield {
      type: 'end',
      reason: kept.length < words.length ? 'length' : 'stop',
      usage: usageOf(promptTokens, kept.length, kept.length * tokenMs),
    };
  }

  return {
    kind: 'simulated',
    label: 'simulated (no model runs)',
    alive: async () => !closed,
    async models() {
      return [...models.values()].map((model) => ({ ...model }));
    },
    load: async (name, signal) => loadModel(modelOf(name), signal),
    async unload(name) {
      const model = modelOf(name);
      model.resident = false;
      model.residentBytes = 0;
    },
    async remove(name) {
      models.delete(modelOf(name).name);
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

function usageOf(promptTokens: number, completionTokens: number, decodeMs: number) {
  return { promptTokens, completionTokens, loadMs: 0, prefillMs: 0, decodeMs };
}
/** Pending until the caller aborts. */
function never(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(abortedError());
    signal?.addEventListener('abort', () => reject(abortedError()), { once: true });
  });
}
/** The spec of an agent for simulated models allows the topic `signal`. */
function argumentsFor(parameters: object): Record<string, unknown> {
  const { properties = {} } = parameters as { properties?: Record<string, unknown> };
  return Object.fromEntries(Object.keys(properties).map((name) => [name, name === 'topic' ? 'signal' : 'simulated']));
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
  const last = request.messages.findLast((message) => message.role === 'user')?.content ?? '';
  // Like a model, it answers the question, not the notes beside it.
  const asked = last.replace(beforeTheQuestion, '');
  return `Simulated answer to: ${cutText(asked.replace(/\s+/g, ' ').trim(), 120)}`;
}

const tokensOf = (text: string) => Math.ceil(text.length / charsPerToken);

/** Each word adds to one element of the vector: texts that share words are similar. */
function bagOfWords(text: string, dimension: number): Float32Array {
  const vector = new Float32Array(dimension);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const digest = createHash('sha256').update(word).digest();
    vector[digest.readUInt32LE(0) % dimension]! += digest[4]! & 1 ? 1 : -1;
  }
  if (vector.every((value) => value === 0)) vector[0] = 1;
  return unitVector(vector);
}
