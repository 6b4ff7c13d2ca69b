// A release that lies unpacked in a folder: whether each of its files is what its release.json says. In: the folder. Out: the manifest, or
// words for the first file that lacks, differs, cannot be read, or is there without being named. It changes nothing.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type ReleaseManifest, readReleaseManifest, releaseManifestName } from '@blackroad/protocol';
import { sha256OfFile } from '@blackroad/std/sha256';

/** The hash of the archive that the folder was unpacked from; whoever unpacked it leaves it there. */
export const markerName = '.archive-sha256';
const unnamed: readonly string[] = [releaseManifestName, markerName];

export async function wholeRelease(folder: string): Promise<ReleaseManifest | string> {
  try {
    return await compared(folder);
  } catch (error) {
    return (error as Error).message;
  }
}

async function compared(folder: string): Promise<ReleaseManifest | string> {
  const manifest = readReleaseManifest(readFileSync(join(folder, releaseManifestName), 'utf8'));
  if (typeof manifest === 'string') return manifest;
  const { files } = manifest;
  const left = new Set(Object.keys(files));
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = relative(folder, join(entry.parentPath, entry.name));
    if (unnamed.includes(path)) continue;
    if (!left.delete(path)) return `${path} is in it, and ${releaseManifestName} does not name it`;
    const found = entry.isSymbolicLink() ? `-> ${readlinkSync(join(folder, path))}` : '';
    if (files[path] !== (entry.isFile() ? await sha256OfFile(join(folder, path)) : found))
      return `${path} is not as ${releaseManifestName} says`;
  }
  const [missing] = left;
  return missing === undefined ? manifest : `${missing} is missing`;
}
