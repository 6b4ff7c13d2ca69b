// The folder of everything a process keeps: made when it is missing, of this user alone, writable, and if it is none of that a sentence
// says what to do. In: a path, and which names in it are ours. Out: what was tightened. It must never touch what is not ours: the
// folder may be somebody's home by mistake.
import { accessSync, chmodSync, constants, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoSentence } from './errno.ts';

/** For everything that this process makes from now on. */
const ownerOnly = 0o077;
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError';
}

interface Tightened {
  /** Folders and files that others could read, by path; they cannot any more. */
  tightened: string[];
  /** Those whose mode could not be changed, with the reason. */
  left: string[];
}

/** Called first of all: what a process makes before its umask is set keeps the mode it got. */
export function keepPrivate(): void {
  process.umask(ownerOnly);
}

interface OwnNames {
  /** Files of the folder, and of its folders named here. */
  files: RegExp;
  folders: readonly string[];
}

/** @throws DataFolderError in one sentence, when nothing can be kept there. */
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
    // With a slash behind: where the folder itself is a link, what it leads to is meant.
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
    // A link's own mode means nothing, and what it leads to is not ours.
    if ((!before.isFile() && !before.isDirectory()) || (before.mode & ownerOnly) === 0) return;
    chmodSync(path, before.mode & 0o700);
    if ((lstatSync(path).mode & ownerOnly) === 0) found.tightened.push(path);
    else found.left.push(`${path}: this file system knows no modes`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') found.left.push(`${path}: ${(error as Error).message}`);
  }
}

/** The same of both, in words for the log; empty: there is nothing to say. */
export function tightenedWords(path: string, { tightened, left }: Tightened): string[] {
  const some = (paths: string[]) => `${paths.slice(0, 5).join(', ')}${paths.length > 5 ? ', and others' : ''}`;
  return [
    ...(tightened.length > 0
      ? [`others on this machine could read ${path}; they cannot any more: ${some(tightened)}`]
      : []),
    ...(left.length > 0 ? [`others on this machine can read ${path}, and that cannot be changed: ${some(left)}`] : []),
  ];
}
