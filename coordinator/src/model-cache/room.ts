// The room of the model cache on its disk. In: the bytes that something needs. Out: room, made by removing what was not used for the longest
// time, or a CacheProblem of kind `disk`. It never removes what is read or fetched, and leaves the disk room for others.
import type { Log } from '@blackroad/std/log';
import { CacheProblem } from './cache-problem.ts';
import type { CacheDisk } from './disk.ts';
import type { Going, Holdings } from './holdings.ts';

interface RoomParts {
  disk: CacheDisk;
  holdings: Holdings;
  /** Most bytes of the cache; null: half of what would be free without it. */
  maxBytes: number | null;
  log: Log;
}

/** Kept free for the database and everything else on that disk: a twentieth of it, a gibibyte at most. */
const keptFreeShare = 0.05;
const mostKeptFreeBytes = 1024 ** 3;
const usualShare = 0.5;

export class Room {
  readonly #parts: RoomParts;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: RoomParts) {
    this.#parts = parts;
  }

  async limits(): Promise<{ maxBytes: number; freeBytes: number; keptFreeBytes: number }> {
    const { disk, holdings, maxBytes } = this.#parts;
    const { freeBytes, totalBytes } = await disk.space();
    const keptFreeBytes = Math.min(mostKeptFreeBytes, Math.floor(totalBytes * keptFreeShare));
    const usual = Math.floor((freeBytes + holdings.heldBytes) * usualShare);
    return { maxBytes: maxBytes ?? usual, freeBytes, keptFreeBytes };
  }

  /**
   * Makes room for so many bytes beside those that running fetches will still add, and calls `take`, which notes that they are taken. One
   * after the other, so that two never count on the same bytes. Rejects with CacheProblem.
   */
  make(neededBytes: number, what: string, take: () => void): Promise<void> {
    const made = this.#last.then(async () => {
      await this.#makeNow(neededBytes, what);
      take();
    });
    this.#last = made.catch(() => {}); // its caller gets the error
    return made;
  }

  async #makeNow(neededBytes: number, what: string): Promise<void> {
    const going = this.#parts.holdings.mayGo();
    for (;;) {
      const lacking = await this.#lackingBytes(neededBytes);
      if (lacking <= 0) return;
      const next = going.shift();
      if (!next) {
        const { maxBytes, freeBytes, keptFreeBytes } = await this.limits();
        throw new CacheProblem(
          'disk',
          `the cache has no room for ${what}, ${mib(neededBytes)} MiB: it may hold ${mib(maxBytes)} MiB, ${mib(freeBytes)} MiB of its disk are free, and ${mib(keptFreeBytes)} MiB are left free for others`,
        );
      }
      await this.remove(next);
      this.#parts.log.info(
        { name: next.name, blobs: next.digests.length },
        'removed from the model cache to make room',
      );
    }
  }

  /** Whether the disk, which others use as well, has become too full to go on writing. */
  async isTight(): Promise<boolean> {
    const { freeBytes, keptFreeBytes } = await this.limits();
    return freeBytes < keptFreeBytes;
  }

  async remove({ name, digests }: Going): Promise<void> {
    const { disk, holdings } = this.#parts;
    if (name !== null) {
      holdings.dropEntry(name);
      await disk.dropEntry(name);
    }
    for (const digest of digests) {
      // Somebody may have begun to read it since the list was made.
      if (holdings.isBusy(digest)) continue;
      holdings.drop(digest);
      await disk.dropWhole(digest);
      await disk.dropPart(digest);
    }
  }

  async #lackingBytes(neededBytes: number): Promise<number> {
    const { holdings } = this.#parts;
    const { maxBytes, freeBytes, keptFreeBytes } = await this.limits();
    const coming = holdings.comingBytes + neededBytes;
    return Math.max(holdings.heldBytes + coming - maxBytes, coming + keptFreeBytes - freeBytes);
  }
}

const mib = (bytes: number) => Math.ceil(bytes / 1024 ** 2);
