// What the model cache holds, in memory: whole blobs, parts, names, and who reads what now. In: what the folder has at the start, and every
// change since. Out: sums, and what may go when room is needed, the least recently used first. It touches no disk. A blob that somebody
// reads or that is being fetched is never among what may go.
import type { Digest, Entry } from './content.ts';
import type { FoundOnDisk, StoredEntry } from './disk.ts';

/** What goes together when room is made: a name with the blobs that no other name has, or blobs without a name. */
export interface Going {
  name: string | null;
  digests: Digest[];
}

export class Holdings {
  readonly #whole: Map<Digest, number>;
  /** The bytes on the disk of each blob that is not whole. */
  readonly #parts: Map<Digest, number>;
  readonly #entries: Map<string, StoredEntry>;
  readonly #readers = new Map<Digest, Map<string, number>>();
  /** The whole sizes of blobs that are being fetched: their room is taken from the beginning. */
  readonly #fetching = new Map<Digest, number>();

  constructor({ whole, parts, entries }: FoundOnDisk) {
    this.#whole = whole;
    this.#parts = parts;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  get entries(): ReadonlyMap<string, StoredEntry> {
    return this.#entries;
  }
  wholeBytes(digest: Digest): number | null {
    return this.#whole.get(digest) ?? null;
  }
  /** Of the blob, whole or not. */
  bytesOf(digest: Digest): number {
    return this.#whole.get(digest) ?? this.#parts.get(digest) ?? 0;
  }
  /** The size that some name gives for the blob; rather one that a registry or hub has told than one that an asker said. */
  sizeOf(digest: Digest): number | null {
    const whole = this.#whole.get(digest);
    if (whole !== undefined) return whole;
    let said: number | null = null;
    for (const { blobs, checkedMs } of this.#entries.values()) {
      const found = blobs.find((blob) => blob.digest === digest);
      if (found && checkedMs > 0) return found.sizeBytes;
      said ??= found?.sizeBytes ?? null;
    }
    return said;
  }

  /** On the disk, now. */
  get heldBytes(): number {
    return sum(this.#whole.values()) + sum(this.#parts.values());
  }
  /** What running fetches will still add. */
  get comingBytes(): number {
    let bytes = 0;
    for (const [digest, size] of this.#fetching) bytes += Math.max(0, size - (this.#parts.get(digest) ?? 0));
    return bytes;
  }

  putWhole(digest: Digest, bytes: number): void {
    this.#parts.delete(digest);
    this.#whole.set(digest, bytes);
  }
  putPart(digest: Digest, bytes: number): void {
    this.#parts.set(digest, bytes);
  }
  drop(digest: Digest): void {
    this.#whole.delete(digest);
    this.#parts.delete(digest);
  }
  isPart(digest: Digest): boolean {
    return this.#parts.has(digest);
  }
  beginFetch(digest: Digest, sizeBytes: number): void {
    this.#fetching.set(digest, sizeBytes);
  }
  endFetch(digest: Digest): void {
    this.#fetching.delete(digest);
  }

  putEntry(entry: Entry, usedMs: number): void {
    this.#entries.set(entry.name, { ...entry, usedMs });
  }
  dropEntry(name: string): void {
    this.#entries.delete(name);
  }
  /** The names that this blob is a part of. */
  namesOf(digest: Digest): string[] {
    return [...this.#entries.values()]
      .filter(({ blobs }) => blobs.some((blob) => blob.digest === digest))
      .map(({ name }) => name);
  }
  /** Whether anything but the manifest is here. */
  hasContent(name: string): boolean {
    const { blobs = [], manifest = '' } = this.#entries.get(name) ?? {};
    return blobs.some(({ digest }) => digest !== manifest && this.bytesOf(digest) > 0);
  }
  used(name: string, nowMs: number): void {
    const entry = this.#entries.get(name);
    if (entry) entry.usedMs = nowMs;
  }

  /** Somebody reads this blob from now on; call the result once when it ends. */
  reads(digest: Digest, who: string): () => void {
    const readers = this.#readers.get(digest) ?? new Map<string, number>();
    this.#readers.set(digest, readers);
    readers.set(who, (readers.get(who) ?? 0) + 1);
    return () => {
      const left = (readers.get(who) ?? 1) - 1;
      if (left > 0) readers.set(who, left);
      else readers.delete(who);
      if (readers.size === 0) this.#readers.delete(digest);
    };
  }
  readersOf(digest: Digest): string[] {
    return [...(this.#readers.get(digest)?.keys() ?? [])];
  }
  isFetching(digest: Digest): boolean {
    return this.#fetching.has(digest);
  }
  isBusy(digest: Digest): boolean {
    return this.#fetching.has(digest) || this.#readers.has(digest);
  }

  /** What may go, the blobs without a name first, then the names that were not used for the longest time. */
  mayGo(): Going[] {
    const named = new Map<Digest, number>();
    for (const { blobs } of this.#entries.values())
      for (const { digest } of blobs) named.set(digest, (named.get(digest) ?? 0) + 1);
    const nameless = [...this.#whole.keys(), ...this.#parts.keys()].filter(
      (digest) => !named.has(digest) && !this.isBusy(digest),
    );
    const idle = [...this.#entries.values()]
      .filter(({ blobs }) => !blobs.some(({ digest }) => this.isBusy(digest)))
      .sort((a, b) => a.usedMs - b.usedMs);
    const going: Going[] = nameless.length > 0 ? [{ name: null, digests: nameless }] : [];
    for (const { name, blobs } of idle) {
      // A blob goes with the last of its names.
      const digests = blobs.flatMap(({ digest }) => {
        const left = (named.get(digest) ?? 1) - 1;
        named.set(digest, left);
        return left === 0 ? [digest] : [];
      });
      going.push({ name, digests });
    }
    return going;
  }
  /** What goes with a name that a person removes; null: it is in use. */
  goesWith(name: string): Going | null {
    const entry = this.#entries.get(name);
    if (!entry || entry.blobs.some(({ digest }) => this.isBusy(digest))) return null;
    const digests = entry.blobs.map(({ digest }) => digest).filter((digest) => this.namesOf(digest).length === 1);
    return { name, digests };
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}
