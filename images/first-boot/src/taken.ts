// What the first boot remembers: which content of the personal file is done, and that secrets are being removed. The removal overwrites the
// file where it lies, since a new file would leave the old one's content in free sectors of the card. What a power cut leaves of that is
// repaired from the copy without secrets, which is on the disk before.
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutSecrets } from '@blackroad/protocol/personal-secrets';
import { sha256Hex } from '@blackroad/std/sha256';
import { syncFolder } from '@blackroad/std/sync-folder';
import { saveWhole } from '@blackroad/std/whole-file';
import { type CardFile, keyWithin } from './card-files.ts';
import { textAt } from './carry-out.ts';

export class Taken {
  readonly #dir: string;
  readonly #card: string;

  private constructor(dir: string, card: string) {
    this.#dir = dir;
    this.#card = card;
  }

  /** Ends a removal that a power cut has interrupted. `card`: the folder of the boot partition. */
  static async open(dir: string, card: string): Promise<Taken> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const taken = new Taken(dir, card);
    const begun = textAt(taken.#begun);
    if (begun !== null) {
      const { name, text } = JSON.parse(begun) as { name: string; text: string };
      await taken.#overwrite(name, text);
    }
    return taken;
  }

  get #begun(): string {
    return join(this.#dir, 'removing.json');
  }
  get #done(): string {
    return join(this.#dir, 'done');
  }

  /** Whether everything that this content asks for was done before. */
  isDone({ bytes }: CardFile): boolean {
    return textAt(this.#done) === sha256Hex(bytes);
  }
  async setDone({ bytes }: CardFile): Promise<void> {
    await saveWhole(this.#done, sha256Hex(bytes));
  }

  /** The file as it lies there afterwards, or null where there was no secret in it. */
  async removeSecrets(file: CardFile): Promise<CardFile | null> {
    const text = withoutSecrets(file.bytes, keyWithin(file.name));
    if (text === null) return null;
    await saveWhole(this.#begun, JSON.stringify({ name: file.name, text }));
    return { name: file.name, bytes: await this.#overwrite(file.name, text) };
  }

  async #overwrite(name: string, text: string): Promise<Uint8Array> {
    const bytes = Buffer.from(text, 'utf8');
    const file = openSync(join(this.#card, name), 'r+');
    try {
      writeSync(file, bytes, 0, bytes.length, 0);
      const { size: length } = fstatSync(file);
      // What was behind it is overwritten before it is cut off.
      if (length > bytes.length) writeSync(file, Buffer.alloc(length - bytes.length, '\n'), 0, null, bytes.length);
      fsyncSync(file);
      ftruncateSync(file, bytes.length);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    syncFolder(this.#card);
    await rm(this.#begun, { force: true });
    syncFolder(this.#dir);
    return bytes;
  }
}
