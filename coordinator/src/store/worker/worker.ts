// A worker thread of the store: one connection to the database file, and calls that are done one after the other. The thread begins here.
// In: calls with a number. Out: their answers or errors with the same number, and lines for the coordinator's log. It decides nothing, and
// never ends by itself: the coordinator's thread ends it.
import { parentPort } from 'node:worker_threads';
import type { MemoryHit, VectorStoreStand } from '@blackroad/protocol';
import { systemClock as clock } from '@blackroad/std/clock';
import { systemRandom as random } from '@blackroad/std/random';
import { type SentLine, sentLog } from '@blackroad/std/sent-log';
import type { DurableChange } from '../../state/change.ts';
import type { LoadedHead } from '../../state/rebuild.ts';
import { openVectorStore } from '../../vector-stores/open-vector-store.ts';
import type { VectorStoreSettings } from '../../vector-stores/shown-store.ts';
import {
  type Database,
  emptyLongLog,
  openDatabase,
  openReadingDatabase,
  openSharedDatabase,
} from '../sqlite/database.ts';
import { guarded } from '../sqlite/failure.ts';
import { holdFile } from '../sqlite/file-lock.ts';
import { IndexedVectors } from '../sqlite/indexed-vectors.ts';
import { candidatesOf } from '../sqlite/memory-search.ts';
import { nearestAmong, scannedVectors } from '../sqlite/near-vectors.ts';
import { openSqliteStore, sqliteStore } from '../sqlite/sqlite-store.ts';
import { type Candidates, VectorStoreFollower } from '../sqlite/vector-store-follower.ts';
import { rebuildWords } from '../sqlite/word-index.ts';
import type { Store } from '../store.ts';
import { type CrossingError, toCross } from './crossing-error.ts';

/** The calls of a thread: the writer has all of them, the reader those that read. */
export interface WorkerCalls extends Omit<Store, 'load'> {
  /** Called once, before all other calls. `isShared`: another connection can read meanwhile, which some file systems do not allow. */
  openWriter(path: string): Promise<{ isShared: boolean }>;
  openReader(path: string): Promise<void>;
  /** A reader that has an index of vectors, which `threads` threads scan. */
  openSearcher(path: string, threads: number): Promise<void>;
  /** A reader that asks a vector store on another machine, and keeps it in step with the database. */
  openFollower(path: string, settings: VectorStoreSettings): Promise<void>;
  candidates(query: SearchQuery): Promise<Candidates>;
  /** Searches among candidates of the vector store. */
  searchAmong(query: SearchQuery, ids: readonly number[]): Promise<MemoryHit[]>;
  /** All rows of one moment, in parts, each of which is a message. */
  load(): Promise<void>;
  rebuildWords(why: string): Promise<void>;
}
export type Asked = {
  [C in keyof WorkerCalls]: { id: number; call: C; args: Parameters<WorkerCalls[C]> };
}[keyof WorkerCalls];
export type LoadedPart = { changes: DurableChange[] } | { heads: LoadedHead[] };
type SearchQuery = Parameters<Store['searchMemory']>[0];
export type Told =
  | { stand: VectorStoreStand }
  | { id: number; value: unknown }
  | { id: number; part: LoadedPart }
  | { id: number; error: CrossingError }
  | SentLine;

/** Rows of one message: the receiving thread reads them in a few milliseconds. */
const partRows = 500;
/** Between two looks for changed vectors; a search looks by itself. */
const restMs = 1_000;

const tell = (told: Told) => parentPort?.postMessage(told);
const log = sentLog(tell);

/** A store on the same network answers in some milliseconds; one in another country within this. */
const searchWithinMs = 1_000;

interface Opened {
  /** Only of the thread that asks a vector store. */
  follower?: Pick<WorkerCalls, 'candidates' | 'searchAmong'>;
  db: Database;
  store: Store;
  /** Before each call. */
  prepare(): void;
  /** After the database was closed. */
  release(): void | Promise<void>;
}
let opened: Opened | null = null;
const nothing = () => {};

