// A small JSON and line-stream client on node:http, shared by the ollama and openai runtimes. The global fetch would cost
// the node-agent 12 MB of memory for its first call.
// In: a request with deadlines. Out: a parsed body, or lines as they arrive. Every wait ends: the answer within
// `answerMs`, each next piece within `stallMs`, and an aborted signal closes the connection, which frees the server's slot.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { StringDecoder } from 'node:string_decoder';
import { TLSSocket } from 'node:tls';
import { parsed } from '@blackroad/model-server/json';
import { Lines } from '@blackroad/model-server/lines';
import type { AnswerWithBody } from '@blackroad/model-server/openai-problem';
import { abortedError, RuntimeError } from '@blackroad/model-server/runtime-error';
import type { Clock, Timer } from '@blackroad/std/clock';

export interface HttpCall {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below the base address, or a whole address. */
  path: string;
  body?: unknown;
  /** The body as JSON text, in place of `body`. */
  json?: string;
  signal?: AbortSignal;
  /** Longest wait for the head of the answer. */
  answerMs: number;
  /** Longest silence inside the answer. */
  stallMs?: number;
}
export interface HttpAnswer extends AnswerWithBody {
  contentType: string;
}
/** The body as text, in pieces as they arrive. */
type HttpPieces = { status: number; contentType: string; pieces: AsyncGenerator<string> };

const maxBodyBytes = 32 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;
const defaultStallMs = 120_000;
/** Connections that are kept for the next request. How many are in use is bounded by the slots of the models. */
const maxFreeSockets = 32;
/** For the end of an answer whose last line was read: the connection is used again. */
const endMs = 100;

interface JsonClientOptions {
  baseUrl: string;
  clock: Clock;
  headers?: Record<string, string> | undefined;
  /** Of a server on this machine: its certificate is accepted, and kept. */
  anyCertificate?: boolean;
}

export class JsonClient {
  readonly #options: JsonClientOptions;
  readonly #base: URL;
  readonly #agent: HttpAgent;
  readonly #send: typeof httpRequest;
  #closed = false;
  #certificate: string | null = null;

  constructor(options: JsonClientOptions) {
    this.#options = options;
    this.#base = new URL(options.baseUrl.endsWith('/') ? options.baseUrl : `${options.baseUrl}/`);
    const secure = this.#base.protocol === 'https:';
    const agentOptions = { keepAlive: true, maxFreeSockets, rejectUnauthorized: !options.anyCertificate };
    this.#agent = secure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
    this.#send = secure ? httpsRequest : httpRequest;
  }

  /** SHA-256 of the server's certificate; null: it speaks no TLS, or has not answered yet. */
  get certificate(): string | null {
    return this.#certificate;
  }

  async call(call: HttpCall): Promise<HttpAnswer> {
    return this.#bodyOf(await this.#open(call), call, maxBodyBytes);
  }

