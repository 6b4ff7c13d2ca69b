// What of a data folder goes into a backup: every file but those that are named here. So a file that a later version stores is in the
// backups too. In: the folder. Out: paths within it. The database is not among them: a copy of it is made by the store.
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

/** Where backups are made ready, and where a restore unpacks. */
export const stagingName = 'backup-staging';
export const restoringName = 'restoring';
/** What was there before a restore. */
const asidePrefix = 'before-restore-';
/** A name of its own for each. */
export function asideName(nowMs: number): string {
  const time = new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
  return `${asidePrefix}${time.replace(/[-:]/g, '')}`;
}
/** Written by a restore, read by the next start of the coordinator. */
export const restoredName = 'restored.json';

/** Files and folders of the data folder that are no part of the fleet's state, or that are made anew at a start. */
const notKept =
  /^(fleet\.sqlite.*|fleet\.json|model-cache|backup-staging|restoring|restored\.json|before-restore-.*|upgrades|images|embedder|objects-fetched)$/;
/** Half-written: what they replace is there beside them. */
const unfinished = /\.(new|part)$/;

/** The lock is held while a restore moves things. */
const inPlace = /^(before-restore-.*|restoring|upgrades|images|embedder|model-cache|backups|fleet\.sqlite-lock.*)$/;
/** Whether a restore neither sets this name of the data folder aside nor replaces it. */
export function staysInPlace(name: string): boolean {
  return inPlace.test(name);
}

/** `without`: further folders, such as that of the backups. In the order of their names. */
export async function filesToKeep(data: string, without: readonly string[]): Promise<string[]> {
  const left = new Set(without.map((path) => resolve(path)));
  const found: string[] = [];
  async function look(folder: string): Promise<void> {
    for (const entry of await namesIn(folder)) {
      const path = join(folder, entry.name);
      if (left.has(path) || unfinished.test(entry.name)) continue;
      if (folder === data && notKept.test(entry.name)) continue;
      if (entry.isDirectory()) await look(path);
      // A link leads out of the folder, and nothing of ours is one.
      else if (entry.isFile()) found.push(relative(data, path));
    }
  }
  await look(data);
  return found;
}

async function namesIn(folder: string): Promise<Dirent[]> {
  try {
    return (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    // Removed in the same moment.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
