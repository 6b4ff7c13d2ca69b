// The SQLite store as the coordinator has it: one thread writes, another one reads, each over its own connection to the same file, so that
// the event loop computes no query and waits for no disk, and neither thread waits for the other. [decision 10] In: calls of the loop and
// of the API. Out: the answers of the threads. This file decides which thread gets which call, and contains nothing about SQLite.
import { availableParallelism } from 'node:os';
import { FleetError, type MemoryHit, type VectorStoreStand } from '@blackroad/protocol';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { DurableChange } from '../../state/change.ts';
import type { Loaded, LoadedHead } from '../../state/rebuild.ts';
import { shownStore, type VectorStoreSettings } from '../../vector-stores/shown-store.ts';
import { isIndexDamage } from '../sqlite/word-index.ts';
import type { Store } from '../store.ts';
import { StoreThread } from './store-thread.ts';

interface WorkerStoreParts {
  /** The path of a file: a database in memory has one connection only. */
  path: string;
  log: Log;
  clock: Clock;
  /** A vector store on another machine; null or missing: the embedded index. */
  vectors?: VectorStoreSettings | null;
  /** Called once when a thread ended by itself: all calls of the store fail from then on, and the process must end. */
  died: (error: Error) => void;
}
export interface WorkerStore extends Store {
  /** How the vector store stands; null: there is none. */
  vectorStore(): VectorStoreStand | null;
}
interface Threads {
  writer: StoreThread;
  /** The writer itself, where two connections cannot share memory. */
  reader: StoreThread;
}

/** A process that stops has ten seconds in all. */
const readsDeadlineMs = 2_000;
const writesDeadlineMs = 4_000;
/** A search takes up to a tenth of a second in a large fleet, so the last of these waits for ten seconds. */
const maxWaitingSearches = 100;
/** Of one search; more find nothing sooner, as they share the memory's speed. [M] */
const searchThreads = 2;
const beginAgainMs = 60_000;

/** Calls that are passed on by name with their arguments. The other calls are written out below. */
type Passed = Exclude<keyof Store, 'load' | 'searchMemory' | 'close'>;
const threadOf: Record<Passed, keyof Threads> = {
  claim: 'writer',
  commit: 'writer',
  putRollups: 'writer',
  pruneRollups: 'writer',
  addUsage: 'writer',
  prune: 'writer',
  copyTo: 'writer',
  task: 'reader',
  taskByIdempotencyKey: 'reader',
  conversationTasks: 'reader',
  tasks: 'reader',
  taskCounts: 'reader',
  events: 'reader',
  audit: 'reader',
  agentVersions: 'reader',
  hardware: 'reader',
  memoryHashes: 'reader',
  memoryLog: 'reader',
  importantMemories: 'reader',
  memoryValue: 'reader',
  memoryValues: 'reader',
  branchEntries: 'reader',
  erasable: 'reader',
  erasedHashes: 'reader',
  erasedAmong: 'reader',
  scrub: 'writer',
  checkpoints: 'reader',
  memoriesToConsolidate: 'reader',
  memoryCount: 'reader',
  memoryTexts: 'reader',
  vectorModels: 'reader',
  lastMemory: 'reader',
  textsToEmbed: 'reader',
  vectorSamples: 'reader',
  putVectors: 'writer',
  setSearchedModel: 'writer',
  dropVectorsBut: 'writer',
  series: 'reader',
  rollups: 'reader',
  lastRollupS: 'reader',
  usageUptoMs: 'reader',
  usage: 'reader',
  usageRows: 'reader',
  endedFrom: 'reader',
};

/** Opens or creates the file, and upgrades its schema. Rejects with FleetError `storage-failed`. */
export async function openWorkerStore(parts: WorkerStoreParts): Promise<WorkerStore> {
  const threads = await openThreads(parts);
  const searcher = new Searcher(parts, threads.writer !== threads.reader);
  const searches = new Searches(threads, searcher);
  if (parts.vectors) searcher.keep();
  let closing: Promise<void> | null = null;
  return {
    ...passedOn(threads),
    vectorStore: () => searcher.stand,
    load: () => load(threads.writer),
    searchMemory: (query) => searches.search(query),
    close() {
      closing ??= close(threads, searcher, parts);
      return closing;
    },
  };
}

