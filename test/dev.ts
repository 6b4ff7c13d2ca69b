// `make dev`: a coordinator that starts again on every save, a console that is built on every save, a simulated home fleet and the six
// first agents, and releases to roll out, good and bad ones. No Pi, GPU or account is needed; its data folder is thrown away at the end.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleKey, sampleRelease } from './fixtures/sample-release.ts';

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
const badReleases = '9.1.0=no-start,9.2.0=leak,9.3.0=errors,9.4.0=goes-away';
await addReleases();
const nodes = ['--profile', 'home', '--nodes', '6', '--mix', '--bad-releases', badReleases, '--soak', '5s'];
start(['coordinator/cli/src/main.ts', 'simulate', ...nodes, '--data', folder]);
fleet('agents', 'apply', '-f', join(root, 'docs/examples/home.yaml'));
const { url } = JSON.parse(readFileSync(fleetFile, 'utf8')) as { url: string };
console.log(
  `\n  ${url}\n  sign in once: ${fleet('console').trim()}\n  bin/fleet --data ${folder} status\n\n  Components in every state: ${url}/stories\n  A rollout to look at: bin/fleet --data ${folder} rollouts start node-agent 9.0.0 --soak 10s; bad ones: ${badReleases}\n  Saving a file starts the coordinator again, or builds the console: open pages load themselves anew. Ctrl-C ends it all.\n`,
);

/** Small ones: simulated nodes fetch none. They run that of this source, which must be here for the way back. */
async function addReleases(): Promise<void> {
  const key = sampleKey();
  mkdirSync(join(folder, 'release-keys'), { recursive: true });
  writeFileSync(join(folder, 'release-keys/dev.pub'), key.pub);
  const { version: own } = JSON.parse(readFileSync(join(root, 'node-agent/package.json'), 'utf8')) as {
    version: string;
  };
  for (const version of [own, '9.0.0', ...badReleases.split(',').map((each) => each.split('=')[0])])
    for (const arch of ['arm64', 'x64']) {
      const { content, signature } = await sampleRelease(key, { version, arch });
      const file = join(folder, `dev-release-${version}-${arch}.tar.gz`);
      writeFileSync(file, content);
      writeFileSync(`${file}.minisig`, signature);
      fleet('releases', 'add', file);
      for (const made of [file, `${file}.minisig`]) rmSync(made);
    }
}
