// Takes the text out of documents, one after the other, each in a process of its own: a PDF of a stranger is hostile input. In: the path of a
// file, and its name. Out: its parts, or a FleetError whose words are for who gave it. What takes too long or too much memory is killed.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { FleetError } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { isBundle } from '@blackroad/std/own-version';
import type { ReadAnswer, ReadOrder } from './process.ts';
import type { ReadDocument } from './read-document.ts';

const processFile = new URL(isBundle(import.meta.url) ? './document.mjs' : './process.ts', import.meta.url);
/** A Pi reads 300 pages in a quarter of it. */
const deadlineMs = 120_000;
const heapMb = 512;
/** To read files, and nothing else. */
const rights = ['--permission', '--allow-fs-read=*', '--no-warnings'];
/** All of the process; what is outside the heap counts here alone. */
const maxResidentBytes = 1024 ** 3;
const lookMs = 250;
const maxWaiting = 8;
const pageBytes = 4096;

export class DocumentReader {
  readonly #parts: { clock: Clock; log: Log; limits: { deadlineMs: number; maxResidentBytes: number } };
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #kill: (() => void) | null = null;
  #isStopped = false;

  constructor(parts: { clock: Clock; log: Log; limits?: { deadlineMs: number; maxResidentBytes: number } }) {
    this.#parts = { limits: { deadlineMs, maxResidentBytes }, ...parts };
  }

  read(path: string, name: string): Promise<ReadDocument> {
    if (this.#waiting >= maxWaiting)
      throw new FleetError('unavailable', {
        detail: 'Other documents are being read; try again.',
        retryAfterSeconds: 10,
      });
    this.#waiting++;
    const read = this.#last.then(() => this.#readOne({ path, name }));
    this.#last = read.catch(() => {}).finally(() => this.#waiting--);
    return read;
  }

  stop(): void {
    this.#isStopped = true;
    this.#kill?.();
  }

  #readOne(order: ReadOrder): Promise<ReadDocument> {
    if (this.#isStopped)
      throw new FleetError('unavailable', { detail: 'The coordinator is stopping.', retryAfterSeconds: 5 });
    const { clock, log, limits } = this.#parts;
    return new Promise((resolve, reject) => {
      const child = fork(processFile, [], {
        // What NODE_OPTIONS load for the coordinator, such as tracing, is not for it, and could not run with these rights.
        execPath: '/usr/bin/env',
        execArgv: ['-u', 'NODE_OPTIONS', process.execPath, `--max-old-space-size=${heapMb}`, ...rights],
        env: {},
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      });
      const refuse = (detail: string) =>
        reject(new FleetError('document-refused', { detail: `${order.name}: ${detail}` }));
      const late = clock.after(limits.deadlineMs, () => {
        refuse(`its text did not come out within ${limits.deadlineMs / 1000} s`);
        child.kill('SIGKILL');
      });
      const looking = clock.every(lookMs, () => {
        if (residentBytes(child.pid) <= limits.maxResidentBytes) return;
        refuse(`reading it takes more than ${limits.maxResidentBytes / 1024 ** 2} MiB of memory`);
        child.kill('SIGKILL');
      });
      this.#kill = () => void child.kill('SIGKILL');
      child.once('message', (answer: ReadAnswer) => {
        child.disconnect();
        if ('parts' in answer) resolve(answer);
        else if ('problem' in answer) refuse(answer.problem);
        else {
          log.warn({ document: order.name, fault: answer.fault }, 'a document could not be read');
          refuse('it cannot be read: it is damaged, or made in a way that is not known here');
        }
      });
      child.once('error', (error) => reject(error));
      child.once('exit', (_, signal) => {
        late.cancel();
        looking.cancel();
        this.#kill = null;
        // The heap was full, or the system had no memory left; after an answer this says nothing.
        refuse(`reading it took more memory than there is for it${signal ? ` (${signal})` : ''}`);
      });
      child.send(order);
    });
  }
}

/** 0 where the system does not tell. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes;
  } catch {
    return 0;
  }
}
