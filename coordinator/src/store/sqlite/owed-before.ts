// What a vector store has confirmed, in a file beside the database: a coordinator that starts while the store is away knows by it what erasures it is
// owed. In: places. Out: a number. Where the store answers, its own notes count, and this file is written anew.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Kept, vectorRows } from './vector-rows.ts';
import { goneAfter, type VectorStorePlace } from './vector-store-place.ts';

interface Confirmed extends Kept {
  /** Removals of changes up to this one. */
  upto: number;
}
interface Written {
  store: string;
  places: Confirmed[];
}
/** Of one look: a search that comes meanwhile waits for it. */
const piecesAtOnce = 20;

export class OwedBefore {
  readonly #path: string;
  readonly #store: string;
  readonly #rows: ReturnType<typeof vectorRows>;
  #places: Confirmed[] = [];
  readonly #erased = new Set<number>();
  #from = 0;
  #written = '';

  constructor(path: string, store: string, rows: ReturnType<typeof vectorRows>) {
    this.#path = path;
    this.#store = store;
    this.#rows = rows;
    this.#begin(read(path, store));
  }
  get owed(): number {
    return this.#erased.size;
  }

  get waiting(): number {
    return Math.max(0, this.#rows.lastChange() - this.#from);
  }

  scan(): void {
    for (const place of this.#places)
      for (let piece = 0; piece < piecesAtOnce; piece++) {
        const { erased, upto } = goneAfter(this.#rows, place, place.upto);
        if (upto === place.upto) break;
        place.upto = upto;
        for (const id of erased) this.#erased.add(id);
      }
  }
  keep(places: readonly VectorStorePlace[]): void {
    const confirmed: Confirmed[] = places.map(({ kept, removedUpto }) => ({ ...kept, upto: removedUpto }));
    const text = JSON.stringify({ store: this.#store, places: confirmed } satisfies Written);
    if (text === this.#written) return;
    this.#begin(confirmed);
    // Half of one is read as none: then nothing is known to be owed until the store answers.
    writeFileSync(this.#path, text, { mode: 0o600 });
    this.#written = text;
  }
  #begin(places: Confirmed[]): void {
    this.#places = places;
    this.#from = Math.min(...places.map(({ upto }) => upto), this.#rows.lastChange());
    this.#erased.clear();
  }
}

/** Of another store, or none: nothing is known. */
function read(path: string, store: string): Confirmed[] {
  try {
    const written = JSON.parse(readFileSync(path, 'utf8')) as Partial<Written>;
    if (written.store !== store || !Array.isArray(written.places)) return [];
    return written.places.filter(({ upto, bytes }) => Number.isSafeInteger(upto) && Number.isSafeInteger(bytes));
  } catch {
    return [];
  }
}
