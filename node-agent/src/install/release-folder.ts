// A release that lies unpacked in a folder: whether each of its files is what its release.json says. In: the folder. Out: the manifest, or
// words for the first file that lacks, differs, cannot be read, or is there without being named. It changes nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ReleaseManifest, readReleaseManifest, releaseManifestName } from '@blackroad/protocol';
import { folderFault } from '@blackroad/std/listed-folder';

/** The hash of the archive that the folder was unpacked from; whoever unpacked it leaves it there. */
export const markerName = '.archive-sha256';
const unlisted = [releaseManifestName, markerName];

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
  return (await folderFault(folder, manifest.files, releaseManifestName, unlisted)) ?? manifest;
}
