// What is released: the version, the commit it is of, and the one time that everything in a release has. In: the folder of the project, and
// SOURCE_DATE_EPOCH where it is set. A folder without git has to be given that time; one with changes says so in the commit's name.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Source {
  root: string;
  version: string;
  /** With `+changes` where files differ from the commit; `unknown` without git. */
  commit: string;
  epochS: number;
}
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

function git(root: string, ...args: string[]): string | null {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}

/** @throws BuildError */
export function sourceOf(root: string, epoch: string | undefined): Source {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const head = git(root, 'rev-parse', 'HEAD');
  const isChanged = head !== null && git(root, 'status', '--porcelain') !== '';
  const given = epoch ?? git(root, 'log', '-1', '--format=%ct') ?? '';
  const epochS = Number(given);
  if (!/^\d+$/.test(given) || epochS > 8 ** 11 - 1)
    throw new BuildError(
      `SOURCE_DATE_EPOCH: expected the time of the release in seconds since 1970 (this folder has no git to ask), got ${JSON.stringify(given)}`,
    );
  return { root, version, commit: head === null ? 'unknown' : `${head}${isChanged ? '+changes' : ''}`, epochS };
}

/** `2026-11-29T15:00:00Z` */
export function timeText(epochS: number): string {
  return new Date(epochS * 1000).toISOString().replace('.000', '');
}
