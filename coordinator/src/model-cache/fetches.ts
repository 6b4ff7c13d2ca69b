// The fetches of the model cache: one for each blob, whoever asks and however many, a few at once, the others in a bounded queue. In: a blob
// and its address. Out: its fetch, which can be read while it runs. A fetch that nobody reads any more is stopped after a while; one that
// failed is not tried again at once, so that a hundred nodes do not beat on a place that is down.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { BlobFetch, type FetchParts } from './blob-fetch.ts';
import { asProblem, CacheProblem } from './cache-problem.ts';
import type { Blob, Digest } from './content.ts';
import type { Holdings } from './holdings.ts';
import type { Room } from './room.ts';

interface FetchesParts {
  holdings: Holdings;
  room: Room;
  /** What every fetch is made with. */
  shared: Omit<FetchParts, 'onBytes' | 'isTight'>;
  clock: Clock;
  random: Random;
  log: Log;
  onChange: () => void;
}
interface Running {
  fetch: BlobFetch;
  over: Promise<void>;
  alone: Timer | null;
}

/** The line of a home carries no more sensibly; others wait. */
const atOnce = 4;
const maxWaiting = 64;
/** Ollama's client opens the blob, closes it, and then asks for its ranges; a node that restarts is back within this time. */
const aloneMs = 60_000;
const restAfterFailure: Backoff = { firstMs: 5_000, maxMs: 300_000 };
const maxFailures = 1000;

export class Fetches {
  readonly #parts: FetchesParts;
  readonly #running = new Map<Digest, Running>();
  readonly #queue: (() => void)[] = [];
  readonly #failures = new Map<Digest, { count: number; untilMs: number; problem: CacheProblem }>();
  #atWork = 0;

  constructor(parts: FetchesParts) {
    this.#parts = parts;
  }

  find(digest: Digest): BlobFetch | null {
    return this.#running.get(digest)?.fetch ?? null;
  }
  get count(): number {
    return this.#running.size;
  }

  /** The fetch of this blob, begun where there is none. Rejects with CacheProblem. */
  async begin(blob: Blob, url: string, what: string): Promise<BlobFetch> {
    const known = this.#running.get(blob.digest);
    // One that is being stopped has its file open until it is over.
    if (known?.fetch.isStopped) await known.over;
    else if (known) return known.fetch;
    this.#refuseTooSoon(blob.digest);
    if (this.#running.size >= atOnce + maxWaiting)
      throw new CacheProblem('busy', `${this.#running.size} blobs are being fetched already`, { retryAfterS: 30 });
    const { holdings, room, shared, onChange } = this.#parts;
    const fetch = new BlobFetch(blob, url, {
      ...shared,
      isTight: () => room.isTight(),
      onBytes(bytes) {
        holdings.putPart(blob.digest, bytes);
        onChange();
      },
    });
    // It is in the table before anything is waited for: a second asker finds it.
    const running: Running = { fetch, over: Promise.resolve(), alone: null };
    this.#running.set(blob.digest, running);
    try {
      const missing = blob.sizeBytes - holdings.bytesOf(blob.digest);
      await room.make(missing, what, () => holdings.beginFetch(blob.digest, blob.sizeBytes));
    } catch (error) {
      this.#running.delete(blob.digest);
      // Others may have found it in the table and wait for it.
      fetch.giveUp(asProblem(error, 'the disk of the cache'));
      throw error;
    }
    running.over = this.#run(fetch);
    this.left(blob.digest);
    onChange();
    return fetch;
  }

  /** A reader of the blob has left: without another one its fetch ends after a while. */
  left(digest: Digest): void {
    const running = this.#running.get(digest);
    if (!running) return;
    const { holdings, clock } = this.#parts;
    running.alone?.cancel();
    running.alone = clock.after(aloneMs, () => {
      if (holdings.readersOf(digest).length === 0) running.fetch.stop();
    });
  }

  /** Stops all; resolves when their files are closed. */
  async close(): Promise<void> {
    const all = [...this.#running.values()];
    for (const { fetch } of all) fetch.stop();
    for (const go of this.#queue.splice(0)) go();
    await Promise.all(all.map(({ over }) => over));
  }

  async #run(fetch: BlobFetch): Promise<void> {
    const { holdings, onChange } = this.#parts;
    const { digest, sizeBytes } = fetch.blob;
    if (this.#atWork >= atOnce) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#atWork++;
    await fetch.run();
    this.#atWork--;
    this.#queue.shift()?.();
    holdings.endFetch(digest);
    if (!fetch.problem) holdings.putWhole(digest, sizeBytes);
    else if (holdings.bytesOf(digest) === 0) holdings.drop(digest);
    this.#running.get(digest)?.alone?.cancel();
    this.#running.delete(digest);
    if (!fetch.isStopped) this.#noteEnd(digest, fetch.problem);
    onChange();
  }

  #noteEnd(digest: Digest, problem: CacheProblem | null): void {
    const { clock, random, log } = this.#parts;
    if (!problem) {
      this.#failures.delete(digest);
      return;
    }
    log.warn({ digest, kind: problem.kind }, `a fetch of the model cache ended without its blob: ${problem.message}`);
    const count = (this.#failures.get(digest)?.count ?? 0) + 1;
    const untilMs = clock.monotonicMs() + backoffMs(restAfterFailure, count - 1, random);
    this.#failures.delete(digest);
    this.#failures.set(digest, { count, untilMs, problem });
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= maxFailures) break;
      this.#failures.delete(oldest);
    }
  }

  #refuseTooSoon(digest: Digest): void {
    const failed = this.#failures.get(digest);
    if (!failed) return;
    const restMs = failed.untilMs - this.#parts.clock.monotonicMs();
    if (restMs <= 0) return;
    const { kind, message } = failed.problem;
    throw new CacheProblem(kind, message, { retryAfterS: Math.ceil(restMs / 1000), cause: failed.problem });
  }
}
