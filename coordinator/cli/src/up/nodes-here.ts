// The node-agents of `make up` on this machine: its own, and one for a paid API where the environment names that. In: the environment and
// folders. Out: an enrolled folder, a process that runs.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import { createClient } from '../client.ts';
import { type FleetFile, readFleetFile } from '../find-fleet.ts';
import type { VerbCall } from '../verb.ts';
import { type Child, startChild } from './children.ts';
import type { Progress } from './progress.ts';

type Env = Readonly<Record<string, string | undefined>>;
interface NodeAgent {
  entry: string;
  args: readonly string[];
  logFile: string;
  env: Env;
  onRestart: (reason: string) => void;
}

export function startNodeAgent(
  { root, clock }: VerbCall,
  { entry, args, logFile, env, onRestart }: NodeAgent,
): Promise<Child<{ node: string }>> {
  const ofMemory = Object.fromEntries(linesOf(join(root, 'node-agent/malloc-env')).map(nameAndValue));
  return startChild<{ node: string }>({
    name: 'node-agent',
    entry,
    args: ['run', ...args],
    logFile,
    execArgv: linesOf(join(root, 'node-agent/v8-flags')),
    env: { ...env, ...ofMemory },
    clock,
    onRestart,
    finalCodes: [3],
  });
}

/** The paid API that the environment names; null: none. */
export function cloudIn({ BLACKROAD_CLOUD: provider = 'none' }: Env): string | null {
  return provider === '' || provider === 'none' ? null : provider;
}
/** For the node of this machine itself: it has its own models, and no business with the key. */
export function withoutCloud(env: Env): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('BLACKROAD_CLOUD')));
}

/** `as`: for a second node-agent on this machine, of that class. Does nothing where the folder has an identity. */
export async function enrolHere(
  call: VerbCall,
  entry: string,
  folder: string,
  progress: Progress,
  as: { class: string; name: string } | null = null,
): Promise<void> {
  if (existsSync(join(folder, 'identity.json'))) return;
  progress.step(as ? `enrolling ${as.name}` : 'enrolling this machine');
  const place = readFleetFile(join(call.data, 'coordinator')) as FleetFile;
  const client = createClient({ url: place.url, key: readFileSync(place.keyFile, 'utf8').trim(), ca: null });
  const { token } = await client.call('joinTokenCreate', {
    body: { uses: 1, expiresSeconds: 300, address: '127.0.0.1', ...(as ? { class: as.class } : {}) },
  });
  const apart = as ? ['--name', as.name, '--instance', 'cloud'] : [];
  const child = spawn(process.execPath, [entry, 'join', token, '--data', folder, '--log', 'warn', ...apart], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: withoutCloud(call.env),
  });
  let words = '';
  child.stderr.on('data', (piece) => {
    words = (words + piece).slice(-4000);
  });
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  if (code !== 0)
    throw new FleetError('unavailable', { detail: `This machine could not join its own fleet:\n${words}` });
}

const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n').filter(Boolean);
function nameAndValue(line: string): [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}
