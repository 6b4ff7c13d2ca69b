// What an archive says it is: the release.json that is its first file. In: a path. Out: the manifest, or words for what is wrong. Only the
// beginning of the archive is unpacked, and nothing of it is written.
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import {
  maxReleaseManifestBytes,
  type ReleaseManifest,
  readReleaseManifest,
  releaseManifestName,
} from '@blackroad/protocol';
import { tarEntries } from '@blackroad/std/tar-read';

/** Folders may stand before it. */
const maxEntriesBefore = 2;

async function firstFile(path: string): Promise<{ path: string; text: string } | null> {
  const unpacked = createGunzip();
  // The error comes out of the iteration; what else ends the two is no matter here.
  pipeline(createReadStream(path), unpacked, () => {});
  let before = 0;
  try {
    for await (const entry of tarEntries(unpacked)) {
      if (entry.type !== 'file' && before++ < maxEntriesBefore) continue;
      if (entry.type !== 'file' || entry.bytes > maxReleaseManifestBytes) return null;
      const pieces: Buffer[] = [];
      for await (const piece of entry.content) pieces.push(Buffer.from(piece));
      return { path: entry.path, text: Buffer.concat(pieces).toString('utf8') };
    }
    return null;
  } finally {
    unpacked.destroy();
  }
}

export async function readManifest(path: string): Promise<ReleaseManifest | string> {
  let found: { path: string; text: string } | null;
  try {
    found = await firstFile(path);
  } catch (error) {
    return `file: expected the archive of a release (.tar.gz), got something else (${(error as Error).message})`;
  }
  const [, ...below] = found?.path.split('/') ?? [];
  if (!found || below.join('/') !== releaseManifestName)
    return `file: expected ${releaseManifestName} as the first file of the archive, got another`;
  return readReleaseManifest(found.text);
}
