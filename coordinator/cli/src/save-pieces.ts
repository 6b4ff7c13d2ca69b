// A file that is whole when it has its name, or is not there.
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

export async function savePieces(
  pieces: AsyncIterable<Buffer>,
  path: string,
  options: { mode?: number; flush?: boolean } = {},
): Promise<void> {
  const part = `${path}.part`;
  try {
    await pipeline(pieces, createWriteStream(part, options));
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
