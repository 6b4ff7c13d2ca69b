// Memories: what they cost a card (card-writes.ts), a recall on a node (recall.ts), and a search over all the coordinator holds. Vectors are random, of MiniLM's length. Where
// the model's own time matters it is not in here. 100,000 entries on the coordinator with BENCH=all, else 20,000.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemoryEntry } from '@blackroad/protocol';
import { encodeVector } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import { openSqliteStore } from '../../coordinator/src/store/sqlite/sqlite-store.ts';
import { claimed } from '../fixtures/coordinator/claimed-store.ts';
import { memoryEntries } from '../fixtures/coordinator/stored-rows.ts';
import { cardWrites } from './card-writes.ts';
import { bench, percentile } from './line.ts';
import { recalls } from './recall.ts';

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
// Timers of a Clock keep no process alive.
setInterval(() => {}, 60_000);
const folder = mkdtempSync(join(tmpdir(), 'fleet-memory-bench-'));
try {
  await cardWrites();
  await recalls(join(folder, 'node'));
  await searches();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

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
