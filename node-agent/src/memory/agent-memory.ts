// The memory of one agent as the agent uses it: what it appends, recalls and reads again. In: exchanges and notes. Out: entries that are
// stored, and memories that fit a question. How it is stored and sent to the coordinator is not part of it.
import type { DocumentPlace, MemoryPayload, TaskTrace } from '@blackroad/protocol';

export interface Remembered {
  kind: 'turn' | 'note' | 'merge' | 'import' | 'value';
  text: string;
  /** Of a value, which an empty text ends. */
  key?: string;
  tags?: string[];
  importance?: number;
  /** `task:<id>`, `tool:memory`, ... */
  source: string;
  derivedFrom?: string[];
  actorId: string;
}

/** Marks an exchange that a trigger of the agent began: it is not part of a conversation. */
export const triggeredTag = 'trigger';

export interface Recalled {
  seq: number;
  epoch: number;
  hash: string;
  kind: string;
  text: string;
  createdAt: number;
  importance: number;
  score: number;
  /** The part of a document that it is. */
  document?: DocumentPlace;
  /** Whose it is, where another agent shares it. */
  agent?: string;
}

export interface RecallAnswer {
  memories: Recalled[];
  how: 'hybrid' | 'lexical';
  /** What became of the look into the memories that others share; missing: this agent shares none. */
  shared?: TaskTrace['shared'];
}

/** What an entry says of a key. */
export interface ValueFound {
  /** Empty: it was unset. */
  text: string;
  seq: number;
  createdAt: number;
  actorId: string;
  source: string;
}
export type Looked =
  /** `others`: what was set on a branch while the log had an edit of its own. Null: nothing holds beside them. */
  | { how: 'found'; value: ValueFound | null; others: ValueFound[] }
  | { how: 'none'; near: string[] }
  /** The log is still on its way to this node. */
  | { how: 'fetching' };

/**
 * Embeds texts with the node's embedding model. Null where the node has none (recall is then lexical and reports so), and in place of each
 * vector that the model did not return.
 */
export type Embedder = (
  texts: string[],
  signal: AbortSignal,
) => Promise<{ model: string; vectors: (Float32Array | null)[] } | null>;

/** The log of one agent on this node; one writer, under the epoch it was opened with. */
export interface AgentMemory {
  /** Resolves when the entry is fsynced; rejects when this writer was fenced. */
  append(entry: Remembered): Promise<{ seq: number; hash: string }>;
  /** Hybrid: words and meaning, fused, then recency and importance; with those that other agents share with it. Best first. */
  recall(query: string, limit: number, signal: AbortSignal): Promise<RecallAnswer>;
  /** What holds under a key, exactly. */
  value(key: string): Looked;
  /** The last exchanges since a time, oldest first, without those that triggers began. */
  turns(limit: number, sinceMs: number): Recalled[];
  /** True once all entries up to the epoch's base are here and verified; before that, recall searches those that are. */
  readonly hydrated: boolean;
  /**
   * Before that, once the newest and the most important ones are here: of its entries, how many a recall searches. Null: it has all, or too few
   * to answer with.
   */
  readonly part: { have: number; of: number } | null;
  readonly status: { epoch: number; durableSeq: number; ackedSeq: number; hash: string; fenced: boolean };
}

/** The entry as an exchange of a conversation, or null. */
export function exchangeOf(
  entry: Omit<Recalled, 'text' | 'importance' | 'score'> & { payload: MemoryPayload | null },
  sinceMs: number,
): Recalled | null {
  const { seq, epoch, hash, kind, createdAt, payload } = entry;
  if (kind !== 'turn' || createdAt < sinceMs || !payload || payload.tags.includes(triggeredTag)) return null;
  return { seq, epoch, hash, kind, text: payload.text, createdAt, importance: payload.importance, score: 0 };
}
