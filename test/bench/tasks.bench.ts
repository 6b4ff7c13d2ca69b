// Tasks through the whole fleet: HTTP submission, decision, commit, MQTT over TLS to a node-agent, a simulated model that answers at
// once, memory off, report, commit. Everything shares this machine's cores, the load generator included: the CPU of each process is
// printed beside the rates, since on a busy machine only that is comparable.
import { Agent, request } from 'node:http';
import { loadavg } from 'node:os';
import { startFleet, until } from '../fixtures/processes.ts';
import { measureBullMq } from './bullmq.ts';
import { lifetime } from './lifetime.ts';
import { bench, percentile } from './line.ts';
import { cpuSeconds, memoryOf } from './proc.ts';

/** Up to 20 simulated nodes keep outboxes on disk as real ones do, though all on this machine's one disk, beside the coordinator's. */
const nodes = Number(process.env.BENCH_NODES ?? 8);
const variant = nodes > 20 ? '-outboxes-in-memory' : '';
const agents = 40;
/** Tasks kept under way: enough that no process waits, few enough that no queue is measured. */
const underWay = 3000;
const sustainedSeconds = 15;
const pacedPerSecond = 1000;
const pacedSeconds = 10;

const life = lifetime();
bench({ name: `other-load-before-tasks${variant}`, value: loadavg()[0] as number, unit: 'processes' });
const peer = await measureBullMq({ underWay, sustainedSeconds, perSecond: pacedPerSecond, pacedSeconds });
if (peer) {
  bench({ name: 'bullmq-cpu-per-job', value: peer.cpuUsPerJob, unit: 'us' });
  bench({ name: 'bullmq-redis-cpu-per-job', value: peer.redisCpuUsPerJob, unit: 'us' });
}
/** The peer crosses no TLS, no broker and one disk in place of two. */
const besides = (value: number | undefined) => (value === undefined ? {} : { peer: { name: 'bullmq', value } });
const fleet = await startFleet(life, { args: ['--log', 'warn', '--heartbeat', '10'] });
const simulated = await fleet.simulate('lab', { nodes, profile: 'lab', extra: ['--queue', '10000'] });
await until('nodes', async () => (await fleet.client.call('fleet')).nodes.online === nodes);
const ids = (await fleet.client.call('nodes')).map(({ id }) => id);
for (let i = 0; i < agents; i++) {
  await fleet.apply({
    name: `worker-${i}`,
    concurrency: 32,
    queue: 1000,
    memory: { recall: 0, remember: 'none' },
    // Evenly: placement would fill one node before the next.
    placement: { class: [], site: [], labels: {}, nodes: [ids[i % nodes] as string], avoidAgents: [] },
  });
}
await until('agents', async () => (await fleet.client.call('fleet')).agents.ready === agents, 60_000);

