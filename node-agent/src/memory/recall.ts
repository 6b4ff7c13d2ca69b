// What an agent asks of its memory: memories that fit a question, and what was said last. In: questions. Out: memories of the log, of those that
// wait to be chained, and of the first ones of a log that is being fetched. It never throws: an agent answers also without its memory.
import {
  aboutTheLog,
  indexedText,
  type MemoryEntry,
  type MemoryRecalled,
  rankMarked,
  shownText,
} from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import { exchangeOf, type RecallAnswer, type Recalled } from './agent-memory.ts';
import type { Journal } from './journal.ts';
import type { LateVectors } from './late-vectors.ts';
import type { AgentLog } from './log-state.ts';
import { fuse } from './rank.ts';
import type { SearchIndex } from './search-index.ts';
import type { SharedRecalls } from './shared-recalls.ts';
import type { Values } from './values.ts';

/** Ids of memories that others share begin here, beyond those of the log. */
const firstSharedId = 2 ** 52 + 2 ** 51;
/** In entries; a half keeps it from being 0, which would stand for a memory that is not in a chain yet. */
const sharedAge = 50.5;

interface RecallParts {
  journal: Journal;
  index: SearchIndex;
  values: Pick<Values, 'isPast'>;
  lateVectors: LateVectors;
  shared: Pick<SharedRecalls, 'ask'>;
  /** The vector of a question; null: it could not be made in time. */
  embedOne(text: string, signal: AbortSignal): Promise<{ model: string; vector: Float32Array } | null>;
  log: Logger;
}

export class Recall {
  readonly #parts: RecallParts;

  constructor(parts: RecallParts) {
    this.#parts = parts;
  }

  /** `isSharing`: others share memories with the agent. */
  async recall(
    log: AgentLog,
    isSharing: boolean,
    query: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<RecallAnswer> {
    if (limit <= 0 || log.row.id === 0) return { memories: [], how: 'lexical' };
    const embedded = await this.#parts.embedOne(query, signal);
    const vector = embedded && { model: embedded.model, values: embedded.vector };
    const answer = isSharing ? await this.#parts.shared.ask(log, query, vector, limit) : null;
    const shared = typeof answer === 'string' || answer === null ? [] : answer;
    const told = answer === null ? {} : { shared: typeof answer === 'string' ? answer : ('searched' as const) };
    try {
      const memories: Recalled[] = [];
      for (const { id, score } of this.#ranked(log, query, vector, limit, shared)) {
        if (memories.length >= limit) break;
        const other = shared[id - firstSharedId];
        const recalled = other ? { ...other, epoch: 0, score } : this.#recalledOf(log, id, score);
        if (recalled && !memories.some((each) => each.text === recalled.text)) memories.push(recalled);
      }
      if (vector) void this.#parts.lateVectors.add(log.row.id, vector.model, (id) => this.#textOf(log, id));
      return { memories, how: vector ? 'hybrid' : 'lexical', ...told };
    } catch (error) {
      this.#parts.log.error({ agent: log.row.agent, err: error }, 'recall failed');
      return { memories: [], how: 'lexical', ...told };
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

  /** All candidates: what was said often is shown once, so any of them may be wanted. */
  #ranked(
    log: AgentLog,
    query: string,
    vector: { model: string; values: Float32Array } | null,
    limit: number,
    shared: MemoryRecalled['memories'],
  ) {
    const { index } = this.#parts;
    const { early, head } = log;
    const most = Math.max(40, limit * 4);
    const own = index.search(log.row.id, query, vector, most);
    const first = early?.search(query, vector, most, head.seq);
    const end = early && early.end.seq > head.seq ? early.end : head;
    const others = sharedLists(shared, end.seq);
    const lists = [...own.lists, ...(first?.lists ?? []), ...others.lists];
    const found = new Map([...own.found, ...(first?.found ?? []), ...others.found]);
    const ranked = fuse(lists, found, end);
    const marksOf = index.marksIn(log.row.id);
    return rankMarked(ranked, (id) => {
      if (id >= firstSharedId) return [];
      return early?.has(id) ? early.marksOf(id) : marksOf(id);
    });
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

/** As the lists of the own memories: by words and by meaning. The log of another agent has other numbers, so all of them count as equally old. */
function sharedLists(shared: MemoryRecalled['memories'], headSeq: number) {
  const ids = shared.map((_, at) => firstSharedId + at);
  const lists = (['words', 'meaning'] as const).map((way) => ids.filter((_, at) => shared[at]?.found.includes(way)));
  const found = new Map(
    ids.map((id, at) => [id, { id, seq: headSeq - sharedAge, importance: shared[at]!.importance }]),
  );
  return { lists, found };
}
