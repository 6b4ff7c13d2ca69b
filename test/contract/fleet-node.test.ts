// How bin/fleet-node starts the node-agent: with the flags and the words to glibc that keep it small, which this Node takes.
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const lines = (name: string) =>
  readFileSync(join(root, 'node-agent', name), 'utf8')
    .split('\n')
    .filter(Boolean);
const flags = lines('v8-flags');
const mallocEnv = lines('malloc-env');

t.test('every flag and every word to glibc comes with it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-node-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  mkdirSync(join(folder, 'node-agent/dist'), { recursive: true });
  for (const name of ['v8-flags', 'malloc-env'])
    cpSync(join(root, 'node-agent', name), join(folder, 'node-agent', name));
  // A Node that says how it was started.
  const nodes = join(folder, '.node/node_modules/node-linux-test/bin');
  mkdirSync(nodes, { recursive: true });
  writeFileSync(join(nodes, 'node'), '#!/bin/sh\n[ "$1" = -e ] && exit 0\nenv\nprintf "%s\\n" "$@"\n');
  chmodSync(join(nodes, 'node'), 0o755);
  const { stdout } = await run(join(folder, 'bin/fleet-node'), ['run', '--data', 'a b']);
  const said = stdout.split('\n');
  for (const line of [...mallocEnv, ...flags, 'a b']) t.ok(said.includes(line), line);
});

t.test('this Node takes the flags, and collects when it is told to', async (t) => {
  const { stdout } = await run(process.execPath, [...flags, '--print', 'typeof gc']);
  t.equal(stdout.trim(), 'function');
});

t.test('what is told to glibc is for the node-agent alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-node-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const seen = join(folder, 'seen.json');
  const preload = join(folder, 'preload.cjs');
  // What a process has at its end, its children would have got.
  const atEnd = `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(seen)}, JSON.stringify(process.env)));`;
  writeFileSync(preload, atEnd);
  const env = { ...process.env, NODE_OPTIONS: `--require=${preload}`, PLACE: 'here' };
  await run(join(root, 'bin/fleet-node'), ['--help'], { env });
  const given = JSON.parse(readFileSync(seen, 'utf8')) as Record<string, string>;
  t.equal(given.PLACE, 'here');
  for (const line of mallocEnv) t.notOk((line.split('=')[0] as string) in given, line);
});
