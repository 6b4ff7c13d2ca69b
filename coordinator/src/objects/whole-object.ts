// Files that are to have the bytes of a hash. In: a file, or a stream of somebody else. Out: a file that has them and is on the disk, or a fault.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Stored, StoreFault } from './object-store.ts';

/** @throws StoreFault when the file has other bytes, cannot be read to its end, or is not there */
export async function checkFile(path: string, object: Stored, where: string): Promise<void> {
  const hash = createHash('sha256');
  let found = 0;
  try {
    for await (const piece of createReadStream(path)) {
      found += (piece as Buffer).length;
      if (found > object.bytes) break;
      hash.update(piece as Buffer);
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw missing(object.sha256, where, cause);
    if (code === 'EIO') throw damaged(object.sha256, where, cause);
    throw cause;
  }
  if (found !== object.bytes || hash.digest('hex') !== object.sha256) throw damaged(object.sha256, where);
}

/** Takes the stream into a new file; of other bytes, and of a stream that breaks, nothing is left. */
export async function writeChecked(
  from: Readable,
  to: string,
  { sha256, bytes }: Stored,
  where: string,
): Promise<void> {
  const hash = createHash('sha256');
  let found = 0;
  const check = new Transform({
    transform(piece: Buffer, _, done) {
      found += piece.length;
      hash.update(piece);
      done(found > bytes ? damaged(sha256, where) : null, piece);
    },
    flush(done) {
      done(found !== bytes || hash.digest('hex') !== sha256 ? damaged(sha256, where) : null);
    },
  });
  try {
    await pipeline(from, check, createWriteStream(to, { mode: 0o600, flush: true, flags: 'wx' }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(to, { force: true });
    throw error;
  }
}

const short = (sha256: string) => `The object ${sha256.slice(0, 12)}…`;
const damaged = (sha256: string, where: string, cause?: unknown) =>
  new StoreFault('damaged', `${short(sha256)} in ${where} is damaged: its bytes are not those of its hash.`, { cause });
export const missing = (sha256: string, where: string, cause?: unknown) =>
  new StoreFault('missing', `${short(sha256)} is not in ${where} any more.`, { cause });
