// Programs of npm that integrations run, fetched once and kept beside the project. Their scripts of installation are not run.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../../.integrations');
/** Of a compiler, say. */
const maxSaidBytes = 64 * 1024 * 1024;

const placeOf = (name: string, version: string) => join(folder, `${name.replace(/^@.*\//, '')}-${version}`);
export const isFetched = (name: string, version: string): boolean => existsSync(placeOf(name, version));

/** What all its installations have in common. */
export const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];

/** Runs the npm that the project has. */
export function npm(cwd: string, words: readonly string[], env: NodeJS.ProcessEnv = process.env): void {
  const [command = 'npm', ...before] = (process.env.NPM ?? 'npm').split(' ');
  execFileSync(command, [...before, ...words], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    maxBuffer: maxSaidBytes,
  });
}

/**
 * The folder of an installation that has the package. `size`: what people are told; `finish`: what is still to be done in the folder.
 * @throws Error where npm cannot fetch it
 */
export function fetched(
  name: string,
  version: string,
  size: string,
  say: (line: string) => void,
  finish: (folder: string) => void = () => {},
): string {
  const kept = placeOf(name, version);
  if (existsSync(kept)) return kept;
  say(`fetching ${name} ${version}: ${size}, once`);
  const part = `${kept}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  writeFileSync(join(part, 'package.json'), '{"private":true}');
  npm(part, ['install', ...quietly, `${name}@${version}`]);
  finish(part);
  renameSync(part, kept);
  return kept;
}
