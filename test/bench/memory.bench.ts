// How long a memory takes to be found: by an agent on its node among 10,000 of its own, and by a person across the fleet among
// 100,000, by words and by meaning. Vectors are random, of MiniLM's length: the time is real, the ranking says nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AgentSpec,
  AgentSpec as AgentSpecSchema,
  commitPayload,
  encodeVector,
  hashHeader,
  type MemoryEntry,
  withDefaults,
} from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import { openSqliteStore } from '../../coordinator/src/store/sqlite/sqlite-store.ts';
import { createNodeMemory } from '../../node-agent/src/memory/node-memory.ts';
import { bench, percentile } from './line.ts';

const own = 10_000;
const fleetWide = 100_000;
const agents = 50;
const queries = 40;
const dimension = 384;
const random = seededRandom(7);
const words = Array.from({ length: 3000 }, (_, i) => `word${i.toString(36)}`);
const pick = () => words[Math.floor(random.next() ** 3 * words.length)] as string;
const sentence = () => Array.from({ length: 12 }, pick).join(' ');
function vector(): Float32Array {
  const values = Float32Array.from({ length: dimension }, () => random.next() - 0.5);
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}
async function timed(run: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < queries; i++) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  return times;
}

const folder = mkdtempSync(join(tmpdir(), 'fleet-memory-'));
const alive = setInterval(() => {}, 1000);
try {
  const memory = createNodeMemory({
    dir: join(folder, 'node'),
    node: 'bench',
    clock: systemClock,
    random,
    log: silentLog,
    embed: async (texts) => ({ model: 'random-384', vectors: texts.map(vector) }),
  });
  const spec = withDefaults<AgentSpec>(AgentSpecSchema, { name: 'echo', model: ['auto'], instructions: '' });
  memory.publish = (agent, message) => {
    // The coordinator of this bench has nothing: a fresh log may be chained at once.
    if (message.type === 'hello') memory.receive({ type: 'ack', agent, epoch: 1, upto: 0, hash: 'genesis' });
  };
  const log = memory.open({
    spec,
    version: 1,
    epoch: 1,
    model: 'm',
    memory: { baseSeq: 0, baseHash: 'genesis', from: null },
  });
  memory.connected();
  const appendStarted = performance.now();
  for (let i = 0; i < own; i += 250) {
    await Promise.all(
      Array.from({ length: 250 }, () =>
        log.append({ kind: 'note', text: sentence(), source: 'bench', actorId: 'agent:echo' }),
      ),
    );
  }
  bench({
    name: 'node-memory-append',
    value: Math.round((own * 1000) / (performance.now() - appendStarted)),
    unit: 'memories/s',
  });
  await log.recall(sentence(), 5, AbortSignal.timeout(60_000));
  const recalls = await timed(() => log.recall(sentence(), 5, AbortSignal.timeout(10_000)));
  bench({
    name: 'node-recall-p50-of-10000',
    value: percentile(recalls, 0.5),
    unit: 'ms',
    goal: { is: '<=', value: 100 },
  });
  bench({ name: 'node-recall-p99-of-10000', value: percentile(recalls, 0.99), unit: 'ms' });
  await memory.close();

  const store = await openSqliteStore({ path: join(folder, 'fleet.sqlite'), log: silentLog, clock: systemClock });
  const heads = new Map<string, { seq: number; hash: string }>();
  const insertStarted = performance.now();
  for (let i = 0; i < fleetWide; i += 500) {
    const agent = `agent-${(i / 500) % agents}`;
    const entries: MemoryEntry[] = [];
    for (let j = 0; j < 500; j++) {
      const head = heads.get(agent) ?? { seq: 0, hash: 'genesis' };
      const salt = random.hex(16);
      const embedding = { model: 'random-384', dimension, vector: encodeVector(vector()) };
      const payload = { text: sentence(), tags: [], importance: 0.5, source: 'bench', derivedFrom: [], embedding };
      const header = {
        agentId: agent,
        epoch: 1,
        seq: head.seq + 1,
        actorId: `agent:${agent}`,
        kind: 'note' as const,
        createdAt: systemClock.nowMs(),
        payloadCommitment: commitPayload(salt, payload),
        previousHash: head.hash,
      };
      const entry = { ...header, hash: hashHeader(header), salt, payload };
      heads.set(agent, { seq: entry.seq, hash: entry.hash });
      entries.push(entry);
    }
    await store.commit([{ type: 'memory', agent: `agent-${(i / 500) % agents}`, entries }]);
  }
  bench({
    name: 'coordinator-memory-insert',
    value: Math.round((fleetWide * 1000) / (performance.now() - insertStarted)),
    unit: 'memories/s',
  });
  const byWords = await timed(() => store.searchMemory({ text: `${pick()} ${pick()}`, limit: 10 }));
  bench({
    name: 'fleet-search-words-p50-of-100000',
    value: percentile(byWords, 0.5),
    unit: 'ms',
    goal: { is: '<=', value: 100 },
  });
  bench({ name: 'fleet-search-words-p99-of-100000', value: percentile(byWords, 0.99), unit: 'ms' });
  const byMeaning = await timed(() =>
    store.searchMemory({
      text: pick(),
      agent: 'agent-7',
      vector: { model: 'random-384', values: vector() },
      limit: 10,
    }),
  );
  bench({
    name: 'agent-search-hybrid-p50-of-2000',
    value: percentile(byMeaning, 0.5),
    unit: 'ms',
    goal: { is: '<=', value: 100 },
  });
  await store.close();
} finally {
  clearInterval(alive);
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
