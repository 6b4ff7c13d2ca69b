// Qdrant over its REST interface, as documented for 1.10 to 1.20: a collection a place, a point a vector. Point 0 carries the note, as no memory has
// that id; its payload names neither agent nor kind, and where it is found it is dropped.
import { JsonCalls } from './json-calls.ts';
import {
  axis,
  idsOf,
  type NearFilter,
  numbersOf,
  type Place,
  type StoredVector,
  type VectorStore,
  VectorStoreError,
} from './vector-store.ts';

const noteId = 0;

export function openQdrant({ origin, key, shown }: { origin: string; key: string; shown: string }): VectorStore {
  const calls = new JsonCalls({
    origin,
    key,
    headers: key === '' ? {} : { 'api-key': key },
    reasonIn: (answer) => (answer as { status?: { error?: unknown } } | null | undefined)?.status?.error,
  });
  return new Qdrant(calls, shown);
}

class Qdrant implements VectorStore {
  readonly shown: string;
  /** Some 2 MB of numbers as text for 384 of them; Qdrant takes 32 MB. */
  readonly atOnce = 500;
  readonly settleMs = 0;
  readonly #calls: JsonCalls;

  constructor(calls: JsonCalls, shown: string) {
    this.#calls = calls;
    this.shown = shown;
  }

  async places(prefix: string): Promise<string[]> {
    const listed = (await this.#result('GET', '/collections')) as { collections?: { name: string }[] };
    if (!Array.isArray(listed?.collections)) throw new VectorStoreError('away', 'It listed no collections.');
    return listed.collections.map(({ name }) => name).filter((name) => name.startsWith(prefix));
  }
  async open(place: Place): Promise<string | null> {
    const info = await this.#calls.call({ method: 'GET', path: at(place), alsoFine: [404] });
    if (info === null) {
      await this.#make(place);
      return null;
    }
    const { result } = info as {
      result?: { config?: { params?: { vectors?: { size?: unknown; distance?: unknown } } } };
    };
    const { size, distance } = result?.config?.params?.vectors ?? {};
    if (size !== place.dimension || distance !== 'Cosine')
      throw new VectorStoreError(
        'refused',
        `Its collection ${place.name} has vectors of ${size} numbers compared by ${distance}, expected ${place.dimension} by Cosine: remove the collection, and it is made again.`,
      );
    return this.noted(place);
  }
  async put(place: Place, vectors: readonly StoredVector[]): Promise<void> {
    if (vectors.length === 0) return;
    const pointOf = ({ id, agent, kind, vector }: StoredVector) => ({
      ...{ id, vector: numbersOf(vector), payload: { agent, kind } },
    });
    await this.#write('PUT', `${at(place)}/points`, { points: vectors.map(pointOf) });
  }
  async remove(place: Place, ids: readonly number[]): Promise<void> {
    if (ids.length > 0) await this.#write('POST', `${at(place)}/points/delete`, { points: [...ids] });
  }
  async note(place: Place, note: string): Promise<void> {
    const points = [{ id: noteId, vector: numbersOf(axis(place)), payload: { note } }];
    await this.#write('PUT', `${at(place)}/points`, { points });
  }
  async noted(place: Place): Promise<string | null> {
    const asked = { ids: [noteId], with_payload: true, with_vector: false };
    const points = await this.#result('POST', `${at(place)}/points`, asked);
    const [point] = Array.isArray(points) ? (points as { payload?: { note?: unknown } | null }[]) : [];
    return typeof point?.payload?.note === 'string' ? point.payload.note : null;
  }
  async near(place: Place, vector: Float32Array, filter: NearFilter, wanted: number): Promise<number[]> {
    const must = mustOf(filter);
    const found = (await this.#result('POST', `${at(place)}/points/query`, {
      query: numbersOf(vector),
      ...(must.length > 0 ? { filter: { must } } : {}),
      ...{ limit: wanted + 1, with_payload: false, with_vector: false },
    })) as { points?: { id: unknown }[] };
    const ids = Array.isArray(found?.points) ? found.points.map((point) => point?.id) : undefined;
    return idsOf(ids, wanted + 1).filter((id) => id !== noteId);
  }
  async drop(name: string): Promise<void> {
    await this.#calls.call({ method: 'DELETE', path: at({ name }), alsoFine: [404] });
  }
  close(): Promise<void> {
    return this.#calls.close();
  }

  async #make(place: Place): Promise<void> {
    const vectors = { size: place.dimension, distance: 'Cosine' };
    await this.#calls.call({ method: 'PUT', path: at(place), body: { vectors } });
    for (const field_name of ['agent', 'kind'])
      await this.#write('PUT', `${at(place)}/index`, { field_name, field_schema: 'keyword' });
  }
  async #result(method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<unknown> {
    const answer = await this.#calls.call({ method, path, ...(body === undefined ? {} : { body }) });
    return ((answer ?? {}) as { result?: unknown }).result;
  }
  /** Resolves when it is done, and not only taken. */
  async #write(method: 'POST' | 'PUT', path: string, body: object): Promise<void> {
    const { status } = ((await this.#result(method, `${path}?wait=true`, body)) ?? {}) as { status?: unknown };
    if (status !== 'completed') throw new VectorStoreError('away', `It did not confirm what was written: ${status}.`);
  }
}

const at = ({ name }: Pick<Place, 'name'>): string => `/collections/${name}`;
function mustOf({ agent, kind }: NearFilter): object[] {
  const fields = Object.entries({ agent, kind }).filter(([, value]) => value !== undefined);
  return fields.map(([key, value]) => ({ key, match: { value } }));
}
