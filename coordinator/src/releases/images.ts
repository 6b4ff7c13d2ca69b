// The images for Raspberry Pis that the coordinator keeps, each by the SHA-256 of what people fetch, and beside it what is known of it. In:
// manifests with their signatures, and the bytes in parts. Out: rows, streams; also with a person's file in place of the one of the image,
// which is never written to the disk. An image is there when it is whole: what a power cut leaves is removed at the next start.
import { createReadStream, mkdirSync } from 'node:fs';
import { open, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  actorOf,
  comingImageMs,
  explain,
  FleetError,
  FleetImage,
  ImageManifest,
  imageFormat,
  maxComingImages,
  maxImageBytes,
  maxImageReaders,
  maxImageReadersEach,
  maxKeptImages,
  type Principal,
} from '@blackroad/protocol';
import type { ByteRange } from '@blackroad/std/byte-range';
import type { Clock } from '@blackroad/std/clock';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import type { Log } from '@blackroad/std/log';
import { readSignature, SignatureError, verifyBytes } from '@blackroad/std/minisign';
import { syncFolder } from '@blackroad/std/sync-folder';
import type { TrustedKey } from '@blackroad/std/trusted-keys';
import { saveWhole } from '@blackroad/std/whole-file';
import { readStoredXz, storedXz, storedXzBytes } from '@blackroad/std/xz-stored';
import { ImageArrives } from './image-arrives.ts';
import { readKept } from './kept-files.ts';
import { Readers } from './readers.ts';

interface ImagesParts {
  /** The folder of everything that the coordinator keeps. */
  dataDir: string;
  clock: Clock;
  log: Log;
  keys(): Promise<TrustedKey[]>;
  /** Where people put them. */
  keysDir: string;
  keptFreeBytes: number;
}
interface Offer {
  manifest: string;
  signature?: string;
  unsigned?: boolean;
}
interface Offered {
  manifest: ImageManifest;
  heldBytes: number;
  image?: FleetImage;
  /** It was here unsigned, and is signed now. */
  isChanged?: boolean;
}
/** An image that is being brought. */
interface Coming {
  arrives: ImageArrives;
  /** As it came. */
  text: string;
  manifest: ImageManifest;
  keyId: string | null;
  giveUp: { cancel(): void };
}

const refused = (detail: string) => new FleetError('image-refused', { detail });

export class Images {
  readonly #parts: ImagesParts;
  readonly #dir: string;
  #rows = new Map<string, FleetImage>();
  readonly #coming = new Map<string, Coming>();
  readonly #readers = new Readers('images', { all: maxImageReaders, each: maxImageReadersEach });
  /** Downloads that have ended, with a person's settings and without. */
  readonly figures = { with: 0, without: 0 };
  #last: Promise<unknown> = Promise.resolve();
  #arrivals = 0;

  private constructor(parts: ImagesParts) {
    this.#parts = parts;
    this.#dir = join(parts.dataDir, 'images');
  }

