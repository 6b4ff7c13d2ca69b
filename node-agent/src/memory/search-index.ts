// The search index: words and vectors of every log on this node. Disposable: when its file is missing, damaged, behind, or of another
// journal, it is made again from the journal. In: journal ids with payloads. Out: ids, best first. Opened at the first use and never during
// an append.
import { isVector, keyIn, type MarkFound } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log as Logger } from '@blackroad/std/log';
import { type Indexed, type IndexFile, openIndex, removeFiles, unsearched } from './index-file.ts';
import type { Journal } from './journal.ts';
import type { Found } from './rank.ts';

/** Memories that may wait to be indexed; a recall indexes them first. */
const maxWaiting = 64;
const stepRows = 200;
/** After so long without a search the index holds nothing in memory but its file's pages. */
const restAfterMs = 60_000;
/** What the index holds is written to its file after so long, or when so many memories have come. */
const writeAfterMs = 30 * 60_000;
const maxHeld = 256;

interface SearchIndexParts {
  dir: string;
  journal: Journal;
  clock: Clock;
  log: Logger;
}

export class SearchIndex {
  readonly #parts: SearchIndexParts;
  #opened: IndexFile | null = null;
  #added: Indexed[] = [];
  #removed: number[] = [];
  /** The last entry that the index has, while it lacks later ones; null: it has all. */
  #behindFrom: number | null = null;
  #timer: Timer | null = null;
  #rest: Timer | null = null;
  #write: Timer | null = null;
  /** Changes that the file does not have. */
  #held = 0;

  constructor(parts: SearchIndexParts) {
    this.#parts = parts;
  }

  /** Called after a commit. Changes wait in memory until a recall needs them or enough have come: fewer, larger writes to the SD card. */
  changed(additions: readonly Indexed[], removals: readonly number[]): void {
    const gone = new Set(removals);
    if (gone.size > 0) this.#added = this.#added.filter(({ id }) => !gone.has(id));
    this.#added.push(...additions.filter((each) => each.seq === 0 || each.payload.text !== ''));
    this.#removed.push(...removals);
    if (this.#added.length + this.#removed.length >= maxWaiting) this.#guarded(() => this.#flush());
  }

  /** Candidates of one log by words and, with a vector, by meaning; each list is best first. */
  search(
    logId: number,
    text: string,
    vector: { model: string; values: Float32Array } | null,
    limit: number,
  ): { lists: number[][]; found: Map<number, Found> } {
    this.#flush();
    this.#rest?.cancel();
    this.#rest = this.#parts.clock.after(restAfterMs, () => this.#guarded(() => this.#opened?.rest()));
    return this.#withIndex((index) => {
      if (this.#behindFrom !== null) this.#addAll(index, logId, this.#behindFrom);
      const lists = [
        index.byWords(logId, text, limit),
        vector && isVector(vector.values) ? index.byMeaning(logId, vector.model, vector.values, limit) : [],
      ];
      return { lists, found: index.items(new Set(lists.flat())) };
    });
  }

  /** The entries of a log that is asked now, before those of others. */
  #addAll(index: IndexFile, logId: number, after: number): void {
    for (let from = after; ; ) {
      const rows = this.#parts.journal.since(from, stepRows, logId);
      index.add(rows.flatMap((row) => this.#searchable(row)));
      this.#hold(index, rows.length);
      const last = rows.at(-1);
      if (rows.length < stepRows || !last) return;
      from = last.id;
    }
  }

  /** What marks entries of a log, as far as both are the entries that were meant. Most logs have no marks: they cost one look. */
  marksIn(logId: number): (id: number) => MarkFound[] {
    if (!this.#withIndex((index) => index.hasMarks(logId))) return () => [];
    return (id) => this.#marksOf(id);
  }
  #marksOf(id: number): MarkFound[] {
    const { journal } = this.#parts;
    return this.#withIndex((index) => index.marksOf(id)).filter(
      ({ log, ofSeq, ofHash, bySeq, byHash }) =>
        journal.hashAt(log, ofSeq) === ofHash && journal.hashAt(log, bySeq) === byHash,
    );
  }

  /** Ids of a log that have no vector of this model. */
  withoutVector(logId: number, model: string, limit: number): number[] {
    return this.#withIndex((index) => index.withoutVector(logId, model, limit));
  }

