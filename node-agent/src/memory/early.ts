// The newest and the most important memories of a log that this node is fetching, so that its agent can answer before it has all. They are held
// in memory alone and searched until the log itself has them. In: pages of entries from the coordinator. Out: which page is wanted next, and ids of
// memories that fit a question. An entry proves its content by its hash; the newest ones are linked to the end of the log as well.
import { entryFault, keyIn, keySet, type MarkFound, type MemoryEntry, maxOrdinal } from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import { type IndexFile, indexInMemory, unsearched } from './index-file.ts';
import type { Head } from './journal.ts';
import type { Found } from './rank.ts';
import type { KeyedEntry } from './value-rows.ts';

type Which = 'newest' | 'important';

/** A page is a message of at most 64 entries and 128 KB. The agent answers after the first two. */
const pages: readonly Which[] = ['newest', 'important', 'newest', 'newest'];
const enoughPages = 2;
/** Where fewer entries than these pages have are missing, the log itself is here as soon. */
export const isWorthIt = (missing: number, pageEntries: number): boolean => missing > pages.length * pageEntries;
/** Ids of its memories begin here: those of the journal end far below, and a double holds them. */
const firstId = 2 ** 52;
const onlyLog = 1;

export class EarlyMemories {
  /** The end of the coordinator's log when the fetch began. */
  readonly end: Head;
  readonly #agent: string;
  readonly #index: IndexFile;
  readonly #entries = new Map<number, MemoryEntry>();
  /** The entry before the ones that are linked to the end. */
  #before: Head;
  #came = 0;
  #asks = true;

  constructor(agent: string, end: Head, log: Logger) {
    this.#agent = agent;
    this.end = end;
    this.#before = end;
    this.#index = indexInMemory(log);
  }

  /** The page to ask for; null: none. */
  get next(): { which: Which; before: number } | null {
    const which = pages[this.#came];
    return this.#asks && which !== undefined ? { which, before: this.#before.seq + 1 } : null;
  }
  /** Nothing is asked for until `goOn`. */
  rest(): void {
    this.#asks = false;
  }
  goOn(): void {
    this.#asks = true;
  }
  /** Whether an agent may answer with them. */
  get isEnough(): boolean {
    return this.#came >= enoughPages;
  }
  /** Entries that the log does not have yet. */
  countAfter(seq: number): number {
    let count = 0;
    for (const each of this.#entries.keys()) if (each > seq) count++;
    return count;
  }

  /** Takes a page that was asked for; returns what is wrong with it, and then nothing of it was taken. */
  take(which: Which, page: readonly MemoryEntry[], isErased: (hash: string) => boolean): string | null {
    let before = this.#before;
    const taken: MemoryEntry[] = [];
    for (const entry of [...page].sort((a, b) => b.seq - a.seq)) {
      if (entry.agentId !== this.#agent) return `entry ${entry.seq} is of agent ${entry.agentId}`;
      const fault = entryFault(entry);
      if (fault === 'hash') return `entry ${entry.seq} does not have the hash it claims`;
      if (which === 'newest') {
        if (entry.seq !== before.seq || entry.hash !== before.hash)
          return `entry ${entry.seq} is not the one before entry ${before.seq + 1}`;
        before = { seq: entry.seq - 1, hash: entry.previousHash };
      }
      if (fault === null && !isErased(entry.hash)) taken.push(entry);
    }
    this.#before = before;
    this.#came++;
    for (const entry of taken) this.#entries.set(entry.seq, entry);
    this.#index.add(
      taken.flatMap(({ seq, kind, payload }) =>
        payload && payload.text !== '' && !unsearched.has(kind)
          ? [{ id: firstId + seq, log: onlyLog, seq, payload }]
          : [],
      ),
    );
    this.#leaveOutPast(taken);
    return null;
  }

  /** Of the values of a key only the last one is found. */
  #leaveOutPast(taken: readonly MemoryEntry[]): void {
    for (const key of new Set(taken.flatMap((entry) => keySet(entry) ?? []))) {
      const about = this.aboutKey(key, 0);
      const at = about.findIndex((entry) => keySet(entry) !== null);
      this.#index.remove(about.slice(at + 1).map(({ id }) => id));
    }
  }

  /** As of the index of the log; without what that has. */
  search(
    text: string,
    vector: { model: string; values: Float32Array } | null,
    limit: number,
    afterSeq: number,
  ): { lists: number[][]; found: Map<number, Found> } {
    const words = this.#index.byWords(onlyLog, text, limit);
    const meaning = vector ? this.#index.byMeaning(onlyLog, vector.model, vector.values, limit) : [];
    const lists = [words, meaning].map((ids) => ids.filter((id) => id - firstId > afterSeq));
    return { lists, found: this.#index.items(new Set(lists.flat())) };
  }
  /** Entries about a key that the log does not have yet, the newest first. */
  aboutKey(key: string, afterSeq: number): KeyedEntry[] {
    const about = [...this.#entries.values()].flatMap((entry) =>
      entry.payload && entry.seq > afterSeq && keyIn(entry) === key
        ? [{ ...entry, id: firstId + entry.seq, payload: entry.payload }]
        : [],
    );
    return about.sort((a, b) => b.seq - a.seq);
  }
  has(id: number): boolean {
    return id > firstId && id - firstId <= maxOrdinal;
  }
  entry(id: number): MemoryEntry | null {
    return this.#entries.get(id - firstId) ?? null;
  }
  marksOf(id: number): MarkFound[] {
    const isThat = (seq: number, hash: string) => this.#entries.get(seq)?.hash === hash;
    return this.#index
      .marksOf(id)
      .filter(({ ofSeq, ofHash, bySeq, byHash }) => isThat(ofSeq, ofHash) && isThat(bySeq, byHash));
  }
  /** The newest first, without a gap, and without what the log has. */
  last(limit: number, afterSeq: number): MemoryEntry[] {
    const entries: MemoryEntry[] = [];
    for (let { seq } = this.end; seq > Math.max(afterSeq, this.#before.seq) && entries.length < limit; seq--) {
      const entry = this.#entries.get(seq);
      if (entry) entries.push(entry);
    }
    return entries;
  }
  erase(hashes: readonly string[]): void {
    const erased = new Set(hashes);
    const gone = [...this.#entries.values()].filter(({ hash }) => erased.has(hash)).map(({ seq }) => seq);
    for (const seq of gone) this.#entries.delete(seq);
    this.#index.remove(gone.map((seq) => firstId + seq));
  }
  close(): void {
    this.#index.leave();
  }
}
