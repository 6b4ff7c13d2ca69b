// OpenAI's completions: a model goes on with a text.
import type { OpenAiCompletion, TokenLogprob } from '@blackroad/protocol';
import { openaiLacks } from '@blackroad/protocol';
import type { Told, Usage } from '../ask.ts';
import { type Dialect, modelsOf, present, refuseLacking, type StreamWriter, secondsOf, sse } from './dialect.ts';
import { openaiError } from './errors.ts';
import { finishOf } from './openai-chat.ts';
import { doneOf, samplingOf, usageOf } from './openai-fields.ts';

/** OpenAI's own default. */
const usualTokens = 16;

export const openaiCompletion: Dialect<OpenAiCompletion> = {
  streamType: 'text/event-stream; charset=utf-8',
  read(body) {
    refuseLacking(body, openaiLacks.completion);
    return {
      models: modelsOf(body.model, body.models),
      answers: body.n ?? 1,
      stream: body.stream ?? false,
      session: null,
      request: {
        kind: 'complete',
        prompt: typeof body.prompt === 'string' ? body.prompt : (body.prompt[0] ?? ''),
        sampling: samplingOf(body),
        ...present({ maxTokens: body.max_tokens ?? usualTokens, logprobs: body.logprobs }),
      },
    };
  },
  stream: (body) => completionStream(body.stream_options?.include_usage ?? false),
  whole: (_, told, answers) => ({
    ...headOf(told),
    choices: answers.map(({ text, logprobs, reason }, index) => ({
      index,
      text,
      logprobs: logprobs.length > 0 ? logprobsOf(logprobs) : null,
      finish_reason: finishOf(reason),
    })),
    usage: usageOf(answers.map(({ usage }) => usage)),
  }),
};

function completionStream(wantsUsage: boolean): StreamWriter {
  let head: object = {};
  const usages: Usage[] = [];
  const choice = (index: number, text: string, finish: string | null, logprobs: object | null = null) =>
    sse({ ...head, choices: [{ index, text, logprobs, finish_reason: finish }] });
  return {
    begin(told) {
      head = headOf(told);
      return '';
    },
    event(answer, { text, logprobs }) {
      return `${text === undefined ? '' : choice(answer, text, null)}${logprobs ? choice(answer, '', null, logprobsOf(logprobs)) : ''}`;
    },
    end(answer, reason, usage) {
      usages[answer] = usage;
      return choice(answer, '', finishOf(reason));
    },
    done: () => doneOf(head, wantsUsage ? usages : null),
    fail: (error) => sse(openaiError(error)),
  };
}

function headOf({ id, model, createdMs }: Told) {
  return { id: `cmpl-${id}`, object: 'text_completion', created: secondsOf(createdMs), model };
}
function logprobsOf(tokens: readonly TokenLogprob[]) {
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset: [],
  };
}