  static async open(parts: ImagesParts): Promise<Images> {
    const images = new Images(parts);
    mkdirSync(images.#dir, { recursive: true, mode: 0o700 });
    images.#rows = await readKept(images.#dir, FleetImage, parts.log);
    return images;
  }

  /** The newest first. */
  list(): FleetImage[] {
    return [...this.#rows.values()].sort((a, b) => b.addedMs - a.addedMs);
  }

  /** @throws FleetError `no-such-image` */
  get(sha256: string): FleetImage {
    const row = this.#rows.get(sha256);
    if (row) return row;
    throw new FleetError('no-such-image', { detail: `There is no image ${sha256} here.` });
  }

  /** Null: all of it. @throws FleetError `unavailable` when too many read */
  read({ sha256, manifest }: FleetImage, range: ByteRange | null, who: string): Readable {
    const { from, to } = range ?? { from: 0, to: manifest.download.bytes - 1 };
    const stream = this.#readers.open(who, () => createReadStream(this.#pathOf(sha256), { start: from, end: to }));
    return stream.once('close', () => void this.figures.without++);
  }

  /** All of it, with this personal file. @throws FleetError `unavailable` when too many read */
  readPersonal({ sha256, manifest }: FleetImage, personal: Uint8Array, who: string): Readable {
    const path = this.#pathOf(sha256);
    const { offset, bytes } = manifest.personalStream;
    async function* pieces() {
      // Opened once: the image may be removed meanwhile.
      const file = await open(path);
      try {
        yield* file.createReadStream({ end: offset - 1, autoClose: false });
        yield storedXz(personal);
        yield* file.createReadStream({ start: offset + bytes, autoClose: false });
      } finally {
        await file.close();
      }
    }
    const stream = this.#readers.open(who, () => Readable.from(pieces(), { objectMode: false }));
    return stream.once('close', () => void this.figures.with++);
  }

  /** Begins to take an image, or goes on with one. @throws FleetError */
  async offer(offer: Offer): Promise<Offered> {
    const manifest = readManifest(offer.manifest);
    const keyId = await this.#judge(offer);
    const { sha256, bytes } = manifest.download;
    const known = this.#rows.get(sha256);
    if (known) {
      const image = await this.#knownNow(known, manifest, keyId);
      return { manifest, heldBytes: bytes, image, isChanged: image !== known };
    }
    const before = this.#comingAs(sha256, offer.manifest, keyId);
    if (before) return { manifest, heldBytes: before.arrives.heldBytes };
    this.#refuseTwin(manifest);
    await this.#refuseWithoutRoom(manifest.download);
    // The same may have been offered meanwhile.
    const meanwhile = this.#comingAs(sha256, offer.manifest, keyId);
    if (meanwhile) return { manifest, heldBytes: meanwhile.arrives.heldBytes };
    const other = this.#coming.get(sha256);
    const arrives = new ImageArrives(join(this.#dir, `coming-${sha256}-${++this.#arrivals}.new`));
    this.#wait(sha256, { arrives, text: offer.manifest, manifest, keyId, giveUp: { cancel() {} } });
    await other?.arrives.remove();
    return { manifest, heldBytes: 0 };
  }

  /** Another manifest, or another signature, of the same file begins anew. */
  #comingAs(sha256: string, text: string, keyId: string | null): Coming | null {
    const coming = this.#coming.get(sha256);
    return coming?.text === text && coming.keyId === keyId ? coming : null;
  }

  /** One that was taken unsigned is signed from now on, where a trusted key has signed its manifest meanwhile. */
  async #knownNow(known: FleetImage, manifest: ImageManifest, keyId: string | null): Promise<FleetImage> {
    if (keyId === null || known.keyId !== undefined) return known;
    const path = this.#pathOf(known.sha256);
    await refuseOtherStream(path, manifest);
    const row = { ...known, manifest, keyId };
    await saveWhole(`${path}.json`, JSON.stringify(row));
    this.#rows.set(row.sha256, row);
    return row;
  }

  /** The next bytes of an image; with the last of them its row. @throws FleetError */
  async take(sha256: string, offset: number, part: Readable, by: Principal): Promise<FleetImage | Coming> {
    const coming = this.#coming.get(sha256);
    if (!coming)
      throw new FleetError('no-such-image', {
        detail: `Nobody brings an image ${sha256}, or too long ago: begin with its manifest.`,
      });
    coming.giveUp.cancel();
    try {
      await coming.arrives.take(offset, part, coming.manifest.download.bytes);
    } finally {
      if (this.#coming.get(sha256) === coming) this.#wait(sha256, coming);
    }
    if (coming.arrives.heldBytes < coming.manifest.download.bytes) return coming;
    // One after the other, so that of two of one version one is refused.
    const kept = this.#last.then(() => this.#keep(coming, by));
    this.#last = kept.catch(() => {});
    return kept;
  }

  async remove(sha256: string): Promise<FleetImage> {
    const row = this.get(sha256);
    this.#rows.delete(sha256);
    // The row goes first: an image without one is removed at the next start. Who reads it now keeps the open file.
    await rm(`${this.#pathOf(sha256)}.json`, { force: true });
    await rm(this.#pathOf(sha256), { force: true });
    return row;
  }

  #pathOf(sha256: string): string {
    return join(this.#dir, sha256);
  }

  /** From now on for some minutes. */
  #wait(sha256: string, coming: Coming): void {
    this.#coming.get(sha256)?.giveUp.cancel();
    coming.giveUp = this.#parts.clock.after(comingImageMs, () => void this.#giveUp(sha256));
    this.#coming.set(sha256, coming);
  }
  async #giveUp(sha256: string): Promise<void> {
    const coming = this.#coming.get(sha256);
    this.#coming.delete(sha256);
    coming?.giveUp.cancel();
    await coming?.arrives.remove();
  }

  /** The id of the key that signed it; null: it is taken unsigned. @throws FleetError */
  async #judge({ manifest, signature, unsigned = false }: Offer): Promise<string | null> {
    const consent = 'or say that you take it unsigned, if you know where it is from';
    if (signature === undefined) {
      if (unsigned) return null;
      throw refused(`signature: expected the text of the manifest's .minisig file, got nothing: send it, ${consent}`);
    }
    const keys = await this.#parts.keys();
    try {
      return verifyBytes(Buffer.from(manifest), readSignature(signature), keys).id;
    } catch (error) {
      if (!(error instanceof SignatureError)) throw error;
      // A signature by a trusted key that does not fit is a changed file, whatever is asked for.
      if (unsigned && error.isOfAnotherKey) return null;
      if (!error.isOfAnotherKey) throw refused(error.message);
      throw refused(`${error.message}: put its .pub file into ${this.#parts.keysDir}, ${consent}`);
    }
  }

  #refuseTwin({ name, version, download }: ImageManifest): void {
    const twin = this.list().find(({ manifest }) => manifest.name === name && manifest.version === version);
    if (twin && twin.sha256 !== download.sha256)
      throw refused(`${name} ${version} is here already, with other content (${twin.sha256}): remove that one first`);
  }

