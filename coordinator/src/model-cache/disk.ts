// The folder of the model cache: whole blobs under their digest, parts of blobs that are being fetched, and one small file for each name.
// A blob has its name as a whole one only after its digest was verified and its bytes were on the disk. In: digests, names. Out: paths,
// and what is there. It decides nothing; an entry's file has the time of its last use as its own time.
import { mkdir, readdir, readFile, rename, rm, stat, statfs, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { blockBytesOf, freeBytesOf } from '@blackroad/std/free-bytes';
import { sha256Hex } from '@blackroad/std/sha256';
import { syncFolder } from '@blackroad/std/sync-folder';
import { saveWhole } from '@blackroad/std/whole-file';
import { type Digest, type Entry, isDigest } from './content.ts';

export interface StoredEntry extends Entry {
  usedMs: number;
}
/** Of a blob that is not whole: where its bytes came from. */
interface PartNote {
  url: string;
  /** The strong entity tag of the place, if it had one. */
  etag: string | null;
}
export interface FoundOnDisk {
  whole: Map<Digest, number>;
  parts: Map<Digest, number>;
  entries: StoredEntry[];
}

const fileOf = (digest: Digest) => digest.replace(':', '-');
const digestOf = (file: string) => file.replace('-', ':');

export class CacheDisk {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  wholePath(digest: Digest): string {
    return join(this.#dir, 'blobs', fileOf(digest));
  }
  partPath(digest: Digest): string {
    return join(this.#dir, 'parts', fileOf(digest));
  }
  #entryPath(name: string): string {
    return join(this.#dir, 'names', `${sha256Hex(name)}.json`);
  }

  /** Creates what is missing, and reads what is there. Files with other names are left alone. */
  async open(): Promise<FoundOnDisk> {
    for (const folder of ['blobs', 'parts', 'names']) {
      await mkdir(join(this.#dir, folder), { recursive: true });
      // A process that ended amid a write left it.
      for (const file of await readdir(join(this.#dir, folder)))
        if (file.endsWith('.new')) await rm(join(this.#dir, folder, file), { force: true });
    }
    return {
      whole: await this.#sizes('blobs'),
      parts: await this.#sizes('parts'),
      entries: await this.#entries(),
    };
  }

  async #sizes(folder: string): Promise<Map<Digest, number>> {
    const sizes = new Map<Digest, number>();
    for (const file of await readdir(join(this.#dir, folder)))
      if (isDigest(digestOf(file))) sizes.set(digestOf(file), (await stat(join(this.#dir, folder, file))).size);
    return sizes;
  }

  async #entries(): Promise<StoredEntry[]> {
    const found: StoredEntry[] = [];
    for (const file of await readdir(join(this.#dir, 'names'))) {
      if (!/^[0-9a-f]{64}\.json$/.test(file)) continue;
      const path = join(this.#dir, 'names', file);
      const entry = await readFile(path, 'utf8').then(readEntry, () => null);
      if (entry) found.push({ ...entry, usedMs: (await stat(path)).mtimeMs });
      // A name that cannot be read says nothing: its blobs are found again when somebody asks for it.
      else await rm(path, { force: true });
    }
    return found;
  }

  async space(): Promise<{ freeBytes: number; totalBytes: number }> {
    const found = await statfs(this.#dir);
    return { freeBytes: freeBytesOf(found), totalBytes: found.blocks * blockBytesOf(found) };
  }

  /** The part, whose bytes are on the disk and verified, becomes the whole. */
  async finishPart(digest: Digest): Promise<void> {
    await rename(this.partPath(digest), this.wholePath(digest));
    syncFolder(join(this.#dir, 'blobs'));
    await rm(`${this.partPath(digest)}.json`, { force: true });
  }

  async dropPart(digest: Digest): Promise<void> {
    await rm(this.partPath(digest), { force: true });
    await rm(`${this.partPath(digest)}.json`, { force: true });
  }

  async dropWhole(digest: Digest): Promise<void> {
    await rm(this.wholePath(digest), { force: true });
  }

  async notePart(digest: Digest, note: PartNote): Promise<void> {
    await writeFile(`${this.partPath(digest)}.json`, JSON.stringify(note));
  }
  async partNote(digest: Digest): Promise<PartNote | null> {
    return readFile(`${this.partPath(digest)}.json`, 'utf8').then(
      (text) => JSON.parse(text) as PartNote,
      () => null,
    );
  }

  /** A small blob whose bytes are here, as manifests are. The caller has verified them. */
  async writeSmall(digest: Digest, bytes: Buffer): Promise<void> {
    await saveWhole(this.wholePath(digest), bytes);
  }

  async writeEntry({ name, blobs, checkedMs, manifest }: Entry): Promise<void> {
    const text = JSON.stringify({ name, ...(manifest ? { manifest } : {}), blobs, checkedMs });
    await saveWhole(this.#entryPath(name), Buffer.from(text));
  }
  async dropEntry(name: string): Promise<void> {
    await rm(this.#entryPath(name), { force: true });
  }
  /** Notes the time of a use, which outlasts a restart. */
  async noteUse(name: string, usedMs: number): Promise<void> {
    await utimes(this.#entryPath(name), usedMs / 1000, usedMs / 1000);
  }

  async readCounts(): Promise<Record<string, unknown>> {
    return readFile(join(this.#dir, 'counts.json'), 'utf8').then(JSON.parse, () => ({}));
  }
  async writeCounts(counts: object): Promise<void> {
    await saveWhole(join(this.#dir, 'counts.json'), JSON.stringify(counts));
  }
}

function readEntry(text: string): Entry | null {
  const entry = JSON.parse(text) as Entry;
  const isOne = typeof entry.name === 'string' && Array.isArray(entry.blobs) && entry.blobs.every(isBlob);
  return isOne ? entry : null;
}
const isBlob = ({ digest, sizeBytes }: Entry['blobs'][number]) => isDigest(digest) && Number.isFinite(sizeBytes);
