// The models that a machine fetches by itself: a chat model and an embedding model, where no runtime here has one. In: the missing kinds,
// after every look at the runtimes, and the function that fetches them. Out: why a kind is missing, in words. A failed fetch is tried again
// after growing waits. Never fetches for a class that runs no models, nor while a person forbids it.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { EnsuredModels, EnsureProgress } from '../weights/ensure.ts';
import type { FetchBoard } from './model-pulls.ts';

export type ModelKind = 'chat' | 'embed';
/** Fetches models of these kinds; never throws for a network or a disk. */
export type EnsureKinds = (
  kinds: readonly ModelKind[],
  onProgress: (progress: EnsureProgress) => void,
  signal: AbortSignal,
) => Promise<EnsuredModels>;

export interface DefaultModels {
  /** Sets the kinds that are missing now; a kind that is here in the meantime has no problem any more. */
  look(lacking: readonly ModelKind[]): void;
  /** Why the last fetch of a kind failed; empty: it was not tried, or is under way. */
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
  /** Called when the content of the models folder may have changed; the runtimes are then looked at. */
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
          // Of several candidates only the one being fetched is shown.
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
    // The runtime may be unable to use the fetched model: without a pause the node would fetch it again and again.
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
