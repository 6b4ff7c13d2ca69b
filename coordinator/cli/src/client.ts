// The API as functions, typed from the route table. Every failure is a FleetError whose code decides the exit code.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  FleetError,
  fromProblem,
  type Problem,
  type ProblemCode,
  type RouteAnswer,
  type RouteBody,
  type RouteName,
  type RouteParams,
  type RouteQuery,
  routes,
  type TaskStreamEvent,
} from '@blackroad/protocol';
import { harmlessValue } from '@blackroad/std/harmless';
import { systemRandom } from '@blackroad/std/random';
import { sentEvents } from '@blackroad/std/sent-events';
import type { FleetPlace } from './find-fleet.ts';
import { savePieces } from './save-pieces.ts';

interface Call<N extends RouteName> {
  params?: RouteParams<N>;
  query?: RouteQuery<N>;
  body?: RouteBody<N>;
}
/** A file of a form, with the form's other fields. */
interface FormFile {
  name: string;
  bytes: number;
  content: () => Readable;
  fields: Record<string, string>;
}
interface Body {
  type: string;
  bytes: number;
  pieces: AsyncIterable<string | Buffer> | Iterable<string | Buffer>;
}
export interface Client {
  readonly url: string;
  call<N extends RouteName>(name: N, call?: Call<N>): Promise<RouteAnswer<N>>;
  /** Sends a file as the form of a route. */
  upload<N extends RouteName>(name: N, file: FormFile, call?: Call<N>): Promise<RouteAnswer<N>>;
  /** The body of an answer as it comes, however large. */
  download<N extends RouteName>(name: N, call: Call<N>): AsyncGenerator<Buffer>;
  /** Writes the file of a route to `path`, which is whole when it resolves, or not there. */
  save<N extends RouteName>(name: N, call: Call<N>, path: string, signal: AbortSignal): Promise<void>;
  /** Server-sent events of a streaming route. Ends with the stream; aborting closes the connection. */
  stream<N extends RouteName>(name: N, call: Call<N>, signal: AbortSignal): AsyncGenerator<TaskStreamEvent>;
  /** Sends JSON as it is, and gives each JSON of the answer as it comes, whether that is one, a list or a stream of events. */
  exchange(name: RouteName, sent: Exchange): AsyncGenerator<string>;
}
interface Exchange {
  json: string | null;
  headers: Record<string, string>;
  /** Called with the head of the answer. */
  onHeaders: (headers: IncomingMessage['headers']) => void;
}

const anyAnswer = 'application/json, text/event-stream';
const answerDeadlineMs = 30_000;
const maxAnswerBytes = 64 * 1024 * 1024;

export function createClient(place: FleetPlace): Client {
  function open(
    name: RouteName,
    call: Call<RouteName>,
    accept: string,
    signal?: AbortSignal,
    form?: Body,
    more: Record<string, string> = {},
  ): Promise<IncomingMessage> {
    const { method, path } = routes[name];
    const params = (call.params ?? {}) as Record<string, string>;
    const url = new URL(place.url + path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? '')));
    for (const [key, value] of Object.entries((call.query ?? {}) as Record<string, unknown>)) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const body = form ?? bodyOf(call.body);
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(url, {
        method,
        ...(place.ca ? { ca: place.ca } : {}),
        ...(signal ? { signal } : {}),
        headers: {
          authorization: `Bearer ${place.key}`,
          accept,
          ...more,
          ...(body && { 'content-type': body.type, 'content-length': body.bytes }),
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
      // A coordinator that refuses a body early closes the connection: its answer, or the error of the request, says why.
      if (body) pipeline(Readable.from(body.pieces), request).catch(() => {});
      else request.end();
    });
  }

  async function answerOf(response: IncomingMessage): Promise<unknown> {
    const text = await readAll(response);
    if ((response.statusCode ?? 500) >= 400) throw problemOf(response, text);
    const json = (response.headers['content-type'] ?? '').includes('json');
    return text === '' ? undefined : json ? JSON.parse(text) : text;
  }

  return {
    url: place.url,
    async call(name, call = {}) {
      return (await answerOf(await open(name, call as Call<RouteName>, 'application/json'))) as never;
    },
    async upload(name, file, call = {}) {
      const form = formOf(file);
      return (await answerOf(await open(name, call as Call<RouteName>, 'application/json', undefined, form))) as never;
    },
    async *download(name, call) {
      yield* piecesOf(await open(name, call as Call<RouteName>, '*/*'));
    },
    async save(name, call, path, signal) {
      const response = await open(name, call as Call<RouteName>, 'application/octet-stream', signal);
      if ((response.statusCode ?? 500) >= 400) throw problemOf(response, await readAll(response));
      await save(response, path);
    },
    async *stream(name, call, signal) {
      const response = await open(name, call as Call<RouteName>, 'text/event-stream', signal);
      if ((response.statusCode ?? 500) >= 400) throw problemOf(response, await readAll(response));
      try {
        for await (const found of eventsOf(response))
          yield { ...found, data: JSON.parse(found.data) } as TaskStreamEvent;
      } catch (cause) {
        if (signal.aborted) return;
        throw cause;
      }
    },
    exchange: (name, sent) => textsOf(sent, (body) => open(name, {}, anyAnswer, undefined, body, sent.headers)),
  };
}

