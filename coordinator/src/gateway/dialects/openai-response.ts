// OpenAI's responses. Nothing is stored: a conversation is sent whole, so `previous_response_id` is refused.
import type { FleetError, ModelAnswerEvent, ModelMessage, ModelToolCall, OpenAiResponse } from '@blackroad/protocol';
import { openaiLacks } from '@blackroad/protocol';
import type { EndReason, Told, Usage } from '../ask.ts';
import {
  argumentsOf,
  type Dialect,
  invalid,
  lacking,
  modelsOf,
  namedSse,
  pictureOf,
  present,
  refuseLacking,
  type StreamWriter,
  secondsOf,
  toolOf,
} from './dialect.ts';
import { openaiError } from './errors.ts';
import { samplingOf } from './openai-fields.ts';

export const openaiResponse: Dialect<OpenAiResponse> = {
  streamType: 'text/event-stream; charset=utf-8',
  read(body) {
    refuseLacking(body, openaiLacks.response);
    const { tools, tool_choice: choice, text } = body;
    const format = text?.format;
    for (const [i, { type }] of (tools ?? []).entries())
      if (type !== 'function') throw lacking(`tools[${i}].type`, `tools of type ${type}`);
    const effort = body.reasoning?.effort;
    return {
      models: modelsOf(body.model, body.models),
      answers: 1,
      stream: body.stream ?? false,
      session: body.prompt_cache_key ?? null,
      request: {
        kind: 'chat',
        messages: messagesOf(body),
        sampling: samplingOf(body),
        ...(tools?.length && choice !== 'none'
          ? { tools: tools.map((tool, i) => toolOf({ ...tool, name: tool.name ?? refuseUnnamed(i) })) }
          : {}),
        ...present({
          toolChoice:
            typeof choice === 'object' && choice !== null
              ? `tool:${choice.name}`
              : choice === 'required'
                ? choice
                : undefined,
          maxTokens: body.max_output_tokens,
          schema: format?.type === 'json_schema' ? format.schema : undefined,
          json: format?.type === 'json_object' ? (true as const) : undefined,
          think: effort === 'none' || effort === 'minimal' ? (false as const) : undefined,
        }),
      },
    };
  },
  stream: (body) => new ResponseStream(body),
  whole(body, told, [answer]) {
    const { text = '', thought = '', calls = [], reason = 'stop', usage } = answer ?? {};
    return responseOf(body, told, outputOf(told, { text, thought, calls }), reason, usage);
  },
};

function refuseUnnamed(at: number): never {
  throw invalid(`tools[${at}].name`, 'the name of the function', 'nothing');
}

function messagesOf({ input, instructions }: OpenAiResponse): ModelMessage[] {
  const first: ModelMessage[] = instructions ? [{ role: 'system', content: instructions }] : [];
  if (typeof input === 'string') return [...first, { role: 'user', content: input }];
  const messages = first;
  for (const [i, item] of input.entries()) {
    const field = `input[${i}]`;
    const { type = 'message' } = item;
    if (type === 'message') messages.push(messageOf(item, field));
    else if (type === 'function_call') {
      const call = {
        id: item.call_id ?? '',
        name: item.name ?? '',
        arguments: argumentsOf(item.arguments ?? '', `${field}.arguments`),
      };
      if (call.id === '' || call.name === '') throw invalid(field, 'a call_id and a name', 'neither or one of them');
      const last = messages.at(-1);
      // Several calls of one answer are items of their own.
      if (last?.role === 'assistant' && last.toolCalls) last.toolCalls.push(call);
      else messages.push({ role: 'assistant', content: '', toolCalls: [call] });
    } else if (type === 'function_call_output') {
      const output =
        typeof item.output === 'string' ? item.output : (item.output ?? []).map(({ text }) => text ?? '').join('\n');
      messages.push({ role: 'tool', content: output, toolCallId: item.call_id ?? '' });
    } else if (type !== 'reasoning') throw lacking(`${field}.type`, `items of type ${type}`);
  }
  return messages;
}
type Item = Exclude<OpenAiResponse['input'], string>[number];
function messageOf({ role = 'user', content = '' }: Item, field: string): ModelMessage {
  const texts: string[] = [];
  const images: string[] = [];
  const parts = typeof content === 'string' ? [{ type: 'input_text', text: content }] : content;
  for (const [i, part] of parts.entries()) {
    const { type, text, refusal, image_url } = part as {
      type: string;
      text?: string;
      refusal?: string;
      image_url?: string | null;
    };
    if (type === 'input_text' || type === 'output_text' || type === 'text') texts.push(text ?? '');
    else if (type === 'refusal') texts.push(refusal ?? '');
    else if (type === 'input_image') images.push(pictureOf(image_url ?? '', `${field}.content[${i}].image_url`));
    else throw lacking(`${field}.content[${i}].type`, `parts of type ${type}`);
  }
  return {
    role: role === 'developer' ? 'system' : role,
    content: texts.join('\n'),
    ...(images.length > 0 ? { images } : {}),
  };
}

