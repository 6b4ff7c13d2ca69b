// What install.sh asks before it puts a release into its place: whether a trusted key has signed the archive, whether what was unpacked is
// that archive, and whether it is older than what runs here. In: files that the installer has fetched, and the keys that it trusts. Out:
// words, or a FleetError `release-refused`. It never fetches anything and never changes what is installed.
import { readFileSync } from 'node:fs';
import {
  compareVersions,
  explain,
  FleetError,
  maxReleaseKeys,
  type Release,
  ReleaseList,
  type ReleaseManifest,
  releaseMisfit,
} from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { type PublicKey, readSignature, SignatureError, verifyFile } from '@blackroad/std/minisign';
import { OptionError } from '@blackroad/std/options';
import { sha256OfFile } from '@blackroad/std/sha256';
import { trustedKeys } from '@blackroad/std/trusted-keys';
import { wholeRelease } from './release-folder.ts';

interface CheckOrder {
  /** The file that was fetched. */
  archive: string;
  /** The coordinator's answer about releases, with their signatures. */
  list: string;
  /** The folder into which the archive was unpacked. */
  folder: string;
  /** The folder of the keys that this machine trusts. */
  keys: string;
  running: Running;
}
interface Running {
  /** What runs here now; null: nothing. */
  version: string | null;
  mayBeOlder: boolean;
}

const refused = (detail: string) => new FleetError('release-refused', { detail });

/** Resolves with what was found, in words. Rejects with FleetError `release-refused`. */
async function checkRelease({ archive, list, folder, keys, running }: CheckOrder): Promise<string> {
  const { version, signature } = await namedRelease(archive, list);
  const signer = await signerOf(archive, signature, await trustedKeys(keys, maxReleaseKeys, silentLog));
  const manifest = await wholeManifest(folder);
  const { platform: os, arch } = process;
  const misfit = releaseMisfit(manifest, { name: 'blackroad-node', version, os, arch });
  if (misfit !== null) throw refused(misfit);
  refuseOlder(manifest, running);
  return `${manifest.name} ${manifest.version} is signed by ${signer.id}, and whole`;
}

async function namedRelease(archive: string, path: string): Promise<Release> {
  const list: unknown = JSON.parse(readFileSync(path, 'utf8'));
  const fault = explain(ReleaseList, list);
  if (fault) throw refused(`the coordinator's list of releases has another form than this version reads: ${fault}`);
  const sha256 = await sha256OfFile(archive);
  const release = (list as ReleaseList).releases.find((each) => each.sha256 === sha256);
  if (release) return release;
  throw refused('the archive is not one that the coordinator has named: it was changed on the way');
}

async function signerOf(archive: string, signature: string, keys: readonly PublicKey[]): Promise<PublicKey> {
  try {
    return await verifyFile(archive, readSignature(signature), keys);
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    if (!error.isOfAnotherKey) throw refused(error.message);
    const known = keys.map(({ id }) => id).join(', ') || 'none';
    throw refused(
      `the key ${readSignature(signature).keyId} has signed it, and this machine trusts ${known}. Where the owner of the fleet has changed the key, --new-keys with the command takes the coordinator's`,
    );
  }
}

async function wholeManifest(folder: string): Promise<ReleaseManifest> {
  const manifest = await wholeRelease(folder);
  if (typeof manifest === 'string') throw refused(manifest);
  return manifest;
}

function refuseOlder({ version: found }: ReleaseManifest, { version, mayBeOlder }: Running): void {
  if (version === null || mayBeOlder || compareVersions(found, version) >= 0) return;
  throw refused(
    `${found} is older than ${version}, which runs here; an old release may have faults that are known by now. Whoever wants it adds --older to the command`,
  );
}

/** The verb `check-release`: `files <folder> [<running> [older]]`, or `archive <archive> <list> <folder> <keys> <running> [older]`. */
export async function checkReleaseVerb(words: readonly string[]): Promise<string> {
  const [kind, ...rest] = words;
  const runningIn = ([version = 'none', consent]: readonly string[]): Running => ({
    version: version === 'none' ? null : version,
    mayBeOlder: consent === 'older',
  });
  if (kind === 'files' && rest[0] !== undefined) {
    const manifest = await wholeManifest(rest[0]);
    refuseOlder(manifest, runningIn(rest.slice(1)));
    return `${manifest.name} ${manifest.version} is whole`;
  }
  const [archive, list, folder, keys, ...running] = rest;
  if (kind !== 'archive' || !archive || !list || !folder || !keys || running.length === 0)
    throw new OptionError('check-release is for the installer: run install.sh.');
  return checkRelease({ archive, list, folder, keys, running: runningIn(running) });
}
