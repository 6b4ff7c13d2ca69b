// Streams through the gateway: coordinator, a node-agent, a model server that paces 20 pieces by 25 ms; the coordinator asks it directly, with
// BENCH_WAY=node through the node-agent. nginx in front of
// the same server is the peer, in alternating runs, and so is a Node process that only hands the pieces on: what the gateway does itself is the
// difference to that one. The first of three rounds is not counted: Node compiles what it runs often. Everything shares this machine's cores, the load generator included, so the processor
// time of each process counts. Also: what the gateway adds to one request alone, small answers, and what is left after 10,000 requests that
// go wrong.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../fixtures/ports.ts';
import { startFleet, startProcess, until } from '../fixtures/processes.ts';
import { nodeOf } from '../fixtures/steps.ts';
import { lifetime } from './lifetime.ts';
import { bench, percentile } from './line.ts';
import { cpuSeconds, memoryOf } from './proc.ts';

/** Whether the coordinator asks the model server itself. */
const way = process.env.BENCH_WAY === 'node' ? 'off' : 'on';
const perSecond = Number(process.env.BENCH_STREAMS ?? 100);
const seconds = 10;
const piecesPerStream = 20;
const lowRuns = 150;
const smallSeconds = 6;
const wrong = 10_000;

interface Target {
  port: number;
  path: string;
  keys: (string | null)[];
}
interface Answered {
  status: number;
  text: string;
  firstMs: number;
}

const life = lifetime();
bench({ name: 'other-load-before-gateway', value: loadavg()[0] as number, unit: 'processes' });
const engine = await startProcess(life, 'test/bench/paced-engine.ts', []);
const enginePort = engine.ready.port as number;
const fleet = await startFleet(life, { args: ['--log', 'warn', '--heartbeat', '2'] });
const node = await fleet.runNode('box', {
  extra: ['--openai', `http://127.0.0.1:${enginePort}`, '--queue', '1000', '--openai-direct', way],
});
await until('its model', async () => ((await nodeOf(fleet, 'box')).capacity?.models.length ?? 0) > 0);
const keys = await Promise.all(
  Array.from({ length: 64 }, async (_, i) => {
    return (await fleet.client.call('keyCreate', { body: { name: `bench-${i}`, role: 'client' } })).key;
  }),
);
const gateway: Target = { port: Number(new URL(fleet.client.url).port), path: '/v1/chat/completions', keys };
const direct: Target = { port: enginePort, path: '/v1/chat/completions', keys: [null] };
const agent = new Agent({ keepAlive: true, maxSockets: 4000 });
let turn = 0;

function ask(target: Target, content: string, stream: boolean, limitMs = 60_000): Promise<Answered> {
  const key = target.keys[turn++ % target.keys.length];
  const body = JSON.stringify({ model: 'paced', stream, messages: [{ role: 'user', content }] });
  const beganMs = performance.now();
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: target.port,
        path: target.path,
        method: 'POST',
        agent,
        signal: AbortSignal.timeout(limitMs),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...(key ? { authorization: `Bearer ${key}` } : {}),
        },
      },
      (response) => {
        let text = '';
        let firstMs = 0;
        response.setEncoding('utf8').on('data', (part: string) => {
          if (firstMs === 0 && part.includes('"content":"w')) firstMs = performance.now() - beganMs;
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, firstMs }));
        response.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

