// From a release that the coordinator keeps to one that lies unpacked in `releases/<version>` and starts here. In: the archive, with its row.
// Out: nothing, or a FleetError in words; then nothing that is started has changed. The archive is verified again: it lay on a disk.
import { execFile } from 'node:child_process';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FleetError, type Release, readReleaseManifest, releaseManifestName, releaseMisfit } from '@blackroad/protocol';
import { folderFault } from '@blackroad/std/listed-folder';
import { type PublicKey, readSignature, SignatureError, verifyFile } from '@blackroad/std/minisign';
import { syncFolder } from '@blackroad/std/sync-folder';
import { extract } from 'tar';
import type { UpgradeHome } from './upgrade-home.ts';

/** On a Pi with a worn SD card it takes some seconds. */
const versionWithinMs = 60_000;
const partial = '.part';

const refused = (detail: string, cause?: unknown) => new FleetError('release-refused', { detail }, { cause });

export async function stageRelease(
  release: Release,
  archive: string,
  keys: readonly PublicKey[],
  home: UpgradeHome,
): Promise<void> {
  const { version, signature } = release;
  const folder = home.folderOf(version);
  try {
    await verifyFile(archive, readSignature(signature), keys);
  } catch (error) {
    if (error instanceof SignatureError) throw refused(`${version}: ${error.message}`, error);
    throw error;
  }
  if ((await faultOf(folder, release)) === null) return;
  const part = `${folder}${partial}`;
  await rm(part, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  // Nothing outside of the folder is written: `tar` leaves such entries out, and then a file is missing.
  await extract({ file: archive, cwd: part, strip: 1, preserveOwner: false }).catch((error: Error) => {
    throw refused(`${version}: the archive cannot be unpacked: ${error.message}`, error);
  });
  const fault = await faultOf(part, release);
  if (fault !== null) throw refused(`${version}: ${fault}`);
  await syncTree(part);
  await proveStart(part, version);
  await rename(part, folder);
  syncFolder(home.folderOf(''));
}

/** What is wrong with what lies in the folder; null: it is this release, whole. */
async function faultOf(folder: string, { name, version, os, arch }: Release): Promise<string | null> {
  try {
    const manifest = readReleaseManifest(await readFile(join(folder, releaseManifestName), 'utf8'));
    if (typeof manifest === 'string') return manifest;
    const misfit = releaseMisfit(manifest, { name, version, os, arch });
    return misfit ?? (await folderFault(folder, manifest.files, releaseManifestName, [releaseManifestName]));
  } catch (error) {
    return (error as Error).message;
  }
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) {
      const file = await open(path, 'r');
      await file.sync().finally(() => file.close());
    }
  }
  syncFolder(folder);
}

async function proveStart(folder: string, version: string): Promise<void> {
  try {
    const program = join(folder, 'bin/fleet-coordinator');
    const options = { env: { PATH: '/usr/bin:/bin' }, timeout: versionWithinMs, killSignal: 'SIGKILL' as const };
    const { stdout } = await promisify(execFile)(program, ['--version'], options);
    if (stdout.trim() !== version) throw new Error(`it says that it is ${JSON.stringify(stdout.slice(0, 40))}`);
  } catch (error) {
    const { message, stderr = '' } = error as Error & { stderr?: string };
    throw refused(`${version} does not start here: ${(stderr.trim() || message).slice(0, 600)}`, error);
  }
}