interface Said {
  text: string;
  thought: string;
  calls: readonly ModelToolCall[];
}
const textPart = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });
const messageItem = ({ id }: Told, text: string, status: string) => ({
  id: `msg_${id}`,
  type: 'message',
  status,
  role: 'assistant',
  content: status === 'in_progress' ? [] : [textPart(text)],
});
const reasoningItem = ({ id }: Told, thought: string) => ({
  id: `rs_${id}`,
  type: 'reasoning',
  summary: thought === '' ? [] : [{ type: 'summary_text', text: thought }],
});
const callItem = ({ id }: Told, call: ModelToolCall, at: number) => ({
  id: `fc_${id}_${at}`,
  type: 'function_call',
  status: 'completed',
  call_id: call.id,
  name: call.name,
  arguments: JSON.stringify(call.arguments),
});
function outputOf(told: Told, { text, thought, calls }: Said): object[] {
  return [
    ...(thought === '' ? [] : [reasoningItem(told, thought)]),
    ...(text === '' && calls.length > 0 ? [] : [messageItem(told, text, 'completed')]),
    ...calls.map((call, at) => callItem(told, call, at)),
  ];
}
function responseOf(
  body: OpenAiResponse,
  told: Told,
  output: object[],
  reason: EndReason | null,
  usage?: Usage,
): object {
  const isCut = reason === 'length';
  const status = reason === null ? 'in_progress' : isCut ? 'incomplete' : 'completed';
  return {
    id: `resp_${told.id}`,
    object: 'response',
    created_at: secondsOf(told.createdMs),
    status,
    error: null,
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: told.model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    store: false,
    temperature: body.temperature ?? null,
    text: body.text ?? { format: { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_p: body.top_p ?? null,
    truncation: 'disabled',
    metadata: {},
    usage: usage
      ? {
          input_tokens: usage.promptTokens,
          input_tokens_details: { cached_tokens: usage.cachedTokens ?? 0 },
          output_tokens: usage.completionTokens,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: usage.promptTokens + usage.completionTokens,
        }
      : null,
  };
}

/** Its events are numbered, and each item of the answer is added, filled and done. */
class ResponseStream implements StreamWriter {
  readonly #body: OpenAiResponse;
  #told: Told = { id: '', asked: '', model: '', node: '', why: '', overheadMs: 0, createdMs: 0 };
  #number = 0;
  /** Of the item that is written now. */
  #index = 0;
  #text = '';
  #thought = '';
  readonly #calls: ModelToolCall[] = [];
  #textIsOpen = false;
  #end: { reason: EndReason; usage: Usage } | null = null;

  constructor(body: OpenAiResponse) {
    this.#body = body;
  }

  begin(told: Told): string {
    this.#told = told;
    const response = responseOf(this.#body, told, [], null);
    return this.#emit('response.created', { response }) + this.#emit('response.in_progress', { response });
  }

  event(_: number, { text, thought, calls }: ModelAnswerEvent): string {
    let out = '';
    this.#thought += thought ?? '';
    if (text !== undefined) out += this.#write(text);
    if (!calls) return out;
    out += this.#closeText();
    for (const call of calls) out += this.#call(call);
    return out;
  }

  end(_: number, reason: EndReason, usage: Usage): string {
    this.#end = { reason, usage };
    return this.#closeText();
  }

  done(): string {
    const { reason, usage } = this.#end ?? { reason: 'stop' as const, usage: undefined };
    const output = outputOf(this.#told, { text: this.#text, thought: this.#thought, calls: this.#calls });
    const response = responseOf(this.#body, this.#told, output, reason, usage);
    return this.#emit(reason === 'length' ? 'response.incomplete' : 'response.completed', { response });
  }

  fail(error: FleetError): string {
    const { message, code } = openaiError(error).error;
    const failed = { status: 'failed', error: { code: code ?? 'server_error', message } };
    return this.#emit('response.failed', { response: { ...responseOf(this.#body, this.#told, [], null), ...failed } });
  }

  #emit(type: string, data: object): string {
    return namedSse(type, { type, ...data, sequence_number: this.#number++ });
  }

  get #at() {
    return { item_id: `msg_${this.#told.id}`, output_index: this.#index, content_index: 0 };
  }

  #write(text: string): string {
    const out = this.#openText();
    this.#text += text;
    return out + this.#emit('response.output_text.delta', { ...this.#at, delta: text, logprobs: [] });
  }

  #openText(): string {
    if (this.#textIsOpen) return '';
    const out = this.#thoughtItem();
    this.#textIsOpen = true;
    const item = messageItem(this.#told, '', 'in_progress');
    return (
      out +
      this.#emit('response.output_item.added', { output_index: this.#index, item }) +
      this.#emit('response.content_part.added', { ...this.#at, part: textPart('') })
    );
  }

  #closeText(): string {
    if (!this.#textIsOpen) return '';
    this.#textIsOpen = false;
    const text = this.#text;
    const out =
      this.#emit('response.output_text.done', { ...this.#at, text, logprobs: [] }) +
      this.#emit('response.content_part.done', { ...this.#at, part: textPart(text) });
    return out + this.#itemDone(messageItem(this.#told, text, 'completed'));
  }

  #thoughtItem(): string {
    if (this.#index > 0 || this.#thought === '') return '';
    const item = reasoningItem(this.#told, '');
    const added = this.#emit('response.output_item.added', { output_index: this.#index, item });
    return added + this.#itemDone(reasoningItem(this.#told, this.#thought));
  }

  #call(made: ModelToolCall): string {
    const item = callItem(this.#told, made, this.#calls.length);
    this.#calls.push(made);
    const at = { item_id: item.id, output_index: this.#index };
    const empty = { ...item, status: 'in_progress', arguments: '' };
    const out =
      this.#emit('response.output_item.added', { output_index: this.#index, item: empty }) +
      this.#emit('response.function_call_arguments.delta', { ...at, delta: item.arguments }) +
      this.#emit('response.function_call_arguments.done', { ...at, name: item.name, arguments: item.arguments });
    return out + this.#itemDone(item);
  }

  #itemDone(item: object): string {
    return this.#emit('response.output_item.done', { output_index: this.#index++, item });
  }
}
