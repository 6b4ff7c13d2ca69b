// A small file that is whole or not there: what a power cut leaves is the old one or the new one.
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './sync-folder.ts';

let written = 0;

/** Resolves when the new one is sure to be there. Two may write the same at once: the last to end stays. */
export async function saveWhole(path: string, content: string | Uint8Array): Promise<void> {
  const beside = `${path}.${++written}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  syncFolder(dirname(path));
}

/** For files whose last state may be lost: the folder is not written to the disk, so a power cut may bring back the old one. */
export function saveWholeNow(path: string, text: string): void {
  const beside = `${path}.new`;
  const file = openSync(beside, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
}
