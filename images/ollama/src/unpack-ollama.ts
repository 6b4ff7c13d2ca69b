// Unpacks a release of Ollama while it comes, so that an archive of gigabytes is never on the card. In: its bytes, what it must be, an empty folder.
// Out: the program and the libraries that a Raspberry Pi has a use for, all on the disk; or an error, and then nothing in the folder is to be
// run: the hash is known only with the last byte. It writes nothing outside of the folder.
import { createHash } from 'node:crypto';
import { mkdir, open, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { OllamaRelease } from '@blackroad/protocol/ollama-release';
import { syncFolder } from '@blackroad/std/sync-folder';
import { isInside, tarEntries } from '@blackroad/std/tar-read';

type Entry = ReturnType<typeof tarEntries> extends AsyncGenerator<infer E> ? E : never;

const program = 'bin/ollama';
/** Libraries for graphics cards, which are most of an archive, and which no Raspberry Pi has. */
const notForAPi = /^lib\/ollama\/(cuda|rocm|mlx|vulkan)/;
/** Some times what releases have: bytes whose hash is not known yet fill no card. */
const maxUnpackedBytes = 16 * 1024 ** 3;
const maxKeptBytes = 1024 ** 3;
const maxEntries = 20_000;

export async function unpackOllama(
  archive: AsyncIterable<Uint8Array>,
  { file, sha256 }: Pick<OllamaRelease, 'file' | 'sha256'>,
  folder: string,
): Promise<void> {
  const hash = createHash('sha256');
  async function* hashed() {
    for await (const piece of archive) {
      hash.update(piece);
      yield piece;
    }
  }
  const source = Readable.from(hashed(), { objectMode: false });
  const unzipped = file.endsWith('.zst') ? createZstdDecompress() : createGunzip();
  source.on('error', (error) => unzipped.destroy(error));
  source.pipe(unzipped);
  const pieces = bounded(unzipped);
  const tree = new Kept(folder);
  try {
    for await (const entry of tarEntries(pieces)) await tree.take(entry);
    // What follows the last entry is part of the hash.
    for (;;) if ((await pieces.next()).done) break;
  } finally {
    source.destroy();
    unzipped.destroy();
  }
  const got = hash.digest('hex');
  if (got !== sha256) throw new Error(`${file}: expected SHA-256 ${sha256}, got ${got}`);
  tree.end(file);
}

async function* bounded(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of source) {
    bytes += piece.length;
    if (bytes > maxUnpackedBytes) throw new Error(`archive: expected at most ${maxUnpackedBytes} bytes, got more`);
    yield piece;
  }
}

class Kept {
  readonly #folder: string;
  readonly #folders = new Set<string>();
  readonly #links = new Set<string>();
  #hasProgram = false;
  #bytes = 0;
  #entries = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async take(entry: Entry): Promise<void> {
    if (++this.#entries > maxEntries) throw new Error(`archive: expected at most ${maxEntries} entries, got more`);
    const path = entry.path.replace(/^\.\//, '').replace(/\/+$/, '');
    const isWanted = (path === program || path.startsWith('lib/ollama/')) && !notForAPi.test(path);
    if (entry.type === 'folder' || !isWanted) return;
    if (!isInside(path)) throw new Error(`archive: ${JSON.stringify(path.slice(0, 100))} leads out of its folder`);
    await this.#makeFolder(dirname(path));
    if (entry.type === 'link') await this.#link(path, entry.target);
    else await this.#write(path, entry);
  }

  end(file: string): void {
    if (!this.#hasProgram) throw new Error(`${file}: expected ${program} in it, got none`);
    for (const folder of this.#folders) syncFolder(join(this.#folder, folder));
  }

  /** A file is made only in folders that were made here: no link is ever one of them. */
  async #makeFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    if (path !== '.') {
      await this.#makeFolder(dirname(path));
      if (this.#links.has(path)) throw new Error(`archive: ${path} is a link and a folder`);
      await mkdir(join(this.#folder, path), { recursive: true, mode: 0o755 });
    }
    this.#folders.add(path);
  }

  async #link(path: string, target: string): Promise<void> {
    if (target.startsWith('/') || !isInside(posix.join(dirname(path), target)))
      throw new Error(`archive: the link ${path} leads out of its folder`);
    this.#links.add(path);
    await symlink(target, join(this.#folder, path));
  }

  async #write(path: string, { content, mode, bytes }: Entry): Promise<void> {
    this.#bytes += bytes;
    if (this.#bytes > maxKeptBytes) throw new Error(`archive: expected at most ${maxKeptBytes} bytes of use, got more`);
    const rights = mode & 0o111 || path === program ? 0o755 : 0o644;
    const file = await open(join(this.#folder, path), 'wx', rights);
    try {
      for await (const piece of content) await file.writeFile(piece);
      // The umask of a service takes rights away that a program needs.
      await file.chmod(rights);
      await file.sync();
    } finally {
      await file.close();
    }
    if (path === program) this.#hasProgram = true;
  }
}
