// A file that was made or renamed is there after a power cut only when its folder is on the disk too.
import { closeSync, fsyncSync, openSync } from 'node:fs';

export function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