async function openThreads({ path, log, died }: WorkerStoreParts): Promise<Threads> {
  let isOpen = false;
  const ended = (error: FleetError) => {
    for (const thread of [writer, reader]) thread.refuse(error);
    if (isOpen) died(error);
  };
  const writer = new StoreThread('writer', log, ended);
  const reader = new StoreThread('reader', log, ended);
  try {
    const { isShared } = await writer.call('openWriter', [path]);
    if (isShared) await reader.call('openReader', [path]);
    else await reader.end();
    isOpen = true;
    if (isShared) return { writer, reader };
    const text = 'the file system of the database shares no memory: one thread reads and writes, one after the other';
    log.warn({ path }, text);
    return { writer, reader: writer };
  } catch (error) {
    await Promise.all([writer.end(), reader.end()]);
    throw error;
  }
}

function passedOn(threads: Threads): Pick<Store, Passed> {
  const names = Object.keys(threadOf) as Passed[];
  const calls = names.map((name) => [name, (...args: never) => threads[threadOf[name]].call(name, args)]);
  return Object.fromEntries(calls);
}

async function load(writer: StoreThread): Promise<Loaded> {
  const changes: DurableChange[][] = [];
  const heads: LoadedHead[][] = [];
  await writer.call('load', [], (part) => {
    if ('changes' in part) changes.push(part.changes);
    else heads.push(part.heads);
  });
  return { changes: emptying(changes), heads: emptying(heads) };
}
/** Removes each row as it is read, so that a large fleet is not in memory twice while the view is made. */
function* emptying<T>(parts: T[][]): Generator<T> {
  for (let part = parts.shift(); part; part = parts.shift()) yield* part;
}

type SearchQuery = Parameters<Store['searchMemory']>[0];

