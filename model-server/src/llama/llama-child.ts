// The process in which llama.cpp runs. In: orders over IPC. Out: texts, results, failures; nothing else is shared, so that a crash here is
// only a lost answer. It ends whenever its parent ends, so that no model stays in memory. This file is an entry point of its own: it is
// forked, never imported.
import { availableParallelism } from 'node:os';
import { systemClock } from '@blackroad/std/clock';
import type { ChatWrapper, Llama, LlamaContextSequence, LlamaEmbeddingContext, LlamaModel } from 'node-llama-cpp';
import type { ToolCall } from '../chat.ts';
import { given } from '../given.ts';
import { functionsOf, historyOf } from './llama-history.ts';
import { createSlots, Failure } from './llama-slots.ts';
import type {
  ChatOrder,
  ChatResult,
  CompleteOrder,
  EmbedOrder,
  FromChild,
  LoadOrder,
  LoadResult,
  Order,
  ToChild,
} from './llama-wire.ts';

// One thread less than the machine has: llama.cpp's threads spin, and on 2 cores a second one doubles the time of a token because it
// competes with Node's own; the library's default uses all visible cores of a container's host.
const threads = Math.max(1, availableParallelism() - 1);
// A text with more characters a token than this is cut before it is tokenized.
const mostCharsPerToken = 20;
const leastAnswerTokens = 1;

interface LoadedChat {
  kind: 'chat';
  model: LlamaModel;
  chat: (order: ChatOrder, signal: AbortSignal, onText: (text: string) => void) => Promise<Answer>;
  complete: (order: CompleteOrder, signal: AbortSignal, onText: (text: string) => void) => Promise<Answer>;
}
type Answer = Omit<ChatResult, 'residentBytes'>;
interface LoadedEmbed {
  kind: 'embed';
  model: LlamaModel;
  context: LlamaEmbeddingContext;
  limit: number;
}
type Loaded = LoadedChat | LoadedEmbed;

const loaded = new Map<string, Loaded>();
/** The memory of the process before the model was loaded. */
const rssBefore = new Map<string, number>();
const running = new Map<number, AbortController>();
let library: Promise<{ llama: Llama; module: typeof import('node-llama-cpp') }> | undefined;

function send(message: FromChild): void {
  process.send?.(message);
}

function start() {
  library ??= (async () => {
    const module = await import('node-llama-cpp');
    const llama = await module.getLlama({
      gpu: false,
      build: 'never',
      maxThreads: threads,
      logLevel: module.LlamaLogLevel.warn,
      logger: (level, message) =>
        send({ log: { level: level === 'error' || level === 'fatal' ? 'error' : 'info', message } }),
    });
    return { llama, module };
  })();
  return library;
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const { llama } = await start();
  const startedMs = systemClock.monotonicMs();
  const before = process.memoryUsage.rss();
  let model: LlamaModel | undefined;
  try {
    model = await llama.loadModel({ modelPath: order.path, gpuLayers: 0 });
    const contextTokens = order.kind === 'embed' ? await openEmbed(order, model) : await openChat(order, model);
    rssBefore.set(order.model, before);
    return {
      loadMs: systemClock.monotonicMs() - startedMs,
      residentBytes: Math.max(model.size, process.memoryUsage.rss() - before),
      contextTokens,
    };
  } catch (error) {
    await model?.dispose();
    throw new Failure('refused', `${order.path} cannot be loaded: ${(error as Error).message}`);
  }
}

async function openEmbed(order: LoadOrder, model: LlamaModel): Promise<number> {
  const context = await model.createEmbeddingContext({
    contextSize: order.contextTokens,
    batchSize: order.contextTokens,
    threads,
  });
  // The library adds a token at each end and needs one to spare.
  loaded.set(order.model, { kind: 'embed', model, context, limit: order.contextTokens - 3 });
  return order.contextTokens;
}

async function openChat(order: LoadOrder, model: LlamaModel): Promise<number> {
  const { module } = await start();
  const context = await model.createContext({ sequences: order.slots, contextSize: order.contextTokens, threads });
  const slots = createSlots(Array.from({ length: order.slots }, () => context.getSequence()));
  const ownTemplate = templateOf(module, model);
  const forTools = module.resolveChatWrapper(model);
  const onSlot = async (signal: AbortSignal, work: (sequence: LlamaContextSequence) => Promise<Answer>) => {
    const sequence = await slots.take(signal);
    try {
      return await work(sequence);
    } finally {
      slots.give(sequence, signal);
    }
  };
  const chat: LoadedChat['chat'] = (request, signal, onText) =>
    onSlot(signal, (sequence) => answer({ model, ownTemplate, forTools }, sequence, request, signal, onText));
  const complete: LoadedChat['complete'] = (request, signal, onText) =>
    onSlot(signal, (sequence) => completeText(model, sequence, request, signal, onText));

  loaded.set(order.model, { kind: 'chat', model, chat, complete });
  return order.contextTokens;
}

