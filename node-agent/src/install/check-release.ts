// What install.sh asks before it puts a release into its place: whether a trusted key has signed the archive, whether what was unpacked is
// that archive, and whether it is older than what runs here. In: files that the installer has fetched. Out: words, or a FleetError
// `release-refused`. It never fetches anything and never changes what is installed.
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compareVersions, explain, FleetError, ReleaseList, ReleaseManifest } from '@blackroad/protocol';
import { type PublicKey, readPublicKey, readSignature, SignatureError, verifyFile } from '@blackroad/std/minisign';
import { OptionError } from '@blackroad/std/options';
import { sha256OfFile } from '@blackroad/std/sha256';

interface CheckOrder {
  /** The file that was fetched. */
  archive: string;
  /** The coordinator's answer about releases, with signatures and the keys that it trusts. */
  list: string;
  /** The folder into which the archive was unpacked. */
  folder: string;
  /** The keys of this machine. Empty or missing: those of the coordinator become them. */
  keys: string;
  /** The version that runs here. */
  installed: string | null;
  mayBeOlder: boolean;
  mayTakeNewKeys: boolean;
}

const refused = (detail: string) => new FleetError('release-refused', { detail });

/** Resolves with what was found, in words. Rejects with FleetError `release-refused`. */
async function checkRelease(order: CheckOrder): Promise<string> {
  const list: unknown = JSON.parse(readFileSync(order.list, 'utf8'));
  const fault = explain(ReleaseList, list);
  if (fault) throw refused(`the coordinator's list of releases has another form than this version reads: ${fault}`);
  const { releases, keys: told } = list as ReleaseList;
  const sha256 = await sha256OfFile(order.archive);
  const release = releases.find((each) => each.sha256 === sha256);
  if (!release) throw refused('the archive is not one that the coordinator has named: it was changed on the way');
  const own = order.mayTakeNewKeys ? [] : keysIn(order.keys);
  const keys = own.length > 0 ? own : told.map(({ text }) => text);
  const signer = await signerOf(order.archive, release.signature, keys.map(readPublicKey));
  const manifest = await wholeManifest(order.folder);
  if (manifest.name !== 'blackroad-node' || manifest.os !== process.platform || manifest.arch !== process.arch)
    throw refused(
      `it is ${manifest.name} for ${manifest.os} ${manifest.arch}, and this machine needs blackroad-node for ${process.platform} ${process.arch}`,
    );
  // The version that counts is the signed one: a list can be replayed.
  const { installed } = order;
  if (installed !== null && !order.mayBeOlder && compareVersions(manifest.version, installed) < 0)
    throw refused(
      `${manifest.version} is older than ${installed}, which runs here; an old release may have faults that are known by now. Whoever wants it adds --older to the command`,
    );
  if (own.length === 0) keepKeys(order.keys, keys);
  return `${manifest.name} ${manifest.version} is signed by ${signer.id}, and whole`;
}

function keysIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.filter((name) => name.endsWith('.pub')).map((name) => readFileSync(join(folder, name), 'utf8'));
}
function keepKeys(folder: string, texts: readonly string[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const { id, text } of texts.map(readPublicKey))
    writeFileSync(join(folder, `${id}.pub`), `untrusted comment: minisign public key ${id}\n${text}\n`);
}

async function signerOf(archive: string, signature: string, keys: readonly PublicKey[]): Promise<PublicKey> {
  try {
    const read = readSignature(signature);
    if (!keys.some(({ id }) => id === read.keyId)) {
      const known = keys.map(({ id }) => id).join(', ') || 'none';
      throw refused(
        `the key ${read.keyId} has signed it, and this machine trusts ${known}. Where the owner of the fleet has changed the key, --new-keys with the command takes the coordinator's`,
      );
    }
    return await verifyFile(archive, read, keys);
  } catch (error) {
    if (error instanceof SignatureError) throw refused(error.message);
    throw error;
  }
}

/** Rejects where a file lacks, differs, or is there without being named. */
async function wholeManifest(folder: string): Promise<ReleaseManifest> {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'release.json'), 'utf8'));
  const fault = explain(ReleaseManifest, manifest);
  if (fault) throw refused(`release.json: ${fault}`);
  const { files } = manifest as ReleaseManifest;
  const left = new Set(Object.keys(files));
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = relative(folder, join(entry.parentPath, entry.name));
    if (path === 'release.json') continue;
    const found = entry.isSymbolicLink() ? `-> ${readlinkSync(join(folder, path))}` : '';
    if (!left.delete(path)) throw refused(`${path} is in it, and release.json does not name it`);
    if (files[path] !== (entry.isFile() ? await sha256OfFile(join(folder, path)) : found))
      throw refused(`${path} is not as release.json says`);
  }
  const [missing] = left;
  if (missing !== undefined) throw refused(`${missing} is missing`);
  return manifest as ReleaseManifest;
}

/** The verb `check-release`: `files <folder>`, or `archive <archive> <list> <folder> <keys> <installed> [older] [new-keys]`. */
export async function checkReleaseVerb(words: readonly string[]): Promise<string> {
  const [kind, ...rest] = words;
  if (kind === 'files' && rest[0] !== undefined) {
    const { name, version } = await wholeManifest(rest[0]);
    return `${name} ${version} is whole`;
  }
  const [archive, list, folder, keys, installed, ...consents] = rest;
  if (kind !== 'archive' || !archive || !list || !folder || !keys || !installed)
    throw new OptionError('check-release is for the installer: run install.sh.');
  return checkRelease({
    archive,
    list,
    folder,
    keys,
    installed: installed === 'none' ? null : installed,
    mayBeOlder: consents.includes('older'),
    mayTakeNewKeys: consents.includes('new-keys'),
  });
}
