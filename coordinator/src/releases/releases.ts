// The releases that the coordinator keeps for its machines, each by its SHA-256: the archive, and beside it what is known of it. In: streams
// with their signatures. Out: rows, streams. Nothing is kept that no trusted key signed, and what is kept is bounded in number and bytes. A
// release is there when it is whole: what a power cut leaves is removed at the next start.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, type ReadStream } from 'node:fs';
import { rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  actorOf,
  compareVersions,
  FleetError,
  type InstallRefusal,
  maxReleaseBytes,
  maxReleaseKeys,
  maxReleaseReaders,
  maxReleaseReadersEach,
  maxReleases,
  maxReleasesBytes,
  type Principal,
  type RefusalReason,
  Release,
  type ReleaseList,
} from '@blackroad/protocol';
import type { ByteRange } from '@blackroad/std/byte-range';
import type { Clock } from '@blackroad/std/clock';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import type { Log } from '@blackroad/std/log';
import { type PublicKey, readSignature, SignatureError, verifyFile } from '@blackroad/std/minisign';
import { syncFolder } from '@blackroad/std/sync-folder';
import { type TrustedKey, trustedKeys } from '@blackroad/std/trusted-keys';
import { saveWhole } from '@blackroad/std/whole-file';
import { readKept } from './kept-files.ts';
import { readManifest } from './read-manifest.ts';
import { Readers } from './readers.ts';

interface ReleasesParts {
  /** The folder of everything that the coordinator keeps: the archives and the public keys have folders of their own in it. */
  dataDir: string;
  clock: Clock;
  log: Log;
}
/** A release that came and was not taken. */
export class RefusedRelease extends FleetError {
  readonly reason: RefusalReason;
  constructor(reason: RefusalReason, detail: string) {
    super(reason === 'room' ? 'fleet-full' : 'release-refused', { detail });
    this.reason = reason;
  }
}
interface ReleaseFigures {
  served: number;
  servedBytes: number;
  refused: Partial<Record<RefusalReason, number>>;
  /** By machines. */
  refusedThere: Partial<Record<InstallRefusal, number>>;
}
interface Received {
  path: string;
  sha256: string;
  bytes: number;
}

/** Kept free on the disk for the database. */
export const keptFreeBytes = 512 * 1024 * 1024;

export class Releases {
  /** Called when one came or went; set by who tells rollouts of them. */
  onChange: () => void = () => {};
  readonly #parts: ReleasesParts;
  readonly #dir: string;
  readonly keysDir: string;
  #rows = new Map<string, Release>();
  readonly #readers = new Readers('releases', { all: maxReleaseReaders, each: maxReleaseReadersEach });
  readonly figures: ReleaseFigures = { served: 0, servedBytes: 0, refused: {}, refusedThere: {} };
  #last: Promise<unknown> = Promise.resolve();
  #coming = 0;
  #arrivals = 0;

  private constructor(parts: ReleasesParts) {
    this.#parts = parts;
    this.#dir = join(parts.dataDir, 'releases');
    this.keysDir = join(parts.dataDir, 'release-keys');
  }