/** `forTools`: the library's own format of the model's family. */
interface Format {
  model: LlamaModel;
  ownTemplate: ReturnType<typeof templateOf>;
  forTools: ChatWrapper;
}

async function answer(
  { model, ownTemplate, forTools }: Format,
  sequence: LlamaContextSequence,
  request: ChatOrder,
  signal: AbortSignal,
  onText: (text: string) => void,
): Promise<Answer> {
  const { llama, module } = await start();
  const history = historyOf(request.messages);
  const functions = functionsOf(request);
  const wrapper = functions ? forTools : (ownTemplate ?? forTools);
  const state = wrapper.generateContextState({
    chatHistory: history,
    availableFunctions: functions,
    documentFunctionParams: functions !== undefined,
  });
  const prompt = state.contextText.tokenize(model.tokenizer);
  const room = sequence.contextSize - prompt.length - 2;
  // The library would drop the oldest turns silently; the agent decides which to drop.
  if (room < leastAnswerTokens) {
    throw new Failure(
      'too-long',
      `the prompt has ${prompt.length} tokens, ${request.model} takes ${sequence.contextSize}`,
    );
  }
  const grammar = request.schema
    ? await grammarOf(llama, request.schema)
    : request.json
      ? await llama.getGrammarFor('json')
      : undefined;
  const cachedTokens = sequence.compareContextTokens(prompt).firstDifferentIndex;
  const talk = new module.LlamaChat({ contextSequence: sequence, chatWrapper: wrapper, autoDisposeSequence: false });
  const watch = watchAnswer();
  try {
    const response = await talk.generateResponse(history, {
      signal,
      maxTokens: Math.max(1, Math.min(request.maxTokens ?? room, room)),
      ...samplingFor(request),
      ...(request.think === false ? { budgets: { thoughtTokens: 0 } } : {}),
      onTextChunk: onText,
      onToken: watch.onToken,
      ...(functions ? { functions, documentFunctionParams: true } : { grammar }),
    });
    const calls = (response.functionCalls ?? []).map(
      (call, index): ToolCall => ({
        id: `call-${index}`,
        name: String(call.functionName),
        arguments: (call.params ?? {}) as Record<string, unknown>,
      }),
    );
    const thought = response.fullResponse
      .map((part) => (typeof part !== 'string' && part.type === 'segment' ? part.text : ''))
      .join('');
    const reason: ChatResult['reason'] =
      calls.length > 0 ? 'tool-calls' : response.metadata.stopReason === 'maxTokens' ? 'length' : 'stop';
    return {
      calls,
      thought,
      reason,
      usage: { ...watch.usage(prompt.length), cachedTokens },
    };
  } finally {
    talk.dispose({ disposeSequence: false });
  }
}

/** Times an answer and counts its tokens, from now on. */
function watchAnswer() {
  const startedMs = systemClock.monotonicMs();
  let firstMs = 0;
  let completionTokens = 0;
  return {
    onToken(generated: readonly unknown[]) {
      firstMs ||= systemClock.monotonicMs();
      completionTokens += generated.length;
    },
    usage(promptTokens: number) {
      const endMs = systemClock.monotonicMs();
      const prefillMs = (firstMs || endMs) - startedMs;
      return { promptTokens, completionTokens, loadMs: 0, prefillMs, decodeMs: firstMs ? endMs - firstMs : 0 };
    },
  };
}

/** Goes on with a text, without a chat template. */
async function completeText(
  model: LlamaModel,
  sequence: LlamaContextSequence,
  request: CompleteOrder,
  signal: AbortSignal,
  onText: (text: string) => void,
): Promise<Answer> {
  const { module } = await start();
  const prompt = model.tokenize(request.prompt);
  const room = sequence.contextSize - prompt.length - 2;
  if (room < leastAnswerTokens) {
    const words = `the text has ${prompt.length} tokens, ${request.model} takes ${sequence.contextSize}`;
    throw new Failure('too-long', words);
  }
  const completion = new module.LlamaCompletion({ contextSequence: sequence, autoDisposeSequence: false });
  const watch = watchAnswer();
  try {
    const { metadata } = await completion.generateCompletionWithMeta(prompt, {
      signal,
      maxTokens: Math.max(1, Math.min(request.maxTokens ?? room, room)),
      ...samplingFor(request),
      onTextChunk: onText,
      onToken: watch.onToken,
    });
    return {
      calls: [],
      thought: '',
      reason: metadata.stopReason === 'maxTokens' ? 'length' : 'stop',
      usage: watch.usage(prompt.length),
    };
  } finally {
    completion.dispose({ disposeSequence: false });
  }
}