  async #refuseWithoutRoom({ sha256, bytes }: ImageManifest['download']): Promise<void> {
    const full = (detail: string) => new FleetError('fleet-full', { detail });
    if (bytes > maxImageBytes) throw refused(`download: expected at most ${maxImageBytes} bytes, got ${bytes}`);
    const others = this.#coming.size - (this.#coming.has(sha256) ? 1 : 0);
    if (this.#rows.size + others >= maxKeptImages)
      throw full(`The coordinator keeps ${maxKeptImages} images at most: remove one first.`);
    if (others >= maxComingImages)
      throw new FleetError('unavailable', {
        detail: `${others} images are being brought already.`,
        retryAfterSeconds: 60,
      });
    const freeBytes = freeBytesOf(await statfs(this.#dir));
    if (freeBytes < this.#parts.keptFreeBytes + bytes)
      throw full(`The coordinator's disk has ${freeBytes} bytes free: too few for an image of ${bytes} bytes.`);
  }

  async #keep({ arrives, manifest, keyId }: Coming, by: Principal): Promise<FleetImage> {
    const { sha256 } = manifest.download;
    const known = this.#rows.get(sha256);
    if (known) return known;
    try {
      if (arrives.sha256 !== sha256) throw refused(`file: expected the SHA-256 ${sha256}, got ${arrives.sha256}`);
      this.#refuseTwin(manifest);
      await refuseOtherStream(arrives.path, manifest);
      const row: FleetImage = {
        sha256,
        manifest,
        ...(keyId === null ? {} : { keyId }),
        addedMs: this.#parts.clock.nowMs(),
        addedBy: actorOf(by),
      };
      await rename(arrives.path, this.#pathOf(sha256));
      syncFolder(this.#dir);
      await saveWhole(`${this.#pathOf(sha256)}.json`, JSON.stringify(row));
      this.#rows.set(sha256, row);
      return row;
    } finally {
      await this.#giveUp(sha256);
    }
  }
}

/** @throws FleetError `image-refused` */
function readManifest(text: string): ImageManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused('manifest: expected the .json file that lies beside an image, got something else');
  }
  if ((value as { format?: unknown } | null)?.format !== imageFormat)
    throw refused(
      `manifest: expected one of the format ${imageFormat}, got ${JSON.stringify((value as { format?: unknown } | null)?.format ?? null).slice(0, 40)}: build the image again (make image), or upgrade the coordinator`,
    );
  const fault = explain(ImageManifest, value);
  if (fault !== '') throw refused(`manifest: ${fault}`);
  const { personalFile, personalStream, download } = value as ImageManifest;
  const bytes = storedXzBytes(personalFile.bytes);
  const { offset } = personalStream;
  if (personalStream.bytes !== bytes || offset === 0 || offset + bytes >= download.bytes)
    throw refused(`manifest: personalStream: expected ${bytes} bytes within the download, got others`);
  return value as ImageManifest;
}

/** The signed manifest says where it lies; the bytes there have to be one, or whoever gets the image gets a broken one. */
async function refuseOtherStream(path: string, { personalFile, personalStream }: ImageManifest): Promise<void> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(
      Buffer.alloc(personalStream.bytes),
      0,
      personalStream.bytes,
      personalStream.offset,
    );
    if (readStoredXz(buffer, personalFile.bytes) === null)
      throw refused(
        `file: expected the stream of ${personalFile.path} at ${personalStream.offset}, got something else`,
      );
  } finally {
    await file.close();
  }
}
