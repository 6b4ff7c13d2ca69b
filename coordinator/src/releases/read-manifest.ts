// What an archive says it is: the release.json that is its first file. In: a path. Out: the manifest, or words for what is wrong. Only the
// beginning of the archive is unpacked, and nothing of it is written.
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { explain, maxReleaseManifestBytes, ReleaseManifest, releaseFormat } from '@blackroad/protocol';
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
  let value: unknown;
  try {
    found = await firstFile(path);
    value = found && JSON.parse(found.text);
  } catch (error) {
    return `file: expected the archive of a release (.tar.gz), got something else (${(error as Error).message})`;
  }
  if (!found || !/^[^/]+\/release\.json$/.test(found.path))
    return 'file: expected release.json as the first file of the archive, got another';
  const { format } = value as { format?: unknown };
  if (format !== releaseFormat)
    return `release.json: format: expected ${releaseFormat}, got ${JSON.stringify(format)?.slice(0, 20)}: a newer coordinator may know it`;
  const fault = explain(ReleaseManifest, value);
  return fault === '' ? (value as ReleaseManifest) : `release.json: ${fault}`;
}
