// OpenAI, or a gateway that speaks its API, through its own client: our requests in the dialect of openai-wire.ts, its errors by their codes.

import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import { OpenAiAnswer } from '@blackroad/model-server/openai-answer';
import { problemOf, streamProblem } from '@blackroad/model-server/openai-problem';
import { type ChatChunk, wireRequest } from '@blackroad/model-server/openai-wire';
import type { Extra } from '@blackroad/model-server/refusals';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { unitVector } from '@blackroad/model-server/unit-vector';
import type { Clock } from '@blackroad/std/clock';
import { faultOf, isOverload } from './cloud-problem.ts';
import type { CloudProvider } from './cloud-provider.ts';

/** The runtime has deadlines of its own; the client's is only longer than they are. */
const clientMs = 300_000;

export async function openAiProvider(options: { url: string; apiKey: string; clock: Clock }): Promise<CloudProvider> {
  const { url, apiKey, clock } = options;
  // Imported here: in the bundle an import at the top of this file would load it in every node. [M] 21 MB
  const { default: OpenAI } = await import('openai');
  const client = new OpenAI({
    apiKey,
    baseURL: `${url}/v1`,
    // What the environment says is for other programs.
    organization: null,
    project: null,
    adminAPIKey: null,
    webhookSecret: null,
    maxRetries: 0,
    timeout: clientMs,
    logLevel: 'off',
    // The key must not follow to another address.
    fetchOptions: { redirect: 'error' },
  });
  return {
    async check(signal) {
      await client.models.list({ signal });
    },
    also: (request) => (wantsNoThought(request) && request.think !== false ? ['usage', 'think'] : ['usage']),
    async *chat(request, model, lacks, signal) {
      const startMs = clock.monotonicMs();
      const body = bodyOf(request, model.answerTokens, lacks);
      const stream = await client.chat.completions.create(body as never, { signal });
      const answer = new OpenAiAnswer(startMs, clock);
      for await (const chunk of stream as unknown as AsyncIterable<ChatChunk>) {
        const events: ChatEvent[] = [];
        answer.take(chunk, events);
        yield* events;
      }
      yield* answer.end();
    },
    async embed(model, input, signal) {
      const { data } = await client.embeddings.create({ model, input, encoding_format: 'float' }, { signal });
      if (data.length !== input.length)
        throw new RuntimeError('unavailable', `${input.length} texts were sent, ${data.length} vectors came back`);
      return data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => unitVector(embedding));
    },
    problemOf: meaningOf,
  };
}

/** Models that think take tools in this API only while they do not think. */
function wantsNoThought({ think, tools }: ChatRequest): boolean {
  return think === false || (tools?.length ?? 0) > 0;
}

function bodyOf(request: ChatRequest, answerTokens: number | undefined, lacks: ReadonlySet<Extra>): object {
  const { think: _, ...asked } = request;
  const { topK: _k, minP: _p, repeatPenalty: _r, ...sampling } = request.sampling;
  const wire = wireRequest({ ...asked, sampling }, 0, '', lacks) as { max_tokens?: number };
  const { max_tokens, ...body } = wire;
  const most = max_tokens === undefined || answerTokens === undefined ? max_tokens : Math.min(max_tokens, answerTokens);
  return {
    ...body,
    ...(most === undefined ? {} : { max_completion_tokens: most }),
    ...(wantsNoThought(request) && !lacks.has('think') ? { reasoning_effort: 'none' } : {}),
  };
}

function meaningOf(error: unknown): RuntimeError {
  const { status, text, retryAfterS, cause } = faultOf(error);
  const body = (error as { error?: unknown }).error;
  const isSaid = typeof body === 'object' && body !== null;
  if (status === undefined && !isSaid) return new RuntimeError('unavailable', text, { cause });
  // An error inside a stream has the provider's words and no status.
  const { code, message } =
    status === undefined ? streamProblem(body) : problemOf({ status, text, json: { error: isSaid ? body : text } });
  if (code !== 'no-credit' && (isOverload(status) || /overloaded/i.test(message)))
    return new RuntimeError('provider-overloaded', message, { retryAfterS });
  return new RuntimeError(code === 'overloaded' ? 'rate-limited' : code, message, { retryAfterS });
}
