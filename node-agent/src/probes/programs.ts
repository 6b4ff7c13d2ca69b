// Runs an external program from time to time, in the background and with a deadline, and keeps its last answer: a hanging nvidia-smi must
// never delay a heartbeat. The program may be installed later than the node-agent, as a driver is.
import { execFile } from 'node:child_process';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Files } from './files.ts';

/** The output of a program and its exit code: some programs exit with a code of their own beside valid data. */
export interface Printed {
  stdout: string;
  stderr: string;
  code: number;
}
/** `waiting`: no first answer yet; `silent`: the last run gave no answer. */
export type ProgramState<T> =
  | { state: 'absent' }
  | { state: 'waiting' }
  | { state: 'answered'; answer: T }
  | { state: 'silent'; why: string };
interface ProgramWatch<T> {
  readonly now: ProgramState<T>;
  /** Resolves when the first try is over, or at once where there is no such program. */
  readonly first: Promise<void>;
  close(): void;
}
export interface ProgramOptions<T> {
  /** Possible paths; the first that exists is used. */
  paths: string[];
  args: string[];
  /** Null: the output is no answer. */
  read(printed: Printed): T | null;
  everyMs: number;
  deadlineMs: number;
  /** Called after each try. */
  onTried?: (now: ProgramState<T>) => void;
  files: Files;
  clock: Clock;
  log: Log;
}

const maxOutputBytes = 64 * 1024;

export function watchProgram<T>(options: ProgramOptions<T>): ProgramWatch<T> {
  const { files, clock, log } = options;
  const stopping = new AbortController();
  let now: ProgramState<T> = { state: 'waiting' };
  let running = false;
  let notBeforeMs = clock.monotonicMs();

  const set = (next: ProgramState<T>) => {
    if (stopping.signal.aborted) return;
    const why = next.state === 'silent' ? next.why : null;
    if (why !== null && (now.state !== 'silent' || now.why !== why))
      log.warn({ program: options.paths[0], why }, 'a program that measures the machine gives no answer');
    now = next;
    options.onTried?.(now);
  };
  const ask = async (): Promise<void> => {
    if (running || clock.monotonicMs() < notBeforeMs) return;
    const path = options.paths.find((candidate) => files.exists(candidate));
    if (!path) {
      // The program existed before: a driver that is being replaced does not mean that the machine has none.
      set(
        now.state === 'waiting' || now.state === 'absent' ? { state: 'absent' } : silent(`${options.paths[0]} is gone`),
      );
      return;
    }
    running = true;
    const startedMs = clock.monotonicMs();
    const late = new AbortController();
    const ended = run(files.at(path), options.args, AbortSignal.any([late.signal, stopping.signal]));
    void ended.then(() => {
      running = false;
    });
    const printed = await Promise.race([ended, lateAfter(clock, options.deadlineMs, ended)]);
    // A program that takes half a minute loads a driver each time: it is not run again for as long as it took.
    const nowMs = clock.monotonicMs();
    notBeforeMs = nowMs + (nowMs - startedMs);
    if (printed === 'late') {
      // A program that the kernel cannot end (state D) is not awaited, and no second one is started beside it.
      late.abort();
      set(silent(`it did not answer within ${Math.round(options.deadlineMs / 1000)} s`));
    } else {
      const answer = options.read(printed);
      set(answer === null ? silent(firstLine(printed)) : { state: 'answered', answer });
    }
  };
  const first = ask();
  const timer = clock.every(options.everyMs, () => void ask());
  return {
    get now() {
      return now;
    },
    first,
    close() {
      timer.cancel();
      stopping.abort();
    },
  };
}

function silent(why: string): { state: 'silent'; why: string } {
  return { state: 'silent', why };
}

function firstLine({ stdout, stderr, code }: Printed): string {
  const line = `${stdout}\n${stderr}`.split('\n').find((each) => each.trim() !== '');
  return line ? line.trim().slice(0, 200) : `it ended with exit code ${code} and said nothing`;
}

function lateAfter(clock: Clock, deadlineMs: number, ended: Promise<unknown>): Promise<'late'> {
  return new Promise((resolve) => {
    const timer = clock.after(deadlineMs, () => resolve('late'));
    void ended.then(() => timer.cancel());
  });
}

function run(path: string, args: string[], signal: AbortSignal): Promise<Printed> {
  return new Promise((resolve) => {
    execFile(path, args, { killSignal: 'SIGKILL', maxBuffer: maxOutputBytes, signal }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0;
      resolve({ stdout, stderr: stderr || (error && typeof error.code !== 'number' ? error.message : ''), code });
    });
  });
}
