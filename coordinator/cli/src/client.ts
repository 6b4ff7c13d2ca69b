// The API as functions, typed from the route table. Every failure is a FleetError whose code decides the exit code.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import {
  FleetError,
  fromProblem,
  type Problem,
  type RouteAnswer,
  type RouteBody,
  type RouteName,
  type RouteParams,
  type RouteQuery,
  routes,
  type TaskStreamEvent,
} from '@blackroad/protocol';
import { harmlessValue } from '@blackroad/std/harmless';
import type { FleetPlace } from './find-fleet.ts';

interface Call<N extends RouteName> {
  params?: RouteParams<N>;
  query?: RouteQuery<N>;
  body?: RouteBody<N>;
}
export interface Client {
  readonly url: string;
  call<N extends RouteName>(name: N, call?: Call<N>): Promise<RouteAnswer<N>>;
  /** Server-sent events of a streaming route. Ends with the stream; aborting closes the connection. */
  stream<N extends RouteName>(name: N, call: Call<N>, signal: AbortSignal): AsyncGenerator<TaskStreamEvent>;
}

const answerDeadlineMs = 30_000;
const maxAnswerBytes = 64 * 1024 * 1024;

export function createClient(place: FleetPlace): Client {
  function open(
    name: RouteName,
    call: Call<RouteName>,
    accept: string,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const { method, path } = routes[name];
    const params = (call.params ?? {}) as Record<string, string>;
    const url = new URL(place.url + path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? '')));
    for (const [key, value] of Object.entries((call.query ?? {}) as Record<string, unknown>)) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(url, {
        method,
        ...(place.ca ? { ca: place.ca } : {}),
        ...(signal ? { signal } : {}),
        headers: {
          authorization: `Bearer ${place.key}`,
          accept,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        },
      });
      request.setTimeout(answerDeadlineMs, () =>
        request.destroy(new Error(`no answer within ${answerDeadlineMs / 1000} s`)),
      );
      request.on('response', resolve);
      request.on('error', (cause) =>
        reject(
          new FleetError('no-coordinator', { detail: `${place.url} does not answer: ${cause.message}` }, { cause }),
        ),
      );
      request.end(body);
    });
  }

  return {
    url: place.url,
    async call(name, call = {}) {
      const response = await open(name, call as Call<RouteName>, 'application/json');
      const text = await readAll(response);
      if ((response.statusCode ?? 500) >= 400) throw problemOf(response, text);
      const json = (response.headers['content-type'] ?? '').includes('json');
      return (text === '' ? undefined : json ? JSON.parse(text) : text) as never;
    },
    async *stream(name, call, signal) {
      const response = await open(name, call as Call<RouteName>, 'text/event-stream', signal);
      if ((response.statusCode ?? 500) >= 400) throw problemOf(response, await readAll(response));
      // The coordinator sends a comment every 15 s; silence beyond the deadline means that it is gone.
      response.setEncoding('utf8');
      let rest = '';
      try {
        for await (const piece of response) {
          rest += piece;
          for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
            const event = parseEvent(rest.slice(0, end));
            rest = rest.slice(end + 2);
            if (event) yield event;
          }
        }
      } catch (cause) {
        if (signal.aborted) return;
        throw new FleetError(
          'no-coordinator',
          { detail: `The connection broke: ${(cause as Error).message}` },
          { cause },
        );
      }
    },
  };
}

/** The same client, with answers that hold nothing a terminal would act on: prompts, names and answers are foreign text. */
export function harmlessClient(client: Client): Client {
  return {
    url: client.url,
    call: async (name, call) => harmlessValue(await client.call(name, call)),
    async *stream(name, call, signal) {
      for await (const event of client.stream(name, call, signal)) yield harmlessValue(event);
    },
  };
}

async function readAll(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response) {
    bytes += (part as Buffer).length;
    if (bytes > maxAnswerBytes) throw new FleetError('too-large', { detail: 'The answer is larger than 64 MiB.' });
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}

function problemOf(response: IncomingMessage, text: string): FleetError {
  try {
    return fromProblem(JSON.parse(text) as Problem);
  } catch {
    return new FleetError('internal', { detail: `HTTP ${response.statusCode}: ${text.slice(0, 200)}` });
  }
}

function parseEvent(block: string): TaskStreamEvent | null {
  let event = '';
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim();
    else if (line.startsWith('data:')) data += line.slice(5).trim();
  }
  return event === '' ? null : ({ event, data: JSON.parse(data) } as TaskStreamEvent);
}