  static async open(parts: ReleasesParts): Promise<Releases> {
    const releases = new Releases(parts);
    for (const dir of [releases.#dir, releases.keysDir]) mkdirSync(dir, { recursive: true, mode: 0o700 });
    releases.#rows = await readKept(releases.#dir, Release, parts.log);
    return releases;
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const row of this.#rows.values()) bytes += row.bytes;
    return bytes;
  }
  keys(): Promise<TrustedKey[]> {
    return trustedKeys(this.keysDir, maxReleaseKeys, this.#parts.log);
  }

  refused(): NonNullable<ReleaseList['refused']> {
    const { refused, refusedThere } = this.figures;
    const rows = (by: 'coordinator' | 'machine', counts: object) =>
      Object.entries(counts).map(
        ([reason, count]) => ({ by, reason, count }) as NonNullable<ReleaseList['refused']>[number],
      );
    return [...rows('coordinator', refused), ...rows('machine', refusedThere)];
  }

  /** The highest version first. */
  list({ name, arch }: { name?: string | undefined; arch?: string | undefined } = {}): Release[] {
    return [...this.#rows.values()]
      .filter((row) => (name === undefined || row.name === name) && (arch === undefined || row.arch === arch))
      .sort((a, b) => compareVersions(b.version, a.version) || b.addedMs - a.addedMs);
  }

  /** @throws FleetError `no-such-release` */
  get(sha256: string): Release {
    const row = this.#rows.get(sha256);
    if (row) return row;
    throw new FleetError('no-such-release', { detail: `There is no release ${sha256} here.` });
  }

  /** Null: the whole archive. @throws FleetError `unavailable` when too many read */
  read({ sha256, bytes }: Release, range: ByteRange | null, who: string): ReadStream {
    const { from, to } = range ?? { from: 0, to: bytes - 1 };
    const stream = this.#readers.open(who, () => createReadStream(this.pathOf(sha256), { start: from, end: to }));
    stream.once('close', () => {
      this.figures.served++;
      this.figures.servedBytes += stream.bytesRead;
    });
    return stream;
  }

  /** Rejects with RefusedRelease where it is not taken; nothing of it stays then. */
  async add(file: Readable, signature: string | null, by: Principal): Promise<{ release: Release; isNew: boolean }> {
    let received: Received | null = null;
    try {
      const whole = await this.#receive(file);
      received = whole;
      // One after the other, so that of two of one version one is refused.
      const kept = this.#last.then(() => this.#keep(whole, signature, by));
      this.#last = kept.catch(() => {});
      return await kept;
    } catch (error) {
      if (error instanceof RefusedRelease)
        this.figures.refused[error.reason] = (this.figures.refused[error.reason] ?? 0) + 1;
      throw error;
    } finally {
      if (received) await rm(received.path, { force: true });
    }
  }

  async #keep(
    received: Received,
    signature: string | null,
    by: Principal,
  ): Promise<{ release: Release; isNew: boolean }> {
    const known = this.#rows.get(received.sha256);
    if (known) return { release: known, isNew: false };
    const release = await this.#judge(received, signature, by);
    await rename(received.path, this.pathOf(release.sha256));
    syncFolder(this.#dir);
    await saveWhole(`${this.pathOf(release.sha256)}.json`, JSON.stringify(release));
    this.#rows.set(release.sha256, release);
    this.onChange();
    return { release, isNew: true };
  }

  async remove(sha256: string): Promise<Release> {
    const row = this.get(sha256);
    this.#rows.delete(sha256);
    // The row goes first: an archive without one is removed at the next start. Who reads it now keeps the open file.
    await rm(`${this.pathOf(sha256)}.json`, { force: true });
    await rm(this.pathOf(sha256), { force: true });
    this.onChange();
    return row;
  }

  pathOf(sha256: string): string {
    return join(this.#dir, sha256);
  }

  async #receive(file: Readable): Promise<Received> {
    const path = join(this.#dir, `coming-${++this.#arrivals}.new`);
    const hash = createHash('sha256');
    await this.#refuseWithoutRoom();
    let bytes = 0;
    const count = new Transform({
      transform: (chunk: Buffer, _, done) => {
        bytes += chunk.length;
        this.#coming += chunk.length;
        hash.update(chunk);
        if (bytes > maxReleaseBytes)
          done(new RefusedRelease('format', `file: expected at most ${maxReleaseBytes} bytes, got more`));
        else if (this.heldBytes + this.#coming > maxReleasesBytes) done(noRoom(`${maxReleasesBytes} bytes together`));
        else done(null, chunk);
      },
    });
    try {
      await pipeline(file, count, createWriteStream(path, { mode: 0o600, flush: true }));
      return { path, sha256: hash.digest('hex'), bytes };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      this.#coming -= bytes;
    }
  }

  #refuseMore(): void {
    if (this.#rows.size >= maxReleases) throw noRoom(`${maxReleases} releases at most`);
  }

  async #refuseWithoutRoom(): Promise<void> {
    this.#refuseMore();
    const freeBytes = freeBytesOf(await statfs(this.#dir));
    if (freeBytes < keptFreeBytes + maxReleaseBytes)
      throw new RefusedRelease('room', `The coordinator's disk has ${freeBytes} bytes free: too few for a release.`);
  }

  async #judge({ path, sha256, bytes }: Received, text: string | null, by: Principal): Promise<Release> {
    this.#refuseMore();
    if (text === null)
      throw new RefusedRelease('signature', 'signature: expected the text of the .minisig file, got nothing');
    const keys = await this.keys();
    if (keys.length === 0) {
      const detail = `No key for releases is trusted yet: put a .pub file into ${this.keysDir} on the coordinator's machine.`;
      throw new RefusedRelease('key', detail);
    }
    const { key, comment } = await signedBy(path, text, keys);
    const manifest = await readManifest(path);
    if (typeof manifest === 'string') throw new RefusedRelease('format', manifest);
    const { files: _, format: __, ...about } = manifest;
    const isSame = (row: Release) =>
      row.name === about.name && row.version === about.version && row.arch === about.arch;
    const twin = this.list().find(isSame);
    if (twin)
      throw new RefusedRelease(
        'twin',
        `${about.name} ${about.version} for ${about.arch} is here already, with other content (${twin.sha256}): give the new one a version of its own, or remove that one`,
      );
    return {
      sha256,
      ...about,
      bytes,
      // Forms end each line with two characters.
      signature: text.replaceAll('\r\n', '\n'),
      keyId: key.id,
      comment,
      addedMs: this.#parts.clock.nowMs(),
      addedBy: actorOf(by),
    };
  }
}

const noRoom = (limit: string) => new RefusedRelease('room', `The releases here are ${limit}: remove some first.`);

async function signedBy(
  path: string,
  text: string,
  keys: readonly PublicKey[],
): Promise<{ key: PublicKey; comment: string }> {
  try {
    const signature = readSignature(text);
    return { key: await verifyFile(path, signature, keys), comment: signature.trustedComment };
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    throw new RefusedRelease(error.isOfAnotherKey ? 'key' : 'signature', error.message);
  }
}
