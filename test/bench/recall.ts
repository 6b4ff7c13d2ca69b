// A recall on a node: 20,000 memories of one agent, among as many of others, against the same question answered exactly: every word's memories
// ranked by FTS5, every vector compared by sqlite-vec, both lists fused by the same rule. 1,000 questions of 2 to 12 words.
import { questionWords, wordsOf } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { type Random, seededRandom, systemRandom } from '@blackroad/std/random';
import Database from 'better-sqlite3';
import { load } from 'sqlite-vec';
import type { AgentMemory } from '../../node-agent/src/memory/agent-memory.ts';
import { createNodeMemory } from '../../node-agent/src/memory/node-memory.ts';
import { fuse, weakestHit } from '../../node-agent/src/memory/rank.ts';
import { vectorSet } from '../fixtures/coordinator/vectors.ts';
import { TinyCoordinator } from '../fixtures/node-agent/tiny-coordinator.ts';
import { bench, percentile } from './line.ts';
import { zipfText } from './zipf-text.ts';

const own = 20_000;
const others = 20;
const ofEachOther = 200;
const questions = 1_000;
const exactly = 200;
const wanted = 10;
const atOnce = 100;
const dimension = 384;
const model = 'all-minilm';
const signal = new AbortController().signal;

export async function recalls(dir: string): Promise<void> {
  const random = seededRandom(1);
  const set = vectorSet('hard', dimension, 3);
  const next = () => {
    const vector = new Float32Array(dimension);
    set.next(vector);
    return vector;
  };
  let last = next();
  const embed = async (texts: string[]) => ({ model, vectors: texts.map(() => (last = next())) });
  const coordinator = new TinyCoordinator();
  const memory = createNodeMemory({
    dir,
    node: 'alice',
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    embed,
  });
  const logs = Array.from({ length: others + 1 }, (_, i) => memory.open(coordinator.place(`agent-${i}`, 'alice')));
  coordinator.link('alice', memory);
  const ada = logs[0] as AgentMemory;
  const exact = exactIndex();
  const started = performance.now();
  let texts: { text: string; vector: Float32Array }[] = [];
  for (let i = 0; i < own; i += atOnce) {
    for (let other = 0; other < others; other++)
      if (i % (own / ofEachOther) === 0) await remember(logs[1 + other] as AgentMemory, random, () => last, 5);
    texts = await remember(ada, random, () => last, atOnce);
    exact.add(texts);
  }
  bench({
    name: 'memory-append-100-at-once',
    value: (own + others * ofEachOther) / ((performance.now() - started) / 1000),
    unit: 'memories/s',
  });
  // The first one indexes what waits, and reads the codes.
  await ada.recall('first', 5, signal);
  const took: number[] = [];
  const tookExactly: number[] = [];
  const used: number[] = [];
  let same = 0;
  let sameByMeaning = 0;
  for (let i = 0; i < questions; i++) {
    const question = zipfText(random, 2 + Math.floor(random.next() * 11));
    const at = performance.now();
    const cpu = process.cpuUsage();
    const { memories, how } = await ada.recall(question, wanted, signal);
    took.push(performance.now() - at);
    const { user, system } = process.cpuUsage(cpu);
    used.push((user + system) / 1_000);
    if (memories.length === 0 || how !== 'hybrid') throw new Error(`recall found ${memories.length} memories, ${how}`);
    if (i >= exactly) continue;
    const before = performance.now();
    const best = exact.find(question, last);
    tookExactly.push(performance.now() - before);
    same += best.filter((text) => memories.some((each) => each.text === text)).length;
    // A question without words.
    const byMeaning = (await ada.recall('?', wanted, signal)).memories;
    sameByMeaning += exact.find('?', last).filter((text) => byMeaning.some((each) => each.text === text)).length;
  }
  const peer = (at: number) => ({ name: 'exact', value: percentile(tookExactly, at) });
  const name = `of-${own}`;
  const unit = 'ms';
  bench({ name: `recall-p50-${name}`, value: percentile(took, 0.5), unit, peer: peer(0.5) });
  bench({
    name: `recall-p99-${name}`,
    value: percentile(took, 0.99),
    unit,
    goal: { is: '<=', value: 5 },
    peer: peer(0.99),
  });
  // What the processor worked for it, whatever else it had to do meanwhile.
  for (const [at, p] of [
    [0.5, 'p50'],
    [0.99, 'p99'],
  ] as const)
    bench({ name: `recall-cpu-${p}-${name}`, value: percentile(used, at), unit });
  const share = (count: number) =>
    ({ value: (100 * count) / (exactly * wanted), unit: '%', goal: { is: '>=', value: 99 } }) as const;
  bench({ name: `recall-at-10-${name}`, ...share(same) });
  bench({ name: `recall-at-10-by-meaning-${name}`, ...share(sameByMeaning) });
  await memory.close();
}

async function remember(log: AgentMemory, random: Random, embedded: () => Float32Array, count: number) {
  const stored: { text: string; vector: Float32Array }[] = [];
  await Promise.all(
    Array.from({ length: count }, () => {
      const text = zipfText(random, 10 + Math.floor(random.next() * 50));
      const done = log.append({ kind: 'turn', text, source: 'task:bench', actorId: 'agent:ada' });
      stored.push({ text, vector: embedded() });
      return done;
    }),
  );
  return stored;
}

/** What the index of a node is measured against: nothing is left out. */
function exactIndex() {
  const db = new Database(':memory:');
  load(db);
  db.exec(`CREATE TABLE items (id INTEGER PRIMARY KEY, text TEXT, vector BLOB);
    CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='porter ascii')`);
  const item = db.prepare('INSERT INTO items (text, vector) VALUES (?, ?)');
  const words = db.prepare(`INSERT INTO words (rowid, text) VALUES (?, ?)`);
  const byWords = db
    .prepare('SELECT rowid, bm25(words) FROM words WHERE words MATCH ? ORDER BY 2, 1 DESC LIMIT 40')
    .raw();
  const byMeaning = db
    .prepare('SELECT id FROM items ORDER BY vec_distance_cosine(vector, ?), id DESC LIMIT 40')
    .pluck();
  const text = db.prepare('SELECT text FROM items WHERE id = ?').pluck();
  let count = 0;
  return {
    add: db.transaction((rows: { text: string; vector: Float32Array }[]) => {
      for (const row of rows) {
        const id = item.run(row.text, Buffer.from(row.vector.buffer)).lastInsertRowid;
        words.run(id, wordsOf(row.text).join(' '));
        count++;
      }
    }),
    find(question: string, vector: Float32Array): string[] {
      const asked = questionWords(question).map((word) => `text : "${word}"`);
      const hits = (asked.length > 0 ? byWords.all(asked.join(' OR ')) : []) as [number, number][];
      const least = (hits[0]?.[1] ?? 0) * weakestHit;
      const lists = [
        hits.filter(([, score]) => score <= least).map(([id]) => id),
        byMeaning.all(Buffer.from(vector.buffer)) as number[],
      ];
      const found = new Map(lists.flat().map((id) => [id, { id, seq: id, importance: 0.5 }]));
      const head = { seq: count, hash: '' };
      return fuse(lists, found, head)
        .slice(0, wanted)
        .map(({ id }) => text.get(id) as string);
    },
  };
}
