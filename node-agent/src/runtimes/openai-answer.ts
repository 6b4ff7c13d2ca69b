// An answer in the OpenAI dialect as events: text, thoughts, tool calls and the end, from the chunks of any server or paid API that speaks it.
// In: parsed chunks. Out: events; one end, or an error with a code.
import type { Clock } from '@blackroad/std/clock';
import { streamProblem } from './openai-problem.ts';
import {
  type ChatChunk,
  createToolCallAssembly,
  logprobsOf,
  textOf,
  thoughtOf,
  toolCallPieces,
  usageOf,
} from './openai-wire.ts';
import { type ChatEvent, RuntimeError } from './runtime.ts';

const maxRefusalChars = 500;

/** `startMs`: when the request was sent, by the monotonic clock. */
export async function* answerOf(
  chunks: AsyncIterable<ChatChunk>,
  startMs: number,
  clock: Clock,
): AsyncGenerator<ChatEvent> {
  const assembly = createToolCallAssembly();
  let finish: string | undefined;
  let last: ChatChunk = {};
  let firstMs = 0;
  let pieces = 0;
  let declined = '';
  for await (const chunk of chunks) {
    if (chunk.error !== undefined && chunk.error !== null) throw streamProblem(chunk.error);
    last = { usage: chunk.usage ?? last.usage, timings: chunk.timings ?? last.timings };
    const choice = chunk.choices?.[0];
    if (!choice) continue;
    finish = choice.finish_reason ?? finish;
    const said = choice.delta ?? choice.message ?? { content: choice.text };
    assembly.add(toolCallPieces(said));
    const thought = thoughtOf(said);
    const text = textOf(said);
    if (typeof said.refusal === 'string') declined = `${declined}${said.refusal}`.slice(0, maxRefusalChars);
    if (thought || text) {
      firstMs ||= clock.monotonicMs();
      pieces++;
    }
    if (thought) yield { type: 'thought', text: thought };
    if (text) yield { type: 'text', text };
    const tokens = logprobsOf(choice.logprobs);
    if (tokens.length > 0) yield { type: 'logprobs', tokens };
  }
  if (declined !== '') throw new RuntimeError('filtered', `the model declined to answer: ${declined}`);
  if (finish === undefined) throw new RuntimeError('unavailable', 'the answer ended before it was done');
  if (finish === 'content_filter') throw new RuntimeError('filtered', 'a filter of content stopped the answer');
  const calls = assembly.done();
  if (calls.length > 0) yield { type: 'tool-calls', calls };
  const reason = calls.length > 0 ? 'tool-calls' : finish === 'length' ? 'length' : 'stop';
  yield { type: 'end', reason, usage: usageOf(last, pieces, startMs, firstMs, clock.monotonicMs()) };
}
