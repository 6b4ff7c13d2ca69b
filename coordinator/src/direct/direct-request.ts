// One request to a model server that the coordinator asks itself. In: the request, and the server. Out: events as they come, and one end, or
// why there is none. Features that the server refuses are left out, as the node-agent does. No event comes after a stop.
import { StringDecoder } from 'node:string_decoder';
import { AnswerBody } from '@blackroad/model-server/answer-body';
import { chatOf, completionOf, told, usageToTell } from '@blackroad/model-server/asked';
import type { ChatEvent } from '@blackroad/model-server/chat';
import { parsed } from '@blackroad/model-server/json';
import { problemOf } from '@blackroad/model-server/openai-problem';
import { wireCompletion, wireRequest } from '@blackroad/model-server/openai-wire';
import type { createRefusals, Extra } from '@blackroad/model-server/refusals';
import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { createThoughts, ThoughtReader } from '@blackroad/model-server/thoughts';
import type { ModelAnswerEnd, ModelAnswerEvent, ModelRequest, ModelServer } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Dispatcher, Pool } from 'undici';

export interface AskedServer {
  told: ModelServer;
  pool: Pool;
  refusals: ReturnType<typeof createRefusals>;
  thoughts: ReturnType<typeof createThoughts>;
}
interface DirectRequestParts {
  server: AskedServer;
  request: ModelRequest;
  /** The size of the model; 0: not known. */
  parametersB: number;
  clock: Clock;
  events(events: readonly ModelAnswerEvent[]): void;
  end(end: ModelAnswerEnd): void;
  /** `hasBegun`: there were events before. */
  failed(error: RuntimeError, hasBegun: boolean): void;
}

const maxErrorChars = 64 * 1024;
/** A server refuses one feature after the other. */
const maxTries = 9;

export class DirectRequest {
  readonly #parts: DirectRequestParts;
  readonly #thoughts: ThoughtReader;
  #controller: Dispatcher.DispatchController | null = null;
  #hasBegun = false;
  #isOver = false;
  #tries = 0;

  constructor(parts: DirectRequestParts) {
    this.#parts = parts;
    const { server, request } = parts;
    this.#thoughts = server.thoughts.reader(request.model, request.think);
    this.#begin();
  }

  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.abort(new Error('nobody waits for the answer'));
  }

  #begin(): void {
    try {
      this.#try();
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      // Its asker knows how to stop it before it hears of its end.
      queueMicrotask(() => {
        if (this.#isOver) return;
        this.#isOver = true;
        this.#parts.failed(error, this.#hasBegun);
      });
    }
  }

  #try(): void {
    const { server, request, clock, parametersB } = this.#parts;
    const { penalty, path, key } = server.told;
    const also: Extra[] = penalty === '' ? ['usage'] : ['usage', 'penalty'];
    const asking = server.refusals.asking(chatOf(request, request.model), also);
    const body =
      request.kind === 'complete'
        ? wireCompletion(
            { ...completionOf(request, request.model), sampling: asking.request.sampling },
            parametersB,
            penalty,
            asking.lacks,
          )
        : wireRequest(asking.request, parametersB, penalty, asking.lacks);
    const startMs = clock.monotonicMs();
    let answer: AnswerBody | null = null;
    let refusal = '';
    let status = 0;
    let isFailed = false;
    let controller: Dispatcher.DispatchController | null = null;
    const decoder = new StringDecoder('utf8');
    const failed = (error: RuntimeError) => {
      // What is heard of a try after its failure is not about the next one.
      if (this.#isOver || isFailed) return;
      isFailed = true;
      if (asking.refused(error) && ++this.#tries < maxTries) return this.#begin();
      this.#isOver = true;
      this.#parts.failed(error, this.#hasBegun);
    };
    const read = (step: () => ChatEvent[]) => {
      try {
        const events = step();
        if (events.length > 0) asking.begun();
        this.#tell(events);
      } catch (error) {
        const known = error instanceof RuntimeError ? error : brokenBy(error as Error);
        failed(known);
        controller?.abort(known);
      }
    };
    server.pool.dispatch(
      {
        path: `${path}/v1/${request.kind === 'complete' ? 'completions' : 'chat/completions'}`,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream, application/json',
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify(body),
      },
      {
        onRequestStart: (own) => {
          controller = own;
          this.#controller = own;
          if (this.#isOver) own.abort(new Error('nobody waits for the answer'));
        },
        onResponseStart: (_, code, headers) => {
          status = code;
          const contentType = String(headers['content-type'] ?? '');
          if (code >= 200 && code < 300) answer = new AnswerBody({ contentType, startMs, clock });
        },
        onResponseData: (_, chunk) => {
          if (this.#isOver || isFailed) return;
          const text = decoder.write(chunk);
          const own = answer;
          if (own) {
            if (!own.isDone) read(() => own.push(text));
            if (own.isDone) read(() => own.end());
            return;
          }
          refusal += text;
          if (refusal.length > maxErrorChars) controller?.abort(new Error('its refusal has no end'));
        },
        onResponseEnd: () => {
          const own = answer;
          if (this.#isOver || isFailed) return;
          if (own) read(() => own.end());
          else failed(problemOf({ status, text: refusal, json: parsed(refusal) }));
        },
        onResponseError: (_, error) => failed(brokenBy(error)),
      },
    );
  }

  #tell(events: readonly ChatEvent[]): void {
    const parts = this.#parts;
    const out: ModelAnswerEvent[] = [];
    let end: ModelAnswerEnd | null = null;
    for (const event of events)
      for (const each of this.#thoughts.take(event))
        if (each.type === 'end') end = { reason: each.reason, usage: usageToTell(each.usage, 0) };
        else out.push(told(each));
    if (out.length > 0) {
      this.#hasBegun = true;
      parts.events(out);
    }
    // The reader of the events may have stopped it.
    if (!end || this.#isOver) return;
    this.#isOver = true;
    parts.end(end);
  }
}

function brokenBy(error: Error & { code?: string }): RuntimeError {
  return new RuntimeError('unavailable', `the model server does not answer: ${error.code ?? error.message}`, {
    cause: error,
  });
}
