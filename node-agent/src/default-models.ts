// The models that a machine gets by itself: a chat model and an embedding model, where no runtime here has one. In: the kinds that
// lack, after every look at the runtimes, and what fetches them. Out: what keeps a kind from being here, in words. A fetch that
// fails is tried again, later and later. Never fetches for a class that runs no models, nor while somebody said not to.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { FetchBoard } from './model-pulls.ts';
import type { EnsuredModels, EnsureProgress } from './models/ensure.ts';

export type ModelKind = 'chat' | 'embed';
/** Brings models of these kinds; never throws for a network or a disk. */
export type EnsureKinds = (
  kinds: readonly ModelKind[],
  onProgress: (progress: EnsureProgress) => void,
  signal: AbortSignal,
) => Promise<EnsuredModels>;

export interface DefaultModels {
  /** What lacks now; what came in the meantime is no hindrance any more. */
  look(lacking: readonly ModelKind[]): void;
  /** Why a kind could not be fetched the last time; empty: it was not tried, or is under way. */
  problems(): EnsuredModels['problems'];
  /** Kinds that are being fetched. */
  underWay(): readonly ModelKind[];
  close(): void;
}

const retry: Backoff = { firstMs: 60_000, maxMs: 60 * 60_000 };

export function createDefaultModels(parts: {
  ensure: EnsureKinds;
  inLine: (work: (signal: AbortSignal) => Promise<void>) => Promise<void>;
  board: FetchBoard;
  /** What the models folder holds may have changed: a look follows. */
  onChange: () => Promise<void>;
  clock: Clock;
  random: Random;
  log: Log;
}): DefaultModels {
  const { board, log } = parts;
  let lacking: readonly ModelKind[] = [];
  let fetching: readonly ModelKind[] = [];
  let problems: EnsuredModels['problems'] = [];
  let failures = 0;
  let waiting: Timer | null = null;
  let closed = false;

  async function fetchOne(kind: ModelKind, signal: AbortSignal): Promise<void> {
    let told = '';
    const done = () => told !== '' && board.gone(told);
    try {
      const ensured = await parts.ensure(
        [kind],
        ({ entry, ...progress }) => {
          // Of several candidates only the one under way is of interest.
          if (entry.id !== told) done();
          told = entry.id;
          board.tell(entry.id, progress);
        },
        signal,
      );
      problems = [...problems, ...ensured.problems];
    } catch (error) {
      problems = [...problems, { kind, text: (error as Error).message }];
    } finally {
      done();
      fetching = fetching.filter((each) => each !== kind);
    }
  }

  async function run(kinds: readonly ModelKind[]): Promise<void> {
    fetching = kinds;
    problems = [];
    // What was fetched may be of no use to the runtime: without a pause it would be fetched again and again.
    const pause = () => {
      const delayMs = backoffMs(retry, failures++, parts.random);
      waiting = parts.clock.after(delayMs, () => {
        waiting = null;
        begin();
      });
    };
    for (const kind of kinds) {
      if (closed) return;
      await parts.inLine((signal) => fetchOne(kind, signal)).catch(() => {});
      if (closed) return;
      if (fetching.length === 0) pause();
      await parts.onChange();
    }
    for (const { text } of problems) log.warn({}, text);
  }

  function begin(): void {
    if (!closed && !waiting && fetching.length === 0 && lacking.length > 0) void run(lacking);
  }

  return {
    look(now) {
      lacking = now;
      problems = problems.filter(({ kind }) => now.includes(kind));
      if (now.length === 0) {
        waiting?.cancel();
        waiting = null;
        failures = 0;
      }
      begin();
    },
    problems: () => problems,
    underWay: () => fetching,
    close() {
      closed = true;
      waiting?.cancel();
    },
  };
}
