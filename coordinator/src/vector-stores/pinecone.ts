// Pinecone over its REST interface, version 2025-10: the index is there already, a place is a namespace in it, a record a vector. The record `note`
// carries the note. What was written is found some seconds later, as documented; the caller knows it by `settleMs`.
import { JsonCalls } from './json-calls.ts';
import {
  axis,
  idsOf,
  type NearFilter,
  numbersOf,
  type Place,
  type VectorStore,
  VectorStoreError,
} from './vector-store.ts';

const version = '2025-10';
const noteId = 'note';
/** A request may have 2 MB and 1,000 records: 4,096 numbers of 9 characters are 37 KB. */
const maxRequestNumbers = 180_000;
const mostRecords = 400;
const mostDeleted = 1_000;
const settleMs = 60_000;

interface Stats {
  dimension?: unknown;
  metric?: unknown;
  namespaces?: Record<string, unknown>;
}

export function openPinecone({ origin, key, shown }: { origin: string; key: string; shown: string }): VectorStore {
  const calls = new JsonCalls({
    origin,
    key,
    headers: { 'api-key': key, 'x-pinecone-api-version': version },
    reasonIn: (answer) => (answer as { message?: unknown } | null | undefined)?.message,
  });
  const post = (path: string, body: object, alsoFine: readonly number[] = []) =>
    calls.call({ method: 'POST', path, body, alsoFine });
  const stats = async () => {
    const answer = (await post('/describe_index_stats', {})) as Stats | null;
    if (typeof answer?.namespaces !== 'object' || answer.namespaces === null)
      throw new VectorStoreError('away', 'It described no index.');
    return answer;
  };
  async function noted({ name }: Place): Promise<string | null> {
    const path = `/vectors/fetch?ids=${noteId}&namespace=${name}`;
    const answer = (await calls.call({ method: 'GET', path, alsoFine: [404] })) as {
      vectors?: Record<string, { metadata?: { note?: unknown } }>;
    } | null;
    const note = answer?.vectors?.[noteId]?.metadata?.note;
    return typeof note === 'string' ? note : null;
  }
  async function upserted({ name }: Place, vectors: object[]): Promise<void> {
    const answer = (await post('/vectors/upsert', { namespace: name, vectors })) as { upsertedCount?: unknown };
    if (answer.upsertedCount !== vectors.length)
      throw new VectorStoreError(
        'away',
        `It confirmed ${answer.upsertedCount} vectors of ${vectors.length} that were written.`,
      );
  }

  return {
    shown,
    atOnce: mostRecords,
    settleMs,
    async places(prefix) {
      return Object.keys((await stats()).namespaces ?? {}).filter((name) => name.startsWith(prefix));
    },
    async open(place) {
      const { dimension, metric } = await stats();
      // The metric is not told by every kind of index.
      if (dimension !== place.dimension || (metric !== undefined && metric !== 'cosine'))
        throw new VectorStoreError(
          'refused',
          `Its index has vectors of ${dimension} numbers${metric === undefined ? '' : ` compared by ${metric}`}, and the fleet's model makes ${place.dimension}: expected an index of ${place.dimension} numbers compared by cosine.`,
        );
      return noted(place);
    },
    async put(place, vectors) {
      const atOnce = Math.max(1, Math.floor(maxRequestNumbers / place.dimension));
      for (let from = 0; from < vectors.length; from += atOnce)
        await upserted(
          place,
          vectors.slice(from, from + atOnce).map(({ id, agent, kind, vector }) => ({
            ...{ id: String(id), values: numbersOf(vector), metadata: { agent, kind } },
          })),
        );
    },
    async remove({ name }, ids) {
      // 404: there is no namespace yet, so nothing of it is there.
      for (let from = 0; from < ids.length; from += mostDeleted)
        await post('/vectors/delete', { namespace: name, ids: ids.slice(from, from + mostDeleted).map(String) }, [404]);
    },
    note: (place, note) => upserted(place, [{ id: noteId, values: numbersOf(axis(place)), metadata: { note } }]),
    noted,
    async near({ name }, vector, filter, wanted) {
      const topK = wanted + 1;
      const only = onlyOf(filter);
      const answer = (await post('/query', {
        ...{ namespace: name, vector: numbersOf(vector), topK },
        ...(only ? { filter: only } : {}),
        ...{ includeValues: false, includeMetadata: false },
      })) as { matches?: { id: unknown }[] };
      const ids = Array.isArray(answer.matches) ? answer.matches.map((match) => match?.id) : undefined;
      return idsOf(ids?.filter((id) => id !== noteId).map(numberOf), topK);
    },
    drop: async (name) => {
      await post('/vectors/delete', { namespace: name, deleteAll: true }, [404]);
    },
    close: () => calls.close(),
  };
}

function onlyOf(filter: NearFilter): object | null {
  const fields = Object.entries(filter).filter(([, value]) => value !== undefined);
  return fields.length === 0 ? null : Object.fromEntries(fields.map(([key, value]) => [key, { $eq: value }]));
}
const numberOf = (id: unknown): number => (typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : Number.NaN);
