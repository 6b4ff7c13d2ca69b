// Anthropic's messages.
import type { AnthropicMessages, ModelMessage, ModelToolCall } from '@blackroad/protocol';
import { type AnthropicCount, anthropicLacks } from '@blackroad/protocol';
import { type Ask, type EndReason, estimateTokens, type Told, type Usage } from '../ask.ts';
import {
  type Dialect,
  invalid,
  lacking,
  modelsOf,
  namedSse,
  present,
  refuseLacking,
  type StreamWriter,
  toolOf,
} from './dialect.ts';
import { anthropicError } from './errors.ts';

export const anthropicMessages: Dialect<AnthropicMessages> = {
  streamType: 'text/event-stream; charset=utf-8',
  read(body) {
    refuseLacking(body, anthropicLacks.messages);
    return {
      models: modelsOf(body.model),
      answers: 1,
      stream: body.stream ?? false,
      session: null,
      request: {
        ...requestOf(body),
        sampling: present({
          temperature: body.temperature,
          topP: body.top_p,
          topK: body.top_k,
          stop: body.stop_sequences?.length ? body.stop_sequences : undefined,
        }),
        maxTokens: body.max_tokens,
      },
    };
  },
  stream: (body) => messageStream(estimateTokens(requestOf(body))),
  whole(_, told, [answer]) {
    const { text = '', thought = '', calls = [], reason = 'stop', usage } = answer ?? {};
    return {
      ...headOf(told),
      content: [
        ...(thought === '' ? [] : [{ type: 'thinking', thinking: thought, signature: '' }]),
        ...(text === '' ? [] : [{ type: 'text', text, citations: null }]),
        ...calls.map(blockOf),
      ],
      stop_reason: stopOf(reason),
      stop_sequence: null,
      usage: usageOf(usage?.promptTokens ?? 0, usage),
    };
  },
};

/** The tokens of a request, as far as they can be told without its model. */
export function countTokens(body: AnthropicCount): { input_tokens: number } {
  return { input_tokens: estimateTokens(requestOf(body)) };
}

function requestOf(body: AnthropicCount): Ask['request'] {
  const { tools, tool_choice: choice } = body;
  for (const [i, { type }] of (tools ?? []).entries())
    if (type && type !== 'custom') throw lacking(`tools[${i}].type`, `tools of type ${type}`);
  const toolChoice =
    choice?.type === 'any' ? 'required' : choice?.type === 'tool' ? `tool:${choice.name ?? ''}` : undefined;
  return {
    kind: 'chat',
    messages: [...systemOf(body.system), ...body.messages.flatMap(messagesOf)],
    ...(tools?.length && choice?.type !== 'none'
      ? { tools: tools.map(({ input_schema, ...tool }) => toolOf({ ...tool, parameters: input_schema })) }
      : {}),
    ...present({ toolChoice, think: body.thinking?.type === 'disabled' ? (false as const) : undefined }),
  };
}
function systemOf(system: AnthropicCount['system']): ModelMessage[] {
  const content = typeof system === 'string' ? system : (system ?? []).map(({ text }) => text).join('\n\n');
  return content === '' ? [] : [{ role: 'system', content }];
}

