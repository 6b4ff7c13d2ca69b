// Vectors of texts, made by a machine of the fleet that has the model. In: a model, texts, who asks, how long that may take. Out: a vector for
// each text, or the FleetError of why there is none.
import { decodeVector, FleetError, type Principal } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Ask } from './ask.ts';
import type { Gateway } from './gateway.ts';
import { wholeWithin } from './whole.ts';

interface VectorsAsked {
  model: string;
  texts: readonly string[];
  by: Principal;
  withinMs: number;
  /** It has time: whoever waits for an answer comes first. */
  idle?: true;
}

export async function vectorsOf(
  { gateway, clock }: { gateway: Gateway; clock: Clock },
  { model, texts, by, withinMs, idle }: VectorsAsked,
): Promise<Float32Array[]> {
  const request: Ask['request'] = { kind: 'embed', texts: [...texts] };
  const ask = { models: [model], request, answers: 1, stream: false, session: null, ...(idle ? { idle } : {}) };
  const { answers } = await wholeWithin({ gateway, clock }, ask, { by, withinMs, what: 'vector' });
  const vectors = (answers[0]?.vectors ?? []).map(decodeVector);
  if (vectors.length !== texts.length) {
    const detail = `${model}: expected ${texts.length} vectors, got ${vectors.length}`;
    throw new FleetError('model-failed', { detail });
  }
  return vectors;
}
