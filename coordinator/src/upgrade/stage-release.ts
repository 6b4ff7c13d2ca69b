// From a release that the coordinator keeps to one that lies unpacked in `releases/<version>` and starts here. In: the archive, with its row.
// Out: nothing, or a FleetError in words; then nothing that is started has changed. The archive is verified again: it lay on a disk.
import { execFile } from 'node:child_process';
import { mkdir, open, readdir, readFile, readlink, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { explain, FleetError, type Release, ReleaseManifest } from '@blackroad/protocol';
import { type PublicKey, readSignature, SignatureError, verifyFile } from '@blackroad/std/minisign';
import { sha256OfFile } from '@blackroad/std/sha256';
import { syncFolder } from '@blackroad/std/sync-folder';
import { extract } from 'tar';
import type { UpgradeHome } from './upgrade-home.ts';

/** On a Pi with a worn SD card it takes some seconds. */
const versionWithinMs = 60_000;
const manifestName = 'release.json';
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
  if (await isWhole(folder, release)) return;
  const part = `${folder}${partial}`;
  await rm(part, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  // Nothing outside of the folder is written: `tar` leaves such entries out, and then a file is missing.
  await extract({ file: archive, cwd: part, strip: 1, preserveOwner: false }).catch((error: Error) => {
    throw refused(`${version}: the archive cannot be unpacked: ${error.message}`, error);
  });
  if (!(await isWhole(part, release))) throw refused(`${version}: its files are not what its ${manifestName} says`);
  await syncTree(part);
  await proveStart(part, version);
  await rename(part, folder);
  syncFolder(home.folderOf(''));
}

/** Whether every file of the manifest is there as it says, and no other. */
async function isWhole(folder: string, { name, version, arch }: Release): Promise<boolean> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, manifestName), 'utf8')) as ReleaseManifest;
    if (explain(ReleaseManifest, manifest) !== '') return false;
    if (manifest.name !== name || manifest.version !== version || manifest.arch !== arch) return false;
    const left = new Set(Object.keys(manifest.files));
    for (const path of await filesOf(folder)) {
      const expected = manifest.files[path];
      if (path === manifestName) continue;
      if (expected === undefined || !left.delete(path)) return false;
      const at = join(folder, path);
      const is = expected.startsWith('-> ') ? `-> ${await readlink(at)}` : await sha256OfFile(at);
      if (is !== expected) return false;
    }
    return left.size === 0;
  } catch {
    return false;
  }
}

async function filesOf(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
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
