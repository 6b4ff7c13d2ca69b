// Requests of the gateway to models of this node: admitted like the turns of agents, answered in parts, stopped when nobody waits any more.
// In: pieces of requests, stops, the loss of the connection. Out: parts of answers. Nothing is stored: the gateway learns from the node's
// presence that a request was lost, and each request that was taken gets exactly one end while the connection stands.

import { chatOf, completionOf, told, usageToTell } from '@blackroad/model-server/asked';
import type { ChatEvent } from '@blackroad/model-server/chat';
import { given } from '@blackroad/model-server/given';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import {
  cutToBytes,
  type Decoded,
  encodeVector,
  faults,
  interpretingChecker,
  type ModelAnswerEnd,
  type ModelProblem,
  type ModelProblemCode,
  ModelRequest,
  maxJsonDepth,
  maxModelRequestsPerNode,
  nestsDeeper,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Identity } from '../identity/identity.ts';
import type { ModelPool } from '../models/model-pool.ts';
import type { Transport } from '../transport/transport.ts';
import { createOutlet, type Outlet } from './outlet.ts';
import { createParts, type Parts } from './parts.ts';
import { createPieces } from './pieces.ts';
import { RequestChannel, type RequestMessage } from './request-channel.ts';

interface ModelRequestsParts {
  node: string;
  pool: Pick<ModelPool, 'find' | 'runtimeFor' | 'enter' | 'embeds' | 'learn' | 'direct'>;
  identity: () => Identity;
  transport: Pick<Transport, 'send'>;
  clock: Clock;
  log: Log;
}
interface Running {
  abort: AbortController;
  /** Where the answer goes. */
  outlet: Outlet;
  /** Whether somebody still waits for the answer. */
  isHeard: boolean;
}
class DeadlinePassed extends Error {}

export class ModelRequests {
  readonly #parts: ModelRequestsParts;
  readonly #pieces: ReturnType<typeof createPieces>;
  readonly #overMqtt: Outlet;
  readonly #overChannel: Outlet;
  readonly #channel: RequestChannel;
  readonly #running = new Map<string, Running>();
  #coordinator: string | null = null;

