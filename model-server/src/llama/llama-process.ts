// The child process of llama.cpp: started at the first order, started again after a crash, and always ended with this process. In: orders.
// Out: their results, or RuntimeError. A native crash ends only the child: every order it had fails with `unavailable`, and the next order
// starts another child, after growing waits when it keeps crashing.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { lowerPriority } from '@blackroad/std/lower-priority';
import { isBundle } from '@blackroad/std/own-version';
import type { Random } from '@blackroad/std/random';
import { abortedError, RuntimeError } from '../runtime-error.ts';
import type { FromChild, Order, ToChild } from './llama-wire.ts';

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onText?: (text: string) => void;
}

const restarts: Backoff = { firstMs: 500, maxMs: 60_000 };
const maxPending = 256;
const maxLineChars = 2000;

interface LlamaProcessOptions {
  /** Path of the child's code: beside this file, or beside the bundle, unless told. */
  childPath?: string | undefined;
  /** How much it leaves the processor to others, in steps of Linux. */
  niceness?: number;
  clock: Clock;
  random: Random;
  log: Log;
  /** Called when the child has ended; every loaded model is gone with it. */
  onExit: () => void;
}

const ownChild = isBundle(import.meta.url) ? './llama-child.mjs' : './llama-child.ts';

export class LlamaProcess {
  readonly #options: LlamaProcessOptions;
  readonly #pending = new Map<number, Pending>();
  #child: ChildProcess | undefined;
  #nextId = 1;
  #crashes = 0;
  #notBeforeMs = 0;
  #closed = false;

  constructor(options: LlamaProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Runs one order; `onText` receives pieces of a chat. Rejects with RuntimeError. */
  run<T>(order: Order, signal?: AbortSignal, onText?: (text: string) => void): Promise<T> {
    if (this.#closed) return Promise.reject(new RuntimeError('unavailable', 'the runtime is closed'));
    if (signal?.aborted) return Promise.reject(abortedError());
    if (this.#pending.size >= maxPending) return Promise.reject(new RuntimeError('overloaded', 'too many orders wait'));
    let process: ChildProcess;
    try {
      this.#child ??= this.#start();
      process = this.#child;
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const id = this.#nextId++;
    this.#hold(process);
    return new Promise<T>((resolve, reject) => {
      const settle = () => {
        this.#pending.delete(id);
        signal?.removeEventListener('abort', onAbort);
        if (this.#pending.size === 0 && this.#child) this.#release(this.#child);
      };
      const onAbort = () => {
        this.#tell(process, { id, abort: true });
        settle();
        reject(abortedError());
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, {
        onText,
        resolve(value) {
          settle();
          resolve(value as T);
        },
        reject(error) {
          settle();
          reject(error);
        },
      });
      this.#tell(process, { id, order });
    });
  }

  /** Ends the child if no order runs; the next order starts another. */
  rest(): void {
    if (!this.#child || this.#pending.size > 0) return;
    const resting = this.#child;
    this.#child = undefined;
    this.#options.onExit();
    resting.kill('SIGKILL');
  }

  /** Ends the child whatever it does: its orders fail, the next one starts another. */
  end(): void {
    this.#child?.kill('SIGKILL');
  }

  async close(): Promise<void> {
    this.#closed = true;
    const ending = this.#child;
    if (!ending) return;
    ending.ref();
    const exited = new Promise((resolve) => ending.once('exit', resolve));
    // The child has no state to save, and it could not handle SIGTERM during a native call.
    ending.kill('SIGKILL');
    await exited;
  }

  #start(): ChildProcess {
    const waitMs = this.#notBeforeMs - this.#options.clock.monotonicMs();
    if (waitMs > 0) {
      const words = `the embedded runtime crashed ${this.#crashes} times; it starts again in ${Math.ceil(waitMs / 1000)} s`;
      throw new RuntimeError('unavailable', words);
    }
    // Our flags are not for the child; `advanced` transfers vectors without conversion.
    const { childPath = fileURLToPath(new URL(ownChild, import.meta.url)), niceness } = this.#options;
    const started = fork(childPath, [], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [started.stdout, started.stderr]) this.#routeToLog(stream);
    if (niceness !== undefined) started.on('spawn', () => lowerPriority(started.pid, niceness));
    started.on('message', (message) => this.#received(message as FromChild));
    started.on('error', (error) => this.#options.log.error({ err: error }, 'embedded runtime cannot be started'));
    started.on('exit', (code, signal) => this.#ended(started, code, signal));
    this.#release(started);
    return started;
  }

  // llama.cpp writes much to stderr; its lines are logged, cut to a bounded length.
  #routeToLog(stream: ChildProcess['stderr']): void {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!.slice(0, maxLineChars);
      for (const line of lines)
        if (line.trim()) this.#options.log.info({ line: line.slice(0, maxLineChars) }, 'llama.cpp');
    });
  }

  // An idle child must not keep the node-agent alive, one that works must: by its channel, and by its handle too, because the channel of a
  // crashed child closes before the event of its exit.
  #hold(process: ChildProcess): void {
    process.ref();
    process.channel?.ref();
  }

  #release(process: ChildProcess): void {
    process.unref();
    process.channel?.unref();
    for (const stream of [process.stdout, process.stderr]) (stream as { unref?: () => void } | null)?.unref?.();
  }

  #received(message: FromChild): void {
    if ('log' in message) {
      this.#options.log[message.log.level]({ line: message.log.message.slice(0, maxLineChars) }, 'llama.cpp');
      return;
    }
    const order = this.#pending.get(message.id);
    if (!order) return;
    if ('text' in message) order.onText?.(message.text);
    else if ('done' in message) {
      this.#crashes = 0;
      order.resolve(message.done);
    } else order.reject(new RuntimeError(message.failed.code, message.failed.message));
  }

  #ended(process: ChildProcess, code: number | null, signal: string | null): void {
    if (process !== this.#child) return;
    this.#child = undefined;
    if (!this.#closed) {
      const delayMs = this.#crashes === 0 ? 0 : backoffMs(restarts, this.#crashes - 1, this.#options.random);
      this.#crashes++;
      this.#notBeforeMs = this.#options.clock.monotonicMs() + delayMs;
      this.#options.log.warn(
        { code, signal, orders: this.#pending.size },
        'embedded runtime ended; it is started anew when needed',
      );
    }
    this.#options.onExit();
    const words = this.#closed ? 'the runtime is closed' : `the embedded runtime crashed (${signal ?? `exit ${code}`})`;
    for (const order of [...this.#pending.values()]) order.reject(new RuntimeError('unavailable', words));
  }

  #tell(process: ChildProcess, message: ToChild): void {
    // A child that has just ended is reported by its exit event.
    if (process.connected) process.send(message, () => {});
  }
}
