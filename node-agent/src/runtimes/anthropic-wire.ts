// The wire of Anthropic's Messages API: our request in its form, its stream as events. Pure but for the clock.

import type { ChatEvent, ChatMessage, ChatRequest, ToolCall, Usage } from '@blackroad/model-server/chat';
import { mediaTypeOf } from '@blackroad/model-server/openai-wire';
import { PieceTimes } from '@blackroad/model-server/piece-times';
import type { Extra } from '@blackroad/model-server/refusals';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { argumentsOf } from '@blackroad/model-server/tool-arguments';
import type { Clock } from '@blackroad/std/clock';

/** The API wants a limit; an answer without one of its own is as long as most models allow without asking. */
const usualAnswerTokens = 8_192;
const mostAnswerTokens = 32_000;
const maxToolCalls = 64;
const maxArgumentChars = 1024 * 1024;
const jsonOrder = 'Answer with JSON alone: no words around it, no code fence.';

type Block = Record<string, unknown>;
interface Turn {
  role: 'user' | 'assistant';
  content: Block[];
}

/** The body of POST /v1/messages. `answerTokens`: the longest answer of the model. */
export function messagesBody(
  request: ChatRequest,
  answerTokens: number | undefined,
  lacks: ReadonlySet<Extra>,
): Record<string, unknown> {
  const { temperature, topP, topK, stop } = request.sampling;
  const system = request.messages.filter(({ role }) => role === 'system').map(({ content }) => content);
  if (request.json) system.push(jsonOrder);
  const standing = system.filter((text) => text.trim() !== '').join('\n\n');
  const turns = turnsOf(request.messages);
  const most = request.maxTokens ?? Math.min(answerTokens ?? usualAnswerTokens, mostAnswerTokens);
  const stops = stop?.filter((text) => text.trim() !== '');
  return {
    model: request.model,
    max_tokens: answerTokens === undefined ? most : Math.min(most, answerTokens),
    stream: true,
    // A request of instructions alone is a question here.
    messages: turns.length > 0 ? turns : [{ role: 'user', content: [{ type: 'text', text: standing || '.' }] }],
    ...(turns.length > 0 && standing !== '' ? { system: standing } : {}),
    ...(temperature === undefined ? {} : { temperature: Math.min(temperature, 1) }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
    ...(stops?.length ? { stop_sequences: stops } : {}),
    ...(request.tools?.length
      ? {
          tools: request.tools.map(({ name, description, parameters }) => ({
            name,
            description,
            input_schema: { type: 'object', ...parameters },
          })),
        }
      : {}),
    ...(request.tools?.length && request.toolChoice ? { tool_choice: choiceOf(request.toolChoice) } : {}),
    ...(request.schema ? { output_config: { format: { type: 'json_schema', schema: request.schema } } } : {}),
    ...(request.think === false && !lacks.has('think') ? { thinking: { type: 'disabled' } } : {}),
  };
}

function choiceOf(choice: string): object {
  if (choice.startsWith('tool:')) return { type: 'tool', name: choice.slice(5) };
  return { type: choice === 'required' ? 'any' : choice };
}

/** Neighbouring messages of one role are one turn: the results of all calls of an answer belong into the one that follows it. */
function turnsOf(messages: readonly ChatMessage[]): Turn[] {
  const turns: Turn[] = [];
  for (const message of messages) {
    if (message.role === 'system') continue;
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = blocksOf(message);
    if (content.length === 0) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, content });
  }
  return turns;
}
function blocksOf({ role, content, images = [], toolCalls = [], toolCallId = '' }: ChatMessage): Block[] {
  if (role === 'tool') return [{ type: 'tool_result', tool_use_id: idOf(toolCallId), content: content || '(nothing)' }];
  const text = role === 'assistant' ? content.trimEnd() : content;
  return [
    ...images.map((data) => ({ type: 'image', source: { type: 'base64', media_type: mediaTypeOf(data), data } })),
    // A text without a character is refused.
    ...(text.trim() === '' ? [] : [{ type: 'text', text }]),
    ...toolCalls.map((call) => ({ type: 'tool_use', id: idOf(call.id), name: call.name, input: call.arguments })),
  ];
}
/** Ids of other servers may have characters that are not allowed here. */
const idOf = (id: string) => id.replace(/[^a-zA-Z0-9_-]/g, '_') || 'call';

