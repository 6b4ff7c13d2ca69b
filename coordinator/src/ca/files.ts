// Secrets on disk: written completely or not at all, and readable by their owner alone, at every moment. In and out: text or bytes of one
// file.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import { errnoSentence } from '@blackroad/std/errno';
import { syncFolder } from '@blackroad/std/sync-folder';

export function writeSecret(path: string, content: string | Buffer): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const partial = `${path}.partial`;
    // A file that a crash or a copy left here would keep its mode for the key.
    rmSync(partial, { force: true });
    const file = openSync(partial, 'wx', 0o600);
    try {
      writeFileSync(file, content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
    // Without this a power cut may undo the new name after the key has signed certificates.
    syncFolder(dirname(path));
  } catch (cause) {
    throw failed(`${path} cannot be written`, cause);
  }
}

/** Null when there is no such file. */
export function readSecret(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw failed(`${path} cannot be read`, cause);
  }
}

function failed(what: string, cause: unknown): FleetError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new FleetError('storage-failed', { detail: `${what}: ${errnoSentence({ code }) ?? message}` }, { cause });
}
