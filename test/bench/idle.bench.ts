// One real node-agent (the bundle, as `fleet-node run` starts it) that has one agent and nothing to do: what it costs its machine.
// An Ollama stands beside it, as on a Pi: no model runs in our processes. Pages that other Node processes use too
// count as shared: the coordinator and this bench are such processes.
// In ten minutes with BENCH=all, else in one; the writes of a day are extrapolated from it.
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startFleet, startProcess, until } from '../fixtures/processes.ts';
import { lifetime } from './lifetime.ts';
import { bench } from './line.ts';
import { cpuSeconds, memoryOf, writtenBytes } from './proc.ts';

const long = process.env.BENCH_LONG === '1';
const windowS = Number(process.env.BENCH_WINDOW ?? (long ? 600 : 60));
/** The start's own work (compiling, the first heartbeats, hydration) is over by then. */
const settleS = 20;
const daySeconds = 86_400;
const name = long ? 'idle' : 'idle-1-minute';

const life = lifetime();
// As a fleet of ten nodes is set: the coordinator's own default heartbeat.
const fleet = await startFleet(life, { args: ['--log', 'warn', '--heartbeat', '10', '--lost-after', '30'] });
const ollama = await startProcess(life, 'test/bench/paced-ollama.ts', []);

const root = new URL('../..', import.meta.url).pathname;
const data = join(fleet.folder, 'node');
const token = await fleet.token();
await promisify(execFile)(join(root, 'bin/fleet-node'), [
  'join',
  token,
  '--data',
  data,
  '--name',
  'idle',
  '--log',
  'warn',
]);
// As systemd starts it: without a channel to a parent.
const node = spawn(
  join(root, 'bin/fleet-node'),
  ['run', '--data', data, '--ollama', `http://127.0.0.1:${ollama.ready.port}`, '--fetch', 'none', '--log', 'info'],
  { stdio: ['ignore', 'ignore', 'ignore'] },
);
life.teardown(() => node.kill('SIGKILL'));
// Started without IPC, as systemd does: it would outlive a bench that is interrupted.
process.on('exit', () => node.kill('SIGKILL'));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
await fleet.apply({ name: 'quiet' });
await until('the agent', async () => (await fleet.client.call('fleet')).agents.ready === 1, 60_000);
await sleep(settleS);

const pid = node.pid as number;
const cpu = cpuSeconds(pid);
const written = writtenBytes(pid);
await sleep(windowS);
const { rssMb, privateMb } = memoryOf(pid);
bench({ name: `${name}-rss`, value: rssMb, unit: 'MB', goal: { is: '<=', value: 65 } });
bench({ name: `${name}-private-memory`, value: privateMb, unit: 'MB', goal: { is: '<=', value: 20 } });
const share = ((cpuSeconds(pid) - cpu) / windowS) * 100;
bench({ name: `${name}-cpu`, value: share, unit: '%-of-a-core', goal: { is: '<=', value: 0.5 } });
const perDay = ((writtenBytes(pid) - written) / windowS) * daySeconds;
bench({ name: `${name}-written-a-day`, value: perDay / 1e6, unit: 'MB', goal: { is: '<=', value: 5 } });
const ended = new Promise((resolve) => node.once('exit', resolve));
node.kill('SIGTERM');
await ended;
await fleet.coordinator.kill('SIGTERM');
await life.end();
process.exit(0);

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