  constructor(parts: ModelRequestsParts) {
    this.#parts = parts;
    const { node, transport, clock } = parts;
    this.#pieces = createPieces(clock);
    this.#overMqtt = createOutlet(clock, (message) => transport.send('modelAnswers', { node }, message));
    this.#channel = new RequestChannel({
      ...parts,
      receive: (message) => this.#receive(message, this.#overChannel),
      isBusy: () => this.#running.size > 0,
      servers: () => parts.pool.direct(),
      lost: () => this.#lost(this.#overChannel),
    });
    this.#overChannel = createOutlet(clock, (message) => this.#channel.send(message));
  }

  get running(): number {
    return this.#running.size;
  }

  receive(message: RequestMessage | Extract<Decoded, { name: 'modelChannel' }>): void {
    if (message.name === 'modelChannel') this.#channel.invited(message.message.ticket);
    else this.#receive(message, this.#overMqtt);
  }

  #receive({ name, message }: RequestMessage, outlet: Outlet): void {
    const { request } = message;
    if (name === 'modelRequestStop') {
      this.#pieces.drop(request);
      this.#stop(request);
      return;
    }
    // A message that was delivered twice.
    if (this.#running.has(request)) return;
    const taken = this.#pieces.take(message);
    if (taken === null) return;
    const parts = partsOf(request, outlet);
    if ('refused' in taken) parts.end({ problem: { code: taken.refused, text: taken.words } });
    else this.#begin(request, taken.text, parts, outlet);
  }

  #begin(request: string, text: string, parts: Parts, outlet: Outlet): void {
    const asked = readRequest(text);
    const refuse = (code: ModelProblemCode, words: string) => parts.end({ problem: { code, text: words } });
    if ('fault' in asked) refuse('bad-request', asked.fault);
    else if (this.#running.size < maxModelRequestsPerNode) void this.#work(request, asked, parts, outlet);
    else refuse('overloaded', `${this.#running.size} requests are under way on this node`);
  }

  /** The models of this node may be others now. */
  modelsChanged(): void {
    this.#channel.tellServers();
  }

  /** Another coordinator knows nothing of the requests of the one before it. */
  askedBy(coordinator: string): void {
    if (this.#coordinator !== null && this.#coordinator !== coordinator) this.disconnected();
    this.#coordinator = coordinator;
  }

  /** The connection broke, or the coordinator is gone: nobody waits for these answers. */
  disconnected(): void {
    this.#pieces.clear();
    this.#channel.close();
    this.#lost(this.#overMqtt);
  }

  #lost(outlet: Outlet): void {
    for (const [request, running] of [...this.#running]) if (running.outlet === outlet) this.#stop(request);
    outlet.clear();
  }

  #stop(request: string): void {
    const running = this.#running.get(request);
    if (!running) return;
    running.isHeard = false;
    running.abort.abort(new Error('nobody waits for the answer'));
  }

  async #work(request: string, asked: ModelRequest, parts: Parts, outlet: Outlet): Promise<void> {
    const { clock, log } = this.#parts;
    const running: Running = { abort: new AbortController(), outlet, isHeard: true };
    this.#running.set(request, running);
    const deadline: Timer = clock.after(asked.leftMs, () => running.abort.abort(new DeadlinePassed()));
    let end: ModelAnswerEnd;
    try {
      end = await this.#answer(asked, running.abort.signal, parts);
    } catch (error) {
      const problem = problemOf(error, running.abort.signal);
      if (problem.code === 'internal') log.error({ err: error, model: asked.model }, 'a request of the gateway broke');
      end = { problem };
    } finally {
      deadline.cancel();
      this.#running.delete(request);
    }
    if (running.isHeard) parts.end(end);
    else {
      parts.drop();
      outlet.drop(request);
    }
  }

  async #answer(asked: ModelRequest, signal: AbortSignal, parts: Parts): Promise<ModelAnswerEnd> {
    const { pool, clock } = this.#parts;
    const runtime = pool.runtimeFor(asked.model);
    const name = pool.find(asked.model)?.model.name;
    if (!runtime || name === undefined)
      throw new RuntimeError('unknown-model', `no runtime on this node serves ${asked.model} now`);
    if (asked.kind === 'embed') return this.#embed(asked, name, signal, parts);
    const beganMs = clock.monotonicMs();
    const leave = await pool.enter(name, signal, asked.waitMs);
    const waitMs = clock.monotonicMs() - beganMs;
    try {
      let end: ModelAnswerEnd | null = null;
      const events =
        asked.kind === 'chat' ? runtime.chat(chatOf(asked, name), signal) : this.#complete(asked, name, signal);
      for await (const event of events) {
        if (event.type !== 'end') {
          parts.add(told(event));
          continue;
        }
        pool.learn(name, event.usage);
        end = { reason: event.reason, usage: usageToTell(event.usage, waitMs) };
      }
      if (!end) throw new RuntimeError('unavailable', 'the answer ended before it was done');
      return end;
    } finally {
      leave();
    }
  }

  async #embed(
    { texts = [], waitMs: patienceMs }: ModelRequest,
    name: string,
    signal: AbortSignal,
    parts: Parts,
  ): Promise<ModelAnswerEnd> {
    const { pool, clock } = this.#parts;
    const beganMs = clock.monotonicMs();
    const { vectors, waitMs } = await pool.embeds.embed(name, texts, signal, patienceMs);
    for (const vector of vectors) parts.add({ vector: encodeVector(vector) });
    const promptTokens = Math.ceil(texts.reduce((sum, { length }) => sum + length, 0) / 4);
    const prefillMs = Math.max(0, clock.monotonicMs() - beganMs - waitMs);
    const none = { completionTokens: 0, loadMs: 0, decodeMs: 0 };
    return { reason: 'stop', usage: { ...none, promptTokens, prefillMs, waitMs } };
  }

  #complete(asked: ModelRequest, model: string, signal: AbortSignal): AsyncIterable<ChatEvent> {
    const complete = this.#parts.pool.runtimeFor(model)?.complete;
    if (!complete)
      throw new RuntimeError('unsupported', `the server of ${model} only chats; it cannot go on with a text`);
    return complete(completionOf(asked, model), signal);
  }
}

function partsOf(request: string, outlet: Outlet): Parts {
  return createParts(request, (part, size, isUrgent) => outlet.put(part, size, isUrgent));
}

function readRequest(text: string): ModelRequest | { fault: string } {
  if (nestsDeeper(Buffer.from(text), maxJsonDepth))
    return { fault: `expected at most ${maxJsonDepth} levels of nesting, got more` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { fault: (error as Error).message.slice(0, 300) };
  }
  if (interpretingChecker(ModelRequest, value)) return value as ModelRequest;
  const [first] = faults(ModelRequest, value);
  return { fault: first ? `${first.field}: expected ${first.expected}, got ${first.got}` : 'expected another form' };
}

function problemOf(error: unknown, signal: AbortSignal): ModelProblem {
  if (signal.reason instanceof DeadlinePassed) return { code: 'deadline-passed', text: 'the deadline passed' };
  const text = cutToBytes((error as Error).message || 'no words', 1000);
  if (!(error instanceof RuntimeError)) return { code: 'internal', text };
  return { code: error.code, text, ...given({ retryAfterS: error.retryAfterS }) };
}
