// Stores the durable changes of a batch, under the term that this coordinator claimed. In: changes. Out: the events as stored; or the
// refusal for each input of the batch, of which then nothing is stored and the view keeps nothing: another coordinator has taken over, rows
// were changed by another process, or the store refuses writes for a while.
import type { FleetEvent } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { DurableChange } from '../state/change.ts';
import type { Outcome } from '../state/decision.ts';
import { rebuild } from '../state/rebuild.ts';
import type { MutableView } from '../state/view.ts';
import type { Store } from '../store/store.ts';
import { mayPass, type Outage } from './outage.ts';

const maxRestMs = 4;

/** The time that commits took, with the wait for the threads of the store. */
export interface CommitFigures {
  count: number;
  sumMs: number;
  maxMs: number;
}
interface Refused {
  refused: () => Outcome<never>;
}
interface CommitsParts {
  store: Store;
  view: MutableView;
  outage: Outage;
  clock: Clock;
  log: Log;
  count: (name: string, by?: number) => void;
  /** The view was made anew: a plan that is being made on it is void. */
  startOver: () => void;
  /** Another coordinator, `by`, has claimed the store. */
  stepBack: (by: string) => Refused;
}

export class Commits {
  readonly figures: CommitFigures = { count: 0, sumMs: 0, maxMs: 0 };
  readonly #parts: CommitsParts;
  #term = 0;
  #endedMs = Number.NEGATIVE_INFINITY;
  #tookMs = 0;

  constructor(parts: CommitsParts) {
    this.#parts = parts;
  }

  async claim(): Promise<void> {
    const { store, view } = this.#parts;
    this.#term = await store.claim(view.coordinator);
  }

  /** The rest before the next commit: as long as the last one took, so that a busy disk gets fewer and larger ones. */
  restMs(): number {
    const sinceMs = this.#parts.clock.monotonicMs() - this.#endedMs;
    return Math.min(maxRestMs, this.#tookMs) - sinceMs;
  }

  async commit(durable: readonly DurableChange[]): Promise<{ events: FleetEvent[] } | Refused> {
    const { store, view, outage, clock, log, count, startOver, stepBack } = this.#parts;
    const startedMs = clock.monotonicMs();
    try {
      const committed = await store.commit(durable, this.#term);
      if (committed.how === 'fenced') return stepBack(committed.by);
      if (committed.how === 'conflict') {
        count('commit_conflicts');
        log.warn(
          {},
          'somebody else changed what was decided from: nothing of it is stored, and it is to be asked again',
        );
        rebuild(view, await store.load());
        startOver();
        return { refused: quicker };
      }
      if (outage.isOn) {
        log.warn(outage.story(), 'the store takes writes again');
        outage.over();
        startOver();
      }
      this.#measure(startedMs);
      count('commits');
      count('changes', durable.length);
      return committed;
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (!outage.isOn) {
        count('storage_outages');
        log.error({ err: error }, 'nothing can be stored: what would have to be is refused, all else goes on');
      }
      outage.failed(error);
      return { refused: () => outage.refuse() };
    }
  }
  #measure(startedMs: number): void {
    const { figures } = this;
    this.#endedMs = this.#parts.clock.monotonicMs();
    this.#tookMs = this.#endedMs - startedMs;
    figures.count++;
    figures.sumMs += this.#tookMs;
    figures.maxMs = Math.max(figures.maxMs, this.#tookMs);
  }
}

function quicker(): Outcome<never> {
  const detail = 'Somebody else changed the same in this moment; try again.';
  return { ok: false, code: 'unavailable', details: { detail, retryAfterSeconds: 1 } };
}