  /** Null: this model cannot embed the text, and is not asked again. */
  setVector(id: number, model: string, values: Float32Array | null): void {
    this.#withIndex((index) => {
      index.setVector(id, model, values);
      this.#hold(index, 1);
    });
  }

  /** Begins a new file: in the present one there are words and vectors of erased memories, also in parts that it does not use any more. */
  renew(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#shut();
    this.#added = [];
    this.#removed = [];
    removeFiles(this.#parts.dir);
  }

  close(): void {
    this.#guarded(() => {
      // An index that was never opened has nothing to write: the next process finds it behind.
      if (!this.#opened) return;
      this.#flush();
      this.#opened?.close();
      this.#opened = null;
    });
    this.#timer?.cancel();
    this.#rest?.cancel();
    this.#shut();
  }

  /** Runs `use` on the index; once more on a new one if the file is found to be damaged. */
  #withIndex<T>(use: (index: IndexFile) => T): T {
    for (let attempt = 0; ; attempt++) {
      try {
        if (!this.#opened) {
          this.#opened = openIndex(this.#parts);
          this.#behindFrom = this.#opened.upto() < this.#parts.journal.lastEntryId() ? this.#opened.upto() : null;
          if (this.#behindFrom !== null) {
            this.#addValues(this.#opened);
            this.#catchUpStep();
          }
        }
        return use(this.#opened);
      } catch (error) {
        const code = (error as { code?: string }).code ?? '';
        // What was held may be gone with it: the next use reads it from the journal again.
        this.#shut();
        if (attempt > 0 || !/^SQLITE_(CORRUPT|NOTADB|IOERR)/.test(code)) throw error;
        this.#parts.log.warn({ code }, 'the memory index was damaged: it is made again from the journal');
        removeFiles(this.#parts.dir);
      }
    }
  }

  /** Of an index that lost its last changes: one of them may have been that an earlier value holds again. */
  #addValues(index: IndexFile): void {
    const { journal } = this.#parts;
    for (const { id: log } of journal.logs())
      for (const key of journal.keys(log)) index.add(journal.aboutKey(log, key).map((each) => ({ ...each, log })));
  }

  /** Indexes a part of the missing entries, so that a large journal does not block the node for seconds. */
  #catchUpStep(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#behindFrom === null || !this.#opened) return;
    const rows = this.#parts.journal.since(this.#behindFrom, stepRows);
    this.#opened.add(rows.flatMap((row) => this.#searchable(row)));
    const last = rows[rows.length - 1];
    this.#behindFrom = rows.length < stepRows ? null : last!.id;
    this.#opened.setUpto(this.#behindFrom ?? this.#parts.journal.lastEntryId());
    this.#hold(this.#opened, rows.length);
    if (this.#behindFrom !== null)
      this.#timer = this.#parts.clock.after(5, () => this.#guarded(() => this.#catchUpStep()));
  }

  /** The entry where it is one that anybody looks for: the value that a key has now is, and no earlier one. */
  #searchable({ kind, payload, ...row }: ReturnType<Journal['since']>[number]): Indexed[] {
    if (payload === null || unsearched.has(kind)) return [];
    const key = keyIn({ kind, payload });
    return key !== null && this.#parts.journal.isKeySetAfter(row.log, key, row.seq) ? [] : [{ ...row, payload }];
  }

  #flush(): void {
    if (this.#added.length === 0 && this.#removed.length === 0) return;
    const additions = this.#added;
    const removals = this.#removed;
    this.#added = [];
    this.#removed = [];
    this.#withIndex((index) => {
      index.transaction(() => {
        index.remove(removals);
        index.add(additions);
        if (this.#behindFrom === null) index.setUpto(Math.max(index.upto(), ...additions.map((each) => each.id)));
      });
      this.#hold(index, additions.length + removals.length);
    });
  }

  #hold(index: IndexFile, changes: number): void {
    this.#held += changes;
    if (this.#held >= maxHeld) this.#writeNow(index);
    else this.#write ??= this.#parts.clock.after(writeAfterMs, () => this.#guarded(() => this.#writeNow(this.#opened)));
  }
  #writeNow(index: IndexFile | null): void {
    this.#write?.cancel();
    this.#write = null;
    this.#held = 0;
    index?.write();
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#parts.log.error({ err: error }, 'the memory index does not work: recall finds nothing until it does');
      this.#shut();
    }
  }
  /** Without what its file does not have. */
  #shut(): void {
    this.#writeNow(null);
    this.#opened?.leave();
    this.#opened = null;
  }
}
