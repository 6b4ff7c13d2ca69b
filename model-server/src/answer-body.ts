// The body of an answer in the OpenAI dialect, as events: server-sent events as they come, or one JSON value where the server does not stream.
// In: pieces of text, cut anywhere. Out: the events of the answer.
import type { Clock } from '@blackroad/std/clock';
import type { ChatEvent } from './chat.ts';
import { parsed } from './json.ts';
import { Lines } from './lines.ts';
import { OpenAiAnswer } from './openai-answer.ts';
import type { ChatChunk } from './openai-wire.ts';
import { RuntimeError } from './runtime-error.ts';
import { ServerSentEvents } from './server-sent-events.ts';

const maxWholeChars = 4 * 1024 * 1024;

export class AnswerBody {
  readonly #answer: OpenAiAnswer;
  readonly #lines = new Lines();
  readonly #sent = new ServerSentEvents();
  /** Of a server that does not stream; null: it does. */
  #whole: string | null;
  #isDone = false;
  #broken: unknown = null;

  /** `startMs`: when the request was sent, by the monotonic clock. */
  constructor({ contentType, startMs, clock }: { contentType: string; startMs: number; clock: Clock }) {
    this.#answer = new OpenAiAnswer(startMs, clock);
    this.#whole = contentType.includes('json') ? '' : null;
  }

  /** Nothing more is read: the server has said so, or its answer broke. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** @throws RuntimeError for an error in the answer, and for what is not an answer */
  push(piece: string): ChatEvent[] {
    if (this.#whole === null) return this.#read(this.#lines.push(piece).flatMap((line) => this.#sent.push(line)));
    this.#whole += piece;
    if (this.#whole.length > maxWholeChars) throw new RuntimeError('unavailable', 'the answer is longer than is sane');
    return [];
  }

  /** The last events, when the body has ended or `isDone`. @throws RuntimeError where the answer is not whole */
  end(): ChatEvent[] {
    if (this.#broken) throw this.#broken;
    const left =
      this.#whole === null
        ? [...this.#lines.end().flatMap((line) => this.#sent.push(line)), ...this.#sent.end()]
        : [this.#whole];
    const events = this.#read(left);
    if (this.#broken) throw this.#broken;
    return [...events, ...this.#answer.end()];
  }

  #read(all: readonly string[]): ChatEvent[] {
    const events: ChatEvent[] = [];
    try {
      for (const data of all) {
        if (this.#isDone) break;
        if (data === '[DONE]') this.#isDone = true;
        else this.#answer.take(chunkIn(data), events);
      }
    } catch (error) {
      if (events.length === 0) throw error;
      // What came before the error is a part of the answer.
      this.#isDone = true;
      this.#broken = error;
    }
    return events;
  }
}

function chunkIn(data: string): ChatChunk {
  const chunk = parsed(data) as ChatChunk | undefined;
  if (typeof chunk === 'object' && chunk !== null) return chunk;
  throw new RuntimeError('unavailable', 'an event of the answer is not JSON');
}
