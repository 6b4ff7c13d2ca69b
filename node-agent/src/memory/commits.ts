// Group commit: writes of all agents share one transaction and one fsync. In: jobs that write to the journal. Out: their results, once
// durable. Never returns a result before its transaction is committed. [INV-durable-first]
//
// A lone memory is committed after 2 ms, so that an agent's answer is not delayed. While memories keep coming, commits take at most a tenth
// of the disk's time: the pause after a commit is nine times its duration (never over 250 ms), or ends when 64 entries wait. A slow SD card
// thus gets few, large commits (WAL bytes a memory fall from 72 KB to 5 KB at 50 a commit, MEMORY.md), an NVMe drive commits every few
// milliseconds, and neither needs configuration.
import { FleetError } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';

const gatherMs = 2;
const longestPauseMs = 250;
const pausePerCommit = 9;
const fullWeight = 64;
/** Jobs that may wait; more means the disk has stopped answering. */
const maxWaiting = 10_000;
/** How long a write whose loss costs nothing (the acknowledged cursor) may wait for others. */
const lazyMs = 5_000;

interface Waiting {
  run: () => unknown;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

export function createCommits(deps: {
  clock: Clock;
  transaction: (work: () => void) => void;
  /** Called after a commit, before its results are returned. */
  committed: () => void;
  /** Called when the transaction was rolled back: state in memory that its jobs changed must be read again. */
  undone: () => void;
}) {
  const { clock } = deps;
  let waiting: Waiting[] = [];
  let weight = 0;
  let timer: { at: number; timer: Timer } | null = null;
  let notBefore = 0;
  let closed = false;

  function wakeIn(delayMs: number): void {
    const at = clock.monotonicMs() + delayMs;
    if (timer && timer.at <= at) return;
    timer?.timer.cancel();
    timer = {
      at,
      timer: clock.after(delayMs, () => {
        timer = null;
        flush();
      }),
    };
  }

  function flush(): void {
    timer?.timer.cancel();
    timer = null;
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    weight = 0;
    const startedMs = clock.monotonicMs();
    const results: unknown[] = [];
    try {
      deps.transaction(() => {
        for (const job of batch) results.push(job.run());
      });
    } catch (cause) {
      deps.undone();
      const detail = `the memory journal could not be written: ${(cause as Error).message}`;
      const error = new FleetError('storage-failed', { detail }, { cause });
      for (const job of batch) job.reject(error);
      return;
    } finally {
      const endedMs = clock.monotonicMs();
      notBefore = endedMs + Math.min(longestPauseMs, (endedMs - startedMs) * pausePerCommit);
    }
    deps.committed();
    batch.forEach((job, i) => {
      job.resolve(results[i]);
    });
  }

  return {
    /** Runs `job` in the next transaction; resolves with its result when that is durable. */
    submit<T>(job: () => T, options: { weight?: number; lazy?: boolean } = {}): Promise<T> {
      if (closed) return Promise.reject(new FleetError('unavailable', { detail: 'the memory of this node is closed' }));
      if (waiting.length >= maxWaiting) {
        return Promise.reject(new FleetError('unavailable', { detail: 'the disk does not keep up with memories' }));
      }
      return new Promise<T>((resolve, reject) => {
        waiting.push({ run: job, resolve: resolve as (value: unknown) => void, reject });
        weight += options.weight ?? 1;
        if (weight >= fullWeight) wakeIn(0);
        else if (options.lazy) wakeIn(lazyMs);
        else wakeIn(Math.max(gatherMs, notBefore - clock.monotonicMs()));
      });
    },
    /** Commits all waiting jobs now. */
    flush,
    close(): void {
      flush();
      closed = true;
      timer?.timer.cancel();
    },
  };
}
