// `make dev`: a coordinator that starts again on every save, a console that is built on every save, a simulated home fleet and the six
// first agents. No Pi, GPU or account is needed; its data folder is thrown away at the end.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'fleet-dev-'));
const port = process.env.PORT ?? '8400';
const children: ChildProcess[] = [];
const start = (args: string[]) => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.push(child);
  return child;
};
const stop = () => {
  for (const child of children) child.kill('SIGTERM');
  setTimeout(() => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  }, 1500);
};
process.on('SIGINT', stop);
// What goes wrong here must not leave a coordinator behind that nobody knows of.
process.on('uncaughtException', (error) => {
  console.error(error);
  stop();
});
process.on('SIGTERM', stop);

start(['--watch', '--watch-preserve-output', 'coordinator/console/build.ts', '--dev']);
while (!existsSync(join(root, 'coordinator/console/dist/index.html')))
  await new Promise((resolve) => setTimeout(resolve, 100));
start([
  '--watch',
  '--watch-preserve-output',
  'coordinator/src/main.ts',
  '--data',
  folder,
  '--port',
  port,
  '--host',
  '127.0.0.1',
  '--log',
  'warn',
]);
const fleetFile = join(folder, 'fleet.json');
while (!existsSync(fleetFile)) await new Promise((resolve) => setTimeout(resolve, 100));
const fleet = (...args: string[]) =>
  execFileSync(join(root, 'bin/fleet'), [...args, '--data', folder], { encoding: 'utf8' });
start(['coordinator/cli/src/main.ts', 'simulate', '--profile', 'home', '--nodes', '6', '--mix', '--data', folder]);
fleet('agents', 'apply', '-f', join(root, 'docs/examples/home.yaml'));
const { url } = JSON.parse(readFileSync(fleetFile, 'utf8')) as { url: string };
console.log(
  `\n  ${url}\n  sign in once: ${fleet('console').trim()}\n  bin/fleet --data ${folder} status\n\n  Components in every state: ${url}/stories\n  Saving a file starts the coordinator again, or builds the console: open pages load themselves anew. Ctrl-C ends it all.\n`,
);
