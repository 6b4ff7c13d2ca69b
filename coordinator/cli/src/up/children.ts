// Starts the fleet's processes on this machine and keeps them running: a child that exits is started again with growing waits; a child that
// cannot start is reported with the end of its log. When this process is killed, the IPC channel closes and they stop by themselves.
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { FleetError } from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep, withDeadline } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';

interface ChildOrder {
  name: string;
  entry: string;
  args: string[];
  logFile: string;
  execArgv?: string[];
  env?: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  /** Called when the child exited and is started again. */
  onRestart?: (reason: string) => void;
  /** Exit codes after which the child is not started again. */
  finalCodes?: number[];
}
export interface Child<Ready> {
  /** The first ready message of the child. */
  ready: Ready;
  pid(): number | undefined;
  stop(): Promise<void>;
}

const readyDeadlineMs = 30_000;
const stopDeadlineMs = 12_000;
const restart = { firstMs: 300, maxMs: 10_000 };
/** After a child has run this long, its waits begin at the shortest again. */
const steadyMs = 60_000;

/** Resolves when the child sent `{ ready: true, ... }`. @throws FleetError unavailable, with the end of its log */
export async function startChild<Ready>(order: ChildOrder): Promise<Child<Ready>> {
  const { clock } = order;
  let child: ChildProcess | null = null;
  let stopping = false;
  let tries = 0;

  const spawn = (): Promise<Ready> => {
    const log = openSync(order.logFile, 'a', 0o600);
    const startedMs = clock.monotonicMs();
    const started = fork(order.entry, order.args, {
      stdio: ['ignore', 'ignore', log, 'ipc'],
      execArgv: order.execArgv ?? [],
      ...(order.env ? { env: order.env } : {}),
    });
    closeSync(log);
    child = started;
    return new Promise((resolve, reject) => {
      let ready = false;
      started.on('message', (message) => {
        if (!(message as { ready?: boolean }).ready) return;
        ready = true;
        resolve(message as Ready);
      });
      started.on('error', reject);
      started.on('exit', (code, signal) => {
        if (child === started) child = null;
        const reason = signal ? `was killed by ${signal}` : `ended with code ${code}`;
        if (!ready) {
          reject(
            new FleetError('unavailable', {
              detail: `The ${order.name} ${reason} before it was ready:\n${lastLines(order.logFile)}`,
            }),
          );
        }
        if (stopping || !ready || order.finalCodes?.includes(code ?? -1)) return;
        if (clock.monotonicMs() - startedMs > steadyMs) tries = 0;
        order.onRestart?.(`the ${order.name} ${reason} and is started again`);
        void again();
      });
    });
  };
  const again = async () => {
    await sleep(clock, backoffMs(restart, tries++, systemRandom));
    if (!stopping) await spawn().catch(() => (stopping ? undefined : again()));
  };

  const late = () =>
    new FleetError('deadline-passed', {
      detail: `The ${order.name} was not ready within ${readyDeadlineMs / 1000} s:\n${lastLines(order.logFile)}`,
    });
  try {
    const ready = await withDeadline(clock, readyDeadlineMs, spawn(), late);
    return {
      ready,
      pid: () => child?.pid,
      async stop() {
        stopping = true;
        await stopProcess(child, clock);
      },
    };
  } catch (error) {
    stopping = true;
    await stopProcess(child, clock);
    throw error;
  }
}

async function stopProcess(child: ChildProcess | null, clock: Clock): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const killer = clock.after(stopDeadlineMs, () => child.kill('SIGKILL'));
  await ended;
  killer.cancel();
}

/** The end of a log in words: the messages of its last JSON lines. */
function lastLines(logFile: string, count = 8): string {
  let text = '';
  try {
    text = readFileSync(logFile, 'utf8');
  } catch {
    return `(no log at ${logFile})`;
  }
  return text
    .trimEnd()
    .split('\n')
    .slice(-count)
    .map((line) => {
      try {
        const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } };
        return `  ${msg ?? line}${err?.message ? `: ${err.message}` : ''}`;
      } catch {
        return `  ${line}`;
      }
    })
    .join('\n');
}
