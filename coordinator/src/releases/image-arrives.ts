// The file of an image while its parts come, one after the other. In: parts. Out: a file, its hash so far. A part that breaks off leaves what was
// there before it, so that it can be sent again.
import { createHash, type Hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FleetError, maxImagePartBytes } from '@blackroad/protocol';

export class ImageArrives {
  readonly path: string;
  heldBytes = 0;
  #hash: Hash = createHash('sha256');
  #isBusy = false;

  constructor(path: string) {
    this.path = path;
  }

  get sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  /** @throws FleetError `conflict` where the part belongs elsewhere, or another one is on its way */
  async take(offset: number, part: Readable, wholeBytes: number): Promise<void> {
    if (this.#isBusy) throw new FleetError('conflict', { detail: 'Another part of this image is on its way.' });
    if (offset !== this.heldBytes)
      throw new FleetError('conflict', { detail: `query: offset: expected ${this.heldBytes}, got ${offset}` });
    this.#isBusy = true;
    try {
      await this.#append(part, Math.min(maxImagePartBytes, wholeBytes - offset));
    } finally {
      this.#isBusy = false;
    }
  }

  async #append(part: Readable, most: number): Promise<void> {
    const hash = this.#hash.copy();
    let bytes = 0;
    const count = new Transform({
      transform(chunk: Buffer, _, done) {
        bytes += chunk.length;
        hash.update(chunk);
        if (bytes <= most) done(null, chunk);
        else done(new FleetError('image-refused', { detail: `file: expected at most ${most} bytes here, got more` }));
      },
    });
    // What an earlier part that broke off has left is written over, and the last part ends where the file does.
    const start = this.heldBytes;
    const file = createWriteStream(this.path, { flags: start === 0 ? 'w' : 'r+', start, mode: 0o600, flush: true });
    await pipeline(part, count, file);
    this.#hash = hash;
    this.heldBytes += bytes;
  }

  remove(): Promise<void> {
    return rm(this.path, { force: true });
  }
}
