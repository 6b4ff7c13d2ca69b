// Asks a model or an agent through the gateway with the console's own session: the head of the answer says where it comes from, then its
// pieces come as they are written. Nothing is asked again here: two answers do not fit together.
import type { RouteBody } from '@blackroad/protocol';
import { ApiProblem, send } from './api.ts';
import { createEventReader } from './sse.ts';

export type ModelAsk = RouteBody<'openaiChat'>;
/** Where an answer comes from. */
export interface From {
  node: string;
  /** Why there, in words. */
  why: string;
  /** What the coordinator took for choosing and passing on. */
  overheadMs: number;
}
export type Piece =
  | { kind: 'text' | 'thought'; text: string }
  | { kind: 'call'; name: string; arguments: string }
  | { kind: 'end'; reason: string }
  | { kind: 'usage'; promptTokens: number; completionTokens: number };

/** Resolves when the answer begins. Rejects with ApiProblem, as its pieces do when it breaks off. */
export async function askModel(
  body: ModelAsk,
  signal: AbortSignal,
): Promise<{ from: From; pieces: AsyncGenerator<Piece> }> {
  const asked = { body: { ...body, stream: true, stream_options: { include_usage: true } }, signal };
  const response = await send('openaiChat', asked, 'text/event-stream');
  const head = (name: string) => response.headers.get(`x-fleet-${name}`) ?? '';
  const from = { node: head('node'), why: head('route'), overheadMs: Number(head('overhead-ms')) };
  return { from, pieces: piecesOf(response) };
}

async function* piecesOf(response: Response): AsyncGenerator<Piece> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const read = createEventReader();
  while (reader) {
    const { done, value } = await reader.read();
    // A whole answer ends with its own word.
    if (done) throw new ApiProblem('internal', 0, 'The answer broke off.');
    for (const { data } of read(value)) {
      if (data === '[DONE]') return;
      yield* piecesIn(JSON.parse(data) as Chunk);
    }
  }
}

interface Chunk {
  error?: { message: string };
  choices?: {
    delta: {
      content?: string;
      reasoning_content?: string;
      tool_calls?: { function: { name: string; arguments: string } }[];
    };
    finish_reason: string | null;
  }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
}
function* piecesIn({ error, choices = [], usage }: Chunk): Generator<Piece> {
  if (error) throw new ApiProblem('model-failed', 0, error.message);
  for (const { delta, finish_reason: reason } of choices) {
    if (delta.reasoning_content) yield { kind: 'thought', text: delta.reasoning_content };
    if (delta.content) yield { kind: 'text', text: delta.content };
    for (const { function: called } of delta.tool_calls ?? []) yield { kind: 'call', ...called };
    if (reason !== null) yield { kind: 'end', reason };
  }
  if (usage) yield { kind: 'usage', promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens };
}