/** The library's names for how the next token is chosen. */
function samplingFor({ sampling, repeatPenalty }: ChatOrder | CompleteOrder) {
  const { temperature, topP, topK, minP, seed, stop, presencePenalty, frequencyPenalty } = sampling;
  const penalty = given({ penalty: repeatPenalty, presencePenalty, frequencyPenalty });
  return {
    ...given({ temperature, topP, topK, minP, seed, customStopTriggers: stop?.length ? stop : undefined }),
    repeatPenalty: Object.keys(penalty).length > 0 ? { ...penalty, lastTokens: 64 } : (false as const),
  };
}

// The library picks a chat format by the model's family, which for SmolLM2 begins every prompt twice and leaves out its default system
// prompt: its answers are then bad. With the template inside the file the prompt is that of Ollama. For function calls the library's own
// formats are used, which are made for them.
function templateOf(module: typeof import('node-llama-cpp'), model: LlamaModel) {
  try {
    return module.resolveChatWrapper(model, { type: 'jinjaTemplate', fallbackToOtherWrappersOnJinjaError: false });
  } catch (error) {
    send({
      log: { level: 'warn', message: `the model's own chat template cannot be used: ${(error as Error).message}` },
    });
    return undefined;
  }
}

async function grammarOf(llama: Llama, schema: object) {
  try {
    return await llama.createGrammarForJsonSchema(schema as Parameters<Llama['createGrammarForJsonSchema']>[0]);
  } catch (error) {
    throw new Failure('unsupported', `this JSON schema cannot be forced: ${(error as Error).message}`);
  }
}

async function embed(one: LoadedEmbed, order: EmbedOrder, signal: AbortSignal): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (const text of order.texts) {
    if (signal.aborted) throw new Failure('aborted', 'the request was aborted');
    const tokens = one.model.tokenize(text.slice(0, one.limit * mostCharsPerToken)).slice(0, one.limit);
    const { vector } = await one.context.getEmbeddingFor(tokens);
    // An empty text has no tokens and so no direction.
    vectors.push(vector.length > 0 ? Float32Array.from(vector) : new Float32Array(one.model.embeddingVectorSize));
  }
  return vectors;
}

/** Memory of the model; it grows with the first work, which touches buffers that loading only reserved. */
function heldBy(model: string): number {
  return loaded.size === 1 ? Math.max(0, process.memoryUsage.rss() - (rssBefore.get(model) ?? 0)) : 0;
}

function run(order: Order, signal: AbortSignal, onText: (text: string) => void) {
  if (order.op === 'load') return load(order);
  const one = loaded.get(order.model);
  if (order.op === 'unload') {
    loaded.delete(order.model);
    rssBefore.delete(order.model);
    return one?.model.dispose().then(() => null) ?? Promise.resolve(null);
  }
  if (!one) throw new Failure('unavailable', `${order.model} is not loaded`);
  if (order.op === 'chat' && one.kind === 'chat')
    return one.chat(order, signal, onText).then((answer) => ({ ...answer, residentBytes: heldBy(order.model) }));
  if (order.op === 'complete' && one.kind === 'chat')
    return one.complete(order, signal, onText).then((answer) => ({ ...answer, residentBytes: heldBy(order.model) }));
  if (order.op === 'embed' && one.kind === 'embed') return embed(one, order, signal);
  throw new Failure('wrong-kind', `${order.model} is no ${order.op} model`);
}

async function received(message: ToChild): Promise<void> {
  const { id } = message;
  if ('abort' in message) {
    running.get(id)?.abort();
    return;
  }
  const abort = new AbortController();
  running.set(id, abort);
  try {
    const done = await run(message.order, abort.signal, (text) => text !== '' && send({ id, text }));
    send({ id, done });
  } catch (error) {
    const code = error instanceof Failure ? error.code : abort.signal.aborted ? 'aborted' : 'unavailable';
    send({ id, failed: { code, message: error instanceof Error ? error.message : String(error) } });
  } finally {
    running.delete(id);
  }
}

process.on('message', (message) => void received(message as ToChild));
// The channel closes when the parent ends, even by SIGKILL. A clean exit would wait for native threads.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
if (!process.connected) process.exit(2);
