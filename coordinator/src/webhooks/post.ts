// One try to post a message to an address of others. Redirects are not followed: an allowed address could lead to one that is not. Of the answer
// the status alone is read, within a deadline that covers all of it. In: the address and the message. Out: how it went; it never throws.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '@blackroad/std/clock';
import { addressFault, guardedLookup, hostOf, type WebhookHosts } from './addresses.ts';

export interface Tried {
  ok: boolean;
  status: number | null;
  text: string;
  ms: number;
  /** The address asks for so much patience. */
  retryAfterMs?: number;
}
interface Posting {
  url: string;
  body: string;
  headers: Record<string, string>;
  hosts: WebhookHosts;
  clock: Clock;
  deadlineMs: number;
  agent: string;
}
const maxTextChars = 200;

export async function post(posting: Posting): Promise<Tried> {
  const { clock, hosts } = posting;
  const url = new URL(posting.url);
  const sinceMs = clock.monotonicMs();
  const ms = () => Math.round(clock.monotonicMs() - sinceMs);
  const host = hostOf(url);
  // A connection to an address looks nothing up.
  const fault = isIP(host) ? addressFault(host, hosts) : null;
  if (fault !== null) return { ok: false, status: null, text: fault, ms: 0 };
  try {
    const answer = await answerOf(url, posting);
    const status = answer.statusCode ?? 0;
    const patience = retryAfterMs(answer);
    return {
      ok: status >= 200 && status < 300,
      status,
      text: words(status),
      ms: ms(),
      ...(patience === null ? {} : { retryAfterMs: patience }),
    };
  } catch (error) {
    return { ok: false, status: null, text: faultWords(error as NodeJS.ErrnoException, host), ms: ms() };
  }
}

function answerOf(url: URL, { body, headers, hosts, clock, deadlineMs, agent }: Posting): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method: 'POST',
      agent: false,
      lookup: guardedLookup(hosts),
      maxHeaderSize: 16 * 1024,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': agent,
        ...headers,
      },
    });
    const timer = clock.after(deadlineMs, () =>
      request.destroy(new Error(`it did not answer within ${deadlineMs / 1000} s`)),
    );
    const over = () => {
      timer.cancel();
      request.destroy();
    };
    request.on('response', (response) => {
      response.on('error', () => {}); // the connection is ended below, with the body on its way
      response.resume();
      over();
      resolve(response);
    });
    request.on('error', (error) => {
      over();
      reject(error);
    });
    request.end(body);
  });
}

function words(status: number): string {
  if (status >= 300 && status < 400) return `answered ${status}, a redirect, which is not followed`;
  return `answered ${status}`;
}
function retryAfterMs({ headers }: IncomingMessage): number | null {
  const seconds = Number(headers['retry-after']);
  return headers['retry-after'] !== undefined && Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null;
}

const known: Record<string, string> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was cut before an answer',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it does not answer',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority that is not known here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};
function faultWords({ code, message }: NodeJS.ErrnoException, host: string): string {
  const text = (code === undefined ? undefined : known[code]) ?? message;
  return `${host}: ${text}`.slice(0, maxTextChars);
}
