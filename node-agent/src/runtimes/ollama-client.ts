// The package `ollama` as the client of a node's Ollama, on node:http. In: one call of the package, its deadlines, its signal. Out: its
// answer, or its lines; failures are RuntimeError. Each call has a client of its own, because the package has no deadlines, aborts all
// streams of a client at once, and keeps a stream that failed for ever. The package also prints refusals and lines that are not JSON,
// and drops these lines: its fetch throws on both before it sees them. Only `ollama/browser` may be imported: the other entry sends the
// content of a local file where a picture is the name of one.

import { parsed } from '@blackroad/model-server/json';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { AbortableAsyncIterator } from 'ollama/browser';
import { Ollama } from 'ollama/browser';
import { type HttpAnswer, type HttpCall, type JsonClient, linesOf } from './http-json.ts';

type Limits = Pick<HttpCall, 'signal' | 'answerMs' | 'stallMs'>;
interface Problems {
  /** The meaning of an answer that is not 2xx. */
  refused: (answer: HttpAnswer) => RuntimeError;
  /** The meaning of an `error` line. */
  broken: (said: string) => RuntimeError;
  /** What is said of a stream that ends without its last line. */
  unfinished: string;
}

export interface OllamaClient {
  ask<T>(limits: Limits, refused: Problems['refused'], send: (ollama: Ollama) => Promise<T>): Promise<T>;
  /** The connection is closed when the reader stops. */
  lines<T extends object>(
    limits: Limits,
    problems: Problems,
    send: (ollama: Ollama) => Promise<AbortableAsyncIterator<T>>,
  ): AsyncGenerator<T>;
}

export function createOllamaClient(host: string, http: JsonClient): OllamaClient {
  const withFetch = (answer: (call: HttpCall) => Promise<object>, limits: Limits) =>
    new Ollama({ host, fetch: (async (url, init) => answer(callOf(url, init, limits))) as typeof fetch });

  return {
    ask(limits, refused, send) {
      const answer = async (call: HttpCall) => {
        const whole = await http.call(call);
        if (whole.status < 200 || whole.status > 299) throw refused(whole);
        return { ok: true, json: async () => whole.json };
      };
      return send(withFetch(answer, limits));
    },
    async *lines(limits, { refused, broken, unfinished }, send) {
      let lines: AsyncGenerator<string> | undefined;
      let isOver = false;
      async function read(): Promise<{ done: boolean; value?: Uint8Array }> {
        for (;;) {
          const { done, value: text } = await (lines as AsyncGenerator<string>).next();
          if (done) {
            isOver = true;
            return { done };
          }
          if (text === '') continue;
          const line = parsed(text);
          if (typeof line !== 'object' || line === null)
            throw new RuntimeError('unavailable', 'a line of the answer is not JSON');
          return { done: false, value: Buffer.from(`${text}\n`) };
        }
      }
      const answer = async (call: HttpCall) => {
        const begun = await http.stream(call);
        if (!('pieces' in begun)) throw refused(begun);
        lines = linesOf(begun.pieces);
        return { ok: true, body: { getReader: () => ({ read, releaseLock() {} }) } };
      };
      try {
        yield* await send(withFetch(answer, limits));
      } catch (error) {
        if (error instanceof RuntimeError) throw error;
        throw isOver ? new RuntimeError('unavailable', unfinished) : broken((error as Error).message);
      } finally {
        await lines?.return(undefined);
      }
    },
  };
}

function callOf(url: unknown, init: RequestInit | undefined, limits: Limits): HttpCall {
  const json = init?.body as string | undefined;
  const method = (init?.method ?? 'GET') as HttpCall['method'];
  return { ...limits, method, path: String(url), ...(json === undefined ? {} : { json }) };
}
