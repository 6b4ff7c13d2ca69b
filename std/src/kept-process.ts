// A process beside this one, which is started with it, started again when it ends, and ended with it. In: its file, what is told and heard over the
// channel. Out: what it says, and that it ended. Whoever keeps it decides what its end means.
import { type ChildProcess, fork } from 'node:child_process';
import { type Backoff, backoffMs } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';
import type { Log } from './log.ts';
import { lowerPriority } from './lower-priority.ts';
import type { Random } from './random.ts';

interface KeptProcessParts<Said, Told> {
  /** `the model cache`: of the process, in the log. */
  name: string;
  path: string;
  /** Whether bytes go over the channel as they are. */
  isBinary?: boolean;
  /** Steps of Linux by which it gives others the processor first. */
  niceness?: number;
  restart: Backoff;
  /** What each new process is told first. */
  greeting(): Told;
  heard(said: Said): void;
  /** It ended by itself, or was ended, and is away. `words`: why, and that it is started again; null: it was stopped. */
  ended(words: string | null): void;
  clock: Clock;
  random: Random;
  log: Log;
}

/** A process that lived for so long has not failed at its start. */
const livedMs = 60_000;
const stopWithinMs = 4_000;

export class KeptProcess<Said, Told extends object> {
  readonly #parts: KeptProcessParts<Said, Told>;
  #child: ChildProcess | null = null;
  #again: Timer | null = null;
  #isStopped = false;
  #failures = 0;

  constructor(parts: KeptProcessParts<Said, Told>) {
    this.#parts = parts;
  }

  get isThere(): boolean {
    return this.#child !== null;
  }
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { name, path, isBinary, niceness, greeting, heard, clock, log } = this.#parts;
    const startedMs = clock.monotonicMs();
    const child = fork(path, [], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      serialization: isBinary ? 'advanced' : 'json',
      // Its lines come over the channel; what Node itself prints goes where ours goes.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    if (niceness !== undefined) child.on('spawn', () => lowerPriority(child.pid, niceness));
    child.on('error', (error) => log.error({ err: error }, `the process of ${name} cannot be started`));
    child.on('message', (message) => {
      if (child === this.#child) heard(message as Said);
    });
    child.on('close', (code, signal) => this.#ended(startedMs, code ?? signal));
    this.tell(greeting());
  }

  /** A process that is away is told nothing. */
  tell(message: Told): void {
    this.#child?.send(message, () => {}); // a child that is gone is noticed by its end
  }

  /** Ends it whatever it does; it is started again. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#again?.cancel();
    const child = this.#child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const kill = this.#parts.clock.after(stopWithinMs, () => child.kill('SIGKILL'));
    await gone;
    kill.cancel();
  }

  #ended(startedMs: number, how: number | string | null): void {
    const { name, ended, restart, clock, random, log } = this.#parts;
    this.#child = null;
    ended(this.#isStopped ? null : `its process ended (${how}), and is started again`);
    if (this.#isStopped) return;
    if (clock.monotonicMs() - startedMs > livedMs) this.#failures = 0;
    const delayMs = backoffMs(restart, this.#failures++, random);
    log.error({ how, delayMs: Math.round(delayMs) }, `the process of ${name} ended, and is started again`);
    this.#again = clock.after(delayMs, () => this.start());
  }
}
