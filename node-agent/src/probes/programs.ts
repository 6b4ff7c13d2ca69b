// Asks an external program now and then, in the background and with a deadline, and remembers its last answer: a hanging
// nvidia-smi must never hold up a heartbeat.
import { execFile } from 'node:child_process';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Files } from './files.ts';

export interface ProgramWatch<T> {
  /** Null before the first answer, where there is no such program, and after it failed. */
  readonly last: T | null;
  /** Resolves with the first answer, or null. */
  readonly first: Promise<T | null>;
  close(): void;
}
export interface ProgramOptions<T> {
  /** Where it may be; the first that exists is used. */
  paths: string[];
  args: string[];
  read(output: string): T | null;
  everyMs: number;
  files: Files;
  clock: Clock;
  log: Log;
}

const deadlineMs = 5_000;

export function watchProgram<T>(options: ProgramOptions<T>): ProgramWatch<T> {
  const { files, clock, log } = options;
  const path = options.paths.find((candidate) => files.exists(candidate));
  if (!path) return { last: null, first: Promise.resolve(null), close() {} };
  const stopping = new AbortController();
  let last: T | null = null;
  let running = false;
  let failing = false;
  const ask = async (): Promise<T | null> => {
    if (running) return last;
    running = true;
    try {
      last = options.read(await run(files.at(path), options.args, stopping.signal));
      failing = false;
    } catch (err) {
      last = null;
      if (!failing && !stopping.signal.aborted) log.warn({ err, path }, 'a program that measures the machine fails');
      failing = true;
    } finally {
      running = false;
    }
    return last;
  };
  const first = ask();
  const timer = clock.every(options.everyMs, () => void ask());
  return {
    get last() {
      return last;
    },
    first,
    close() {
      timer.cancel();
      stopping.abort();
    },
  };
}

function run(path: string, args: string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      path,
      args,
      { timeout: deadlineMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024, signal },
      (error, stdout) => (error ? reject(error) : resolve(stdout)),
    );
  });
}
