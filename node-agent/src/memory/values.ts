// What an agent has under a key. In: a key. Out: the value that holds now, exactly, with what a branch says otherwise; that there is none; or that
// it is not known, as the log is on its way to this node. The newest are those that wait to be chained, then those that came before the
// log, then the log. Never says that there is none before all of the log is here.
import { keyIn, keySet, lastOfEach, nearNames } from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import type { Looked, ValueFound } from './agent-memory.ts';
import type { Journal } from './journal.ts';
import type { AgentLog } from './log-state.ts';
import type { KeyedEntry } from './value-rows.ts';

export class Values {
  readonly #journal: Journal;
  readonly #log: Logger;

  constructor(journal: Journal, log: Logger) {
    this.#journal = journal;
    this.#log = log;
  }

  /** `isWhole`: all of the log is here. */
  look(log: AgentLog, key: string, isWhole: boolean): Looked {
    try {
      const fresh = this.#notInTheLog(log, key);
      const isFound = fresh.some(({ entry }) => keySet(entry) !== null);
      if (!isFound && !isWhole) return { how: 'fetching' };
      const chained = isFound ? [] : this.#journal.aboutKey(log.row.id, key);
      const about = [...fresh.map(({ entry }) => entry), ...chained];
      const at = about.findIndex((entry) => keySet(entry) !== null);
      const holder = about[at];
      const value = holder && holder.payload.text !== '' ? foundOf(holder) : null;
      const said = value?.text ?? '';
      const beside = lastOfEach(about.slice(0, at < 0 ? undefined : at), ({ payload }) => payload.source);
      const others = beside.filter(({ payload }) => payload.text !== said);
      if (value || others.length > 0) return { how: 'found', value, others: others.map(foundOf) };
      return { how: 'none', near: nearNames(key, this.#keys(log)) };
    } catch (error) {
      this.#log.error({ agent: log.row.agent, err: error }, 'a value cannot be read');
      return { how: 'fetching' };
    }
  }

  /** Whether a later entry sets the key of this one, or it ends its key: it is no memory that anybody looks for. */
  isPast(log: AgentLog, id: number, { seq, kind, payload }: Pick<KeyedEntry, 'seq' | 'kind' | 'payload'>): boolean {
    const key = keyIn({ kind, payload });
    if (key === null) return false;
    if (payload.text === '') return true;
    const later = this.#notInTheLog(log, key).filter(({ entry }) => keySet(entry) !== null);
    if (seq === 0) return later.some((each) => each.pending > -id);
    if (later.some((each) => each.pending > 0 || each.entry.seq > seq)) return true;
    return this.#journal.isKeySetAfter(log.row.id, key, seq);
  }

  /** The newest first. `pending`: the number of one that waits to be chained, or 0. */
  #notInTheLog(log: AgentLog, key: string): { pending: number; entry: KeyedEntry }[] {
    const waiting = log.pending === 0 ? [] : this.#journal.pending(log.row.id);
    const pending = waiting
      .filter((row) => keyIn(row) === key)
      .reverse()
      .map((row) => ({ pending: row.id, entry: { ...row, seq: 0, epoch: log.row.epoch } }));
    const early = log.early?.aboutKey(key, log.head.seq) ?? [];
    return [...pending, ...early.map((entry) => ({ pending: 0, entry }))];
  }
  /** Those that have a value now. */
  #keys(log: AgentLog): string[] {
    return this.#journal.keys(log.row.id).filter((key) => {
      const holder = this.#journal.aboutKey(log.row.id, key).find((entry) => keySet(entry) !== null);
      return holder !== undefined && holder.payload.text !== '';
    });
  }
}

const foundOf = ({ seq, actorId, createdAt, payload }: KeyedEntry): ValueFound => ({
  text: payload.text,
  seq,
  createdAt,
  actorId,
  source: payload.source,
});
