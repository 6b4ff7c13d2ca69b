// Vector stores beside the coordinator's own index (memory-vectors.bench.ts), over the same made-up sets of 384 numbers: pgvector, end to end through
// the store, comparing all rows and by a graph, and usearch as a library alone. How many of the ten nearest are found, how long it takes, how fast it
// is filled, how large it is. 100,000 vectors, or ROWS; SETS, QUERIES and COMPARED as there. PostgreSQL is that of `make stores-check`; usearch is no
// dependency of the project and is fetched once into `.bench`.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import pg from 'pg';
import { openWorkerStore } from '../../coordinator/src/store/worker/worker-store.ts';
import { exactNearest, filledVectors } from '../fixtures/coordinator/filled-vectors.ts';
import { type VectorSet, vectorSet } from '../fixtures/coordinator/vectors.ts';
import { until } from '../fixtures/until.ts';
import { type Postgres, postgres } from '../fixtures/vector-stores/postgres.ts';
import { bench, percentile } from './line.ts';

const rows = Number(process.env.ROWS ?? 100_000);
const queries = Number(process.env.QUERIES ?? 300);
const compared = Number(process.env.COMPARED ?? 30);
const sets = (process.env.SETS ?? 'hard,clustered').split(',') as ('hard' | 'clustered')[];
const dimension = 384;
const model = 'made-up';
const agents = 3_000;
const usearchVersion = '2.26.2';
const folder = mkdtempSync(join(tmpdir(), 'fleet-stores-bench-'));

