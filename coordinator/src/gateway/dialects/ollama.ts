// Ollama's chat, generate and embed: a client that speaks only Ollama sees the fleet as one large Ollama.
import type {
  ModelMessage,
  ModelToolCall,
  OllamaChat,
  OllamaEmbed,
  OllamaGenerate,
  Sampling,
} from '@blackroad/protocol';
import { ollamaLacks, type TokenLogprob } from '@blackroad/protocol';
import type { Ask, EndReason, Told, Usage } from '../ask.ts';
import {
  type Dialect,
  modelsOf,
  present,
  refuseLacking,
  type StreamWriter,
  toolOf,
  type WholeAnswer,
} from './dialect.ts';
import { ollamaError } from './errors.ts';
import { floatsOf } from './openai-embeddings.ts';
import { stopsOf } from './openai-fields.ts';

type Options = OllamaChat['options'];

export const ollamaChat: Dialect<OllamaChat> = {
  streamType: 'application/x-ndjson',
  read(body) {
    refuseLacking(body, ollamaLacks.chat);
    const names = new Map<string, string>();
    return askOf(body, {
      kind: 'chat',
      messages: (body.messages ?? []).map((message, at) => messageOf(message, at, names)),
      ...(body.tools?.length ? { tools: body.tools.map((tool) => toolOf(tool.function)) } : {}),
    });
  },
  stream: () => lineStream(({ text, thought, calls }) => messageIn(text, thought, calls)),
  whole: (_, told, [answer]) => ({
    ...lineOf(told),
    ...messageIn(answer?.text, answer?.thought, answer?.calls),
    ...lastOf(answer),
    ...(answer?.logprobs.length ? { logprobs: answer.logprobs.map(logprobOf) } : {}),
  }),
};

export const ollamaGenerate: Dialect<OllamaGenerate> = {
  streamType: 'application/x-ndjson',
  read(body) {
    refuseLacking(body, ollamaLacks.generate);
    const { prompt = '', system, images } = body;
    if (body.raw) return askOf(body, { kind: 'complete', prompt });
    return askOf(body, {
      kind: 'chat',
      messages: [
        ...(system ? [{ role: 'system' as const, content: system }] : []),
        { role: 'user', content: prompt, ...(images?.length ? { images } : {}) },
      ],
    });
  },
  stream: () => lineStream(({ text, thought }) => responseIn(text, thought)),
  whole: (_, told, [answer]) => ({
    ...lineOf(told),
    ...responseIn(answer?.text, answer?.thought),
    ...lastOf(answer),
    ...(answer?.logprobs.length ? { logprobs: answer.logprobs.map(logprobOf) } : {}),
  }),
};

export const ollamaEmbed: Dialect<OllamaEmbed> = {
  streamType: 'application/x-ndjson',
  read(body) {
    refuseLacking(body, ollamaLacks.embed);
    return {
      models: modelsOf(body.model),
      answers: 1,
      stream: false,
      session: null,
      request: { kind: 'embed', texts: typeof body.input === 'string' ? [body.input] : body.input },
    };
  },
  stream: null,
  whole: (_, told, [answer]) => ({
    model: told.asked,
    embeddings: (answer?.vectors ?? []).map(floatsOf),
    ...timesOf(answer?.usage),
  }),
};

/** A request without a prompt only asks whether the model can be loaded: a node loads it with its first request. */
export function loadedLine(model: string, createdMs: number, isChat: boolean): object {
  const empty = isChat ? { message: { role: 'assistant', content: '' } } : { response: '' };
  return { model, created_at: new Date(createdMs).toISOString(), ...empty, done: true, done_reason: 'load' };
}

