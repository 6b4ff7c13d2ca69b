// Secrets on disk: written whole or not at all, readable by their owner alone.
// In and out: text or bytes of one file. Must never leave half a key behind, nor a moment in which others may read it.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { FleetError } from '@blackroad/protocol';

export function writeSecret(path: string, content: string | Buffer): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const partial = `${path}.partial`;
    const file = openSync(partial, 'w', 0o600);
    try {
      writeSync(file, typeof content === 'string' ? Buffer.from(content) : content);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  } catch (cause) {
    throw new FleetError(
      'storage-failed',
      { detail: `${path} cannot be written: ${(cause as Error).message}` },
      { cause },
    );
  }
}

/** Null when there is no such file. */
export function readSecret(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new FleetError(
      'storage-failed',
      { detail: `${path} cannot be read: ${(cause as Error).message}` },
      { cause },
    );
  }
}
