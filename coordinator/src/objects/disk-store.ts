// Objects as files of one folder, each in a folder of the first two digits of its hash. In: files. Out: files. An object is there when it is whole and
// synced.
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '@blackroad/std/sync-folder';
import type { ObjectStore, Stored } from './object-store.ts';
import { checkFile, missing, writeChecked } from './whole-object.ts';

const isHash = (name: string) => /^[0-9a-f]{64}$/.test(name);
let written = 0;

export class DiskStore implements ObjectStore {
  readonly where = 'the data folder';
  readonly keepsRemoved = false;
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Removes what was on its way when the process before ended. */
  async open(): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.dir))
      if (name.endsWith('.new')) await rm(join(this.dir, name), { force: true });
  }

  pathOf(sha256: string): string {
    return join(this.dir, sha256.slice(0, 2), sha256);
  }
  /** For a file that may become an object; a start removes what is left of them. */
  freshPath(): string {
    return join(this.dir, `${process.pid}-${++written}.new`);
  }

  async *list(): AsyncGenerator<Stored> {
    for (const folder of await readdir(this.dir, { withFileTypes: true })) {
      if (!folder.isDirectory()) continue;
      for (const name of await readdir(join(this.dir, folder.name)))
        if (isHash(name)) yield { sha256: name, bytes: (await stat(join(this.dir, folder.name, name))).size };
    }
  }

  /** A file of `freshPath`, which is synced, is moved; another one is copied. */
  async put(object: Stored, from: string): Promise<void> {
    const fresh = dirname(from) === this.dir ? from : await this.#copyOf(from);
    try {
      await checkFile(fresh, object, this.where);
      const folder = join(this.dir, object.sha256.slice(0, 2));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await rename(fresh, this.pathOf(object.sha256));
      syncFolder(folder);
    } finally {
      await rm(fresh, { force: true });
    }
  }

  async fetch(object: Stored, to: string): Promise<void> {
    await this.#found(object.sha256);
    await writeChecked(createReadStream(this.pathOf(object.sha256)), to, object, this.where);
  }

  async remove(sha256: string): Promise<void> {
    await rm(this.pathOf(sha256), { force: true });
  }

  async check(): Promise<void> {
    await readdir(this.dir);
  }
  async close(): Promise<void> {}

  async #copyOf(from: string): Promise<string> {
    const fresh = this.freshPath();
    await copyFile(from, fresh);
    await sync(fresh);
    return fresh;
  }
  async #found(sha256: string): Promise<void> {
    try {
      await stat(this.pathOf(sha256));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      throw missing(sha256, this.where, cause);
    }
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
