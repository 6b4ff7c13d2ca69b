// Whether a model of a server of the dialect chats or embeds: no server tells, so each is asked once for a vector. In: the client. Out: the
// kind and the length of vectors; a guess from the name while the server is busy, or where asking would cost money.
import type { JsonClient } from './http-json.ts';
import type { RuntimeModel } from './runtime.ts';

type Kind = Pick<RuntimeModel, 'kind' | 'dimension'>;

const answerMs = 5000;
const embeddingName = /embed|minilm|(^|[-/])(bge|e5|gte)-/i;

export function createModelKinds(
  client: JsonClient,
): (id: string, probe: boolean, signal?: AbortSignal) => Promise<Kind> {
  const probed = new Map<string, Kind>();
  return async (id, probe, signal) => {
    const known = probed.get(id);
    if (known) return known;
    const guess: RuntimeModel['kind'] = embeddingName.test(id) ? 'embed' : 'chat';
    if (!probe) return { kind: guess, dimension: 0 };
    const body = { model: id, input: 'a', encoding_format: 'float' };
    const answer = await client.call({ method: 'POST', path: 'v1/embeddings', body, signal, answerMs });
    const vector = (answer.json as { data?: { embedding?: number[] }[] } | undefined)?.data?.[0]?.embedding;
    // A busy server's refusal means nothing about the model: ask again next time.
    if (answer.status === 503 || answer.status === 429) return { kind: guess, dimension: 0 };
    const learned: Kind =
      answer.status === 200 && Array.isArray(vector)
        ? { kind: 'embed', dimension: vector.length }
        : { kind: 'chat', dimension: 0 };
    probed.set(id, learned);
    return learned;
  };
}
