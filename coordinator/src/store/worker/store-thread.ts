// One worker thread of the store, seen from the coordinator's thread: calls are sent with a number, and their answers have the same number,
// in any order. In: calls. Out: their answers; log lines of the worker go into the coordinator's log. When the thread ends, or sends a
// message that cannot be read, all waiting calls fail, and so does every later one.
import { Worker } from 'node:worker_threads';
import { FleetError, type VectorStoreStand } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import { isBundle } from '@blackroad/std/own-version';
import { storageFailure } from '../sqlite/failure.ts';
import { fromCrossing } from './crossing-error.ts';
import type { Asked, LoadedPart, Told, WorkerCalls } from './worker.ts';

const workerFile = isBundle(import.meta.url) ? './store-worker.mjs' : './worker.ts';
/** The limit of one thread, equal to that of waiting inputs: each may begin with a read of the store. */
const maxWaitingCalls = 50_000;

/** [M] Three threads with Node's own size of the young generation had 48 MB more, and used as much processor time. */
const resourceLimits = { maxYoungGenerationSizeMb: 4 };

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
  onPart: (part: LoadedPart) => void;
}

export class StoreThread {
  readonly #worker: Worker;
  readonly #log: Log;
  readonly #onStand: (stand: VectorStoreStand) => void;
  readonly #gone: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;
  /** The reason why it accepts no calls any more. */
  #over: FleetError | null = null;

  /** `died`: called once, when the thread ended by itself. `onStand`: how the vector store stands that the thread asks. */
  constructor(
    role: 'writer' | 'reader' | 'searcher',
    log: Log,
    died: (error: FleetError) => void,
    onStand: (stand: VectorStoreStand) => void = () => {},
  ) {
    this.#log = log;
    this.#onStand = onStand;
    this.#worker = new Worker(new URL(workerFile, import.meta.url), { name: `store-${role}`, resourceLimits });
    this.#gone = new Promise((resolve) => this.#worker.once('exit', resolve));
    const fail = (cause: Error) => {
      if (this.#over) return;
      const detail = `the thread that is the ${role} of the database ended`;
      const error = new FleetError('storage-failed', { detail }, { cause });
      this.refuse(error);
      died(error);
    };
    this.#worker.on('message', (told: Told) => this.#told(told));
    this.#worker.on('messageerror', fail);
    this.#worker.on('error', fail);
    this.#worker.on('exit', (code) => fail(new Error(`its exit code is ${code}`)));
  }

  call<C extends keyof WorkerCalls>(
    name: C,
    args: Parameters<WorkerCalls[C]>,
    onPart: (part: LoadedPart) => void = () => {},
  ): ReturnType<WorkerCalls[C]> {
    return new Promise((resolve, reject) => {
      if (this.#over) throw this.#over;
      if (this.#waiting.size >= maxWaitingCalls) {
        const detail = `${maxWaitingCalls} calls of the database are waiting; try again.`;
        throw new FleetError('unavailable', { detail, retryAfterSeconds: 1 });
      }
      const id = ++this.#asked;
      try {
        this.#worker.postMessage({ id, call: name, args } as Asked);
      } catch (cause) {
        throw storageFailure(`copy what ${name} is given`, cause);
      }
      this.#waiting.set(id, { resolve, reject, onPart });
    }) as ReturnType<WorkerCalls[C]>;
  }

  /** Refuses all further calls and fails the waiting ones; the thread ends after its present statement. */
  refuse(error: FleetError): void {
    if (this.#over) return;
    this.#over = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    void this.#worker.terminate();
  }
  /** Resolves when the thread is gone. */
  async end(): Promise<void> {
    this.refuse(new FleetError('storage-failed', { detail: 'the store is closed' }));
    await this.#gone;
  }

  #told(told: Told): void {
    if ('log' in told) {
      this.#log[told.log](told.fields, told.text);
      return;
    }
    if ('stand' in told) {
      this.#onStand(told.stand);
      return;
    }
    const waiting = this.#waiting.get(told.id);
    if (!waiting) return;
    if ('part' in told) {
      waiting.onPart(told.part);
      return;
    }
    this.#waiting.delete(told.id);
    if ('error' in told) waiting.reject(fromCrossing(told.error));
    else waiting.resolve(told.value as never);
  }
}
