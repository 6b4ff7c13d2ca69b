// What of the objects is in another store, as empty files beside those that are here: `<hash>.<bytes>.there` for one that is there, or on its way;
// `<hash>.<bytes>.gone` for one that has to be removed there. So what is where is known without asking the store, after a kill and in a backup.
// In: changes. Out: the marks as they are on the disk.
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '@blackroad/std/sync-folder';
import { type ObjectMark, objectMarkName, readObjectMark } from '../state/object-mark.ts';
import type { Stored } from './object-store.ts';

export class Marks {
  readonly #dir: string;
  readonly there = new Map<string, number>();
  readonly gone = new Map<string, number>();
  thereBytes = 0;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async open(): Promise<void> {
    for (const folder of await readdir(this.#dir, { withFileTypes: true })) {
      if (!folder.isDirectory()) continue;
      for (const name of await readdir(join(this.#dir, folder.name))) {
        const found = readObjectMark(name);
        if (found) this[found.mark].set(found.sha256, found.bytes);
        if (found?.mark === 'there') this.thereBytes += found.bytes;
      }
    }
  }

  async setThere(object: Stored): Promise<void> {
    const { sha256, bytes } = object;
    if (this.there.has(sha256)) return;
    await this.#write(object, 'there');
    this.there.set(sha256, bytes);
    this.thereBytes += bytes;
    await this.#drop(sha256, 'gone');
  }
  /** What is there has to be removed. */
  async setGone(sha256: string): Promise<void> {
    const bytes = this.there.get(sha256);
    if (bytes === undefined) return;
    await rename(this.#pathOf({ sha256, bytes }, 'there'), this.#pathOf({ sha256, bytes }, 'gone'));
    syncFolder(this.#folderOf(sha256));
    this.there.delete(sha256);
    this.thereBytes -= bytes;
    this.gone.set(sha256, bytes);
  }
  /** It is removed there. */
  async forget(sha256: string): Promise<void> {
    await this.#drop(sha256, 'gone');
  }

  async #write(object: Stored, mark: ObjectMark): Promise<void> {
    await mkdir(this.#folderOf(object.sha256), { recursive: true, mode: 0o700 });
    await (await open(this.#pathOf(object, mark), 'w', 0o600)).close();
    syncFolder(this.#folderOf(object.sha256));
  }
  async #drop(sha256: string, mark: ObjectMark): Promise<void> {
    const bytes = this[mark].get(sha256);
    if (bytes === undefined) return;
    await rm(this.#pathOf({ sha256, bytes }, mark), { force: true });
    this[mark].delete(sha256);
  }
  #folderOf(sha256: string): string {
    return join(this.#dir, sha256.slice(0, 2));
  }
  #pathOf(object: Stored, mark: ObjectMark): string {
    return join(this.#folderOf(object.sha256), objectMarkName(object, mark));
  }
}
