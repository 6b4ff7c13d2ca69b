// Finding memories: a recall on a node that holds 10,000 of them, and a search over all the coordinator holds. Vectors are random, of
// MiniLM's length: the search is exact, so their meaning does not change its cost. Where the model's own time matters it is not in here.
// 100,000 entries on the coordinator with BENCH=all, else 20,000.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemoryEntry } from '@blackroad/protocol';
import { encodeVector } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom, systemRandom } from '@blackroad/std/random';
import { openSqliteStore } from '../../coordinator/src/store/sqlite/sqlite-store.ts';
import { createNodeMemory } from '../../node-agent/src/memory/node-memory.ts';
import { claimed } from '../fixtures/coordinator/claimed-store.ts';
import { memoryEntries } from '../fixtures/coordinator/stored-rows.ts';
import { TinyCoordinator } from '../fixtures/node-agent/tiny-coordinator.ts';
import { bench, percentile } from './line.ts';

const onNode = 10_000;
const onCoordinator = process.env.BENCH_LONG === '1' ? 100_000 : 20_000;
const agents = 50;
const dimension = 384;
const queries = 40;
const model = 'all-minilm';

const random = seededRandom(1);
const words = Array.from({ length: 3000 }, (_, i) => `w${i.toString(36)}`);
const text = (length: number) =>
  Array.from({ length }, () => words[Math.floor(random.next() ** 2 * words.length)]).join(' ');
const vector = () => Float32Array.from({ length: dimension }, () => random.next() * 2 - 1);
const signal = new AbortController().signal;
// Timers of a Clock keep no process alive.
setInterval(() => {}, 60_000);
const folder = mkdtempSync(join(tmpdir(), 'fleet-memory-bench-'));
try {
  await recalls();
  await searches();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function recalls(): Promise<void> {
  const coordinator = new TinyCoordinator();
  const memory = createNodeMemory({
    dir: join(folder, 'node'),
    node: 'alice',
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    embed: async (texts) => ({ model, vectors: texts.map(vector) }),
  });
  memory.publish = (agent, message) => {
    for (const answer of coordinator.answer('alice', agent, message)) queueMicrotask(() => memory.receive(answer));
  };
  const log = memory.open(coordinator.place('ada', 'alice'));
  memory.connected();
  const remember = () => log.append({ kind: 'turn', text: text(30), source: 'task:bench', actorId: 'agent:ada' });
  const started = performance.now();
  for (let i = 0; i < onNode; i += 100) await Promise.all(Array.from({ length: 100 }, remember));
  bench({
    name: 'memory-append-100-at-once',
    value: onNode / ((performance.now() - started) / 1000),
    unit: 'memories/s',
  });
  // The first one indexes what waits.
  await log.recall(text(4), 5, signal);
  const took: number[] = [];
  for (let i = 0; i < queries; i++) {
    const at = performance.now();
    const { memories, how } = await log.recall(text(4), 5, signal);
    took.push(performance.now() - at);
    if (memories.length === 0 || how !== 'hybrid') throw new Error(`recall found ${memories.length} memories, ${how}`);
  }
  bench({ name: `recall-p50-of-${onNode}`, value: percentile(took, 0.5), unit: 'ms', goal: { is: '<=', value: 100 } });
  await memory.close();
}

async function searches(): Promise<void> {
  const store = await claimed(
    await openSqliteStore({ path: join(folder, 'fleet.sqlite'), log: silentLog, clock: systemClock }),
  );
  const lasts = new Map<string, MemoryEntry>();
  for (let done = 0; done < onCoordinator; done += 500) {
    const agent = `agent-${(done / 500) % agents}`;
    const payloads = Array.from({ length: 500 }, () => ({
      text: text(30),
      embedding: { model, dimension, vector: encodeVector(vector()) },
    }));
    const entries = memoryEntries(agent, payloads, { previous: lasts.get(agent) });
    lasts.set(agent, entries.at(-1) as MemoryEntry);
    await store.commit([{ type: 'memory', space: 'default', agent, entries }]);
  }
  for (const how of ['words', 'hybrid'] as const) {
    const took: number[] = [];
    for (let i = 0; i < queries; i++) {
      const at = performance.now();
      await store.searchMemory({
        text: text(3),
        limit: 10,
        ...(how === 'hybrid' ? { vector: { model, values: vector() } } : {}),
      });
      took.push(performance.now() - at);
    }
    bench({
      name: `memory-search-p50-${how}-of-${onCoordinator}`,
      value: percentile(took, 0.5),
      unit: 'ms',
      goal: { is: '<=', value: 100 },
    });
  }
  await store.close();
}
