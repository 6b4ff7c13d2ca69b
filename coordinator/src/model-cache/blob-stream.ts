// The bytes of a blob for one reader: from the whole file, or from the part that is on the disk while the rest is fetched. In: an open blob
// and a range. Out: pieces, as fast as the reader takes them, all in one buffer: a piece is overwritten when the next one is asked for. A reader whose bytes are not there yet waits, as long as the fetch goes on.
// Throws where the fetch fails: the answer then ends short, and the reader sees that it is not whole.
import { open } from 'node:fs/promises';
import type { ByteRange } from '@blackroad/std/byte-range';
import type { OpenBlob } from './cache.ts';
import { CacheProblem } from './cache-problem.ts';
import type { CacheDisk } from './disk.ts';

/** So much for each reader is in memory. */
const pieceBytes = 64 * 1024;

export async function* piecesOf(
  blob: OpenBlob,
  { from, to }: ByteRange,
  disk: CacheDisk,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let at = from;
  if (at > to) return;
  const { fetch } = blob;
  // The file of the part exists once the first byte can be read.
  if (fetch) await readable(fetch, at, signal);
  // An open file stays the same when the part becomes the whole.
  const file = await openFile(blob, disk);
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, to + 1 - at));
    while (at <= to) {
      const end = fetch ? Math.min(to + 1, await readable(fetch, at, signal)) : to + 1;
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) throw new CacheProblem('disk', `the file of ${blob.digest} is shorter than it should be`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function readable(fetch: NonNullable<OpenBlob['fetch']>, at: number, signal: AbortSignal): Promise<number> {
  await fetch.reached(at, signal);
  if (signal.aborted) throw signal.reason;
  if (fetch.readableBytes > at) return fetch.readableBytes;
  throw fetch.problem ?? new CacheProblem('network', 'the fetch ended early');
}

async function openFile({ digest, path }: OpenBlob, disk: CacheDisk) {
  if (path !== null) return open(path, 'r');
  // The fetch may have ended between the two.
  return open(disk.partPath(digest), 'r').catch(() => open(disk.wholePath(digest), 'r'));
}
