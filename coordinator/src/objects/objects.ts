// Objects: bytes on the coordinator's disk, each under its SHA-256, so that what is the same is there once. In: streams and bytes. Out: their
// hashes, and reads. An object is there when it is whole and synced; a backup has them, as it has all of the data folder. Who needs an object
// is not known here: `keep` removes what nobody names any more.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FleetError, maxDocumentsBytes } from '@blackroad/protocol';
import type { ByteRange } from '@blackroad/std/byte-range';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { syncFolder } from '@blackroad/std/sync-folder';

interface Stored {
  sha256: string;
  bytes: number;
}

export class Objects {
  readonly #dir: string;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #held = new Map<string, { bytes: number; sinceMs: number }>();
  #bytes = 0;
  #coming = 0;

  private constructor(dir: string, clock: Clock, random: Random) {
    this.#dir = dir;
    this.#clock = clock;
    this.#random = random;
  }

  static async open(dataDir: string, clock: Clock, random: Random): Promise<Objects> {
    const objects = new Objects(join(dataDir, 'objects'), clock, random);
    await mkdir(objects.#dir, { recursive: true, mode: 0o700 });
    for (const folder of await readdir(objects.#dir, { withFileTypes: true })) {
      const path = join(objects.#dir, folder.name);
      // What was on its way when the coordinator ended.
      if (folder.name.endsWith('.new')) await rm(path, { force: true });
      if (!folder.isDirectory()) continue;
      for (const name of await readdir(path))
        if (/^[0-9a-f]{64}$/.test(name)) objects.#note(name, (await stat(join(path, name))).size);
    }
    return objects;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  bytesOf(sha256: string): number | null {
    return this.#held.get(sha256)?.bytes ?? null;
  }

  pathOf(sha256: string): string {
    return join(this.#dir, sha256.slice(0, 2), sha256);
  }

  read(sha256: string, range: ByteRange | null = null): Readable {
    return createReadStream(this.pathOf(sha256), range ? { start: range.from, end: range.to } : {});
  }

  readWhole(sha256: string): Promise<Buffer> {
    return readFile(this.pathOf(sha256));
  }

  put(content: string): Promise<Stored> {
    return this.take(Readable.from([Buffer.from(content)]), Number.POSITIVE_INFINITY);
  }

  /** Takes a stream of at most so many bytes; what comes of one that breaks is removed. */
  async take(stream: Readable, mostBytes: number): Promise<Stored> {
    const path = join(this.#dir, `${this.#random.hex(12)}.new`);
    const hash = createHash('sha256');
    let bytes = 0;
    const count = new Transform({
      transform: (piece: Buffer, _, done) => {
        bytes += piece.length;
        this.#coming += piece.length;
        hash.update(piece);
        if (bytes > mostBytes) done(tooLarge(mostBytes));
        else if (this.#bytes + this.#coming > maxDocumentsBytes) done(noRoom());
        else done(null, piece);
      },
    });
    try {
      await pipeline(stream, count, createWriteStream(path, { mode: 0o600, flush: true }));
      const sha256 = hash.digest('hex');
      await mkdir(join(this.#dir, sha256.slice(0, 2)), { recursive: true, mode: 0o700 });
      await rename(path, this.pathOf(sha256));
      syncFolder(join(this.#dir, sha256.slice(0, 2)));
      this.#note(sha256, bytes);
      return { sha256, bytes };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      this.#coming -= bytes;
    }
  }

  async remove(sha256: string): Promise<void> {
    this.#bytes -= this.#held.get(sha256)?.bytes ?? 0;
    this.#held.delete(sha256);
    await rm(this.pathOf(sha256), { force: true });
  }

  /** Removes all others that came at least so long ago: what just came gets its name in a moment. */
  async keep(named: ReadonlySet<string>, restMs: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    for (const [sha256, { sinceMs }] of [...this.#held])
      if (!named.has(sha256) && nowMs - sinceMs >= restMs) await this.remove(sha256);
  }

  #note(sha256: string, bytes: number): void {
    if (!this.#held.has(sha256)) this.#bytes += bytes;
    this.#held.set(sha256, { bytes, sinceMs: this.#clock.monotonicMs() });
  }
}

const tooLarge = (most: number) =>
  new FleetError('too-large', { detail: `file: expected at most ${most} bytes, got more` });
const noRoom = () =>
  new FleetError('fleet-full', {
    detail: `The documents of all agents have ${maxDocumentsBytes} bytes together: delete some first.`,
  });
