// The wire of the OpenAI dialect: our request in its format, tool calls joined from pieces.

import type { ModelServer, TokenLogprob } from '@blackroad/protocol';
import type { ChatMessage, ChatRequest, CompletionRequest, ToolCall, Usage } from './chat.ts';
import { given, wireNames } from './given.ts';
import { parsed } from './json.ts';
import type { PieceTimes } from './piece-times.ts';
import type { Extra } from './refusals.ts';
import { RuntimeError } from './runtime-error.ts';
import { repeatPenaltyFor } from './sampling.ts';
import { argumentsOf, isObject } from './tool-arguments.ts';

export interface ToolCallPiece {
  index?: number | null;
  id?: string | number | null;
  function?: { name?: string | null; arguments?: unknown } | null;
}
/** One message of a server, whole or in pieces; thoughts are under the names of vLLM, llama-server and clouds. */
interface Said {
  content?: unknown;
  reasoning?: unknown;
  reasoning_content?: unknown;
  refusal?: unknown;
  tool_calls?: unknown;
}
export interface ChatChunk {
  choices?: {
    delta?: Said;
    /** Replaces `delta` where the server does not stream. */
    message?: Said;
    /** Of a completion. */
    text?: string;
    logprobs?: unknown;
    finish_reason?: string | null;
  }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number; prompt_tokens_details?: { cached_tokens?: number } };
  timings?: { cache_n?: number; prompt_n?: number; prompt_ms?: number; predicted_n?: number; predicted_ms?: number };
  error?: unknown;
}

const maxToolCalls = 64;
const maxArgumentChars = 1024 * 1024;

/** The server's name for the repeat penalty; '' where it has none. */
export type PenaltyName = ModelServer['penalty'];

/** The body of POST /v1/chat/completions. */
export function wireRequest(
  request: ChatRequest,
  parametersB: number,
  penalty: PenaltyName,
  lacks: ReadonlySet<Extra>,
): object {
  return {
    model: request.model,
    messages: request.messages.map(wireMessage),
    ...wireSampling(request, parametersB, penalty, lacks),
    ...(request.logprobs === undefined ? {} : { logprobs: true, top_logprobs: request.logprobs }),
    // Templates have different names for the switch, and ignore unknown names.
    ...(request.think === false ? { chat_template_kwargs: { enable_thinking: false, thinking: false } } : {}),
    ...(request.tools?.length ? { tools: request.tools.map((tool) => ({ type: 'function', function: tool })) } : {}),
    ...(request.tools?.length && request.toolChoice ? { tool_choice: wireChoice(request.toolChoice) } : {}),
    ...(request.schema
      ? { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: request.schema } } }
      : {}),
    ...(request.json ? { response_format: { type: 'json_object' } } : {}),
  };
}

/** The body of POST /v1/completions. */
export function wireCompletion(
  request: CompletionRequest,
  parametersB: number,
  penalty: PenaltyName,
  lacks: ReadonlySet<Extra>,
): object {
  return {
    model: request.model,
    prompt: request.prompt,
    ...wireSampling(request, parametersB, penalty, lacks),
    ...(request.logprobs === undefined ? {} : { logprobs: request.logprobs }),
  };
}

/** The fields that chats and completions have in common. */
function wireSampling(
  { maxTokens, sampling }: Pick<ChatRequest, 'maxTokens' | 'sampling'>,
  parametersB: number,
  penalty: PenaltyName,
  lacks: ReadonlySet<Extra>,
): object {
  const repeatPenalty =
    penalty === '' || lacks.has('penalty') ? undefined : (sampling.repeatPenalty ?? repeatPenaltyFor(parametersB));
  return {
    stream: true,
    ...(lacks.has('usage') ? {} : { stream_options: { include_usage: true } }),
    ...given({ max_tokens: maxTokens, ...wireNames(sampling) }),
    ...(repeatPenalty ? { [penalty]: repeatPenalty } : {}),
  };
}

function wireChoice(choice: string): unknown {
  return choice.startsWith('tool:') ? { type: 'function', function: { name: choice.slice(5) } } : choice;
}

/** The text with its pictures, as parts of one message. */
function contentOf({ content, images }: ChatMessage): unknown {
  if (!images?.length) return content;
  const pictures = images.map((data) => ({
    type: 'image_url',
    image_url: { url: `data:${mediaTypeOf(data)};base64,${data}` },
  }));
  return [...(content === '' ? [] : [{ type: 'text', text: content }]), ...pictures];
}
/** By the first bytes; servers look at the picture itself anyway. */
export function mediaTypeOf(base64: string): string {
  if (base64.startsWith('/9j/')) return 'image/jpeg';
  if (base64.startsWith('UklGR')) return 'image/webp';
  return base64.startsWith('R0lGOD') ? 'image/gif' : 'image/png';
}

function wireMessage(message: ChatMessage): object {
  const { role } = message;
  const content = contentOf(message);
  if (message.toolCalls?.length) {
    const calls = message.toolCalls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: JSON.stringify(call.arguments) },
    }));
    return { role, content, tool_calls: calls };
  }
  return role === 'tool' ? { role, content, tool_call_id: message.toolCallId } : { role, content };
}

