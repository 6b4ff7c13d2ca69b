// Erasures that people ask for: what would go is looked up, then erased part by part until nothing of it is left, also what was written
// meanwhile. Afterwards, piece by piece between commits, what the database still has in its indexes and its log is removed; a process that was
// killed in between goes on with that at its next start. In: a request. Out: what went, and who still has it. [INV-erased]
import {
  type EraseAnswer,
  type EraseRequest,
  type ErasureView,
  FleetError,
  maxErasedAtOnce,
  type Principal,
} from '@blackroad/protocol';
import { type Clock, sleep, type Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { holdersOf } from '../memory/erase.ts';
import { insist, type Outcome } from '../state/decision.ts';
import type { Inputs } from '../state/input.ts';
import type { ErasureRow } from '../state/memory-rows.ts';
import { agentNameOf, type View } from '../state/view.ts';
import type { Erasable, Store } from '../store/store.ts';

const mostShown = 100;
/** Between two pieces commits have their turn. */
const lookMs = 5 * 60_000;
const scrubRestMs = 20;
const scrubAgainMs = 5_000;

interface ErasingParts {
  coordinator: {
    readonly view: View;
    readonly store: Pick<Store, 'erasable' | 'scrub'>;
    submit(kind: 'memory-erase', input: Inputs['memory-erase']): Promise<Outcome<unknown>>;
  };
  clock: Clock;
  log: Log;
}

export class Erasing {
  readonly #parts: ErasingParts;
  #scrubbing: Promise<void> | null = null;
  #isAgain = false;
  #stopped = false;
  readonly #looking: Timer;

  constructor(parts: ErasingParts) {
    this.#parts = parts;
    void this.scrub();
    // Documents and runs that are taken back are erased as the log of their agent comes.
    this.#looking = parts.clock.every(lookMs, () => void this.scrub());
  }
  stop(): void {
    this.#stopped = true;
    this.#looking.cancel();
  }

  async erase(by: Principal, agent: string, request: EraseRequest): Promise<EraseAnswer> {
    const { seqs, all, dryRun = false } = request;
    if ((seqs === undefined) === (all === undefined)) {
      throw new FleetError('invalid-request', { detail: 'body: expected either seqs or all, and not both.' });
    }
    const look = () =>
      this.#parts.coordinator.store.erasable({ agent, ...(seqs ? { seqs } : {}), limit: maxErasedAtOnce });
    const first = await look();
    let entries = first.length;
    if (!dryRun) {
      for (let part = first; part.length > 0; ) {
        insist(await this.#parts.coordinator.submit('memory-erase', { by, places: part }));
        part = await look();
        entries += part.length;
      }
      void this.scrub();
    }
    return this.#answer(first, entries, !dryRun);
  }
  #answer(found: readonly Erasable[], entries: number, erased: boolean): EraseAnswer {
    const { view } = this.#parts.coordinator;
    const nodes = new Set(found.flatMap(({ agent }) => holdersOf(view, agent)));
    const shown = found.toReversed().slice(0, mostShown);
    const tasks = shown.flatMap(({ source }) => /^task:([a-z0-9-]+)$/.exec(source)?.[1] ?? []);
    return {
      erased,
      entries,
      memories: shown.map((each) => ({ ...each, agent: agentNameOf(view, each.agent) })),
      nodes: [...nodes].sort(),
      tasks: [...new Set(tasks)],
    };
  }

  /** Newest first. */
  list({ owed = false, limit }: { owed?: boolean | undefined; limit: number }): ErasureView[] {
    const { view } = this.#parts.coordinator;
    const rows = [...view.erasures.values()].sort((a, b) => b.atMs - a.atMs || b.number - a.number);
    const views: ErasureView[] = [];
    for (const row of rows) {
      const owing = owingOf(view, row);
      if (owed && owing.length === 0) continue;
      const { id, agent, atMs, by, entries } = row;
      views.push({ id, agent: agentNameOf(view, agent), atMs, by, entries, owed: owing });
      if (views.length === limit) break;
    }
    return views;
  }

  /** Resolves when nothing is left to remove. */
  scrub(): Promise<void> {
    // An erasure that came meanwhile begins it anew.
    this.#isAgain = true;
    this.#scrubbing ??= this.#scrub().finally(() => {
      this.#scrubbing = null;
    });
    return this.#scrubbing;
  }
  async #scrub(): Promise<void> {
    const { coordinator, clock, log } = this.#parts;
    while (this.#isAgain && !this.#stopped) {
      this.#isAgain = false;
      try {
        while (!this.#stopped && (await coordinator.store.scrub())) await sleep(clock, scrubRestMs);
      } catch (error) {
        if (this.#stopped) return;
        log.warn({ err: error }, 'what erased memories left in the database could not be removed yet');
        await sleep(clock, scrubAgainMs);
        this.#isAgain = true;
      }
    }
  }
}

/** A removed node is none of ours any more. */
function owingOf(view: View, { owed }: ErasureRow): ErasureView['owed'] {
  return owed
    .filter((node) => view.nodes.has(node))
    .map((node) => {
      const live = view.live.get(node);
      const isHere = view.nodes.get(node)?.presence === 'online' && live?.helloBoot;
      return { node, why: !isHere ? 'away' : live.can?.erases ? 'told' : 'old' };
    });
}
