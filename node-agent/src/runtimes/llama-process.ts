// The child process of llama.cpp: started at the first order, started again after a crash, and always ended with this process. In: orders.
// Out: their results, or RuntimeError. A native crash ends only the child: every order it had fails with `unavailable`, and the next order
// starts another child, after growing waits when it keeps crashing.
import { type ChildProcess, fork } from 'node:child_process';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { abortedError } from './http-json.ts';
import type { FromChild, Order, ToChild } from './llama-wire.ts';
import { RuntimeError } from './runtime.ts';

interface LlamaProcess {
  /** Runs one order; `onText` receives pieces of a chat. Rejects with RuntimeError. */
  run<T>(order: Order, signal?: AbortSignal, onText?: (text: string) => void): Promise<T>;
  /** Ends the child if no order runs; the next order starts another. */
  rest(): void;
  readonly pid: number | undefined;
  close(): Promise<void>;
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onText?: (text: string) => void;
}

const restarts: Backoff = { firstMs: 500, maxMs: 60_000 };
const maxPending = 256;
const maxLineChars = 2000;

export function createLlamaProcess(options: {
  childPath: string;
  clock: Clock;
  random: Random;
  log: Log;
  /** Called when the child has ended; every loaded model is gone with it. */
  onExit: () => void;
}): LlamaProcess {
  const pending = new Map<number, Pending>();
  let child: ChildProcess | undefined;
  let nextId = 1;
  let crashes = 0;
  let notBeforeMs = 0;
  let closed = false;

  function start(): ChildProcess {
    const waitMs = notBeforeMs - options.clock.monotonicMs();
    if (waitMs > 0) {
      const words = `the embedded runtime crashed ${crashes} times; it starts again in ${Math.ceil(waitMs / 1000)} s`;
      throw new RuntimeError('unavailable', words);
    }
    // Our flags are not for the child; `advanced` transfers vectors without conversion.
    const started = fork(options.childPath, [], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [started.stdout, started.stderr]) routeToLog(stream);
    started.on('message', (message) => received(message as FromChild));
    started.on('error', (error) => options.log.error({ err: error }, 'embedded runtime cannot be started'));
    started.on('exit', (code, signal) => ended(started, code, signal));
    release(started);
    return started;
  }

  // llama.cpp writes much to stderr; its lines are logged, cut to a bounded length.
  function routeToLog(stream: ChildProcess['stderr']): void {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!.slice(0, maxLineChars);
      for (const line of lines) if (line.trim()) options.log.info({ line: line.slice(0, maxLineChars) }, 'llama.cpp');
    });
  }

  // An idle child must not keep the node-agent alive, one that works must: by its channel, and by its handle too, because the channel of a
  // crashed child closes before the event of its exit.
  function hold(process: ChildProcess): void {
    process.ref();
    process.channel?.ref();
  }

  function release(process: ChildProcess): void {
    process.unref();
    process.channel?.unref();
    for (const stream of [process.stdout, process.stderr]) (stream as { unref?: () => void } | null)?.unref?.();
  }

  function received(message: FromChild): void {
    if ('log' in message) {
      options.log[message.log.level]({ line: message.log.message.slice(0, maxLineChars) }, 'llama.cpp');
      return;
    }
    const order = pending.get(message.id);
    if (!order) return;
    if ('text' in message) order.onText?.(message.text);
    else if ('done' in message) {
      crashes = 0;
      order.resolve(message.done);
    } else order.reject(new RuntimeError(message.failed.code, message.failed.message));
  }

  function ended(process: ChildProcess, code: number | null, signal: string | null): void {
    if (process !== child) return;
    child = undefined;
    if (!closed) {
      const delayMs = crashes === 0 ? 0 : backoffMs(restarts, crashes - 1, options.random);
      crashes++;
      notBeforeMs = options.clock.monotonicMs() + delayMs;
      options.log.warn(
        { code, signal, orders: pending.size },
        'embedded runtime ended; it is started anew when needed',
      );
    }
    options.onExit();
    const words = closed ? 'the runtime is closed' : `the embedded runtime crashed (${signal ?? `exit ${code}`})`;
    for (const order of [...pending.values()]) order.reject(new RuntimeError('unavailable', words));
  }

  function tell(process: ChildProcess, message: ToChild): void {
    // A child that has just ended is reported by its exit event.
    if (process.connected) process.send(message, () => {});
  }

  return {
    get pid() {
      return child?.pid;
    },
    run<T>(order: Order, signal?: AbortSignal, onText?: (text: string) => void): Promise<T> {
      if (closed) return Promise.reject(new RuntimeError('unavailable', 'the runtime is closed'));
      if (signal?.aborted) return Promise.reject(abortedError());
      if (pending.size >= maxPending) return Promise.reject(new RuntimeError('overloaded', 'too many orders wait'));
      let process: ChildProcess;
      try {
        child ??= start();
        process = child;
      } catch (error) {
        return Promise.reject(error as Error);
      }
      const id = nextId++;
      hold(process);
      return new Promise<T>((resolve, reject) => {
        const settle = () => {
          pending.delete(id);
          signal?.removeEventListener('abort', onAbort);
          if (pending.size === 0 && child) release(child);
        };
        const onAbort = () => {
          tell(process, { id, abort: true });
          settle();
          reject(abortedError());
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        pending.set(id, {
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
        tell(process, { id, order });
      });
    },
    rest() {
      if (!child || pending.size > 0) return;
      const resting = child;
      child = undefined;
      options.onExit();
      resting.kill('SIGKILL');
    },
    async close() {
      closed = true;
      const ending = child;
      if (!ending) return;
      ending.ref();
      const exited = new Promise((resolve) => ending.once('exit', resolve));
      // The child has no state to save, and it could not handle SIGTERM during a native call.
      ending.kill('SIGKILL');
      await exited;
    },
  };
}