interface Call {
  index: number;
  id: string;
  name: string;
  text: string;
}

/** Calls in one message, or in one piece of a stream. A call without an index is identified by its position. */
export function toolCallPieces({ tool_calls: given }: Said): ToolCallPiece[] {
  if (!Array.isArray(given)) return [];
  return given.map((call, at) => ({ ...call, index: call?.index ?? at }));
}

export function createToolCallAssembly(): { add(pieces: readonly ToolCallPiece[]): void; done(): ToolCall[] } {
  const calls: Call[] = [];

  function callOf(piece: ToolCallPiece): Call {
    const index = piece.index ?? 0;
    const here = calls.filter((call) => call.index === index);
    const known = idOf(piece) ? here.find((call) => call.id === idOf(piece)) : undefined;
    const last = known ?? here.at(-1);
    if (last && !isAnother(last, piece)) return last;
    const call = { index, id: '', name: '', text: '' };
    calls.push(call);
    return call;
  }

  return {
    add(pieces) {
      for (const piece of pieces) {
        const call = callOf(piece);
        call.id ||= idOf(piece);
        call.name ||= piece.function?.name ?? '';
        const given = piece.function?.arguments;
        call.text += typeof given === 'string' ? given : isObject(given) ? JSON.stringify(given) : '';
        if (calls.length > maxToolCalls || call.text.length > maxArgumentChars) {
          throw new RuntimeError('unavailable', 'the answer calls more tools, or with longer arguments, than is sane');
        }
      }
    },
    done() {
      // A call without the name of a tool cannot be made.
      const ordered = calls.filter(({ name }) => name !== '').toSorted((a, b) => a.index - b.index);
      return ordered.map(({ id, name, text }, at) => ({ id: id || `call-${at}`, name, arguments: argumentsOf(text) }));
    },
  };
}

/**
 * Some servers give every call the index 0, some a new id to every piece of one call. So only a piece with the name of a tool begins
 * another call, and not if it repeats the name of a call whose arguments are incomplete.
 */
function isAnother(last: Call, piece: ToolCallPiece): boolean {
  const name = piece.function?.name;
  if (!name || last.name === '') return false;
  const id = idOf(piece);
  if (id !== '' && id === last.id) return false;
  const repeats = name === last.name;
  if (last.text === '') return (id !== '' && last.id !== '') || !repeats;
  return !repeats || isObject(parsed(last.text));
}

/** Some servers use numbers as ids. */
const idOf = ({ id }: ToolCallPiece) => String(id ?? '');

/** The thought of a message or a piece of one. */
export function thoughtOf({ reasoning_content, reasoning }: Said): string {
  for (const given of [reasoning_content, reasoning]) if (typeof given === 'string' && given !== '') return given;
  return '';
}

/** The answer of a message or a piece of one; some clouds send it in parts, thoughts among them. */
export function textOf({ content }: Said): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (typeof part?.text === 'string' && part.type === 'text' ? part.text : '')).join('');
}

interface WireLogprob {
  token?: unknown;
  logprob?: unknown;
  top_logprobs?: unknown;
}
/** The log probabilities of a choice: chats list tokens with their alternatives, completions have parallel lists. */
export function logprobsOf(given: unknown): TokenLogprob[] {
  if (!isObject(given)) return [];
  const { content, tokens, token_logprobs, top_logprobs } = given as Record<string, unknown>;
  if (Array.isArray(content))
    return content.flatMap((each: WireLogprob) => one(each.token, each.logprob, topOf(each.top_logprobs)));
  if (!Array.isArray(tokens) || !Array.isArray(token_logprobs)) return [];
  return tokens.flatMap((token, at) => {
    const others = Array.isArray(top_logprobs) ? top_logprobs[at] : undefined;
    const top = isObject(others)
      ? Object.entries(others).map(([name, value]) => ({ token: name, logprob: value }))
      : [];
    return one(token, token_logprobs[at], topOf(top));
  });
}
function one(token: unknown, logprob: unknown, top: TokenLogprob['top']): TokenLogprob[] {
  return typeof token === 'string' && typeof logprob === 'number' ? [{ token, logprob, top }] : [];
}
function topOf(list: unknown): TokenLogprob['top'] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((each: WireLogprob) =>
    one(each?.token, each?.logprob, []).map(({ token, logprob }) => ({ token, logprob })),
  );
}

/** llama-server reports its own durations; for the others they are measured here, which includes their queue. */
export function usageOf({ usage, timings }: ChatChunk, pieces: number, times: PieceTimes, endMs: number): Usage {
  const cachedTokens = timings?.cache_n ?? usage?.prompt_tokens_details?.cached_tokens;
  return {
    promptTokens: usage?.prompt_tokens ?? (timings ? (timings.prompt_n ?? 0) + (timings.cache_n ?? 0) : 0),
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    // Where the server does not count, each piece counts as a token.
    completionTokens: usage?.completion_tokens ?? timings?.predicted_n ?? pieces,
    loadMs: 0,
    prefillMs: timings?.prompt_ms ?? times.prefillMs(endMs),
    decodeMs: timings?.predicted_ms ?? times.decodeMs(endMs),
  };
}