/** Of all reads only searches are slow. The reader gets one at a time, so that a read of the loop waits for one search at most. */
class Searches {
  readonly #threads: Threads;
  readonly #searcher: Searcher;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(threads: Threads, searcher: Searcher) {
    this.#threads = threads;
    this.#searcher = searcher;
  }

  async search(query: SearchQuery): Promise<MemoryHit[]> {
    if (this.#waiting >= maxWaitingSearches) {
      const detail = `${maxWaitingSearches} searches are waiting; try again.`;
      throw new FleetError('unavailable', { detail, retryAfterSeconds: 5 });
    }
    this.#waiting++;
    // Other machines are asked at the same time, the database one search at a time.
    const candidates = this.#searcher.candidates(query);
    const found = Promise.all([candidates, this.#last]).then(([ids]) => this.#find(query, ids));
    this.#last = found.catch(() => {}); // its caller gets the error
    return found.finally(() => this.#waiting--);
  }
  async #find(asked: SearchQuery, ids: readonly number[] | null): Promise<MemoryHit[]> {
    const { writer, reader } = this.#threads;
    const query = withoutCalls(asked);
    const thread = (query.vector && (await this.#searcher.thread())) || reader;
    try {
      return await (ids === null || thread === reader
        ? thread.call('searchMemory', [query])
        : thread.call('searchAmong', [query, ids]));
    } catch (error) {
      if (!isIndexDamage((error as Error).cause)) throw error;
      // Only the writer can repair the index.
      await writer.call('rebuildWords', ['it was damaged']);
      return reader.call('searchMemory', [query]);
    }
  }
}

/**
 * The thread that has the index of vectors, or asks the store of vectors. It begins with the first search by meaning, as it costs memory that a fleet without such searches
 * does not need. Without it such a search is done by the reader, over the newest vectors.
 */
class Searcher {
  /** Null: no other connection can read. */
  readonly #parts: WorkerStoreParts | null;
  #thread: Promise<StoreThread | null> | null = null;
  #againMs = 0;
  #stand: VectorStoreStand | null;

  constructor(parts: WorkerStoreParts, isShared: boolean) {
    this.#parts = isShared ? parts : null;
    const unused = { sinceMs: parts.clock.nowMs(), waiting: 0, owed: 0, without: 0 };
    const why = isShared ? 'It was not asked yet.' : `The file system of the database shares no memory.`;
    const state = isShared ? 'away' : 'refused';
    this.#stand = parts.vectors ? { store: shownStore(parts.vectors), state, ...unused, why } : null;
  }
  async thread(): Promise<StoreThread | null> {
    const { clock } = this.#parts ?? {};
    if (!clock || clock.monotonicMs() < this.#againMs) return null;
    this.#thread ??= this.#begin();
    return this.#thread;
  }
  get stand(): VectorStoreStand | null {
    return this.#stand;
  }
  /** Ids that the vector store gives; null: there is none, or it gives none, which it has told the query. */
  async candidates(query: SearchQuery): Promise<readonly number[] | null> {
    // What has a tag is found by its words.
    if (!this.#parts?.vectors || !query.vector || query.tag !== undefined) return null;
    const thread = await this.thread();
    const found = await thread?.call('candidates', [withoutCalls(query)]).catch(() => null);
    if (found && 'ids' in found) return found.ids;
    query.onWithoutStore?.(found?.why ?? 'Its thread has ended.');
    return null;
  }
  /** From now on there is always one: what the store is owed is not to wait for a search. */
  keep(): void {
    const { clock, vectors } = this.#parts ?? {};
    if (!clock || !vectors) return;
    void this.thread();
  }
  /** No other one begins. Returns the present one, for the caller to close. */
  over(): Promise<StoreThread | null> {
    this.#againMs = Number.POSITIVE_INFINITY;
    return this.#thread ?? Promise.resolve(null);
  }

  async #begin(): Promise<StoreThread | null> {
    const { path, log, clock, vectors } = this.#parts as WorkerStoreParts;
    const ended = (err: Error) => {
      log.error(
        { err },
        'the thread with the index of memory vectors ended: searches look at the newest vectors alone for a while',
      );
      this.#thread = null;
      this.#againMs = clock.monotonicMs() + beginAgainMs;
      const why = 'The thread that asks it has ended.';
      if (this.#stand) this.#stand = { ...this.#stand, state: 'away', sinceMs: clock.nowMs(), why };
      clock.after(beginAgainMs + 1_000, () => this.keep());
    };
    const thread = new StoreThread('searcher', log, ended, (stand) => {
      this.#stand = stand;
    });
    try {
      if (vectors) await thread.call('openFollower', [path, vectors]);
      else await thread.call('openSearcher', [path, Math.min(searchThreads, availableParallelism())]);
      return thread;
    } catch (error) {
      ended(error as Error);
      await thread.end();
      return null;
    }
  }
}

/** Functions do not cross to a thread. */
function withoutCalls({ onWithoutStore: _, ...query }: SearchQuery): SearchQuery {
  return query;
}

/** Earlier calls are answered. The reader ends first, as the last connection to close copies the log into the file. */
async function close({ writer, reader }: Threads, searcher: Searcher, { log, clock }: WorkerStoreParts): Promise<void> {
  const closed = async (thread: StoreThread, deadlineMs: number, what: string) => {
    const late = () => new FleetError('storage-failed', { detail: `close: the ${what} were not through in time` });
    try {
      await withDeadline(clock, deadlineMs, thread.call('close', []), late);
    } finally {
      // The end of the thread is not waited for: its present statement may take long.
      void thread.end();
    }
  };
  const read = (thread: StoreThread | null) =>
    thread === null || thread === writer
      ? undefined
      : closed(thread, readsDeadlineMs, 'reads').catch((error) =>
          log.warn({ err: error }, 'the database is closed before all is read that was asked for'),
        );
  await Promise.all([read(reader), searcher.over().then(read)]);
  await closed(writer, writesDeadlineMs, 'writes');
}
