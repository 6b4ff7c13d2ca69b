// The peer of the task benches: BullMQ on Redis with every write synced, in the same run. Redis comes from the machine; BullMQ is no
// dependency of the project, and is fetched once into `.bench` beside it. In: the same load as for the fleet. Out: its figures, or a
// line that says why there are none.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../fixtures/ports.ts';
import { cpuSeconds } from './proc.ts';

const dependencies = { bullmq: '6.7.0', ioredis: '6.0.0' };
const installMs = 120_000;
const run = promisify(execFile);
const here = fileURLToPath(new URL('.', import.meta.url));

export interface Load {
  underWay: number;
  sustainedSeconds: number;
  perSecond: number;
  pacedSeconds: number;
}
/** What the process of the jobs prints. */
export interface JobFigures {
  sustained: number;
  cpuUsPerJob: number;
  p50Ms: number;
  p99Ms: number;
}
export type PeerFigures = JobFigures & { redisCpuUsPerJob: number };

export async function measureBullMq(load: Load): Promise<PeerFigures | null> {
  const found = await run('redis-server', ['--version']).catch(() => null);
  if (!found) return without('no redis-server on this machine');
  const folder = join(here, '../../.bench/bullmq');
  try {
    await install(folder);
  } catch (error) {
    return without(`bullmq cannot be fetched (${(error as Error).message.split('\n')[0]})`);
  }
  const data = mkdtempSync(join(tmpdir(), 'blackroad-redis-'));
  const port = await freePort();
  const always = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const redis = spawn('redis-server', ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', data, ...always], {
    stdio: 'ignore',
  });
  try {
    const before = cpuSeconds(redis.pid as number);
    const args = ['--disable-warning=ExperimentalWarning', join(here, 'bullmq-jobs.ts'), folder, `${port}`];
    const { stdout } = await run(process.execPath, [...args, JSON.stringify(load)], { maxBuffer: 1e6 });
    const { jobs, ...figures } = JSON.parse(stdout) as JobFigures & { jobs: number };
    return { ...figures, redisCpuUsPerJob: ((cpuSeconds(redis.pid as number) - before) / jobs) * 1e6 };
  } finally {
    redis.kill('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  }
}

function without(reason: string): null {
  process.stdout.write(`no peer: ${reason}\n`);
  return null;
}
async function install(folder: string): Promise<void> {
  if (Object.keys(dependencies).every((name) => existsSync(join(folder, 'node_modules', name)))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, timeout: installMs });
}