function askOf(body: OllamaChat | OllamaGenerate, request: Ask['request']): Ask {
  const { options, format, think, logprobs, top_logprobs } = body;
  refuseLacking(options ?? {}, ollamaLacks.options, 'options.');
  const most = options?.num_predict;
  return {
    models: modelsOf(body.model),
    answers: 1,
    stream: body.stream ?? true,
    session: null,
    request: {
      ...request,
      sampling: samplingOf(options),
      ...present({
        // -1 and -2 are Ollama's words for no limit.
        maxTokens: most !== undefined && most > 0 ? most : undefined,
        schema: typeof format === 'object' && format !== null ? format : undefined,
        json: format === 'json' ? (true as const) : undefined,
        think: think === false ? (false as const) : undefined,
        logprobs: logprobs ? (top_logprobs ?? 0) : undefined,
      }),
    },
  };
}
function samplingOf(options: Options): Sampling {
  return present({
    temperature: options?.temperature,
    topP: options?.top_p,
    topK: options?.top_k,
    minP: options?.min_p,
    seed: options?.seed,
    stop: stopsOf(options?.stop),
    presencePenalty: options?.presence_penalty,
    frequencyPenalty: options?.frequency_penalty,
    repeatPenalty: options?.repeat_penalty,
  });
}

type Message = NonNullable<OllamaChat['messages']>[number];
/** Ollama's tools are named in their results, where other dialects have ids: the last call of that name is meant. */
function messageOf(message: Message, at: number, names: Map<string, string>): ModelMessage {
  const { role, content = '', images, tool_calls: calls, tool_name, tool_call_id } = message;
  const toolCalls = (calls ?? []).map(({ id, function: called }, i): ModelToolCall => {
    const call = { id: id ?? `call-${at}-${i}`, name: called.name, arguments: called.arguments };
    names.set(call.name, call.id);
    return call;
  });
  return {
    role,
    content,
    ...(images?.length ? { images } : {}),
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
    ...(role === 'tool'
      ? { toolCallId: tool_call_id ?? names.get(tool_name ?? '') ?? [...names.values()].at(-1) ?? '' }
      : {}),
  };
}

const lineOf = ({ asked, createdMs }: Told) => ({ model: asked, created_at: new Date(createdMs).toISOString() });
function messageIn(text = '', thought = '', calls: readonly ModelToolCall[] = []) {
  return {
    message: {
      role: 'assistant',
      content: text,
      ...(thought === '' ? {} : { thinking: thought }),
      ...(calls.length > 0
        ? { tool_calls: calls.map(({ id, name, arguments: given }) => ({ id, function: { name, arguments: given } })) }
        : {}),
    },
  };
}
const responseIn = (text = '', thought = '') => ({ response: text, ...(thought === '' ? {} : { thinking: thought }) });
const logprobOf = ({ token, logprob, top }: TokenLogprob) => ({ token, logprob, top_logprobs: top });

const nanoseconds = (ms: number) => Math.round(ms * 1e6);
function timesOf(usage: Usage | undefined) {
  const { promptTokens = 0, completionTokens = 0, loadMs = 0, prefillMs = 0, decodeMs = 0, waitMs = 0 } = usage ?? {};
  return {
    total_duration: nanoseconds(waitMs + loadMs + prefillMs + decodeMs),
    load_duration: nanoseconds(loadMs),
    prompt_eval_count: promptTokens,
    prompt_eval_duration: nanoseconds(prefillMs),
    eval_count: completionTokens,
    eval_duration: nanoseconds(decodeMs),
  };
}
function lastOf(answer: Pick<WholeAnswer, 'reason' | 'usage'> | undefined) {
  return { done: true, done_reason: answer?.reason === 'length' ? 'length' : 'stop', ...timesOf(answer?.usage) };
}

interface Piece {
  text?: string;
  thought?: string;
  calls?: readonly ModelToolCall[];
  logprobs?: readonly TokenLogprob[];
}
function lineStream(contentOf: (piece: Piece) => object): StreamWriter {
  let head: object = {};
  let last: { reason: EndReason; usage: Usage } | undefined;
  const line = (data: object) => `${JSON.stringify(data)}\n`;
  return {
    begin(told) {
      head = lineOf(told);
      return '';
    },
    event(_, { text, thought, calls, logprobs }) {
      if (text === undefined && thought === undefined && !calls && !logprobs) return '';
      return line({
        ...head,
        ...contentOf(present({ text, thought, calls })),
        done: false,
        ...(logprobs ? { logprobs: logprobs.map(logprobOf) } : {}),
      });
    },
    end(_, reason, usage) {
      last = { reason, usage };
      return '';
    },
    done: () => line({ ...head, ...contentOf({}), ...lastOf(last) }),
    fail: (error) => line(ollamaError(error)),
  };
}
