// Threads that scan a part of the rows each, at the word of the thread that owns the index. Between two searches they sleep in Atomics.wait. In: a
// search. Out: its best candidates of all parts. A thread that does not answer in time is not asked again: the owner scans its part too.
import { Worker } from 'node:worker_threads';
import { systemClock as clock } from '@blackroad/std/clock';
import { isBundle } from '@blackroad/std/own-version';
import { layout, scansOf } from '@blackroad/std/vectors/code-scan';
import { type PlanesJob, planesStep } from '@blackroad/std/vectors/planes';
import { signGroup } from '@blackroad/std/vectors/row-tail';
import { type Found, keepBest, newFound } from '@blackroad/std/vectors/scan';
import type { SharedMemory } from '@blackroad/std/vectors/web-assembly';

const threadFile = isBundle(import.meta.url) ? './scan-thread.mjs' : './scan-thread.ts';
const answerWithinMs = 2_000;
/** A scan leaves next to nothing, which by itself would be kept until there are 16 MB of it. */
const resourceLimits = { maxYoungGenerationSizeMb: 1 };

/** Words of 32 bits at the beginning of the memory: what is asked, and who is done. */
export const word = {
  job: 0,
  done: 1,
  ready: 2,
  stop: 3,
  rows: 4,
  size: 5,
  wanted: 6,
  agents: 7,
  kinds: 8,
  threads: 9,
  sum: 10,
  signScale: 11,
  signBase: 12,
  unit: 13,
  found: 16,
} as const;

export interface ThreadData {
  memory: SharedMemory;
  thread: number;
}

/** The rows of a thread: whole groups. */
export function partOf(thread: number, threads: number, rows: number): { from: number; to: number } {
  const groups = Math.ceil(rows / signGroup);
  const at = (n: number) => Math.floor((groups * n) / threads) * signGroup;
  return { from: at(thread), to: at(thread + 1) };
}
const wholeWords = ['size', 'wanted', 'agents', 'kinds'] as const;
const floatWords = ['sum', 'signScale', 'signBase', 'unit'] as const;
const viewsOf = ({ buffer }: SharedMemory) => [new Int32Array(buffer, 0, 64), new Float32Array(buffer, 0, 64)] as const;
function putJob(memory: SharedMemory, job: PlanesJob): void {
  const [words, floats] = viewsOf(memory);
  for (const name of wholeWords) words[word[name]] = job[name];
  for (const name of floatWords) floats[word[name]] = job[name];
}
export function jobOf(memory: SharedMemory): PlanesJob {
  const [words, floats] = viewsOf(memory);
  const whole = wholeWords.map((name) => [name, words[word[name]]]);
  const parts = floatWords.map((name) => [name, floats[word[name]]]);
  return Object.fromEntries([...whole, ...parts]) as PlanesJob;
}

export class ScanThreads {
  readonly #memory: SharedMemory;
  readonly #scans;
  readonly #words: Int32Array;
  readonly #found = newFound();
  #helpers: Worker[] = [];
  #jobs = 0;

  /** `count` threads in all, the caller's one among them. */
  constructor(memory: SharedMemory, count: number) {
    this.#memory = memory;
    this.#scans = scansOf(memory);
    this.#words = new Int32Array(memory.buffer, 0, 64);
    for (let thread = 1; thread < Math.min(count, layout.maxThreads); thread++) {
      const workerData: ThreadData = { memory, thread };
      const options = { name: `scan-${thread}`, workerData, resourceLimits };
      const worker = new Worker(new URL(threadFile, import.meta.url), options);
      worker.unref();
      worker.on('error', () => this.#alone());
      this.#helpers.push(worker);
    }
  }

  scan(job: PlanesJob, rows: number): Found {
    const helpers = this.isReady ? this.#helpers.length : 0;
    const threads = helpers + 1;
    const words = this.#words;
    if (helpers > 0) {
      putJob(this.#memory, job);
      words[word.rows] = rows;
      words[word.threads] = threads;
      Atomics.store(words, word.done, 0);
      Atomics.store(words, word.job, ++this.#jobs);
      Atomics.notify(words, word.job);
    }
    const found = this.#found;
    const { from, to } = partOf(0, threads, rows);
    keepBest(planesStep(this.#scans, 0, from, to, job), this.#memory.buffer, 0, job.wanted, found);
    if (helpers === 0) return found;
    if (!this.#waited(word.done, helpers, answerWithinMs)) {
      this.#alone();
      return this.scan(job, rows);
    }
    for (let thread = 1; thread < threads; thread++) this.#add(found, thread);
    return found;
  }

  stop(): void {
    this.#alone();
  }

  #add(found: Found, thread: number): void {
    const at = layout.found + thread * layout.foundBytes;
    const count = this.#words[word.found + thread] as number;
    const scores = new Float32Array(this.#memory.buffer, at, count);
    const ids = new Uint32Array(this.#memory.buffer, at + layout.foundBytes / 2, count);
    found.scores.set(scores, found.count);
    found.ids.set(ids, found.count);
    found.count += count;
  }
  /** Whether the other threads are there: one that starts takes no part yet. */
  get isReady(): boolean {
    return this.#helpers.length > 0 && Atomics.load(this.#words, word.ready) >= this.#helpers.length;
  }
  #waited(which: number, count: number, withinMs: number): boolean {
    const endMs = clock.monotonicMs() + withinMs;
    for (;;) {
      const have = Atomics.load(this.#words, which);
      if (have >= count) return true;
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) return false;
      Atomics.wait(this.#words, which, have, leftMs);
    }
  }
  #alone(): void {
    Atomics.store(this.#words, word.stop, 1);
    Atomics.add(this.#words, word.job, 1);
    Atomics.notify(this.#words, word.job);
    for (const helper of this.#helpers) void helper.terminate();
    this.#helpers = [];
  }
}
