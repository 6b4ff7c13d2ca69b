// The model cache at work, and what the coordinator feels of it: a blob is fetched, hashed and written while several nodes read it, then it is
// read by many, over TLS as nodes do. The delay of small answers of the coordinator is measured beside it, and before.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock } from '@blackroad/std/clock';
import { createFleetCache } from '../../node-agent/src/cache/fleet-cache.ts';
import { type Identity, loadIdentity } from '../../node-agent/src/identity/identity.ts';
import { openScriptedRegistry } from '../fixtures/coordinator/scripted-registry.ts';
import { runNodeAgent, startFleet, until } from '../fixtures/processes.ts';
import { lifetime } from './lifetime.ts';
import { bench, percentile } from './line.ts';
import { cpuSeconds, memoryOf } from './proc.ts';

const blobBytes = 200e6;
const readersOfAll = 8;
const idleMs = 5_000;

const life = lifetime();
const registry = await openScriptedRegistry();
life.teardown(() => registry.close());
const fleet = await startFleet(life, {
  args: ['--cache', 'on', '--cache-registry', 'none', '--cache-hub', registry.url],
});
const data = join(fleet.folder, 'alice');
const ran = await runNodeAgent(['join', await fleet.token(), '--data', data, '--name', 'alice']);
if (ran.code !== 0) throw new Error(ran.stderr);
await until('the cache works', async () => (await fleet.client.call('modelCache')).port);
const main = fleet.coordinator.child.pid as number;
const cache = Number(readFileSync(`/proc/${main}/task/${main}/children`, 'utf8').trim().split(' ')[0]);
const commit = 'a'.repeat(40);
const digest = registry.addFile(`/owner/name/resolve/${commit}/model.gguf`, randomBytes(blobBytes));
const path = `/models/hub/owner/name/${commit}/model.gguf?sha256=${digest.slice(7)}&bytes=${blobBytes}`;
const near = createFleetCache(() => loadIdentity(data) as Identity, clock);

async function readAll(): Promise<void> {
  let bytes = 0;
  for await (const piece of await near.open({ path })) bytes += (piece as Buffer).length;
  if (bytes !== blobBytes) throw new Error(`${bytes} of ${blobBytes} bytes came`);
}

/** What happens while `work` runs: seconds, processor time of both processes, delays of the coordinator's answers. */
async function during(work: () => Promise<unknown>) {
  const before = { ms: performance.now(), main: cpuSeconds(main), cache: cpuSeconds(cache) };
  const delays: number[] = [];
  let isOver = false;
  const probing = (async () => {
    while (!isOver) {
      const askedMs = performance.now();
      await fetch(`${fleet.coordinator.ready.url}/healthz`).then((answer) => answer.text());
      delays.push(performance.now() - askedMs);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await work();
  isOver = true;
  await probing;
  const seconds = (performance.now() - before.ms) / 1000;
  return {
    seconds,
    mainShare: (cpuSeconds(main) - before.main) / seconds,
    cacheShare: (cpuSeconds(cache) - before.cache) / seconds,
    p50: percentile(delays, 0.5),
    p99: percentile(delays, 0.99),
  };
}

bench({ name: 'model-cache-idle-memory', value: memoryOf(cache).privateMb, unit: 'MB' });
const idle = await during(() => new Promise((resolve) => setTimeout(resolve, idleMs)));
const fetching = await during(() => Promise.all([readAll(), readAll()]));
const giving = await during(() => Promise.all(Array.from({ length: readersOfAll }, readAll)));
bench({ name: 'model-cache-fetch', value: blobBytes / 1e6 / fetching.seconds, unit: 'MB/s' });
bench({ name: 'model-cache-give', value: (blobBytes * readersOfAll) / 1e6 / giving.seconds, unit: 'MB/s' });
bench({ name: 'model-cache-cpu-of-it', value: giving.cacheShare * 100, unit: '%' });
bench({
  name: 'model-cache-cpu-of-coordinator',
  value: giving.mainShare * 100,
  unit: '%',
  peer: { name: 'idle', value: idle.mainShare * 100 },
});
bench({ name: 'model-cache-answer-p50', value: giving.p50, unit: 'ms', peer: { name: 'idle', value: idle.p50 } });
bench({ name: 'model-cache-answer-p99', value: giving.p99, unit: 'ms', peer: { name: 'idle', value: idle.p99 } });
bench({
  name: 'model-cache-fetching-answer-p99',
  value: fetching.p99,
  unit: 'ms',
  peer: { name: 'idle', value: idle.p99 },
});
bench({ name: 'model-cache-busy-memory', value: memoryOf(cache).privateMb, unit: 'MB' });
await life.end();
