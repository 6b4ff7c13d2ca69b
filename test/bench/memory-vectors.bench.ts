// Search by meaning over all the coordinator holds, end to end through the store: the scan of codes, the exact comparison of candidates, the texts.
// Sets of which nothing is near to anything (hard) and of topics (clustered), both made from a seed; embeddings of real sentences by MiniLM (real),
// and mixtures of those (mixed), searched with sentences that are in neither; 384 numbers each. The peer is the exact scan of sqlite-vec over the
// same file in the same run; it also says which ten are the nearest. 100,000 vectors, 1.2 million with BENCH=all or ROWS=1200000 (of real ones as
// many as there are sentences); QUERIES, COMPARED and SETS=hard make a run of ten million shorter. The first run embeds the sentences, minutes of a core.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { openWorkerStore } from '../fixtures/coordinator/bundled-worker-store.ts';
import { exactNearest, filledVectors } from '../fixtures/coordinator/filled-vectors.ts';
import { isAsked, realSet, type VectorSet, vectorSet } from '../fixtures/coordinator/vectors.ts';
import { mostSentences, realVectors } from '../fixtures/real-sentences.ts';
import { until } from '../fixtures/until.ts';
import { bench, percentile } from './line.ts';

const rows = Number(process.env.ROWS ?? (process.env.BENCH_LONG === '1' ? 1_200_000 : 100_000));
const queries = Number(process.env.QUERIES ?? 1_000);
const compared = Number(process.env.COMPARED ?? 20);
type Kind = 'hard' | 'clustered' | 'real' | 'mixed';
const sets = (process.env.SETS ?? 'hard,clustered,real,mixed').split(',') as Kind[];
const sentences = rows < 1_000_000 ? 20_000 : mostSentences;
const dimension = 384;
const model = 'made-up';
const agents = 30_000;
const real = sets.some((kind) => kind === 'real' || kind === 'mixed') ? await realVectors(sentences) : { skip: '' };
const folder = mkdtempSync(join(tmpdir(), 'fleet-vectors-bench-'));

try {
  for (const kind of sets) {
    if (kind === 'hard' || kind === 'clustered') await measure(kind, rows, (seed) => vectorSet(kind, dimension, seed));
    else if ('skip' in real) process.stdout.write(`memory-vectors-${kind}: SKIPPED, ${real.skip}\n`);
    else {
      const kept = real.sentences.filter((_, at) => !isAsked(at)).length;
      const many = kind === 'real' ? Math.min(rows, kept) : rows;
      await measure(kind, many, (seed) => realSet(kind, real.values, dimension, seed));
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function measure(kind: Kind, rows: number, setOf: (seed: number) => VectorSet): Promise<void> {
  const path = join(folder, `${kind}.sqlite`);
  await filledVectors({ set: setOf(1), path, rows, dimension, model, agents });
  let complete = false;
  const info = (_: unknown, text?: string) => {
    if (text?.includes('is complete')) complete = true;
  };
  const log = { ...silentLog, info };
  const died = (error: Error) => {
    throw error;
  };
  const store = await openWorkerStore({ path, log: log as typeof silentLog, clock: systemClock, died });
  const set = setOf(2);
  const ask = (agent?: string) => {
    const values = new Float32Array(dimension);
    set.query(values);
    return { text: '', vector: { model, values }, limit: 10, ...(agent === undefined ? {} : { agent }) };
  };
  const before = process.memoryUsage.rss();
  const began = performance.now();
  const cpu = process.cpuUsage();
  // The first search begins it. Searches meanwhile would be counted with it.
  await store.searchMemory(ask());
  await until(() => complete, 3_600_000);
  const used = process.cpuUsage(cpu);
  const name = (what: string) => `memory-vectors-${kind}-${rows}-${what}`;
  bench({ name: name('index-made'), value: (performance.now() - began) / 1_000, unit: 's' });
  bench({
    name: name('index-made-by-cpu'),
    value: rows / ((used.user + used.system) / 1e6),
    unit: 'memories/s',
    goal: { is: '>=', value: 20_000 },
  });

  const timed = async (agent?: (i: number) => string) => {
    const took: number[] = [];
    for (let i = 0; i < queries; i++) {
      const query = ask(agent?.(i));
      const at = performance.now();
      const hits = await store.searchMemory(query);
      took.push(performance.now() - at);
      if (hits.length === 0) throw new Error('nothing was found');
    }
    return took;
  };
  // The first ones compile.
  await timed();
  const worked = process.cpuUsage();
  const took = await timed();
  const each = process.cpuUsage(worked);
  const ram = (process.memoryUsage.rss() - before) / 1e6;
  const db = exactNearest(path);
  let found = 0;
  const exactly: number[] = [];
  for (let i = 0; i < compared; i++) {
    const query = ask();
    const at = performance.now();
    const nearest = db(query.vector.values);
    exactly.push(performance.now() - at);
    const texts = new Set((await store.searchMemory(query)).map(({ text }) => text));
    found += nearest.filter((id) => texts.has(`memory ${id - 1} of the bench`)).length;
  }
  const goal = (is: '<=' | '>=', value: number) => ({ is, value });
  bench({ name: name('recall-at-10'), value: found / (compared * 10), unit: 'share', goal: goal('>=', 0.99) });
  const exact = { name: 'sqlite-vec', value: percentile(exactly, 0.5) };
  bench({ name: name('p50'), value: percentile(took, 0.5), unit: 'ms', goal: goal('<=', 12), peer: exact });
  bench({ name: name('p99'), value: percentile(took, 0.99), unit: 'ms', goal: goal('<=', 30) });
  // Of all threads: what other work on the machine does not change.
  bench({ name: name('cpu-a-search'), value: (each.user + each.system) / 1_000 / queries, unit: 'ms' });
  bench({
    name: name('times-faster'),
    value: exact.value / percentile(took, 0.5),
    unit: 'times',
    // Of fewer an exact scan is quick, too.
    ...(rows < 1_000_000 ? {} : { goal: goal('>=', 50) }),
  });
  const ofAgent = await timed((i) => `agent-${(i * 7919) % Math.min(agents, rows)}`);
  bench({ name: name('of-an-agent-p50'), value: percentile(ofAgent, 0.5), unit: 'ms', goal: goal('<=', 12) });
  bench({ name: name('ram'), value: ram, unit: 'MB', goal: goal('<=', 350) });
  await store.close();
}