async function paced(target: Target): Promise<{ errors: number; firstMs: number[] }> {
  const asked: Promise<Answered | Error>[] = [];
  const everyMs = 20;
  const beganMs = performance.now();
  while (performance.now() - beganMs < seconds * 1000) {
    const due = Math.floor(((performance.now() - beganMs) / 1000) * perSecond);
    while (asked.length < due) asked.push(ask(target, 'stream', true).catch((error) => error as Error));
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  const all = await Promise.all(asked);
  const good = all.filter(
    (each): each is Answered =>
      !(each instanceof Error) && each.status === 200 && each.text.endsWith('data: [DONE]\n\n'),
  );
  const whole = good.filter(({ text }) => (text.match(/word /g)?.length ?? 0) === piecesPerStream);
  return { errors: all.length - whole.length, firstMs: whole.map(({ firstMs }) => firstMs) };
}

const pids = { coordinator: fleet.coordinator.child.pid as number, node: node.child.pid as number };
const nginx = await startNginx();
const pipe = await startProcess(life, 'test/bench/bare-pipe.ts', [String(enginePort)]);
const piped: Target = { port: pipe.ready.port as number, path: '/v1/chat/completions', keys: [null] };
const pipePid = pipe.child.pid as number;
const chunks = perSecond * seconds * piecesPerStream;
const perChunk = (secondsOfCpu: number) => (secondsOfCpu / chunks) * 1e6;
const nginxUs: number[] = [];
const pipeUs: number[] = [];
const ours: { coordinator: number[]; node: number[] } = { coordinator: [], node: [] };
let errors = 0;
let firstMs: number[] = [];
for (let round = 0; round < 3; round++) {
  if (nginx) {
    const before = nginx.cpu();
    await paced(nginx.target);
    if (round > 0) nginxUs.push(perChunk(nginx.cpu() - before));
  }
  const beforePipe = cpuSeconds(pipePid);
  await paced(piped);
  if (round > 0) pipeUs.push(perChunk(cpuSeconds(pipePid) - beforePipe));
  const before = { coordinator: cpuSeconds(pids.coordinator), node: cpuSeconds(pids.node) };
  const run = await paced(gateway);
  errors += run.errors;
  if (round === 0) continue;
  firstMs = [...firstMs, ...run.firstMs];
  ours.coordinator.push(perChunk(cpuSeconds(pids.coordinator) - before.coordinator));
  ours.node.push(perChunk(cpuSeconds(pids.node) - before.node));
}
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const peer = nginx ? { peer: { name: 'nginx', value: mean(nginxUs) } } : {};
bench({
  name: `gateway-streams-at-${perSecond}-per-s-wrong`,
  value: errors,
  unit: 'streams',
  goal: { is: '<=', value: 0 },
});
bench({
  name: 'gateway-coordinator-cpu-per-chunk',
  value: mean(ours.coordinator),
  unit: 'us',
  ...(nginx ? { goal: { is: '<=' as const, value: 2 * mean(nginxUs) } } : {}),
  ...peer,
});
bench({ name: 'gateway-bare-pipe-cpu-per-chunk', value: mean(pipeUs), unit: 'us', ...peer });
bench({
  name: 'gateway-coordinator-cpu-per-chunk-against-bare-pipe',
  value: mean(ours.coordinator),
  unit: 'us',
  peer: { name: 'bare pipe', value: mean(pipeUs) },
});
bench({ name: 'gateway-node-cpu-per-chunk', value: mean(ours.node), unit: 'us', ...peer });
bench({ name: 'gateway-first-piece-p50', value: percentile(firstMs, 0.5), unit: 'ms' });
bench({ name: 'gateway-first-piece-p99', value: percentile(firstMs, 0.99), unit: 'ms' });

const low = { gateway: [] as number[], direct: [] as number[] };
for (let i = 0; i < lowRuns; i++) {
  low.direct.push((await ask(direct, 'small', true)).firstMs);
  low.gateway.push((await ask(gateway, 'small', true)).firstMs);
}
for (const p of [0.5, 0.9, 0.99]) {
  const added = percentile(low.gateway, p) - percentile(low.direct, p);
  const goal = p === 0.5 ? { goal: { is: '<=' as const, value: 0.6 } } : {};
  bench({ name: `gateway-adds-at-low-load-p${p * 100}`, value: added, unit: 'ms', ...goal });
}

const cpuBefore = cpuSeconds(pids.coordinator);
let small = 0;
const untilMs = performance.now() + smallSeconds * 1000;
await Promise.all(
  Array.from({ length: 32 }, async () => {
    while (performance.now() < untilMs) if ((await ask(gateway, 'small', false)).status === 200) small++;
  }),
);
bench({
  name: 'gateway-small-answers-per-core',
  value: small / (cpuSeconds(pids.coordinator) - cpuBefore),
  unit: '/s',
  goal: { is: '>=', value: 5000 },
});

const rssBefore = memoryOf(pids.coordinator).rssMb;
const outcomes = new Map<string, number>();
const kinds = ['die', 'garbage', 'leave', 'leave-stream', 'hang'];
let next = 0;
await Promise.all(
  Array.from({ length: 48 }, async () => {
    while (next < wrong) {
      const kind = kinds[next++ % kinds.length] as string;
      const left = kind === 'leave' || kind === 'leave-stream' || kind === 'hang';
      const content = kind.startsWith('leave') ? 'stream' : kind;
      const outcome = await ask(gateway, content, kind !== 'leave', left ? 60 : 20_000).then(
        ({ status, text }) => (status === 200 && !text.includes('"error"') ? 'answered' : `${status}`),
        () => 'left',
      );
      outcomes.set(`${kind} ${outcome}`, (outcomes.get(`${kind} ${outcome}`) ?? 0) + 1);
    }
  }),
);
process.stdout.write(
  `${[...outcomes]
    .sort()
    .map(([what, count]) => `${what}: ${count}`)
    .join(', ')}\n`,
);
agent.destroy();
await until('all of them are over', async () => (await metric('blackroad_gateway_requests')) === 0, 30_000);
const handles = await metric('nodejs_active_handles_total');
bench({ name: 'gateway-rss-after-10000-wrong', value: memoryOf(pids.coordinator).rssMb - rssBefore, unit: 'MB-more' });
bench({ name: 'gateway-handles-after-10000-wrong', value: handles, unit: 'handles' });
bench({ name: 'gateway-node-rss-after-10000-wrong', value: memoryOf(pids.node).rssMb, unit: 'MB' });
await life.end();

async function metric(name: string): Promise<number> {
  const text = await (
    await fetch(`${fleet.client.url}/metrics`, { headers: { authorization: `Bearer ${adminKey()}` } })
  ).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}
function adminKey(): string {
  return execFileSync('cat', [fleet.coordinator.ready.keyFile as string], { encoding: 'utf8' }).trim();
}

/** One worker in front of the same server, without buffering; null where the machine has no nginx. */
async function startNginx(): Promise<{ target: Target; cpu(): number } | null> {
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' });
  } catch {
    process.stdout.write('no nginx on this machine: no peer\n');
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'));
  const port = await freePort();
  const config = `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 8192; }
http { access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream engine { server 127.0.0.1:${enginePort}; keepalive 512; }
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } } }`;
  const path = join(folder, 'nginx.conf');
  writeFileSync(path, config);
  const child = spawn('nginx', ['-c', path, '-e', join(folder, 'error.log')], { stdio: 'ignore' });
  life.teardown(() => child.kill('SIGTERM'));
  const target: Target = { port, path: '/v1/chat/completions', keys: [null] };
  await until('nginx', async () => (await ask(target, 'small', true)).status === 200);
  const workers = () =>
    execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number);
  return { target, cpu: () => workers().reduce((sum, pid) => sum + cpuSeconds(pid), 0) };
}
