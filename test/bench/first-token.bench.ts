// The product's first minute: a fresh clone, an empty data folder, `make up`, and how long until the console's address is printed and
// until an agent's first token; then the same again with everything in place. npm's cache is as it is on this machine, which the
// names say; the model is fetched from wherever it can be had.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bench } from './line.ts';

const root = new URL('../..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'fleet-first-'));
const clone = join(folder, 'blackroad-fleet');
const cache = existsSync(join(homedir(), '.npm/_cacache')) ? 'npm-cache-warm' : 'npm-cache-cold';
const port = 30_000 + (process.pid % 20_000);
const deadlineMs = 300_000;

function up(): { child: ChildProcess; ready: Promise<number> } {
  const started = performance.now();
  const child = spawn('make', ['up', `DATA=${join(folder, 'data')}`, `PORT=${port}`], {
    cwd: clone,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ready = new Promise<number>((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => reject(new Error(`no console after ${deadlineMs / 1000} s:\n${text}`)), deadlineMs);
    child.stdout?.on('data', (piece) => {
      text += piece;
      if (!text.includes('sign in once')) return;
      clearTimeout(late);
      resolve((performance.now() - started) / 1000);
    });
    child.on('exit', (code) => reject(new Error(`make up ended with code ${code}:\n${text}`)));
  });
  return { child, ready };
}
const fleet = (...args: string[]) =>
  execFileSync(join(clone, 'bin/fleet'), [...args, '--data', join(folder, 'data')], { encoding: 'utf8' });
function firstToken(): Promise<number> {
  const started = performance.now();
  const child = spawn(join(clone, 'bin/fleet'), ['ask', 'greeter', 'Hello!', '--data', join(folder, 'data')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.stdout.once('data', () => {
      resolve((performance.now() - started) / 1000);
      child.kill('SIGTERM');
    });
    child.on('exit', (code) =>
      code === 0 || child.killed ? undefined : reject(new Error(`fleet ask ended with code ${code}`)),
    );
  });
}
function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.once('exit', () => resolve());
    process.kill(-(child.pid as number), 'SIGTERM');
  });
}

let running: ChildProcess | null = null;
try {
  const begun = performance.now();
  execFileSync('git', ['clone', '--quiet', root, clone]);
  const first = up();
  running = first.child;
  const console = await first.ready;
  bench({ name: `first-console-${cache}`, value: console, unit: 's' });
  fleet('agents', 'apply', '-f', join(clone, 'docs/examples/greeter.yaml'));
  await firstToken();
  bench({ name: `fresh-clone-to-first-token-${cache}`, value: (performance.now() - begun) / 1000, unit: 's' });
  await stop(running);
  const again = performance.now();
  const second = up();
  running = second.child;
  bench({ name: 'second-run-console', value: await second.ready, unit: 's' });
  await firstToken();
  bench({ name: 'second-run-to-first-token', value: (performance.now() - again) / 1000, unit: 's' });
} finally {
  if (running) await stop(running);
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
