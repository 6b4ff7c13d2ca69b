// The folder of everything a process stores: created when it is missing, readable by its user alone, writable; otherwise an error tells a
// person in one sentence what to do. In: a path, and which names in it are ours. Out: the paths whose modes were tightened. It must never
// touch files of others: the folder may be somebody's home by mistake.
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoSentence } from './errno.ts';

/** The umask of everything that this process creates. */
const ownerOnly = 0o077;
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}

interface Tightened {
  /** Paths of folders and files that others could read before and cannot now. */
  tightened: string[];
  /** Paths whose mode could not be changed, with the reason. */
  left: string[];
}

/** Called before anything else: a file that a process creates before its umask is set keeps its mode. */
export function keepPrivate(): void {
  process.umask(ownerOnly);
}

interface OwnNames {
  /** Names of files in the folder itself, and in its `folders`. */
  files: RegExp;
  folders: readonly string[];
}

/** @throws DataFolderError in one sentence, when nothing can be stored there. */
export function openDataFolder(path: string, own: OwnNames): Tightened {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new DataFolderError(
      `The data folder ${path} cannot be used: ${errnoSentence(cause) ?? (cause as Error).message}`,
      {
        cause,
      },
    );
  }
  const found: Tightened = { tightened: [], left: [] };
  for (const folder of [path, ...own.folders.map((name) => join(path, name))]) {
    // With a slash at the end: where the folder itself is a link, its target is meant.
    tighten(`${folder}/`, found);
    for (const name of namesIn(folder)) if (own.files.test(name)) tighten(join(folder, name), found);
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
function tighten(path: string, found: Tightened): void {
  try {
    const before = lstatSync(path);
    // A link's own mode means nothing, and its target is not ours.
    if ((!before.isFile() && !before.isDirectory()) || (before.mode & ownerOnly) === 0) return;
    chmodSync(path, before.mode & 0o700);
    if ((lstatSync(path).mode & ownerOnly) === 0) found.tightened.push(path);
    else found.left.push(`${path}: this file system knows no modes`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') found.left.push(`${path}: ${(error as Error).message}`);
  }
}

/** The changes in words for the log; empty where nothing was changed. */
export function tightenedWords(path: string, { tightened, left }: Tightened): string[] {
  const some = (paths: string[]) => `${paths.slice(0, 5).join(', ')}${paths.length > 5 ? ', and others' : ''}`;
  return [
    ...(tightened.length > 0
      ? [`others on this machine could read ${path}; they cannot any more: ${some(tightened)}`]
      : []),
    ...(left.length > 0 ? [`others on this machine can read ${path}, and that cannot be changed: ${some(left)}`] : []),
  ];
}
