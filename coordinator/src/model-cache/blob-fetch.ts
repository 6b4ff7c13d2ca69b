// One fetch of one blob, for all who wait for it: bytes go to the disk in order, are hashed on the way, and can be read as soon as they are
// there. In: a digest, its size, and an address. Out: a whole, verified file, or a CacheProblem. A break is continued where it happened, also
// after a restart of the process. The last byte can be read only when the digest is right: nobody gets a damaged blob whole. Whoever reads
// the bytes before it verifies them, as Ollama's client and the node-agent do.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import { httpGet, RedirectError } from '@blackroad/std/http-get';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { asProblem, CacheProblem } from './cache-problem.ts';
import type { Blob } from './content.ts';
import type { CacheDisk } from './disk.ts';
import type { Rate } from './rate.ts';
import { statusProblem } from './status-problem.ts';

export interface FetchParts {
  disk: CacheDisk;
  rate: Rate;
  clock: Clock;
  random: Random;
  log: Log;
  /** Bytes that came from elsewhere, for the count of them. */
  onFetched: (bytes: number) => void;
  /** The bytes on the disk have changed. */
  onBytes: (bytes: number) => void;
  /** Whether the disk is too full to go on; asked now and then. */
  isTight: () => Promise<boolean>;
}
interface Waiter {
  position: number;
  resolve: () => void;
}

/** A place that sends nothing for so long has lost the connection. */
const stallMs = 30_000;
const retry: Backoff = { firstMs: 500, maxMs: 30_000 };
/** Tries in a row that bring not one byte. */
const maxFruitless = 6;
/** A place that asks for a longer pause is left alone: the next one who needs the blob tries again. */
const maxPauseMs = 60_000;
/** Written bytes go to the disk in steps: one sync of gigabytes would hold up the database on the same disk for minutes. */
const syncEveryBytes = 32 * 1024 ** 2;
const readBytes = 1024 ** 2;

export class BlobFetch {
  readonly blob: Blob;
  readonly #url: string;
  readonly #parts: FetchParts;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<Waiter>();
  #hash: Hash = createHash('sha256');
  #have = 0;
  #synced = 0;
  #hasAnswered = false;
  #isVerified = false;
  #isOver = false;
  /** Why it ended without the blob. */
  problem: CacheProblem | null = null;

  constructor(blob: Blob, url: string, parts: FetchParts) {
    this.blob = blob;
    this.#url = url;
    this.#parts = parts;
  }