const server = await postgres();
if (server === null) process.stdout.write('pgvector: not run, there is no PostgreSQL with it (make stores-check)\n');
try {
  for (const kind of sets) {
    const path = join(folder, `${kind}.sqlite`);
    await filledVectors({ set: vectorSet(kind, dimension, 1), path, rows, dimension, model, agents });
    if (server) await measurePgvector(server, kind, path);
    await measureUsearch(kind, path);
  }
} finally {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

interface Measured {
  name: string;
  kind: 'hard' | 'clustered';
  path: string;
  /** Ids of entries, the nearest first. */
  near: (values: Float32Array, agent?: string) => Promise<number[]> | number[];
}
async function measure({ name, kind, path, near }: Measured): Promise<void> {
  const set: VectorSet = vectorSet(kind, dimension, 2);
  const asked = () => {
    const values = new Float32Array(dimension);
    set.query(values);
    return values;
  };
  const timed = async (agent?: string) => {
    const took: number[] = [];
    for (let i = 0; i < queries; i++) {
      const values = asked();
      const at = performance.now();
      await near(values, agent);
      took.push(performance.now() - at);
    }
    return took;
  };
  await timed();
  const took = await timed();
  const exactly = exactNearest(path);
  let found = 0;
  for (let i = 0; i < compared; i++) {
    const values = asked();
    const ids = new Set(await near(values));
    found += exactly(values).filter((id) => ids.has(id)).length;
  }
  const line = (what: string, value: number, unit: string) =>
    bench({ name: `vector-stores-${name}-${kind}-${rows}-${what}`, value, unit });
  line('recall-at-10', found / (compared * 10), 'share');
  line('p50', percentile(took, 0.5), 'ms');
  line('p99', percentile(took, 0.99), 'ms');
  if (name !== 'usearch') line('of-an-agent-p50', percentile(await timed('agent-17'), 0.5), 'ms');
}

async function measurePgvector({ address }: Postgres, kind: Measured['kind'], path: string): Promise<void> {
  const died = (error: Error) => {
    throw error;
  };
  const began = performance.now();
  const cpu = process.cpuUsage();
  const store = await openWorkerStore({
    ...{ path, log: silentLog, clock: systemClock, died },
    vectors: { kind: 'pgvector', ...address },
  });
  await until(() => {
    const { state, waiting } = store.vectorStore() ?? {};
    return state === 'following' && waiting === 0;
  }, 3_600_000);
  const used = process.cpuUsage(cpu);
  const line = (what: string, value: number, unit: string) =>
    bench({ name: `vector-stores-pgvector-${kind}-${rows}-${what}`, value, unit });
  line('filled', rows / ((performance.now() - began) / 1_000), 'memories/s');
  line('filled-by-own-cpu', rows / ((used.user + used.system) / 1e6), 'memories/s');
  const { host, port, database, user, password } = address;
  const client = new pg.Client({ host, port, database, user, password });
  await client.connect();
  const [table] = (await client.query(`SELECT tablename AS name FROM pg_tables WHERE tablename LIKE 'blackroad_%'`))
    .rows;
  const megabytes = async (what: string) => Number((await client.query(`SELECT ${what} AS bytes`)).rows[0].bytes) / 1e6;
  await client.query(`ANALYZE ${table.name}`);
  const near = async (values: Float32Array, agent?: string) => {
    const hits = await store.searchMemory({
      ...{ text: '', vector: { model, values }, limit: 10, ...(agent === undefined ? {} : { agent }) },
      onWithoutStore(why) {
        throw new Error(why);
      },
    });
    return hits.map(({ text }) => Number(/^memory (\d+) /.exec(text)?.[1]) + 1);
  };
  await measure({ name: 'pgvector-all', kind, path, near });
  line('table', await megabytes(`pg_total_relation_size('${table.name}')`), 'MB');
  const graph = performance.now();
  await client.query(`SET maintenance_work_mem = '1GB'`);
  await client.query(`CREATE INDEX ${table.name}_graph ON ${table.name} USING hnsw (vector halfvec_cosine_ops)`);
  line('graph-made', (performance.now() - graph) / 1_000, 's');
  line('graph', await megabytes(`pg_relation_size('${table.name}_graph')`), 'MB');
  await measure({ name: 'pgvector-graph', kind, path, near });
  await store.close();
  await client.query(`DROP TABLE ${table.name}`);
  await client.end();
}

interface Usearch {
  Index: new (
    options: object,
  ) => {
    add(ids: BigUint64Array, vectors: Float32Array): void;
    search(vector: Float32Array, count: number, threads: number): { keys: BigUint64Array };
  };
}
async function measureUsearch(kind: Measured['kind'], path: string): Promise<void> {
  const usearch = await fetchedUsearch();
  if (usearch === null) return;
  const line = (what: string, value: number, unit: string) =>
    bench({ name: `vector-stores-usearch-${kind}-${rows}-${what}`, value, unit });
  const before = process.memoryUsage.rss();
  const index = new usearch.Index({ metric: 'cos', dimensions: dimension, quantization: 'i8' });
  const set = vectorSet(kind, dimension, 1);
  const values = new Float32Array(dimension);
  let spentMs = 0;
  for (let id = 1; id <= rows; id++) {
    set.next(values);
    const at = performance.now();
    index.add(new BigUint64Array([BigInt(id)]), values);
    spentMs += performance.now() - at;
  }
  line('filled', rows / (spentMs / 1_000), 'memories/s');
  line('ram', (process.memoryUsage.rss() - before) / 1e6, 'MB');
  const near = (of: Float32Array) => [...index.search(of, 100, 1).keys].map(Number);
  await measure({ name: 'usearch', kind, path, near });
}
async function fetchedUsearch(): Promise<Usearch | null> {
  const home = join(import.meta.dirname, '../../.bench/usearch');
  try {
    if (!existsSync(join(home, 'node_modules/usearch'))) {
      mkdirSync(home, { recursive: true });
      writeFileSync(
        join(home, 'package.json'),
        JSON.stringify({ private: true, dependencies: { usearch: usearchVersion } }),
      );
      const order = ['install', '--ignore-scripts', '--no-audit', '--no-fund'];
      execFileSync('npm', order, { cwd: home, stdio: 'ignore', timeout: 120_000 });
    }
    return (await import(join(home, 'node_modules/usearch/javascript/dist/esm/usearch.js'))) as Usearch;
  } catch (error) {
    process.stdout.write(`usearch: not run, it cannot be fetched (${(error as Error).message.split('\n')[0]})\n`);
    return null;
  }
}
