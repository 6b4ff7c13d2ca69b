// Unpacks a verified archive into a folder of its own. In: the archive, an empty folder, what the release must be. Out: its manifest; every
// file is on the disk and is what the manifest says. It never writes outside of the folder, follows no link while it writes, and takes no
// more files and bytes than a release may have.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readFile, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import {
  maxReleaseManifestBytes,
  type ReleaseManifest,
  readReleaseManifest,
  releaseManifestName,
} from '@blackroad/protocol';
import { syncFolder } from '@blackroad/std/sync-folder';
import { isInside, tarEntries } from '@blackroad/std/tar-read';
import { refused } from './update-problem.ts';

type Entry = ReturnType<typeof tarEntries> extends AsyncGenerator<infer E> ? E : never;

/** Six times what a release has unpacked today. */
const maxUnpackedBytes = 1024 * 1024 * 1024;
const maxEntries = 20_000;

export async function unpack(archive: string, folder: string): Promise<ReleaseManifest> {
  const unzipped = createGunzip();
  // The error comes out of the iteration.
  pipeline(createReadStream(archive), unzipped, () => {});
  const tree = new Unpacking(folder);
  try {
    for await (const entry of tarEntries(unzipped)) await tree.take(entry);
  } finally {
    unzipped.destroy();
  }
  return tree.end();
}

class Unpacking {
  readonly #folder: string;
  /** The folder that all entries of the archive are in. */
  #top: string | null = null;
  #manifest: ReleaseManifest | null = null;
  readonly #folders = new Set<string>(['']);
  /** As the manifest names them: a hash, or `-> ` and where a link leads. */
  readonly #found = new Map<string, string>();
  #bytes = 0;
  #entries = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async take(entry: Entry): Promise<void> {
    if (++this.#entries > maxEntries) throw refused(`archive: expected at most ${maxEntries} entries, got more`);
    const path = this.#below(entry.path);
    if (path === '') return;
    this.#bytes += entry.bytes;
    if (this.#bytes > maxUnpackedBytes) throw refused(`archive: expected at most ${maxUnpackedBytes} bytes, got more`);
    if (entry.type === 'folder') return this.#makeFolder(path);
    if (this.#found.has(path)) throw refused(`archive: ${path} is in it twice`);
    await this.#makeFolder(parentOf(path));
    if (path === releaseManifestName) return this.#takeManifest(entry);
    if (this.#manifest === null)
      throw refused(`archive: expected ${releaseManifestName} as its first file, got ${path}`);
    if (entry.type === 'link') await this.#takeLink(path, entry.target);
    else await this.#takeFile(path, entry);
  }

  end(): ReleaseManifest {
    if (this.#manifest === null)
      throw refused(`archive: expected ${releaseManifestName} as its first file, got nothing`);
    for (const [path, expected] of Object.entries(this.#manifest.files))
      if (this.#found.get(path) !== expected) throw refused(`archive: ${path} is not what ${releaseManifestName} says`);
    for (const folder of this.#folders) syncFolder(join(this.#folder, folder));
    return this.#manifest;
  }

  /** The path without the folder on top. */
  #below(whole: string): string {
    const path = whole.replace(/^\.\//, '').replace(/\/+$/, '');
    if (!isInside(path)) throw refused(`archive: ${JSON.stringify(whole.slice(0, 100))} leads out of its folder`);
    const [top = '', ...rest] = path.split('/');
    this.#top ??= top;
    if (top !== this.#top) throw refused(`archive: expected everything in ${this.#top}, got ${whole.slice(0, 100)}`);
    return rest.join('/');
  }

  /** No link is ever one of the folders: a file is made only where these were made. */
  async #makeFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    await this.#makeFolder(parentOf(path));
    if (this.#found.has(path)) throw refused(`archive: ${path} is a file and a folder`);
    await makeOpenFolder(join(this.#folder, path));
    this.#folders.add(path);
  }

  async #takeManifest(entry: Entry): Promise<void> {
    if (entry.type !== 'file' || entry.bytes > maxReleaseManifestBytes)
      throw refused(`archive: expected a ${releaseManifestName} of at most ${maxReleaseManifestBytes} bytes`);
    this.#found.set(releaseManifestName, '');
    await this.#write(releaseManifestName, entry);
    const manifest = readReleaseManifest(await readFile(join(this.#folder, releaseManifestName), 'utf8'));
    if (typeof manifest === 'string') throw refused(manifest);
    this.#manifest = manifest;
  }

  async #takeLink(path: string, target: string): Promise<void> {
    const leads = posix.join(dirname(path), target);
    if (target.startsWith('/') || !isInside(leads)) throw refused(`archive: the link ${path} leads out of its folder`);
    this.#expect(path, `-> ${target}`);
    await symlink(target, join(this.#folder, path));
  }

  async #takeFile(path: string, entry: Entry): Promise<void> {
    this.#expect(path, await this.#write(path, entry));
  }

  #expect(path: string, is: string): void {
    this.#found.set(path, is);
    const files = this.#manifest?.files ?? {};
    if (!Object.hasOwn(files, path) || files[path] !== is)
      throw refused(`archive: ${path} is not what ${releaseManifestName} says`);
  }

  /** Returns the SHA-256. */
  async #write(path: string, { content, mode }: Entry): Promise<string> {
    const hash = createHash('sha256');
    const file = await open(join(this.#folder, path), 'wx', mode & 0o111 ? 0o755 : 0o644);
    try {
      for await (const piece of content) {
        hash.update(piece);
        await file.writeFile(piece);
      }
      // The umask of a service takes rights away that a program needs.
      await file.chmod(mode & 0o111 ? 0o755 : 0o644);
      await file.sync();
    } finally {
      await file.close();
    }
    return hash.digest('hex');
  }
}

/** Also under the umask of a service: people start the commands of a release, too. */
export async function makeOpenFolder(path: string): Promise<void> {
  await mkdir(path);
  await chmod(path, 0o755);
}

const parentOf = (path: string) => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');
