// Anthropic, or a gateway that speaks its API, through its own client: our requests in the form of anthropic-wire.ts, its errors by their types.

import { RuntimeError, type RuntimeErrorCode } from '@blackroad/model-server/runtime-error';
import type { Clock } from '@blackroad/std/clock';
import { answerOfMessages, type MessageEvent, messagesBody } from './anthropic-wire.ts';
import { faultOf, isOverload } from './cloud-problem.ts';
import type { CloudProvider } from './cloud-provider.ts';

/** The runtime has deadlines of its own; the client's is only longer than they are. */
const clientMs = 300_000;

export async function anthropicProvider(options: {
  url: string;
  apiKey: string;
  clock: Clock;
}): Promise<CloudProvider> {
  const { url, apiKey, clock } = options;
  // Imported here: in the bundle an import at the top of this file would load it in every node.
  const { default: Anthropic } = await import('@anthropic-ai/sdk');
  const client = new Anthropic({
    apiKey,
    baseURL: url,
    // What the environment says is for other programs.
    webhookKey: null,
    maxRetries: 0,
    timeout: clientMs,
    logLevel: 'off',
    // The key must not follow to another address.
    fetchOptions: { redirect: 'error' },
  });
  return {
    async check(signal) {
      await client.models.list({ limit: 1 }, { signal });
    },
    also: () => [],
    async *chat(request, model, lacks, signal) {
      const startMs = clock.monotonicMs();
      const body = messagesBody(request, model.answerTokens, lacks);
      const stream = await client.messages.create(body as never, { signal });
      yield* answerOfMessages(stream as unknown as AsyncIterable<MessageEvent>, startMs, clock);
    },
    problemOf: meaningOf,
  };
}

function meaningOf(error: unknown): RuntimeError {
  const { status, text, retryAfterS, cause } = faultOf(error);
  // The body is `{type: 'error', error: {type, message}}`, in a stream too.
  const said = (error as { error?: { error?: { type?: unknown; message?: unknown } } }).error?.error;
  const type = typeof said?.type === 'string' ? said.type : '';
  if (status === undefined && type === '') return new RuntimeError('unavailable', text, { cause });
  const message = typeof said?.message === 'string' ? said.message : text;
  return new RuntimeError(codeOf(status, type, message), message, { retryAfterS });
}

function codeOf(status: number | undefined, type: string, message: string): RuntimeErrorCode {
  if (type === 'overloaded_error' || isOverload(status)) return 'provider-overloaded';
  if (type === 'billing_error' || status === 402 || /credit balance|spend(ing)? limit|usage limits?/i.test(message))
    return 'no-credit';
  if (type === 'rate_limit_error' || status === 429) return 'rate-limited';
  if (type === 'authentication_error' || type === 'permission_error' || status === 401 || status === 403)
    return 'wrong-key';
  if (type === 'request_too_large' || status === 413) return 'too-long';
  if (/prompt is too long|exceeds? (the )?(context|maximum context)|max_tokens` exceed context/i.test(message))
    return 'too-long';
  if (type === 'not_found_error' || status === 404) return 'unknown-model';
  if (type === 'invalid_request_error' || (status !== undefined && status < 500)) return 'bad-request';
  return 'unavailable';
}
