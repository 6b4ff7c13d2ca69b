// Programs of npm that integrations run, fetched once and kept beside the project. Their scripts of installation are not run.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '../../.integrations');

/** The folder of an installation that has the package. `size`: what people are told. @throws Error where npm cannot fetch it */
export function fetched(name: string, version: string, size: string, say: (line: string) => void): string {
  const kept = join(folder, `${name.replace(/^@.*\//, '')}-${version}`);
  if (existsSync(kept)) return kept;
  say(`fetching ${name} ${version}: ${size}, once`);
  const part = `${kept}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  writeFileSync(join(part, 'package.json'), '{"private":true}');
  const [command = 'npm', ...before] = (process.env.NPM ?? 'npm').split(' ');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];
  execFileSync(command, [...before, 'install', ...options, `${name}@${version}`], {
    ...{ cwd: part, stdio: ['ignore', 'ignore', 'pipe'] },
  });
  renameSync(part, kept);
  return kept;
}
