// OpenAI's chat completions.
import type { ModelMessage, ModelToolCall, OpenAiChat } from '@blackroad/protocol';
import { openaiLacks } from '@blackroad/protocol';
import type { Ask, EndReason, Told, Usage } from '../ask.ts';
import {
  argumentsOf,
  type Dialect,
  invalid,
  lacking,
  modelsOf,
  pictureOf,
  present,
  refuseLacking,
  type StreamWriter,
  secondsOf,
  sse,
  toolOf,
} from './dialect.ts';
import { openaiError } from './errors.ts';
import { chatLogprobs, doneOf, samplingOf, usageOf } from './openai-fields.ts';

export const openaiChat: Dialect<OpenAiChat> = {
  streamType: 'text/event-stream; charset=utf-8',
  read(body) {
    refuseLacking(body, openaiLacks.chat);
    const { tools, tool_choice, response_format: format } = body;
    return {
      models: modelsOf(body.model, body.models),
      answers: body.n ?? 1,
      stream: body.stream ?? false,
      session: body.prompt_cache_key ?? null,
      request: {
        kind: 'chat',
        messages: body.messages.map(messageOf),
        sampling: samplingOf(body),
        ...(tools?.length && tool_choice !== 'none' ? { tools: tools.map((tool) => toolOf(tool.function)) } : {}),
        ...present({
          toolChoice: choiceOf(tool_choice),
          maxTokens: body.max_completion_tokens ?? body.max_tokens,
          schema: format?.type === 'json_schema' ? schemaOf(format.json_schema?.schema) : undefined,
          json: format?.type === 'json_object' ? (true as const) : undefined,
          logprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
          think: thinkOf(body),
        }),
      },
    };
  },
  stream: (body) => chatStream(body.stream_options?.include_usage ?? false),
  whole(_, told, answers) {
    return {
      ...headOf(told, 'chat.completion'),
      choices: answers.map(({ text, thought, calls, logprobs, reason }, index) => ({
        index,
        message: {
          role: 'assistant',
          content: text === '' && calls.length > 0 ? null : text,
          refusal: null,
          ...(thought === '' ? {} : { reasoning_content: thought }),
          ...(calls.length > 0 ? { tool_calls: calls.map(wireCall) } : {}),
        },
        logprobs: logprobs.length > 0 ? chatLogprobs(logprobs) : null,
        finish_reason: finishOf(reason),
      })),
      usage: usageOf(answers.map(({ usage }) => usage)),
    };
  },
};

function chatStream(wantsUsage: boolean): StreamWriter {
  let head: object = {};
  const usages: Usage[] = [];
  const begun = new Set<number>();
  const calls = new Map<number, number>();
  const choice = (index: number, delta: object, finish: string | null = null, logprobs: object | null = null) =>
    sse({
      ...head,
      choices: [{ index, delta, logprobs, finish_reason: finish }],
      ...(wantsUsage ? { usage: null } : {}),
    });
  const begin = (index: number) => {
    if (begun.has(index)) return '';
    begun.add(index);
    return choice(index, { role: 'assistant', content: '', refusal: null });
  };
  return {
    begin(told) {
      head = headOf(told, 'chat.completion.chunk');
      return '';
    },
    event(answer, { text, thought, calls: made, logprobs }) {
      let out = begin(answer);
      if (thought !== undefined) out += choice(answer, { reasoning_content: thought });
      if (text !== undefined) out += choice(answer, { content: text });
      if (logprobs) out += choice(answer, {}, null, chatLogprobs(logprobs));
      if (made) {
        const from = calls.get(answer) ?? 0;
        calls.set(answer, from + made.length);
        out += choice(answer, { tool_calls: made.map((call, at) => ({ index: from + at, ...wireCall(call) })) });
      }
      return out;
    },
    end(answer, reason, usage) {
      usages[answer] = usage;
      return begin(answer) + choice(answer, {}, finishOf(reason));
    },
    done: () => doneOf(head, wantsUsage ? usages : null),
    fail: (error) => sse(openaiError(error)),
  };
}

function headOf({ id, model, createdMs }: Told, object: string) {
  return { id: `chatcmpl-${id}`, object, created: secondsOf(createdMs), model };
}
export function finishOf(reason: EndReason): string {
  return reason === 'tool-calls' ? 'tool_calls' : reason;
}
function wireCall({ id, name, arguments: given }: ModelToolCall) {
  return { id, type: 'function', function: { name, arguments: JSON.stringify(given) } };
}

type Message = OpenAiChat['messages'][number];
function messageOf(message: Message, at: number): ModelMessage {
  const { role, tool_calls: calls, tool_call_id } = message;
  const field = `messages[${at}]`;
  if (role === 'tool' && !tool_call_id)
    throw invalid(`${field}.tool_call_id`, 'the id of the call that it answers', 'nothing');
  const { content, images } = contentOf(message.content, `${field}.content`);
  return {
    role: role === 'developer' ? 'system' : role,
    content,
    ...(images.length > 0 ? { images } : {}),
    ...(calls?.length
      ? {
          toolCalls: calls.map(({ id, function: called }, i) => ({
            id,
            name: called.name,
            arguments: argumentsOf(called.arguments, `${field}.tool_calls[${i}].function.arguments`),
          })),
        }
      : {}),
    ...(role === 'tool' && tool_call_id ? { toolCallId: tool_call_id } : {}),
  };
}
function contentOf(given: Message['content'], field: string): { content: string; images: string[] } {
  if (given === undefined || given === null) return { content: '', images: [] };
  if (typeof given === 'string') return { content: given, images: [] };
  const texts: string[] = [];
  const images: string[] = [];
  given.forEach(({ type, text, refusal, image_url }, i) => {
    if (type === 'text') texts.push(text ?? '');
    else if (type === 'refusal') texts.push(refusal ?? '');
    else if (type === 'image_url')
      images.push(
        pictureOf(typeof image_url === 'string' ? image_url : (image_url?.url ?? ''), `${field}[${i}].image_url`),
      );
    else throw lacking(`${field}[${i}].type`, `parts of type ${type}`);
  });
  return { content: texts.join('\n'), images };
}
function choiceOf(choice: OpenAiChat['tool_choice']): string | undefined {
  if (typeof choice === 'object' && choice !== null) return `tool:${choice.function.name}`;
  return choice === 'required' ? choice : undefined;
}
function schemaOf(schema: Record<string, unknown> | undefined): Ask['request']['schema'] {
  if (!schema) throw invalid('response_format.json_schema.schema', 'a JSON Schema', 'nothing');
  return schema;
}
function thinkOf({ reasoning_effort: effort, chat_template_kwargs: template }: OpenAiChat): false | undefined {
  const off = template?.enable_thinking === false || template?.thinking === false;
  return off || effort === 'none' || effort === 'minimal' ? false : undefined;
}
