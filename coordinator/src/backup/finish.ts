// The end of a restore: what is there goes aside, and what was unpacked and checked comes in, by this process or, after a crash, by the next
// start of the coordinator; and the file that tells the coordinator of it. It loads nothing that only a restore needs.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import { syncFolder } from '@blackroad/std/sync-folder';
import { holdFile } from '../store/sqlite/file-lock.ts';
import { restoredName, restoringName, staysInPlace } from './content.ts';
import { databaseName } from './manifest.ts';

/** Says which backup the coordinator was restored from, until it has taken that in. */
export interface RestoredMark {
  /** Another one for each restore: nodes that hear of it bring what they have. */
  lineage: string;
  /** When the backup was made. */
  backupMs: number;
  restoredMs: number;
  version: string;
}
/** Where what is there goes; `only`: these names alone, missing: all but what stays in place. */
interface Aside {
  aside: string;
  only?: string[];
}
/** The two states of a restore that will be finished: what is there goes aside, and then the new comes in. */
export const settingAside = 'setting-aside.json';
const movingIn = 'moving-in.json';

/**
 * Called at a start of the coordinator, before it opens anything: finishes a restore that a crash interrupted after its checks. Returns
 * whether there was one.
 */
export async function finishRestore(data: string): Promise<boolean> {
  const staging = join(data, restoringName);
  if (![settingAside, movingIn].some((name) => existsSync(join(staging, name)))) return false;
  const lock = holdData(data);
  try {
    await finish(data);
    return true;
  } finally {
    lock.release();
  }
}

/** Which backup the data folder was restored from since the last start of the coordinator; null: it was not. */
export function readRestored(data: string): RestoredMark | null {
  try {
    return JSON.parse(readFileSync(join(data, restoredName), 'utf8')) as RestoredMark;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
/** The coordinator has stored that it was restored. */
export function forgetRestored(data: string): void {
  rmSync(join(data, restoredName), { force: true });
}

export function holdData(data: string): { release(): void } {
  try {
    return holdFile(join(data, databaseName));
  } catch (cause) {
    throw new FleetError(
      'conflict',
      { detail: `A coordinator, or another restore, uses ${data}. Stop it first.` },
      { cause },
    );
  }
}

/** Each step may be done again: a crash at any moment leaves one of the two states, and the names that are not moved yet. */
export async function finish(data: string): Promise<void> {
  const staging = join(data, restoringName);
  if (existsSync(join(staging, settingAside))) {
    const { aside, only } = JSON.parse(await readFile(join(staging, settingAside), 'utf8')) as Aside;
    for (const name of await readdir(data)) {
      if (staysInPlace(name) || (only && !only.includes(name))) continue;
      await mkdir(join(data, aside), { recursive: true, mode: 0o700 });
      await rename(join(data, name), join(data, aside, name));
    }
    syncFolder(data);
    await rename(join(staging, settingAside), join(staging, movingIn));
    syncFolder(staging);
  }
  if (!existsSync(join(staging, movingIn))) return;
  // A folder that stays in place may be in a backup as well: what is there wins.
  for (const name of await readdir(join(staging, 'fresh')))
    if (!existsSync(join(data, name))) await rename(join(staging, 'fresh', name), join(data, name));
  syncFolder(data);
  await rm(staging, { recursive: true, force: true });
  syncFolder(data);
}
