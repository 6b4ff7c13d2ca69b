// An answer in the OpenAI dialect as events: text, thoughts, tool calls and the end, from the chunks of any server or paid API that speaks it.
// In: parsed chunks. Out: events; one end, or an error with a code.
import type { Clock } from '@blackroad/std/clock';
import type { ChatEvent } from './chat.ts';
import { streamProblem } from './openai-problem.ts';
import {
  type ChatChunk,
  createToolCallAssembly,
  logprobsOf,
  type ToolCallPiece,
  textOf,
  thoughtOf,
  toolCallPieces,
  usageOf,
} from './openai-wire.ts';
import { PieceTimes } from './piece-times.ts';
import { RuntimeError } from './runtime-error.ts';

const maxRefusalChars = 500;

export class OpenAiAnswer {
  readonly #assembly = createToolCallAssembly();
  readonly #times: PieceTimes;
  readonly #clock: Clock;
  #finish: string | undefined;
  #last: ChatChunk = {};
  #pieces = 0;
  #declined = '';

  /** `startMs`: when the request was sent, by the monotonic clock. */
  constructor(startMs: number, clock: Clock) {
    this.#times = new PieceTimes(startMs);
    this.#clock = clock;
  }

  /** Adds the events of a chunk. @throws RuntimeError for an error in the stream */
  take(chunk: ChatChunk, events: ChatEvent[]): void {
    if (chunk.error !== undefined && chunk.error !== null) throw streamProblem(chunk.error);
    if (chunk.usage) this.#last.usage = chunk.usage;
    if (chunk.timings) this.#last.timings = chunk.timings;
    const choice = chunk.choices?.[0];
    if (!choice) return;
    this.#finish = choice.finish_reason ?? this.#finish;
    const said = choice.delta ?? choice.message ?? { content: choice.text };
    const called = toolCallPieces(said);
    this.#assembly.add(called);
    const thought = thoughtOf(said);
    const text = textOf(said);
    if (typeof said.refusal === 'string') this.#declined = `${this.#declined}${said.refusal}`.slice(0, maxRefusalChars);
    if (thought || text) this.#pieces++;
    this.#times.came(thought.length + text.length + charsIn(called), this.#clock.monotonicMs());
    if (thought) events.push({ type: 'thought', text: thought });
    if (text) events.push({ type: 'text', text });
    const tokens = logprobsOf(choice.logprobs);
    if (tokens.length > 0) events.push({ type: 'logprobs', tokens });
  }

  /** The last events. @throws RuntimeError where the answer is not whole */
  end(): ChatEvent[] {
    const finish = this.#finish;
    if (this.#declined !== '') throw new RuntimeError('filtered', `the model declined to answer: ${this.#declined}`);
    if (finish === undefined) throw new RuntimeError('unavailable', 'the answer ended before it was done');
    if (finish === 'content_filter') throw new RuntimeError('filtered', 'a filter of content stopped the answer');
    const calls = this.#assembly.done();
    const reason = calls.length > 0 ? 'tool-calls' : finish === 'length' ? 'length' : 'stop';
    const usage = usageOf(this.#last, this.#pieces, this.#times, this.#clock.monotonicMs());
    const end: ChatEvent = { type: 'end', reason, usage };
    return calls.length > 0 ? [{ type: 'tool-calls', calls }, end] : [end];
  }
}

function charsIn(calls: readonly ToolCallPiece[]): number {
  const lengthOf = (text: unknown) => (typeof text === 'string' ? text.length : 0);
  return calls.reduce((sum, { function: of }) => sum + lengthOf(of?.name) + lengthOf(of?.arguments), 0);
}
