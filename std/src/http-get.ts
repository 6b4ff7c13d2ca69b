// A GET or HEAD over HTTP(S) that follows redirects, for files of gigabytes: the caller reads the answer piece by piece. In: a URL and
// headers. Out: the last answer, with its body unread. No credentials are sent, so that none reach another host, and a redirect never leads
// from HTTPS to HTTP. Every wait for an answer has a deadline.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from './clock.ts';

interface HttpGet {
  url: string;
  headers?: Record<string, string>;
  method?: 'GET' | 'HEAD';
  clock: Clock;
  signal?: AbortSignal | undefined;
  /** How many redirects are followed, six by default. The answer after the last one is returned as it is, when it is 0. */
  redirects?: number;
}

const answerWithinMs = 10_000;
const usualRedirects = 6;

/** The place answers, but leads nowhere: too many redirects, or an address of another kind. */
export class RedirectError extends Error {
  override readonly name = 'RedirectError';
}

/** Rejects with RedirectError, or with the error of the connection. */
export async function httpGet(order: HttpGet): Promise<IncomingMessage> {
  const redirects = order.redirects ?? usualRedirects;
  let target = new URL(order.url);
  for (let hop = 0; ; hop++) {
    const response = await answerOf(target, order);
    const { location } = response.headers;
    const status = response.statusCode ?? 0;
    if (status < 300 || status > 399 || !location || redirects === 0) return response;
    response.destroy();
    if (hop >= redirects) throw new RedirectError(`${order.url} redirects more than ${redirects} times`);
    const next = new URL(location, target);
    if (target.protocol === 'https:' && next.protocol === 'http:')
      throw new RedirectError(`${target.host} redirects from HTTPS to ${next.protocol}//${next.host}`);
    target = next;
  }
}

function answerOf(url: URL, { headers, method = 'GET', clock, signal }: HttpGet): Promise<IncomingMessage> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return Promise.reject(new RedirectError(`${url.href} is neither http nor https`));
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method,
      headers: { 'user-agent': 'blackroad-fleet', 'accept-encoding': 'identity', ...headers },
      ...(signal ? { signal } : {}),
    });
    const timer = clock.after(answerWithinMs, () =>
      request.destroy(new Error(`no answer within ${answerWithinMs / 1000} s`)),
    );
    request.on('response', (response) => {
      timer.cancel();
      resolve(response);
    });
    request.on('error', (error) => {
      timer.cancel();
      reject(error);
    });
    request.end();
  });
}
