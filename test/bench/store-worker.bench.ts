// The SQLite store in threads of its own beside the same store on the event loop, in one run, turn by turn: what commits cost while nothing
// else is asked, and what the event loop is held for while commits, checkpoints and searches over the whole fleet come at once.
// 20,000 memories with vectors; a commit is a task's birth, its lease or its end, 20 of them a batch.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeVector, type MemoryEntry } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import type { DurableChange } from '../../coordinator/src/state/change.ts';
import { openSqliteStore } from '../../coordinator/src/store/sqlite/sqlite-store.ts';
import { openWorkerStore } from '../../coordinator/src/store/worker/worker-store.ts';
import { type ClaimedStore, claimed } from '../fixtures/coordinator/claimed-store.ts';
import { endedTask, memoryEntries, taskRow } from '../fixtures/coordinator/stored-rows.ts';
import { bench, percentile } from './line.ts';
import { processCpuMs, threadCpuMs, watchTurns } from './turns.ts';

const memories = 20_000;
const dimension = 384;
const model = 'all-minilm';
const tasksOfBatch = 20;
const rounds = 3;
const quietCommits = 400;
const busyMs = 4_000;

// Timers of a Clock keep no process alive.
setInterval(() => {}, 60_000);
const random = seededRandom(1);
const words = Array.from({ length: 3000 }, (_, i) => `w${i.toString(36)}`);
const text = (length: number) =>
  Array.from({ length }, () => words[Math.floor(random.next() ** 2 * words.length)]).join(' ');
const vector = () => Float32Array.from({ length: dimension }, () => random.next() * 2 - 1);
const folder = mkdtempSync(join(tmpdir(), 'fleet-store-bench-'));
const parts = (path: string) => ({ path, log: silentLog, clock: systemClock });
const died = (error: Error) => {
  throw error;
};
const opens = {
  'on-the-loop': (path: string) => openSqliteStore(parts(path)),
  'in-threads': (path: string) => openWorkerStore({ ...parts(path), died }),
};
type How = keyof typeof opens;
const hows = Object.keys(opens) as How[];

interface Figures {
  took: number[];
  seconds: number;
  commits: number;
  processMs: number;
  loopMs: number;
  turnMs: number;
  turnCpuMs: number;
  searches: number;
}
const figures = (): Figures => ({
  took: [],
  seconds: 0,
  commits: 0,
  processMs: 0,
  loopMs: 0,
  turnMs: 0,
  turnCpuMs: 0,
  searches: 0,
});

try {
  const filled = join(folder, 'filled.sqlite');
  await fill(filled);
  const quiet = { 'on-the-loop': figures(), 'in-threads': figures() };
  const busy = { 'on-the-loop': figures(), 'in-threads': figures() };
  for (let round = 0; round < rounds; round++)
    for (const how of hows) {
      const path = join(folder, `${how}-${round}.sqlite`);
      copyFileSync(filled, path);
      const store = await claimed(await opens[how](path));
      const batch = batches();
      await commits(store, batch, quiet[how], (done) => done >= quietCommits);
      let isOver = false;
      // Not while the quiet commits are counted: it costs processor time itself.
      const turns = watchTurns();
      const searching = search(store, busy[how], () => isOver);
      const until = performance.now() + busyMs;
      await commits(store, batch, busy[how], () => performance.now() >= until);
      isOver = true;
      await searching;
      const turn = turns.longest();
      turns.stop();
      busy[how].turnMs = Math.max(busy[how].turnMs, turn.ms);
      busy[how].turnCpuMs = Math.max(busy[how].turnCpuMs, turn.cpuMs);
      await store.close();
      rmSync(path);
    }
  for (const how of hows) {
    const { took, seconds, commits, processMs, loopMs } = quiet[how];
    bench({ name: `store-commits-${how}`, value: commits / seconds, unit: 'commits/s' });
    bench({ name: `store-commit-p50-${how}`, value: percentile(took, 0.5), unit: 'ms' });
    bench({ name: `store-commit-p99-${how}`, value: percentile(took, 0.99), unit: 'ms' });
    bench({ name: `store-commit-cpu-${how}`, value: (processMs / commits) * 1000, unit: 'us' });
    bench({ name: `store-commit-cpu-of-the-loop-${how}`, value: (loopMs / commits) * 1000, unit: 'us' });
  }
  for (const how of hows) {
    const { took, seconds, commits, turnMs, turnCpuMs, searches } = busy[how];
    bench({ name: `store-longest-turn-${how}`, value: turnMs, unit: 'ms' });
    bench({ name: `store-most-computed-in-a-turn-${how}`, value: turnCpuMs, unit: 'ms' });
    bench({ name: `store-commits-beside-searches-${how}`, value: commits / seconds, unit: 'commits/s' });
    bench({ name: `store-commit-beside-searches-p50-${how}`, value: percentile(took, 0.5), unit: 'ms' });
    bench({ name: `store-commit-beside-searches-p99-${how}`, value: percentile(took, 0.99), unit: 'ms' });
    bench({ name: `store-searches-beside-commits-${how}`, value: searches / seconds, unit: 'searches/s' });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function fill(path: string): Promise<void> {
  const store = await claimed(await openSqliteStore(parts(path)));
  let previous: MemoryEntry | undefined;
  for (let done = 0; done < memories; done += 500) {
    const payloads = Array.from({ length: 500 }, () => ({
      text: text(30),
      embedding: { model, dimension, vector: encodeVector(vector()) },
    }));
    const entries = memoryEntries('greeter', payloads, { previous });
    previous = entries.at(-1);
    await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries }]);
  }
  await store.close();
}
/** Tasks are born, leased and ended, a batch each. */
function* batches(): Generator<DurableChange[], never> {
  for (let first = 1; ; first += tasksOfBatch) {
    const rows = Array.from({ length: tasksOfBatch }, (_, i) => taskRow(first + i, { prompt: text(100) }));
    yield rows.map((row) => ({ type: 'task-new', row }));
    yield rows.map(
      (row): DurableChange => ({
        type: 'task-state',
        ...{ ...row, state: 'leased', attempt: 1, node: 'alice', epoch: 1, leasedMs: row.createdMs + 1 },
      }),
    );
    yield rows.map((row) => ({ type: 'task-end', row: endedTask(row, { result: text(200) }) }));
  }
}
/** As the loop does it: one after the other, each in a turn of its own. */
async function commits(
  store: ClaimedStore,
  batches: Generator<DurableChange[], never>,
  into: Figures,
  isOver: (done: number) => boolean,
): Promise<void> {
  const began = { ms: performance.now(), processMs: processCpuMs(), loopMs: threadCpuMs() };
  let done = 0;
  while (!isOver(done)) {
    const changes = batches.next().value;
    const at = performance.now();
    await store.commit(changes);
    into.took.push(performance.now() - at);
    done++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  into.commits += done;
  into.seconds += (performance.now() - began.ms) / 1000;
  into.processMs += processCpuMs() - began.processMs;
  into.loopMs += threadCpuMs() - began.loopMs;
}
async function search(store: ClaimedStore, into: Figures, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await store.searchMemory({ text: text(3), limit: 10, vector: { model, values: vector() } });
    into.searches++;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
