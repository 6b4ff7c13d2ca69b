// Objects: bytes under their SHA-256, so that what is the same is there once. What comes is a file on the coordinator's disk first; where an object
// store is set, the mover brings it there. In: streams and bytes. Out: their hashes, and reads of what is whole, from wherever it is. A backup has
// what is on the disk, and the marks of the rest. Who needs an object is not known here: `keep` removes what nobody names any more.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FleetError, maxDocumentsBytes } from '@blackroad/protocol';
import type { ByteRange } from '@blackroad/std/byte-range';
import type { Clock } from '@blackroad/std/clock';
import { errnoSentence } from '@blackroad/std/errno';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { DiskStore } from './disk-store.ts';
import { Fetched } from './fetched.ts';
import { Marks } from './marks.ts';
import { Mover } from './mover.ts';
import { type ObjectStore, type Stored, StoreFault } from './object-store.ts';
import { checkFile, missing } from './whole-object.ts';

/** Beside the disk. */
export interface FarStore {
  store: ObjectStore;
  /** Where objects belong. */
  home: 'store' | 'disk';
}
interface ObjectsParts {
  dataDir: string;
  /** Null: all are on the disk. */
  far: FarStore | null;
  /** What somebody needs. */
  named: () => ReadonlySet<string>;
  clock: Clock;
  random: Random;
  log: Log;
}
interface Here {
  bytes: number;
  sinceMs: number;
  /** The file whose hash was found right. */
  checked: string | null;
}

export class Objects {
  readonly #parts: ObjectsParts;
  readonly #disk: DiskStore;
  readonly #marks: Marks;
  readonly #fetched: Fetched;
  readonly #here = new Map<string, Here>();
  readonly #users = new Map<string, number>();
  /** What is in the store can be read again. */
  onBack: () => void = () => {};
  #mover: Mover | null = null;
  /** Of all objects, each once. */
  #bytes = 0;
  #hereBytes = 0;
  #coming = 0;
  #openedMs = 0;

  private constructor(parts: ObjectsParts) {
    this.#parts = parts;
    const dir = join(parts.dataDir, 'objects');
    this.#disk = new DiskStore(dir);
    this.#marks = new Marks(dir);
    this.#fetched = new Fetched(join(parts.dataDir, 'objects-fetched'), parts.clock);
  }