type Message = AnthropicCount['messages'][number];
/** One message of the dialect may hold results of tools beside text: these are messages of their own, and come first. */
function messagesOf({ role, content }: Message, at: number): ModelMessage[] {
  if (typeof content === 'string') return [{ role, content }];
  const results: ModelMessage[] = [];
  const texts: string[] = [];
  const images: string[] = [];
  const toolCalls: ModelToolCall[] = [];
  for (const [i, block] of content.entries()) {
    const field = `messages[${at}].content[${i}]`;
    switch (block.type) {
      case 'text':
        texts.push(block.text ?? '');
        break;
      case 'image':
        images.push(pictureIn(block.source, field));
        break;
      case 'tool_use':
        toolCalls.push({ id: block.id ?? '', name: block.name ?? '', arguments: block.input ?? {} });
        break;
      case 'tool_result':
        results.push({ role: 'tool', content: resultOf(block.content, field), toolCallId: block.tool_use_id ?? '' });
        break;
      case 'thinking':
      case 'redacted_thinking':
        // What a model thought before is no part of the conversation.
        break;
      default:
        throw lacking(`${field}.type`, `blocks of type ${block.type}`);
    }
  }
  const text = texts.join('\n');
  const hasOwn = text !== '' || images.length > 0 || toolCalls.length > 0 || results.length === 0;
  const own: ModelMessage = {
    role,
    content: text,
    ...(images.length > 0 ? { images } : {}),
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
  };
  return hasOwn ? [...results, own] : results;
}
type Block = Exclude<Message['content'], string>[number];
function pictureIn(source: Block['source'], field: string): string {
  if (source?.type === 'base64' && source.data) return source.data;
  throw invalid(`${field}.source.type`, 'base64', source?.type ?? 'nothing');
}
function resultOf(content: Block['content'], field: string): string {
  if (typeof content === 'string') return content;
  return (content ?? [])
    .map(({ type, text }, i) => {
      if (type !== 'text') throw lacking(`${field}.content[${i}].type`, `results of type ${type}`);
      return text ?? '';
    })
    .join('\n');
}

function headOf({ id, model }: Told) {
  return { id: `msg_${id}`, type: 'message', role: 'assistant', model };
}
function usageOf(inputTokens: number, usage?: Usage) {
  return {
    input_tokens: usage?.promptTokens || inputTokens,
    output_tokens: usage?.completionTokens ?? 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: usage?.cachedTokens ?? 0,
  };
}
function stopOf(reason: EndReason): string {
  return { stop: 'end_turn', length: 'max_tokens', 'tool-calls': 'tool_use' }[reason];
}
function blockOf({ id, name, arguments: input }: ModelToolCall) {
  return { type: 'tool_use', id, name, input };
}

function messageStream(promptTokens: number): StreamWriter {
  let index = -1;
  let open: 'text' | 'thinking' | null = null;
  let end: { reason: EndReason; usage: Usage } | null = null;
  const close = () => {
    if (open === null) return '';
    const signature = open === 'thinking' ? delta({ type: 'signature_delta', signature: '' }) : '';
    open = null;
    return signature + namedSse('content_block_stop', { type: 'content_block_stop', index });
  };
  const delta = (of: object) => namedSse('content_block_delta', { type: 'content_block_delta', index, delta: of });
  const begin = (kind: 'text' | 'thinking') => {
    if (open === kind) return '';
    const out = close();
    open = kind;
    index++;
    const block = kind === 'text' ? { type: 'text', text: '' } : { type: 'thinking', thinking: '', signature: '' };
    return out + namedSse('content_block_start', { type: 'content_block_start', index, content_block: block });
  };
  return {
    begin(told) {
      const message = {
        ...headOf(told),
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: usageOf(promptTokens),
      };
      return namedSse('message_start', { type: 'message_start', message });
    },
    event(_, { text, thought, calls }) {
      let out = '';
      if (thought !== undefined) out += begin('thinking') + delta({ type: 'thinking_delta', thinking: thought });
      if (text !== undefined) out += begin('text') + delta({ type: 'text_delta', text });
      for (const call of calls ?? []) {
        out += close();
        index++;
        const block = { ...blockOf(call), input: {} };
        out += namedSse('content_block_start', { type: 'content_block_start', index, content_block: block });
        out += delta({ type: 'input_json_delta', partial_json: JSON.stringify(call.arguments) });
        out += namedSse('content_block_stop', { type: 'content_block_stop', index });
      }
      return out;
    },
    end(_, reason, usage) {
      end = { reason, usage };
      return close();
    },
    done() {
      const stopped = { stop_reason: stopOf(end?.reason ?? 'stop'), stop_sequence: null };
      const usage = usageOf(promptTokens, end?.usage);
      return (
        namedSse('message_delta', { type: 'message_delta', delta: stopped, usage }) +
        namedSse('message_stop', { type: 'message_stop' })
      );
    },
    fail: (error) => namedSse('error', anthropicError(error)),
  };
}
