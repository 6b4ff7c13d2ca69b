// One process at a time fetches one file: it holds a lock file beside it and keeps its time fresh. A lock that was not refreshed for a
// while, or whose process has ended on this machine, is stale and is taken over.
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { abortedProblem, FetchProblem } from './fetch-problem.ts';

interface LockOptions {
  clock: Clock;
  random: Random;
  signal?: AbortSignal;
  /** Called once when another process holds the lock. */
  onWait?: (holder: string) => void;
  waitMs?: number;
}

const refreshMs = 5000;
const staleMs = 60_000;
const pollMs = 250;

/** Runs `work` while holding the lock at `path`. */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const { clock } = options;
  const deadline = clock.monotonicMs() + (options.waitMs ?? 60 * 60_000);
  const own = JSON.stringify({ pid: process.pid, host: hostname(), token: options.random.hex(8) });
  let told = false;
  while (!(await take(path, own))) {
    if (options.signal?.aborted) throw abortedProblem();
    // A folder is not a lock, and must not be moved.
    if ((await stat(path).catch(() => null))?.isDirectory())
      throw new FetchProblem(
        'refused',
        `${path} is a folder, and a file that locks a model is kept there; move it away`,
      );
    const holder = await readFile(path, 'utf8').catch(() => '');
    if (await isStale(path, holder, clock)) {
      // The rename succeeds for only one of several processes that find the lock stale.
      const aside = `${path}.${options.random.hex(4)}`;
      await rename(path, aside).catch(() => {});
      await rm(aside, { force: true });
      continue;
    }
    if (!told) {
      told = true;
      options.onWait?.(holder);
    }
    if (clock.monotonicMs() > deadline) throw new FetchProblem('refused', `another process holds ${path} for too long`);
    await sleep(clock, pollMs);
  }
  const refresh = clock.every(refreshMs, () => {
    const now = clock.nowMs() / 1000;
    utimes(path, now, now).catch(() => {});
  });
  try {
    return await work();
  } finally {
    refresh.cancel();
    if ((await readFile(path, 'utf8').catch(() => '')) === own) await rm(path, { force: true });
  }
}

async function take(path: string, own: string): Promise<boolean> {
  try {
    await writeFile(path, own, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(path: string, holder: string, clock: Clock): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (!found) return false;
  if (clock.nowMs() - found.mtimeMs > staleMs) return true;
  try {
    const { pid, host } = JSON.parse(holder) as { pid: number; host: string };
    return host === hostname() && pid !== process.pid && !isRunning(pid);
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