  /** Bytes from the beginning that can be read. */
  get readableBytes(): number {
    return this.#isVerified ? this.blob.sizeBytes : Math.min(this.#have, this.blob.sizeBytes - 1);
  }
  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when the byte at this position can be read, or the fetch is over. */
  reached(position: number, signal: AbortSignal): Promise<void> {
    if (this.#isOver || this.readableBytes > position || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter = { position, resolve: () => settle() };
      const settle = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', settle);
        resolve();
      };
      signal.addEventListener('abort', settle, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** Ends it; what came stays on the disk for the next fetch. */
  stop(): void {
    this.#stop.abort();
  }

  /** Ends it before it has begun. */
  giveUp(problem: CacheProblem): void {
    this.problem = problem;
    this.#isOver = true;
    this.#wake();
  }

  /** Never rejects: `problem` says how it ended. */
  async run(): Promise<void> {
    try {
      await this.#fetch();
    } catch (error) {
      this.problem = this.#stop.signal.aborted
        ? new CacheProblem('network', 'the fetch was stopped, because nobody waited for it any more')
        : asProblem(error, new URL(this.#url).host);
      // Damaged bytes are of no use, and on a full disk the database needs the room more.
      if (this.problem.kind === 'digest' || this.problem.kind === 'disk') await this.#throwAway();
    }
    this.#isOver = true;
    this.#wake();
  }

  async #throwAway(): Promise<void> {
    this.#have = 0;
    await this.#parts.disk.dropPart(this.blob.digest).catch(() => {}); // a disk that refuses this keeps the file
    this.#parts.onBytes(0);
  }

  async #fetch(): Promise<void> {
    const { disk, log } = this.#parts;
    const { digest } = this.blob;
    const file = await open(disk.partPath(digest), 'a+');
    try {
      await this.#readWhatIsThere(file);
      const resumedAt = this.#have;
      await this.#complete(file);
      if (!this.#isRight() && resumedAt > 0) {
        log.warn(
          { digest, resumedAt },
          'the part of an earlier fetch was damaged: the blob is fetched from its beginning',
        );
        await this.#beginAnew(file);
        await this.#complete(file);
      }
      if (!this.#isRight())
        throw new CacheProblem('digest', `the bytes from ${new URL(this.#url).host} do not have the digest ${digest}`);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.finishPart(digest);
    this.#isVerified = true;
  }

  #isRight(): boolean {
    return `sha256:${this.#hash.copy().digest('hex')}` === this.blob.digest;
  }

  /** Fetches what is missing. */
  async #complete(file: FileHandle): Promise<void> {
    const { random, log } = this.#parts;
    const { digest, sizeBytes } = this.blob;
    for (let fruitless = 0; ; ) {
      const before = this.#have;
      const pauseMs = this.#have < sizeBytes ? await this.#goOn(file).catch((error) => this.#mayRetry(error)) : 0;
      if (this.#have === sizeBytes) return;
      fruitless = this.#have > before ? 0 : fruitless + 1;
      if (fruitless >= maxFruitless)
        throw new CacheProblem('network', `${new URL(this.#url).host} breaks off again and again`);
      log.info({ digest, bytes: this.#have }, 'a fetch of the model cache was interrupted and goes on');
      await sleep(this.#parts.clock, Math.max(pauseMs, backoffMs(retry, fruitless, random)), this.#stop.signal);
    }
  }

  /** Hashes the part of an earlier fetch; it can be read meanwhile. */
  async #readWhatIsThere(file: FileHandle): Promise<void> {
    const { size } = await file.stat();
    if (size > this.blob.sizeBytes) return this.#beginAnew(file);
    const stream = createReadStream(this.#parts.disk.partPath(this.blob.digest), { highWaterMark: readBytes });
    for await (const piece of stream as AsyncIterable<Buffer>) this.#took(piece);
    this.#synced = this.#have;
  }

  async #beginAnew(file: FileHandle): Promise<void> {
    await file.truncate(0);
    this.#hash = createHash('sha256');
    this.#have = 0;
    this.#synced = 0;
    this.#parts.onBytes(0);
  }

  #took(piece: Buffer): void {
    this.#hash.update(piece);
    this.#have += piece.length;
    this.#parts.onBytes(this.#have);
    this.#wake();
  }

  #wake(): void {
    const readable = this.readableBytes;
    for (const waiter of this.#waiters) if (this.#isOver || waiter.position < readable) waiter.resolve();
  }

  /** One answer of the place, from where the last one ended. Returns 0. */
  async #goOn(file: FileHandle): Promise<number> {
    const response = await this.#ask(file);
    const { clock } = this.#parts;
    const watch = () => clock.after(stallMs, () => response.destroy(new Error(`nothing came for ${stallMs / 1000} s`)));
    let stall = watch();
    try {
      for await (const piece of response as AsyncIterable<Buffer>) {
        stall.cancel();
        await this.#write(file, piece);
        stall = watch();
      }
    } finally {
      stall.cancel();
      response.destroy();
    }
    return 0;
  }

  async #ask(file: FileHandle): Promise<IncomingMessage> {
    const { disk, clock } = this.#parts;
    const { digest, sizeBytes } = this.blob;
    const note = this.#have > 0 ? await disk.partNote(digest) : null;
    const tag: Record<string, string> = note?.url === this.#url && note.etag ? { 'if-range': note.etag } : {};
    const headers = this.#have > 0 ? { range: `bytes=${this.#have}-`, ...tag } : {};
    const response = await httpGet({ url: this.#url, headers, clock, signal: this.#stop.signal });
    const status = response.statusCode ?? 0;
    if (status !== 200 && status !== 206) {
      response.destroy();
      if (status === 416) {
        await this.#beginAnew(file);
        throw new Error('it does not have the rest of this blob');
      }
      throw statusProblem(this.#url, status, response.headers['retry-after']);
    }
    this.#hasAnswered = true;
    const begins = status === 206 ? Number(/^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1]) : 0;
    // 200: the place cannot continue, or has other content under this address since.
    if (begins !== this.#have) {
      if (begins !== 0) {
        response.destroy();
        throw new CacheProblem('network', `${new URL(this.#url).host} answers with another range than asked for`);
      }
      await this.#beginAnew(file);
    }
    const total = Number(response.headers['content-length']) + this.#have;
    if (Number.isFinite(total) && total !== sizeBytes) {
      response.destroy();
      throw new CacheProblem('digest', `${digest} has ${total} bytes there, and ${sizeBytes} were expected`);
    }
    const etag = response.headers.etag ?? '';
    await disk.notePart(digest, { url: this.#url, etag: etag.startsWith('"') ? etag : null });
    return response;
  }

  async #write(file: FileHandle, piece: Buffer): Promise<void> {
    const { rate, onFetched, isTight } = this.#parts;
    if (this.#have + piece.length > this.blob.sizeBytes)
      throw new CacheProblem(
        'digest',
        `${this.blob.digest} is longer there than the ${this.blob.sizeBytes} bytes expected`,
      );
    await file.appendFile(piece);
    onFetched(piece.length);
    this.#took(piece);
    if (this.#have - this.#synced >= syncEveryBytes) {
      await file.datasync();
      this.#synced = this.#have;
      if (await isTight()) throw new CacheProblem('disk', 'the disk of the cache became too full while it was fetched');
    }
    await rate.take(piece.length);
  }

  /** The pause before the next try, in milliseconds; throws what no further try changes. */
  #mayRetry(error: unknown): number {
    if (this.#stop.signal.aborted || error instanceof RedirectError) throw error;
    if (!(error instanceof CacheProblem)) {
      const problem = asProblem(error, new URL(this.#url).host);
      // A host that was never reached will not be there in a second either, and others wait for the answer.
      if (problem.kind !== 'network' || !this.#hasAnswered) throw problem;
      return 0;
    }
    const isPause = error.kind === 'network' && error.retryAfterS > 0;
    if (!isPause || error.retryAfterS * 1000 > maxPauseMs) throw error;
    return error.retryAfterS * 1000;
  }
}