async function openWriter(path: string): Promise<{ isShared: boolean }> {
  const lock = holdFile(path);
  const shared = openSharedDatabase(path);
  const db = shared ?? openDatabase(path);
  const store = await openSqliteStore({ path, log, clock }, db);
  opened = { db, store, prepare: nothing, release: lock.release };
  return { isShared: shared !== null };
}
function openReader(path: string): void {
  const db = openReadingDatabase(path);
  const store = guarded(`open ${path}`, () => sqliteStore(db, log, clock, true));
  opened = { db, store, prepare: () => emptyLongLog(db, path), release: nothing };
}
function openSearcher(path: string, threads: number): void {
  const db = openReadingDatabase(path);
  const index = new IndexedVectors(db, log, threads, `${path}-vectors`);
  const store = guarded(`open ${path}`, () => sqliteStore(db, log, clock, true, (...query) => index.near(...query)));
  // Work and searches take turns: a search that came meanwhile is next. A database that is closed has no more of it.
  const work = () => {
    if (db.open) clock.after(worked(index) ? 0 : restMs, () => clock.soon(work));
  };
  clock.soon(work);
  opened = { db, store, prepare: nothing, release: () => index.close() };
}
async function openFollower(path: string, settings: VectorStoreSettings): Promise<void> {
  const db = openReadingDatabase(path);
  const vectorStore = await openVectorStore(settings, log);
  const told = (stand: VectorStoreStand) => tell({ stand });
  const follower = new VectorStoreFollower({
    ...{ db, path: `${path}-vector-store.json`, store: vectorStore, log, clock, random, searchWithinMs, told },
  });
  const [scanned, among] = [scannedVectors(db), nearestAmong(db)];
  /** Of the search that is being done; null: the store gave none. */
  let ids: readonly number[] | null = null;
  const store = guarded(`open ${path}`, () =>
    sqliteStore(db, log, clock, true, (...query) => (ids === null ? scanned(...query) : among(...query, ids))),
  );
  follower.start();
  opened = {
    ...{ db, store, prepare: nothing, release: () => follower.close() },
    follower: {
      candidates: ({ vector, limit, ...filter }) =>
        vector ? follower.candidates(vector, filter, candidatesOf(limit)) : Promise.resolve({ ids: [] }),
      searchAmong(query, candidates) {
        ids = candidates;
        try {
          // It is through when it returns: it waits for nothing.
          return store.searchMemory(query);
        } finally {
          ids = null;
        }
      },
    },
  };
}
/** What fails here fails again in the next search, which tells it. */
function worked(index: IndexedVectors): boolean {
  try {
    return index.work();
  } catch (err) {
    log.error({ err }, 'the index of memory vectors could not be renewed');
    return false;
  }
}

async function answer({ id, call, args }: Asked): Promise<unknown> {
  if (call === 'openWriter') return openWriter(...args);
  if (call === 'openReader') return openReader(...args);
  if (call === 'openSearcher') return openSearcher(...args);
  if (call === 'openFollower') return openFollower(...args);
  if (opened === null) throw new Error('the database was never opened');
  const { db, store, prepare, release, follower } = opened;
  prepare();
  switch (call) {
    case 'load': {
      const { changes, heads } = await store.load();
      for (const part of slices(changes)) tell({ id, part: { changes: part } });
      for (const part of slices(heads)) tell({ id, part: { heads: part } });
      return;
    }
    case 'rebuildWords': {
      const [why] = args;
      return guarded('search memory', () => rebuildWords(db, log, why));
    }
    case 'candidates':
    case 'searchAmong': {
      if (!follower) throw new Error('this thread asks no vector store');
      return (follower[call] as (...args: unknown[]) => Promise<unknown>)(...args);
    }
    case 'close':
      if (follower) await release();
      await store.close();
      return follower ? undefined : release();
    default:
      return (store[call] as (...args: unknown[]) => Promise<unknown>)(...args);
  }
}
function* slices<T>(rows: Iterable<T>): Generator<T[]> {
  let slice: T[] = [];
  for (const row of rows) {
    if (slice.push(row) < partRows) continue;
    yield slice;
    slice = [];
  }
  yield slice;
}

parentPort?.on('message', (asked: Asked) => {
  const { id } = asked;
  answer(asked)
    .then((value) => tell({ id, value }))
    .catch((error) => tell({ id, error: toCross(error) }));
});