  static async open(parts: ObjectsParts): Promise<Objects> {
    const objects = new Objects(parts);
    await objects.#disk.open();
    await objects.#marks.open();
    objects.#openedMs = parts.clock.monotonicMs();
    for await (const { sha256, bytes } of objects.#disk.list()) objects.#note({ sha256, bytes });
    for (const [sha256, bytes] of objects.#marks.there) if (!objects.#here.has(sha256)) objects.#bytes += bytes;
    await objects.#fetched.open();
    return objects;
  }

  /** Moves objects from now on: what nobody names is removed by then. */
  start(): void {
    const { far, named, clock, random, log } = this.#parts;
    if (!far || this.#mover) return;
    this.#mover = new Mover({
      ...{ store: far.store, home: far.home, disk: this.#disk, marks: this.#marks, here: this.#here },
      ...{ named, clock, random, log },
      inUse: (sha256) => this.#users.has(sha256),
      onBack: () => this.onBack(),
      adopted: ({ bytes }) => {
        this.#bytes += bytes;
      },
      moved: (object, to) => {
        if (to === 'there') this.#leave(object.sha256);
        else this.#note(object);
      },
    });
  }
  async stop(): Promise<void> {
    this.#fetched.stop();
    await this.#mover?.stop();
  }

  get heldBytes(): number {
    return this.#bytes;
  }
  bytesOf(sha256: string): number | null {
    return this.#here.get(sha256)?.bytes ?? this.#marks.there.get(sha256) ?? null;
  }
  /** Whether it is in a store that cannot be read now. */
  isOutOfReach(sha256: string): boolean {
    if (this.#here.has(sha256) || !this.#marks.there.has(sha256)) return false;
    return !this.#mover || this.#mover.trouble !== null;
  }
  /** What is where, and how the store stands. */
  figures() {
    const { there, thereBytes, gone } = this.#marks;
    const [few, many] = this.#here.size < there.size ? [this.#here, there] : [there, this.#here];
    const both = { count: 0, bytes: 0 };
    for (const sha256 of few.keys()) {
      if (!many.has(sha256)) continue;
      both.count++;
      both.bytes += there.get(sha256) ?? 0;
    }
    const { far } = this.#parts;
    return {
      where: far?.store.where ?? null,
      home: far?.home ?? ('disk' as const),
      disk: { count: this.#here.size, bytes: this.#hereBytes },
      store: { count: there.size - both.count, bytes: thereBytes - both.bytes },
      // One that came back is marked in a moment.
      removals: gone.size + (far?.home === 'disk' ? both.count : 0),
      trouble: this.#mover?.trouble ?? null,
      faulty: [...(this.#mover?.faulty.values() ?? [])].map(({ text }) => text),
      unknown: this.#mover?.unknown ?? { count: 0, bytes: 0 },
      moved: this.#mover?.counts ?? { brought: 0, fetched: 0, removed: 0 },
      keepsRemoved: far?.store.keepsRemoved ?? false,
    };
  }

  /** A whole file with these bytes, which stays until `use` is done. @throws FleetError */
  async withFile<T>(sha256: string, use: (path: string) => Promise<T>): Promise<T> {
    const { path, giveBack } = await this.#lend(sha256);
    try {
      return await use(path);
    } finally {
      giveBack();
    }
  }
  /** @throws FleetError before the first byte */
  async read(sha256: string, range: ByteRange | null = null): Promise<Readable> {
    const { path, giveBack } = await this.#lend(sha256);
    const stream = createReadStream(path, range ? { start: range.from, end: range.to } : {});
    stream.once('close', giveBack);
    return stream;
  }
  readWhole(sha256: string): Promise<Buffer> {
    return this.withFile(sha256, (path) => readFile(path));
  }

  put(content: string): Promise<Stored> {
    return this.take(Readable.from([Buffer.from(content)]), Number.POSITIVE_INFINITY);
  }
  /** Takes a stream of at most so many bytes; what comes of one that breaks is removed. */
  async take(stream: Readable, mostBytes: number): Promise<Stored> {
    const path = this.#disk.freshPath();
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
      const object = { sha256: hash.digest('hex'), bytes };
      await this.#disk.put(object, path);
      this.#note(object);
      // One that was damaged or missing in the store is mended by it.
      this.#mover?.faulty.delete(object.sha256);
      return object;
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      this.#coming -= bytes;
    }
  }

  /** In a store that is away it is removed when that is back. */
  async remove(sha256: string): Promise<void> {
    this.#bytes -= this.bytesOf(sha256) ?? 0;
    this.#leave(sha256);
    await this.#disk.remove(sha256);
    await this.#fetched.drop(sha256);
    await this.#marks.setGone(sha256);
    this.#mover?.faulty.delete(sha256);
    this.#mover?.look();
  }

  /** Removes all others that came at least so long ago: what just came gets its name in a moment. */
  async keep(named: ReadonlySet<string>, restMs: number): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const sha256 of new Set([...this.#here.keys(), ...this.#marks.there.keys()])) {
      const sinceMs = this.#here.get(sha256)?.sinceMs ?? this.#openedMs;
      if (!named.has(sha256) && nowMs - sinceMs >= restMs) await this.remove(sha256);
    }
  }

  async #lend(sha256: string): Promise<{ path: string; giveBack: () => void }> {
    this.#users.set(sha256, (this.#users.get(sha256) ?? 0) + 1);
    const release = () => {
      const left = (this.#users.get(sha256) ?? 0) - 1;
      if (left > 0) this.#users.set(sha256, left);
      else this.#users.delete(sha256);
    };
    try {
      const here = this.#here.get(sha256);
      if (here) return { path: await this.#checked(sha256, here), giveBack: release };
      const lent = await this.#lendFetched(sha256);
      return {
        path: lent.path,
        giveBack() {
          lent.giveBack();
          release();
        },
      };
    } catch (error) {
      release();
      throw problemOf(error);
    }
  }
  async #checked(sha256: string, here: Here): Promise<string> {
    const path = this.#disk.pathOf(sha256);
    const { ino, size, mtimeMs } = await stat(path).catch((cause) => {
      if (cause.code !== 'ENOENT') throw cause;
      throw missing(sha256, this.#disk.where, cause);
    });
    const file = `${ino} ${size} ${mtimeMs}`;
    if (here.checked !== file) await checkFile(path, { sha256, bytes: here.bytes }, this.#disk.where);
    here.checked = file;
    return path;
  }
  async #lendFetched(sha256: string): Promise<{ path: string; giveBack: () => void }> {
    const bytes = this.#marks.there.get(sha256);
    if (bytes === undefined) throw missing(sha256, this.#disk.where);
    const { far } = this.#parts;
    if (!far)
      throw new StoreFault('refused', 'It is in an object store, and the coordinator was started without --objects.');
    return this.#fetched.lend({ sha256, bytes }, (object, to) =>
      this.#fetch(object, () => far.store.fetch(object, to)),
    );
  }
  /** What becomes of a read says how the store stands. */
  async #fetch(object: Stored, fetch: () => Promise<void>): Promise<void> {
    const known = this.#mover?.freshTrouble;
    if (known) throw new StoreFault('away', known.text);
    try {
      await fetch();
      this.#mover?.noteRead(object, null);
    } catch (error) {
      this.#mover?.noteRead(object, error);
      throw error;
    }
  }

  #leave(sha256: string): void {
    this.#hereBytes -= this.#here.get(sha256)?.bytes ?? 0;
    this.#here.delete(sha256);
  }
  #note({ sha256, bytes }: Stored): void {
    if (this.bytesOf(sha256) === null) this.#bytes += bytes;
    if (!this.#here.has(sha256)) this.#hereBytes += bytes;
    this.#here.set(sha256, { bytes, sinceMs: this.#parts.clock.monotonicMs(), checked: null });
  }
}

function problemOf(error: unknown): unknown {
  const ofDisk = errnoSentence(error);
  if (ofDisk !== null) return new FleetError('storage-failed', { detail: ofDisk }, { cause: error });
  if (!(error instanceof StoreFault)) return error;
  const { kind, message } = error;
  if (kind === 'missing') return new FleetError('no-such-file', { detail: message }, { cause: error });
  if (kind === 'damaged') return new FleetError('object-damaged', { detail: message }, { cause: error });
  const detail = `${message} What is kept there can be read when that is over.`;
  return new FleetError('unavailable', { detail, retryAfterSeconds: 30 }, { cause: error });
}

const tooLarge = (most: number) =>
  new FleetError('too-large', { detail: `file: expected at most ${most} bytes, got more` });
const noRoom = () =>
  new FleetError('fleet-full', {
    detail: `The documents of all agents have ${maxDocumentsBytes} bytes together: delete some first.`,
  });
