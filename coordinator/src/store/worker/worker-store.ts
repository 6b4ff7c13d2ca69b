// The SQLite store as the coordinator has it: one thread writes, another one reads, each over its own connection to the same file, so that
// the event loop computes no query and waits for no disk, and neither thread waits for the other. [decision 10] In: calls of the loop and
// of the API. Out: the answers of the threads. This file decides which thread gets which call, and contains nothing about SQLite.
import { availableParallelism } from 'node:os';
import { FleetError, type MemoryHit } from '@blackroad/protocol';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { DurableChange } from '../../state/change.ts';
import type { Loaded, LoadedHead } from '../../state/rebuild.ts';
import { isIndexDamage } from '../sqlite/word-index.ts';
import type { Store } from '../store.ts';
import { StoreThread } from './store-thread.ts';

interface WorkerStoreParts {
  /** The path of a file: a database in memory has one connection only. */
  path: string;
  log: Log;
  clock: Clock;
  /** Called once when a thread ended by itself: all calls of the store fail from then on, and the process must end. */
  died: (error: Error) => void;
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
export async function openWorkerStore(parts: WorkerStoreParts): Promise<Store> {
  const threads = await openThreads(parts);
  const searcher = new Searcher(threads.writer === threads.reader ? null : parts);
  const searches = new Searches(threads, searcher);
  let closing: Promise<void> | null = null;
  return {
    ...passedOn(threads),
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

  async search(query: Parameters<Store['searchMemory']>[0]): Promise<MemoryHit[]> {
    if (this.#waiting >= maxWaitingSearches) {
      const detail = `${maxWaitingSearches} searches are waiting; try again.`;
      throw new FleetError('unavailable', { detail, retryAfterSeconds: 5 });
    }
    this.#waiting++;
    const found = this.#last.then(() => this.#find(query));
    this.#last = found.catch(() => {}); // its caller gets the error
    return found.finally(() => this.#waiting--);
  }
  async #find(query: Parameters<Store['searchMemory']>[0]): Promise<MemoryHit[]> {
    const { writer, reader } = this.#threads;
    const thread = (query.vector && (await this.#searcher.thread())) || reader;
    try {
      return await thread.call('searchMemory', [query]);
    } catch (error) {
      if (!isIndexDamage((error as Error).cause)) throw error;
      // Only the writer can repair the index.
      await writer.call('rebuildWords', ['it was damaged']);
      return reader.call('searchMemory', [query]);
    }
  }
}

/**
 * The thread that has the index of vectors. It begins with the first search by meaning, as it costs memory that a fleet without such searches
 * does not need. Without it such a search is done by the reader, over the newest vectors.
 */
class Searcher {
  /** Null: no other connection can read. */
  readonly #parts: WorkerStoreParts | null;
  #thread: Promise<StoreThread | null> | null = null;
  #againMs = 0;

  constructor(parts: WorkerStoreParts | null) {
    this.#parts = parts;
  }
  async thread(): Promise<StoreThread | null> {
    const { clock } = this.#parts ?? {};
    if (!clock || clock.monotonicMs() < this.#againMs) return null;
    this.#thread ??= this.#begin();
    return this.#thread;
  }
  /** No other one begins. Returns the present one, for the caller to close. */
  over(): Promise<StoreThread | null> {
    this.#againMs = Number.POSITIVE_INFINITY;
    return this.#thread ?? Promise.resolve(null);
  }

  async #begin(): Promise<StoreThread | null> {
    const { path, log, clock } = this.#parts as WorkerStoreParts;
    const ended = (err: Error) => {
      log.error(
        { err },
        'the thread with the index of memory vectors ended: searches look at the newest vectors alone for a while',
      );
      this.#thread = null;
      this.#againMs = clock.monotonicMs() + beginAgainMs;
    };
    const thread = new StoreThread('searcher', log, ended);
    try {
      await thread.call('openSearcher', [path, Math.min(searchThreads, availableParallelism())]);
      return thread;
    } catch (error) {
      ended(error as Error);
      await thread.end();
      return null;
    }
  }
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