  /** The body as it arrives when the status is 2xx; the whole answer otherwise. */
  async stream(call: HttpCall): Promise<HttpPieces | HttpAnswer> {
    const response = await this.#open(call);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) return this.#bodyOf(response, call, maxErrorBytes);
    return { status, contentType: contentTypeOf(response), pieces: textOf(this.#chunksOf(response, call)) };
  }

  close(): void {
    this.#closed = true;
    this.#agent.destroy();
  }

  #open(call: HttpCall, retried = false): Promise<IncomingMessage> {
    if (this.#closed) return Promise.reject(new RuntimeError('unavailable', 'the runtime is closed'));
    if (call.signal?.aborted) return Promise.reject(abortedError());
    const json = call.json ?? (call.body === undefined ? undefined : JSON.stringify(call.body));
    const body = json === undefined ? undefined : Buffer.from(json);
    return new Promise((resolve, reject) => {
      const request = this.#send(new URL(call.path.replace(/^\//, ''), this.#base), {
        method: call.method,
        agent: this.#agent,
        headers: {
          accept: 'application/json',
          ...this.#options.headers,
          ...(body ? { 'content-type': 'application/json', 'content-length': body.length } : {}),
        },
      });
      const onAbort = () => request.destroy();
      const timer = this.#options.clock.after(call.answerMs, () =>
        request.destroy(new Error(`no answer within ${Math.round(call.answerMs / 100) / 10} s`)),
      );
      call.signal?.addEventListener('abort', onAbort, { once: true });
      request.on('response', (response) => {
        timer.cancel();
        if (response.socket instanceof TLSSocket)
          this.#certificate = response.socket.getPeerCertificate().fingerprint256 ?? this.#certificate;
        response.once('close', () => call.signal?.removeEventListener('abort', onAbort));
        resolve(response);
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        timer.cancel();
        call.signal?.removeEventListener('abort', onAbort);
        if (call.signal?.aborted) reject(abortedError());
        // The server closed an idle connection at the moment of its reuse: no answer has begun, so one new connection is safe.
        else if (error.code === 'ECONNRESET' && request.reusedSocket && !retried) resolve(this.#open(call, true));
        else reject(unreachable(this.#base, error));
      });
      request.end(body);
    });
  }

  async *#chunksOf(response: IncomingMessage, call: HttpCall): AsyncGenerator<Buffer> {
    const stallMs = call.stallMs ?? defaultStallMs;
    const { clock } = this.#options;
    let stalled = false;
    let heardMs = clock.monotonicMs();
    let timer: Timer;
    /** A timer for each piece would cost more than the piece: it looks again when it would be time without one. */
    const watch = (ms: number) => {
      timer = clock.after(ms, () => {
        const leftMs = stallMs - (clock.monotonicMs() - heardMs);
        if (leftMs > 0) return watch(leftMs);
        stalled = true;
        response.destroy();
      });
    };
    watch(stallMs);
    try {
      for await (const chunk of response.iterator({ destroyOnReturn: false })) {
        heardMs = clock.monotonicMs();
        if (call.signal?.aborted) throw abortedError();
        yield chunk as Buffer;
        heardMs = clock.monotonicMs();
      }
      if (!response.complete) throw new Error('the connection was cut');
    } catch (error) {
      if (call.signal?.aborted) throw abortedError();
      if (error instanceof RuntimeError) throw error;
      throw unreachable(this.#base, stalled ? new Error(`nothing came for ${stallMs / 1000} s`) : (error as Error));
    } finally {
      timer!.cancel();
      if (stalled || call.signal?.aborted) response.destroy();
      else this.#letEnd(response);
    }
  }

  /** A reader stops at the last line that it needs, and the server ends its answer a moment later. */
  #letEnd(response: IncomingMessage): void {
    if (response.readableEnded || response.destroyed) return;
    const timer = this.#options.clock.after(endMs, () => response.destroy());
    response.once('close', () => timer.cancel());
    response.resume();
  }

  async #bodyOf(response: IncomingMessage, call: HttpCall, limit: number): Promise<HttpAnswer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.#chunksOf(response, call)) {
      bytes += chunk.length;
      if (bytes > limit) throw new RuntimeError('unavailable', `${call.path} answered more than ${limit} bytes`);
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString('utf8');
    return { status: response.statusCode ?? 0, contentType: contentTypeOf(response), text, json: parsed(text) };
  }
}

async function* textOf(chunks: AsyncGenerator<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  for await (const chunk of chunks) yield decoder.write(chunk);
  const rest = decoder.end();
  if (rest !== '') yield rest;
}

export async function* linesOf(pieces: AsyncGenerator<string>): AsyncGenerator<string> {
  const lines = new Lines();
  for await (const piece of pieces) yield* lines.push(piece);
  yield* lines.end();
}

const contentTypeOf = (response: IncomingMessage) => response.headers['content-type'] ?? '';

function unreachable(base: URL, cause: NodeJS.ErrnoException): RuntimeError {
  return new RuntimeError('unavailable', `${base.origin} does not answer: ${cause.code ?? cause.message}`, { cause });
}
