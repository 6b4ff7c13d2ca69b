// A new or renamed file survives a power cut only when its folder is written to the disk too.
import { closeSync, fsyncSync, openSync } from 'node:fs';

export function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
