// What an agent asks of its memory: memories that fit a question, and what was said last. In: questions. Out: memories of the log, of those that
// wait to be chained, and of the first ones of a log that is being fetched. It never throws: an agent answers also without its memory.
import { aboutTheLog, indexedText, type MemoryEntry, rankMarked, shownText } from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import { exchangeOf, type Recalled } from './agent-memory.ts';
import type { Journal } from './journal.ts';
import type { LateVectors } from './late-vectors.ts';
import type { AgentLog } from './log-state.ts';
import { fuse } from './rank.ts';
import type { SearchIndex } from './search-index.ts';
import type { Values } from './values.ts';

/** Memories whose marks are looked up, for each that is wanted. */
const markedTimes = 3;

interface RecallParts {
  journal: Journal;
  index: SearchIndex;
  values: Pick<Values, 'isPast'>;
  lateVectors: LateVectors;
  /** The vector of a question; null: it could not be made in time. */
  embedOne(text: string, signal: AbortSignal): Promise<{ model: string; vector: Float32Array } | null>;
  log: Logger;
}

export class Recall {
  readonly #parts: RecallParts;

  constructor(parts: RecallParts) {
    this.#parts = parts;
  }

  async recall(log: AgentLog, query: string, limit: number, signal: AbortSignal) {
    if (limit <= 0 || log.row.id === 0) return { memories: [], how: 'lexical' as const };
    const embedded = await this.#parts.embedOne(query, signal);
    const vector = embedded && { model: embedded.model, values: embedded.vector };
    try {
      const memories: Recalled[] = [];
      for (const { id, score } of this.#ranked(log, query, vector, limit)) {
        if (memories.length >= limit) break;
        const recalled = this.#recalledOf(log, id, score);
        if (recalled && !memories.some((each) => each.text === recalled.text)) memories.push(recalled);
      }
      if (vector) void this.#parts.lateVectors.add(log.row.id, vector.model, (id) => this.#textOf(log, id));
      return { memories, how: vector ? ('hybrid' as const) : ('lexical' as const) };
    } catch (error) {
      this.#parts.log.error({ agent: log.row.agent, err: error }, 'recall failed');
      return { memories: [], how: 'lexical' as const };
    }
  }

  /** The last exchanges since a time, oldest first; those not in the chain yet are the newest. */
  turns(log: AgentLog, limit: number, sinceMs: number): Recalled[] {
    if (limit <= 0 || log.row.id === 0) return [];
    const { journal } = this.#parts;
    try {
      const waiting = journal.pending(log.row.id).map((row) => ({ ...row, seq: 0, epoch: log.row.epoch, hash: '' }));
      // Notes are stored between exchanges; entries further back than this are not of the same conversation.
      const most = limit * 4;
      const early = log.early?.last(most, log.head.seq) ?? [];
      const chained = [...early, ...journal.last(log.row.id, log.row.agent, most)].slice(0, most).toReversed();
      return [...chained, ...waiting].flatMap((entry) => exchangeOf(entry, sinceMs) ?? []).slice(-limit);
    } catch (error) {
      this.#parts.log.error({ agent: log.row.agent, err: error }, 'what was said last cannot be read');
      return [];
    }
  }

  /** What is said twice is shown once, so a few more than are wanted are looked at. */
  #ranked(log: AgentLog, query: string, vector: { model: string; values: Float32Array } | null, limit: number) {
    const { index } = this.#parts;
    const { early, head } = log;
    const most = Math.max(40, limit * 4);
    const own = index.search(log.row.id, query, vector, most);
    const first = early?.search(query, vector, most, head.seq);
    const lists = [...own.lists, ...(first?.lists ?? [])];
    const found = new Map([...own.found, ...(first?.found ?? [])]);
    const end = early && early.end.seq > head.seq ? early.end : head;
    const ranked = fuse(lists, found, end).slice(0, limit * markedTimes);
    return rankMarked(ranked, (id) => (early?.has(id) ? early.marksOf(id) : index.marksOf(id)));
  }

  #textOf(log: AgentLog, id: number): string | undefined {
    const { journal } = this.#parts;
    const payload = id < 0 ? journal.pendingRow(-id)?.payload : journal.entry(id, log.row.agent)?.entry.payload;
    return payload ? indexedText(payload) : undefined;
  }

  #recalledOf(log: AgentLog, id: number, score: number): Recalled | null {
    const found = this.#found(log, id);
    if (!found?.payload || aboutTheLog.includes(found.kind)) return null;
    const { seq, epoch, hash, kind, createdAt, payload } = found;
    if (this.#parts.values.isPast(log, id, { seq, kind, payload })) return null;
    const { importance, document } = payload;
    const text = shownText(found);
    return { seq, epoch, hash, kind, text, createdAt, importance, score, ...(document ? { document } : {}) };
  }

  #found(
    log: AgentLog,
    id: number,
  ): Pick<MemoryEntry, 'seq' | 'epoch' | 'hash' | 'kind' | 'actorId' | 'createdAt' | 'payload'> | null {
    const { journal } = this.#parts;
    if (id < 0) {
      const row = journal.pendingRow(-id);
      return row && { ...row, seq: 0, epoch: log.row.epoch, hash: '' };
    }
    if (log.early?.has(id)) return log.early.entry(id);
    const stored = journal.entry(id, log.row.agent);
    return stored && stored.log === log.row.id ? stored.entry : null;
  }
}