/** The same client, with answers that hold nothing a terminal would act on: prompts, names and answers are foreign text. */
export function harmlessClient(client: Client): Client {
  return {
    url: client.url,
    call: async (name, call) => harmlessValue(await client.call(name, call)),
    upload: async (name, file, call) => harmlessValue(await client.upload(name, file, call)),
    // Bytes: whoever writes them to a terminal makes them harmless.
    download: (name, call) => client.download(name, call),
    save: (name, call, path, signal) => client.save(name, call, path, signal),
    async *stream(name, call, signal) {
      for await (const event of client.stream(name, call, signal)) yield harmlessValue(event);
    },
    // For a program.
    exchange: (name, sent) => client.exchange(name, sent),
  };
}

const broke = (cause: Error) =>
  new FleetError('no-coordinator', { detail: `The connection broke: ${cause.message}` }, { cause });

function bodyOf(value: unknown): Body | undefined {
  if (value === undefined) return undefined;
  return jsonBody(JSON.stringify(value));
}
function jsonBody(text: string): Body {
  return { type: 'application/json', bytes: Buffer.byteLength(text), pieces: [text] };
}

/** multipart/form-data [RFC 7578], with the file last. */
function formOf({ name, bytes, content, fields }: FormFile): Body {
  const boundary = `blackroad-${systemRandom.hex(16)}`;
  const head = Object.entries(fields).map(
    ([field, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`,
  );
  const plain = name.replaceAll(/["\\\r\n]/g, '_');
  head.push(`--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${plain}"\r\n\r\n`);
  const [before, after] = [head.join(''), `\r\n--${boundary}--\r\n`];
  async function* pieces() {
    yield before;
    yield* content();
    yield after;
  }
  const around = Buffer.byteLength(before) + Buffer.byteLength(after);
  return { type: `multipart/form-data; boundary=${boundary}`, bytes: around + bytes, pieces: pieces() };
}

async function* piecesOf(response: IncomingMessage): AsyncGenerator<Buffer> {
  if ((response.statusCode ?? 500) >= 400) throw problemOf(response, await readAll(response));
  try {
    for await (const piece of response) yield piece as Buffer;
  } catch (cause) {
    throw broke(cause as Error);
  }
}

async function save(response: IncomingMessage, path: string): Promise<void> {
  try {
    // It has keys in it: nobody else may read it.
    await savePieces(response, path, { mode: 0o600, flush: true });
  } catch (cause) {
    throw new FleetError('unavailable', { detail: `${path} was not fetched: ${(cause as Error).message}` }, { cause });
  }
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
    const body = JSON.parse(text) as Problem & { error?: { message: string } };
    // Routes in the form of OpenAI's API have its errors.
    if (body.error) return new FleetError(codeOf(response.statusCode), { detail: body.error.message });
    return fromProblem(body);
  } catch {
    return new FleetError('internal', { detail: `HTTP ${response.statusCode}: ${text.slice(0, 200)}` });
  }
}

/** The code with which the exit code of a foreign error is right. */
function codeOf(status = 500): ProblemCode {
  const codes: Record<number, ProblemCode> = {
    401: 'not-signed-in',
    403: 'not-allowed',
    404: 'no-such-file',
    409: 'conflict',
    413: 'too-large',
    429: 'rate-limited',
    503: 'queue-full',
  };
  return codes[status] ?? (status < 500 ? 'invalid-request' : 'internal');
}

async function* textsOf(
  { json, onHeaders }: Exchange,
  send: (body: Body | undefined) => Promise<IncomingMessage>,
): AsyncGenerator<string> {
  const response = await send(json === null ? undefined : jsonBody(json));
  if ((response.statusCode ?? 500) >= 400) throw problemOf(response, await readAll(response));
  onHeaders(response.headers);
  if (response.headers['content-type']?.startsWith('text/event-stream')) {
    for await (const { data } of eventsOf(response)) yield data;
    return;
  }
  const text = await readAll(response);
  const answer: unknown = text === '' ? [] : JSON.parse(text);
  for (const each of Array.isArray(answer) ? answer : [answer]) yield JSON.stringify(each);
}

/** Server-sent events. The coordinator sends a comment every 15 s; silence beyond the deadline means that it is gone. */
async function* eventsOf(response: IncomingMessage): AsyncGenerator<{ event: string; data: string }> {
  response.setEncoding('utf8');
  try {
    yield* sentEvents(response);
  } catch (cause) {
    throw broke(cause as Error);
  }
}
