// Carries out erasures of the coordinator, each in its turn: the journal first, then every file made from it, and only when nothing is left in
// them is the number stored and confirmed. A process that was killed anywhere in between is told again and begins again: each step may be
// repeated. In: an erasure. Out: the number up to which this node has carried them out. [INV-erased]
import type { MemoryDown } from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import type { Journal } from './journal.ts';
import type { AgentLog } from './log-state.ts';
import type { WriteContext } from './log-writes.ts';
import type { SearchIndex } from './search-index.ts';
import type { Submit } from './sending.ts';
import type { SetAside } from './set-aside.ts';

type Erase = Extract<MemoryDown, { type: 'erase' }>;

export interface ErasingParts {
  journal: Journal;
  index: Pick<SearchIndex, 'renew'>;
  setAside: SetAside;
  logs: ReadonlyMap<string, AgentLog>;
  writeContext: WriteContext;
  submit: Submit;
  log: Logger;
  /** Says where this node stands with the erasures of a log. */
  tell(agent: string, upto: number): void;
}

export class Erasing {
  readonly #parts: ErasingParts;
  /** One after the other: each renews the index. */
  #last: Promise<void> = Promise.resolve();

  constructor(parts: ErasingParts) {
    this.#parts = parts;
  }

  receive(message: Erase): void {
    this.#last = this.#last
      .then(() => this.#carryOut(message))
      .catch((error) =>
        this.#parts.log.warn({ agent: message.agent, err: error }, 'an erasure could not be carried out'),
      );
  }

  async #carryOut({ agent, number, hashes }: Erase): Promise<void> {
    const { journal, index, setAside, submit, tell, log } = this.#parts;
    const upto = journal.erasedUpto(agent);
    if (number === upto + 1) {
      await submit(() => this.#empty(agent, hashes), { weight: hashes.length });
      index.renew();
      setAside.erase(new Set(hashes));
      journal.emptyWal();
      await submit(() => journal.setErasedUpto(agent, number));
      log.info({ agent, erasure: number, entries: hashes.length }, 'memories were erased');
    }
    tell(agent, journal.erasedUpto(agent));
  }
  #empty(agent: string, hashes: readonly string[]): void {
    const { journal, logs, writeContext: w } = this.#parts;
    const log = logs.get(agent);
    // Also of a log that this node never had, or has no more: an old copy of it may come back.
    w.unindexed.push(...journal.erase(agent, log?.row.id ?? 0, hashes));
    log?.early?.erase(hashes);
    if (!log || log.row.id === 0) return;
    w.touched.add(log);
    log.pending = journal.pendingCount(log.row.id);
    log.kept = null;
  }
}
