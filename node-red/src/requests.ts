// Requests to the coordinator over HTTP(S) by node:http alone: JSON, and server-sent events. Every wait has a deadline and every answer a
// bound. In: a place. Out: what was answered, or a Trouble.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { sentEvents } from '@blackroad/std/sent-events';
import type { Place } from './place.ts';
import { Trouble, troubleOfAnswer, troubleOfConnection } from './trouble.ts';

/** A stream says something every 15 s. */
const silenceMs = 35_000;
/** A page of 200 events with all their params. */
const maxAnswerBytes = 8 * 1024 * 1024;
/** A task with its question, its pictures and its answer. */
const maxEventChars = 1024 * 1024;
/** A connection that nothing was said on for so long may be gone at the other side. */
const idleMs = 4_000;

interface Ask {
  method: 'GET' | 'POST' | 'PUT';
  path: string;
  body?: object;
  signal: AbortSignal;
  /** It must not be sent twice: a connection of its own, which cannot have ended unseen. */
  isOnce?: boolean;
}
export interface Requests {
  json(ask: Ask): Promise<unknown>;
  /** Ends with the stream; a connection that breaks is a Trouble. */
  events(ask: Ask): AsyncGenerator<{ event: string; data: unknown }>;
  close(): void;
}

export function createRequests({ url, key, ca }: Pick<Place, 'url' | 'key' | 'ca'>): Requests {
  const isTls = url.startsWith('https:');
  const pooled = { keepAlive: true, maxSockets: 64, maxFreeSockets: 4, timeout: idleMs };
  const agent = isTls ? new HttpsAgent({ ...pooled, ...(ca ? { ca } : {}) }) : new HttpAgent(pooled);

  function send({ method, path, body, signal, isOnce = false }: Ask, accept: string): Promise<IncomingMessage> {
    const text = body === undefined ? null : JSON.stringify(body);
    const headers = {
      authorization: `Bearer ${key}`,
      accept,
      ...(text === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    };
    return new Promise((resolve, reject) => {
      const way = isOnce ? { agent: false as const, ...(ca ? { ca } : {}) } : { agent };
      const how = { method, headers, signal, timeout: silenceMs, ...way };
      const request = isTls ? httpsRequest(url + path, how) : httpRequest(url + path, how);
      request.on('timeout', () => request.destroy(new Error(`nothing was said for ${silenceMs / 1000} s`)));
      request.on('response', resolve);
      request.on('error', (error) => reject(troubleOfConnection(url, error)));
      request.end(text ?? undefined);
    });
  }
  const isGood = ({ statusCode = 500 }: IncomingMessage) => statusCode >= 200 && statusCode < 300;

  async function textOf(response: IncomingMessage): Promise<string> {
    const parts: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const part of response) {
        bytes += (part as Buffer).length;
        if (bytes > maxAnswerBytes) throw new Trouble('refused', `the answer of ${url} has more than 8 MiB`);
        parts.push(part as Buffer);
      }
    } catch (error) {
      throw troubleOfConnection(url, error);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  return {
    async json(ask) {
      const response = await send(ask, 'application/json');
      const text = await textOf(response);
      if (!isGood(response)) throw troubleOfAnswer(response.statusCode ?? 500, text);
      try {
        return text === '' ? undefined : JSON.parse(text);
      } catch {
        throw troubleOfAnswer(response.statusCode ?? 200, text);
      }
    },
    async *events(ask) {
      const response = await send(ask, 'text/event-stream');
      if (!isGood(response)) throw troubleOfAnswer(response.statusCode ?? 500, await textOf(response));
      response.setEncoding('utf8');
      const fault = () => new Trouble('refused', `${url} sent an event of more than 1 MiB`);
      try {
        for await (const { event, data } of sentEvents(response, { chars: maxEventChars, fault }))
          yield { event, data: JSON.parse(data) };
      } catch (error) {
        throw troubleOfConnection(url, error);
      }
    },
    close: () => agent.destroy(),
  };
}