// The API takes 6,000 requests a minute from one key: as many callers as it takes to stay below that.
const keys = await Promise.all(
  Array.from({ length: 16 }, async (_, i) => {
    return (await fleet.client.call('keyCreate', { body: { name: `bench-${i}`, role: 'operator' } })).key;
  }),
);
const url = new URL(fleet.client.url);
const keepAlive = new Agent({ keepAlive: true, maxSockets: 16 });
function submit(count: number, from: number): Promise<(string | null)[]> {
  const tasks = Array.from({ length: count }, (_, i) => ({
    agent: `worker-${(from + i) % agents}`,
    request: { prompt: 'ping' },
  }));
  const body = JSON.stringify({ tasks });
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: url.hostname,
        port: url.port,
        path: '/v1/tasks',
        method: 'POST',
        agent: keepAlive,
        headers: {
          authorization: `Bearer ${keys[((from / count) % keys.length) | 0]}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part) => parts.push(part));
        response.on('end', () => {
          const text = Buffer.concat(parts).toString();
          if ((response.statusCode ?? 500) >= 400) return reject(new Error(text));
          resolve((JSON.parse(text) as { results: { task: string | null }[] }).results.map(({ task }) => task));
        });
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}
async function live(): Promise<number> {
  const { tasks } = await fleet.client.call('fleet');
  return tasks.queued + tasks.running;
}

// Sustained: as many under way as the fleet takes, refused ones not counted.
const pid = fleet.coordinator.child.pid as number;
const nodesPid = simulated.child.pid as number;
await submit(400, 0);
await until('warm', async () => (await live()) === 0);
const cpuBefore = [pid, nodesPid, process.pid].map(cpuSeconds);
const started = performance.now();
let accepted = 0;
for (let from = 0; performance.now() - started < sustainedSeconds * 1000; ) {
  const batches = Math.floor((underWay - (await live())) / 100);
  const taken = await Promise.all(Array.from({ length: Math.max(0, batches) }, (_, i) => submit(100, from + i * 100)));
  from += 100 * Math.max(0, batches);
  accepted += taken.flat().filter((task) => task !== null).length;
  if (batches < 3) await new Promise((resolve) => setTimeout(resolve, 10));
}
await until('drained', async () => (await live()) === 0, 120_000);
const seconds = (performance.now() - started) / 1000;
bench({
  name: `tasks-sustained${variant}`,
  value: Math.round(accepted / seconds),
  unit: 'tasks/s',
  goal: { is: '>=', value: 5000 },
  ...besides(peer?.sustained),
});
for (const [i, name] of ['coordinator', 'simulated-nodes', 'generator'].entries()) {
  const spent = cpuSeconds([pid, nodesPid, process.pid][i] as number) - (cpuBefore[i] as number);
  bench({ name: `${name}-cpu-per-task${variant}`, value: (spent / accepted) * 1e6, unit: 'us' });
}
bench({ name: `coordinator-rss-after-tasks${variant}`, value: memoryOf(pid).rssMb, unit: 'MB' });

// Paced: 1,000 a second one by one, latency from the request to the `end` event of its own stream.
const latencies: number[] = [];
const follow = (i: number) =>
  new Promise<void>((resolve, reject) => {
    const at = performance.now();
    const body = JSON.stringify({ prompt: 'ping' });
    const call = request(
      {
        host: url.hostname,
        port: url.port,
        path: `/v1/agents/worker-${i % agents}/tasks`,
        method: 'POST',
        agent: followers,
        headers: {
          authorization: `Bearer ${keys[i % keys.length]}`,
          accept: 'text/event-stream',
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      },
      (response) => {
        let seen = '';
        response.on('data', (part) => {
          seen += part;
          if (seen.includes('event: end')) latencies.push(performance.now() - at);
        });
        response.on('end', resolve);
      },
    );
    call.on('error', reject);
    call.end(body);
  });
const followers = new Agent({ keepAlive: true, maxSockets: 512 });
const pacedCpu = cpuSeconds(pid);
const pending: Promise<void>[] = [];
const pacedStart = performance.now();
for (let i = 0; i < pacedPerSecond * pacedSeconds; ) {
  const due = Math.floor(((performance.now() - pacedStart) / 1000) * pacedPerSecond);
  while (i < due && i < pacedPerSecond * pacedSeconds) pending.push(follow(i++));
  await new Promise((resolve) => setTimeout(resolve, 2));
}
await Promise.all(pending);
bench({
  name: `tasks-paced${variant}`,
  value: latencies.length / ((performance.now() - pacedStart) / 1000),
  unit: 'tasks/s',
});
const pacedShare = ((cpuSeconds(pid) - pacedCpu) / latencies.length) * 1e6;
bench({ name: `coordinator-cpu-per-followed-task${variant}`, value: pacedShare, unit: 'us' });
bench({
  name: `task-p50-at-1000/s${variant}`,
  value: percentile(latencies, 0.5),
  unit: 'ms',
  goal: { is: '<=', value: 3 },
  ...besides(peer?.p50Ms),
});
bench({
  name: `task-p99-at-1000/s${variant}`,
  value: percentile(latencies, 0.99),
  unit: 'ms',
  goal: { is: '<=', value: 15 },
  ...besides(peer?.p99Ms),
});
followers.destroy();
keepAlive.destroy();
await Promise.all([fleet.coordinator.kill('SIGTERM'), simulated.kill('SIGTERM')]);
await life.end();
process.exit(0);
