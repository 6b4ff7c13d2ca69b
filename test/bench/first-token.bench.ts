// The product's first minute, as a person has it: clone, `make up`, apply the example agent, ask it; then stop and do it again.
// Nothing is there but npm's cache of this machine: Node (where the machine's own is too old), libraries and models are fetched, so
// most of the first figure is the network. Minutes and some hundred megabytes: with BENCH=all or BENCH=first-token alone.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../fixtures/ports.ts';
import { lifetime } from './lifetime.ts';
import { bench } from './line.ts';

const root = new URL('../..', import.meta.url).pathname;
const deadlineMs = 900_000;
if (process.env.BENCH_LONG !== '1' && !process.env.BENCH?.includes('first')) {
  process.stderr.write('first-token: only with BENCH=all or BENCH=first-token\n');
  process.exit(0);
}

const life = lifetime();
const folder = mkdtempSync(join(tmpdir(), 'fleet-first-'));
life.teardown(() => rmSync(folder, { recursive: true, force: true }));
const clone = join(folder, 'fleet');
/** Its page, and the doors of nodes. */
const port = await freePorts(3);
// The shell of a newcomer: none of the Node that runs this bench.
const env: Record<string, string | undefined> = { ...process.env, NO_COLOR: '1' };
env.PATH = (process.env.PATH ?? '')
  .split(':')
  .filter((part) => !part.startsWith(root))
  .join(':');
for (const name of Object.keys(env)) if (/^npm_|^NODE_|^MAKE/i.test(name)) delete env[name];

try {
  const cloned = performance.now();
  await done(start('git', ['clone', '--quiet', root, clone], folder));
  await session('fresh-clone-npm-cache-warm', cloned);
  await session('second-run', performance.now());
} finally {
  await life.end();
}
process.exit(0);

async function session(name: string, from: number): Promise<void> {
  const up = start('make', ['up', `PORT=${port}`], clone);
  const ended = new Promise((resolve) => up.once('exit', resolve));
  const stop = async () => {
    if (up.exitCode === null) await done(start('make', ['down'], clone)).catch(() => up.kill('SIGTERM'));
    await ended;
  };
  life.teardown(stop);
  await says(up, /console\s+http/);
  bench({ name: `${name}-to-console`, value: seconds(from), unit: 's' });
  await done(start(join(clone, 'bin/fleet'), ['agents', 'apply', '-f', 'docs/examples/greeter.yaml'], clone));
  const ask = start(
    join(clone, 'bin/fleet'),
    ['ask', 'greeter', 'My name is Ada. What can you do on this node?'],
    clone,
  );
  await says(ask, /\S/);
  bench({ name: `${name}-to-first-token`, value: seconds(from), unit: 's' });
  await done(ask);
  await stop();
}
function seconds(from: number): number {
  return (performance.now() - from) / 1000;
}
function start(program: string, args: string[], cwd: string): ChildProcess {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  life.teardown(() => child.kill('SIGKILL'));
  return child;
}
function says(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    let errors = '';
    const late = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms:\n${text}${errors}`)), deadlineMs);
    child.stderr?.on('data', (piece) => {
      errors = (errors + piece).slice(-4000);
    });
    child.stdout?.on('data', (piece) => {
      text = (text + piece).slice(-4000);
      if (!pattern.test(text)) return;
      clearTimeout(late);
      resolve();
    });
    child.once('exit', (code) => {
      clearTimeout(late);
      reject(new Error(`ended with ${code}:\n${text}${errors}`));
    });
  });
}
function done(child: ChildProcess): Promise<void> {
  child.stdout?.resume();
  let errors = '';
  child.stderr?.on('data', (piece) => {
    errors = (errors + piece).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    const end = (code: number | null) =>
      code === 0 ? resolve() : reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}:\n${errors}`));
    if (child.exitCode !== null) end(child.exitCode);
    else child.once('exit', end);
  });
}
