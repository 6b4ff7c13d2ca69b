// The jobs of the peer, in one process: they are added, worked on at once, and seen as completed. Prints its figures as JSON.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { JobFigures, Load } from './bullmq.ts';
import { percentile } from './line.ts';
import { processCpuMs } from './turns.ts';

/** As much of BullMQ as is used here: its types are not installed with the project. */
interface BullMq {
  Queue: new (name: string, options: object) => Queue;
  Worker: new (name: string, work: () => Promise<string>, options: object) => Worker;
}
interface Queue {
  add(name: string, data: object, options: object): Promise<unknown>;
  addBulk(jobs: readonly { name: string; data: object; opts: object }[]): Promise<unknown>;
  close(): Promise<void>;
}
interface Worker {
  on(event: 'completed', seen: (job: { id?: string }) => void): void;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

const [folder, port, given] = process.argv.slice(2) as [string, string, string];
const load = JSON.parse(given) as Load;
const { Queue, Worker } = createRequire(join(folder, 'package.json'))('bullmq') as BullMq;
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const queue = new Queue('ping', { connection });
const worker = new Worker('ping', async () => 'pong', { connection, concurrency: 256 });
await worker.waitUntilReady();

const opts = { removeOnComplete: true };
/** The number of jobs in one call, as in the bench of the fleet. */
const bulk = 100;
let completed = 0;
const begun = new Map<string, number>();
const latencies: number[] = [];
worker.on('completed', ({ id }) => {
  completed++;
  const at = begun.get(id ?? '');
  if (at !== undefined) latencies.push(performance.now() - at);
});
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function sustain(seconds: number): Promise<{ perSecond: number; cpuUsPerJob: number }> {
  const from = { ms: performance.now(), cpuMs: processCpuMs(), completed };
  let added = 0;
  while (performance.now() - from.ms < seconds * 1000) {
    const calls = Math.floor((load.underWay - (added - (completed - from.completed))) / bulk);
    const jobs = Array.from({ length: bulk }, () => ({ name: 'ping', data: { prompt: 'ping' }, opts }));
    await Promise.all(Array.from({ length: Math.max(0, calls) }, () => queue.addBulk(jobs)));
    added += Math.max(0, calls) * bulk;
    if (calls < 3) await pause(5);
  }
  while (completed - from.completed < added) await pause(5);
  return {
    perSecond: added / ((performance.now() - from.ms) / 1000),
    cpuUsPerJob: ((processCpuMs() - from.cpuMs) * 1000) / added,
  };
}
await sustain(1);
const { perSecond, cpuUsPerJob } = await sustain(load.sustainedSeconds);

const total = load.perSecond * load.pacedSeconds;
const fromMs = performance.now();
for (let i = 0; i < total; ) {
  const due = Math.min(total, Math.floor(((performance.now() - fromMs) / 1000) * load.perSecond));
  for (; i < due; i++) {
    begun.set(`job-${i}`, performance.now());
    void queue.add('ping', { prompt: 'ping' }, { ...opts, jobId: `job-${i}` });
  }
  await pause(2);
}
while (latencies.length < total) await pause(5);
const figures: JobFigures & { jobs: number } = {
  sustained: Math.round(perSecond),
  cpuUsPerJob,
  p50Ms: percentile(latencies, 0.5),
  p99Ms: percentile(latencies, 0.99),
  jobs: completed,
};
process.stdout.write(JSON.stringify(figures));
await Promise.all([worker.close(), queue.close()]);
process.exit(0);
