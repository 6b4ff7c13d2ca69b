// PostgreSQL with the extension vector (0.7 or newer): a table a place, a row a vector, as half floats. Row 0 has the note in place of a kind: who
// empties or removes the table takes the note along. Up to some hundred thousand rows all are compared, which finds what is nearest; more get a graph
// (HNSW), which is faster and finds most of it. [decision 39] An agent's own rows are always all compared.

import { type PostgresAddress, PostgresCalls } from './postgres-calls.ts';
import {
  axis,
  idsOf,
  type NearFilter,
  type Place,
  type StoredVector,
  type VectorStore,
  VectorStoreError,
} from './vector-store.ts';

const noteId = 0;
/** Comparing all of so many takes 80 ms with 384 numbers. [M] */
const usualForGraph = 200_000;
/** The extension builds none for longer vectors. */
const maxGraphDimension = 4_000;

/** `leastForGraph`: rows from which on a place has a graph. */
export function openPgvector(address: PostgresAddress, shown: string, leastForGraph = usualForGraph): VectorStore {
  return new Pgvector(new PostgresCalls(address), shown, leastForGraph);
}

class Pgvector implements VectorStore {
  readonly shown: string;
  readonly atOnce = 500;
  readonly settleMs = 0;
  readonly #calls: PostgresCalls;
  readonly #leastForGraph: number;
  #isReady = false;
  /** Places whose graph is being made, or was. */
  readonly #graphs = new Set<string>();

  constructor(calls: PostgresCalls, shown: string, leastForGraph: number) {
    this.#calls = calls;
    this.shown = shown;
    this.#leastForGraph = leastForGraph;
  }

