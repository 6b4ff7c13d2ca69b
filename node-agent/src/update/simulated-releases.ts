// Releases on simulated nodes. A node takes an order, keeps its record and its links, and watches itself as a real one does (updates.ts); only
// what needs a real release is played: the archive is not fetched but takes its time, and the launcher is `launched`. What a bad release does
// is said at the start (`--bad-releases`).
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { UpdateNode } from '@blackroad/protocol';
import { type Clock, sleep } from '@blackroad/std/clock';
import { OptionError } from '@blackroad/std/options';
import type { Random } from '@blackroad/std/random';
import { openHome, type ReleaseHome } from './release-home.ts';

/**
 * `no-start`: it ends at once whenever it is started. `leak`: its memory grows. `errors`: twice as many attempts at tasks fail.
 * `goes-away`: once it stays it loses contact, again and again.
 */
const releaseFaults = ['no-start', 'leak', 'errors', 'goes-away'] as const;
export type ReleaseFault = (typeof releaseFaults)[number];

/** `1.2.0=leak,1.3.0=errors`. @throws OptionError */
export function readBadReleases(text: string): ReadonlyMap<string, ReleaseFault> {
  const found = new Map<string, ReleaseFault>();
  for (const part of text === '' ? [] : text.split(',')) {
    const [version = '', fault = ''] = part.trim().split('=');
    if (version === '' || !releaseFaults.includes(fault as ReleaseFault))
      throw new OptionError(
        `--bad-releases: expected versions with what they do, such as 1.2.0=${releaseFaults.join(' or ')}, got ${JSON.stringify(part)}.`,
      );
    found.set(version, fault as ReleaseFault);
  }
  return found;
}

/** The home of a machine on which `version` was installed. */
export function simulatedHome(dir: string, version: string): ReleaseHome | null {
  for (const name of ['updates', `releases/${version}`]) mkdirSync(join(dir, name), { recursive: true, mode: 0o700 });
  rmSync(join(dir, 'current'), { force: true });
  symlinkSync(`releases/${version}`, join(dir, 'current'));
  return openHome(dir);
}

const fetchMs = { least: 500, most: 3_000 };

/** In place of fetching and unpacking the archive. */
export async function playStage(
  { version }: UpdateNode,
  { home, clock, random }: { home: ReleaseHome; clock: Clock; random: Random },
  signal: AbortSignal,
): Promise<void> {
  await sleep(clock, fetchMs.least + random.next() * (fetchMs.most - fetchMs.least), signal);
  await mkdir(home.folderOf(version), { recursive: true });
}

/** As node-agent/launch has it: the pause before each start, and how often a release on trial is started. */
export const againAfterMs = 3_000;
const mostStarts = 3;

/** The version that a power-on ends up with, and how long that takes: of a release on trial that does not start that is the one before. */
export async function launched(
  home: ReleaseHome,
  faultOf: (version: string) => ReleaseFault | undefined,
): Promise<{ version: string | null; afterMs: number }> {
  const current = home.linked('current');
  const previous = home.linked('previous');
  const isOnTrial = current !== null && home.linked('trial') === current && previous !== null;
  if (!isOnTrial || faultOf(current) !== 'no-start') return { version: current, afterMs: 0 };
  await home.writeNote('went-back', `it ended ${mostStarts} times before it had said that it stays`);
  home.point('current', previous);
  home.unlink('trial');
  return { version: previous, afterMs: mostStarts * againAfterMs };
}