/** An event of the stream, as far as it is read here. */
export interface MessageEvent {
  type?: string;
  message?: { usage?: WireUsage };
  index?: number;
  content_block?: { type?: string; id?: string; name?: string; text?: string; input?: unknown };
  delta?: {
    type?: string;
    text?: string;
    thinking?: string;
    partial_json?: string;
    stop_reason?: string | null;
    stop_details?: { explanation?: string | null } | null;
  };
  usage?: WireUsage;
}
interface WireUsage {
  input_tokens?: number | null;
  output_tokens?: number | null;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
}

/** `startMs`: when the request was sent, by the monotonic clock. */
export async function* answerOfMessages(
  events: AsyncIterable<MessageEvent>,
  startMs: number,
  clock: Clock,
): AsyncGenerator<ChatEvent> {
  const calls = new Map<number, { id: string; name: string; input: unknown; json: string }>();
  const usage: WireUsage = {};
  let reason: string | null | undefined;
  let explained = '';
  const times = new PieceTimes(startMs);
  let isOver = false;
  for await (const { type, message, index = 0, content_block: block, delta, usage: told } of events) {
    note(usage, message?.usage);
    note(usage, told);
    if (type === 'message_stop') isOver = true;
    reason = delta?.stop_reason ?? reason;
    explained = delta?.stop_details?.explanation ?? explained;
    if (block?.type === 'tool_use')
      calls.set(index, { id: block.id ?? '', name: block.name ?? '', input: block.input, json: '' });
    const call = calls.get(index);
    if (call && delta?.partial_json) call.json += delta.partial_json;
    if (calls.size > maxToolCalls || (call && call.json.length > maxArgumentChars))
      throw new RuntimeError('unavailable', 'the answer calls more tools, or with longer arguments, than is sane');
    const text = block?.text || delta?.text;
    const chars = [text, delta?.thinking, delta?.partial_json].reduce((sum, each) => sum + (each?.length ?? 0), 0);
    times.came(chars, clock.monotonicMs());
    if (delta?.thinking) yield { type: 'thought', text: delta.thinking };
    if (text) yield { type: 'text', text };
  }
  if (reason === 'refusal')
    throw new RuntimeError('filtered', `the model declined to answer${explained && `: ${explained}`}`);
  if (!isOver || !reason) throw new RuntimeError('unavailable', 'the answer ended before it was done');
  const made = [...calls.values()].filter(({ name }) => name !== '').map(madeCall);
  if (made.length > 0) yield { type: 'tool-calls', calls: made };
  yield {
    type: 'end',
    reason: endOf(reason, made.length > 0),
    usage: usageOf(usage, times, clock.monotonicMs()),
  };
}

function endOf(reason: string, hasCalls: boolean): 'stop' | 'length' | 'tool-calls' {
  if (hasCalls) return 'tool-calls';
  return reason === 'max_tokens' || reason === 'model_context_window_exceeded' ? 'length' : 'stop';
}
function madeCall(
  { id, name, input, json }: { id: string; name: string; input: unknown; json: string },
  at: number,
): ToolCall {
  return { id: id || `call-${at}`, name, arguments: argumentsOf(json === '' ? input : json) };
}
/** The counts of later events replace those of earlier ones. */
function note(usage: WireUsage, told: WireUsage | undefined): void {
  for (const [key, count] of Object.entries(told ?? {}))
    if (typeof count === 'number') usage[key as keyof WireUsage] = count;
}
function usageOf(usage: WireUsage, times: PieceTimes, endMs: number): Usage {
  const cachedTokens = usage.cache_read_input_tokens ?? 0;
  return {
    // The API counts only the tokens that it neither had nor kept for later.
    promptTokens: (usage.input_tokens ?? 0) + cachedTokens + (usage.cache_creation_input_tokens ?? 0),
    cachedTokens,
    completionTokens: usage.output_tokens ?? 0,
    loadMs: 0,
    prefillMs: times.prefillMs(endMs),
    decodeMs: times.decodeMs(endMs),
  };
}