  async places(prefix: string): Promise<string[]> {
    await this.#ready();
    const rows = await this.#calls.rows<{ name: string }>(
      'SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() AND starts_with(tablename, $1)',
      [prefix],
    );
    return rows.map(({ name }) => name);
  }
  async open(place: Place): Promise<string | null> {
    await this.#ready();
    const { name, dimension } = place;
    const type = `halfvec(${dimension})`;
    await this.#calls.rows(
      `CREATE TABLE IF NOT EXISTS ${name} (id bigint PRIMARY KEY, agent text NOT NULL, kind text NOT NULL, vector ${type} NOT NULL)`,
    );
    const [column] = await this.#calls.rows<{ type: string }>(
      `SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = to_regclass($1) AND attname = 'vector'`,
      [name],
    );
    if (column?.type !== type)
      throw new VectorStoreError(
        'refused',
        `Its table ${name} has a column vector of the type ${column?.type ?? 'none'}, expected ${type}: remove the table, and it is made again.`,
      );
    await this.#calls.rows(`CREATE INDEX IF NOT EXISTS ${name}_agent ON ${name} (agent)`);
    return this.#noted(place);
  }
  async put({ name }: Place, vectors: readonly StoredVector[]): Promise<void> {
    if (vectors.length === 0) return;
    const column = <K extends keyof StoredVector>(key: K) => vectors.map((each) => each[key]);
    const literals = vectors.map(({ vector }) => literalOf(vector));
    await this.#calls.rows(
      `INSERT INTO ${name} (id, agent, kind, vector)
       SELECT id, agent, kind, vector::halfvec FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS row (id, agent, kind, vector)
       ON CONFLICT (id) DO UPDATE SET agent = excluded.agent, kind = excluded.kind, vector = excluded.vector`,
      [column('id'), column('agent'), column('kind'), literals],
      `${name} put`,
    );
  }
  async remove({ name }: Place, ids: readonly number[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#calls.rows(`DELETE FROM ${name} WHERE id = ANY ($1::bigint[])`, [ids], `${name} remove`);
  }
  async note(place: Place, note: string): Promise<void> {
    await this.put(place, [{ id: noteId, agent: '', kind: note, vector: axis(place) }]);
  }
  noted(place: Place): Promise<string | null> {
    this.#tendGraph(place);
    return this.#noted(place);
  }
  async near({ name }: Place, vector: Float32Array, { agent, kind }: NearFilter, wanted: number): Promise<number[]> {
    // A number in the text, and no prepared statement: the server chooses between the graph and all rows by it.
    const order = `ORDER BY vector <=> $1::halfvec LIMIT ${Math.floor(wanted) + 1}`;
    const literal = literalOf(vector);
    const asked = (text: string, values: unknown[]) =>
      this.#calls.rows<{ id: string }>(`${text} ${order}`, [literal, ...values]);
    // Materialized: the graph, which looks at the nearest of all agents first, is not used.
    const own = `WITH own AS MATERIALIZED (SELECT id, vector FROM ${name} WHERE agent = $2 AND ($3::text IS NULL OR kind = $3)) SELECT id FROM own`;
    const rows = await (agent !== undefined
      ? asked(own, [agent, kind ?? null])
      : kind !== undefined
        ? asked(`SELECT id FROM ${name} WHERE kind = $2`, [kind])
        : asked(`SELECT id FROM ${name}`, []));
    const ids = rows.map(({ id }) => Number(id));
    return idsOf(ids, wanted + 1).filter((id) => id !== noteId);
  }
  async drop(name: string): Promise<void> {
    await this.#ready();
    await this.#calls.rows(`DROP TABLE IF EXISTS ${name}`);
    this.#graphs.delete(name);
  }
  close(): Promise<void> {
    return this.#calls.close();
  }

  async #noted({ name }: Place): Promise<string | null> {
    const [row] = await this.#calls.rows<{ note: string }>(`SELECT kind AS note FROM ${name} WHERE id = ${noteId}`);
    return row?.note ?? null;
  }
  async #ready(): Promise<void> {
    if (!this.#isReady) await madeExtension((text) => this.#calls.rows(text));
    this.#isReady = true;
  }
  /** Not waited for: it takes minutes, in which searches compare all. */
  #tendGraph({ name, dimension }: Place): void {
    if (dimension > maxGraphDimension || this.#graphs.has(name)) return;
    this.#graphs.add(name);
    this.#madeGraph(name)
      .then((isThere) => isThere || this.#graphs.delete(name))
      .catch(() => this.#graphs.delete(name));
  }
  async #madeGraph(name: string): Promise<boolean> {
    // Rows as of the last look of the server at the table; -1: it has not looked yet.
    const [found] = await this.#calls.rows<{ rows: number; has: boolean }>(
      'SELECT reltuples AS rows, to_regclass($2) IS NOT NULL AS has FROM pg_class WHERE oid = to_regclass($1)',
      [name, `${name}_graph`],
    );
    if (found?.has) return true;
    if (found === undefined || found.rows < this.#leastForGraph) return false;
    await this.#calls.slowly([
      // What an interrupted one left is of no use.
      `DROP INDEX IF EXISTS ${name}_graph_new`,
      `CREATE INDEX CONCURRENTLY ${name}_graph_new ON ${name} USING hnsw (vector halfvec_cosine_ops)`,
      `ALTER INDEX ${name}_graph_new RENAME TO ${name}_graph`,
    ]);
    return true;
  }
}

async function madeExtension(asked: (text: string) => Promise<{ version: string }[]>): Promise<void> {
  const present = () => asked(`SELECT extversion AS version FROM pg_extension WHERE extname = 'vector'`);
  let [found] = await present();
  if (!found) {
    try {
      await asked('CREATE EXTENSION vector');
    } catch (error) {
      const hint = 'run CREATE EXTENSION vector in this database as a superuser, with pgvector 0.7 or newer installed';
      throw new VectorStoreError('refused', `It has no extension vector: ${hint}.`, { cause: error });
    }
    [found] = await present();
  }
  const [major = 0, minor = 0] = (found?.version ?? '').split('.').map(Number);
  if (major === 0 && minor < 7)
    throw new VectorStoreError('refused', `Its extension vector is ${found?.version}, expected 0.7 or newer.`);
}
/** Half floats have three digits. */
const literalOf = (vector: Float32Array): string => `[${Array.from(vector, (value) => value.toFixed(6)).join(',')}]`;
