// The store as the coordinator needs it: apply a batch of changes in one transaction, load what a start needs, read pages for people.
// SQLite is the embedded backend; conformance.ts is the suite every backend passes. A store decides nothing.
import type {
  AgentSpec,
  AuditEntry,
  EventType,
  FleetEvent,
  Hardware,
  MemoryEntry,
  MemoryHit,
  SignedCheckpoint,
  TaskState,
  ValueEntry,
} from '@blackroad/protocol';
import type { DurableChange } from '../state/change.ts';
import type { TaskOfConversation } from '../state/conversation-row.ts';
import type { ErasedPlace } from '../state/memory-rows.ts';
import type { Loaded } from '../state/rebuild.ts';
import type { EndedTask, TaskRow } from '../state/rows.ts';

export interface TextToEmbed {
  id: number;
  text: string;
}
/** A memory's text, and the vector that its node made of it. */
export interface VectorSample {
  text: string;
  values: Float32Array;
}
export interface MadeVector {
  id: number;
  /** Null: the model does not take the text. */
  values: Float32Array | null;
}
export interface MemoryToConsolidate {
  seq: number;
  hash: string;
  kind: string;
  text: string;
  vector: Float32Array | null;
}
export interface StoredValue {
  key: string;
  /** Null: nothing holds; it was unset, or branches alone say something. */
  entry: ValueEntry | null;
  others: ValueEntry[];
}
export interface VectorModels {
  /** Of which all vectors are there; null: of none yet. */
  searched: string | null;
  /** That most of the newest memories have a vector of; null: none has one. */
  newest: string | null;
}

export interface Page {
  limit: number;
  /** Rows older than this id (tasks: task id; events and audit: number as text). */
  before?: string;
}
export interface EventFilter {
  node?: string;
  agent?: string;
  type?: EventType;
}
export type StoredAudit = Omit<AuditEntry, 'title'>;
export interface StoredHash {
  seq: number;
  epoch: number;
  hash: string;
}

export interface Erasable extends ErasedPlace {
  agent: string;
  kind: string;
  source: string;
  text: string;
  why: 'asked' | 'derived' | 'copy';
}

/** One moment of 64 neighbouring series, packed by history/cells.ts; the store does not look inside. */
export interface RollupRow {
  /** Seconds of its resolution. */
  tier: number;
  part: number;
  /** Start, seconds since 1970. */
  atS: number;
  cells: Uint8Array;
}
export interface UsageRow {
  /** Days since 1970, UTC. */
  day: number;
  agent: string;
  model: string;
  node: string;
  /** The id of the API key that asked; empty where none did. */
  key: string;
  tasks: number;
  failed: number;
  promptTokens: number;
  completionTokens: number;
  costUsd: number;
  /** What tokens that cost nothing would have cost at a paid API. */
  cloudUsd: number;
}
export type UsageSums = Omit<UsageRow, 'day' | 'agent' | 'model' | 'node' | 'key'>;

/** The result of a commit: the whole batch is stored, or nothing of it. */
export type Committed =
  | {
      how: 'stored';
      /** The events with their numbers, in order. */
      events: FleetEvent[];
    }
  /** Another coordinator has claimed the store: this one cannot store anything any more. */
  | { how: 'fenced'; by: string; term: number }
  /** Rows that the batch was decided from were changed by another process: decided anew, it may be stored. */
  | { how: 'conflict' };

export interface Store {
  /** All rows that the view is made from. */
  load(): Promise<Loaded>;
  /** Takes the store for this coordinator, before it loads. Resolves with its term; commits under an earlier one are fenced from then on. */
  claim(coordinator: string): Promise<number>;
  /**
   * All or nothing, durable when it resolves as stored. Committing the same rows again changes nothing; but events and audit rows have no
   * identity of their own and are appended again, and `tasks-moved` moves again. Throws FleetError `storage-failed`, with
   * `retryAfterSeconds` where the cause may end by itself (a full disk) and nothing was stored.
   */
  commit(changes: readonly DurableChange[], term: number): Promise<Committed>;

  task(id: string): Promise<TaskRow | EndedTask | null>;
  taskByIdempotencyKey(space: string, key: string): Promise<TaskRow | EndedTask | null>;
  /** All tasks of a conversation, oldest first, without their pictures and traces. */
  conversationTasks(conversation: string): Promise<TaskOfConversation[]>;
  /** With `node`, ended tasks only, unless a live state is asked for: the present work of a node is in the view. */
  tasks(
    page: Page & { state?: TaskState; agent?: string; node?: string; dead?: boolean },
  ): Promise<(TaskRow | EndedTask)[]>;
  /** The number of tasks that ended since then, and of all dead letters. */
  taskCounts(sinceMs: number): Promise<{ endedSince: number; deadLetters: number }>;
  /** Agents are named by id. An event of a type that is unknown in this version is a `log`. */
  events(page: Page & EventFilter): Promise<FleetEvent[]>;
  /** A row with an action that is unknown in this version is `other`. */
  audit(page: Page): Promise<StoredAudit[]>;
  agentVersions(agent: string): Promise<{ version: number; atMs: number; by: string; spec: AgentSpec }[]>;

  /** The parts of a machine, and when its node first told these; null: it told none. Gone with the node. */
  hardware(node: string): Promise<{ hardware: Hardware; sinceMs: number } | null>;

  /** Hashes of an agent's log in [fromSeq, uptoSeq], in order: they show a batch that was sent twice, or a fork. */
  memoryHashes(agent: string, fromSeq: number, uptoSeq: number): Promise<StoredHash[]>;
  /** Entries after `afterSeq`, oldest first. */
  memoryLog(agent: string, afterSeq: number, limit: number): Promise<MemoryEntry[]>;
  /**
   * Of the newest thousand with lower numbers than `before` that a person, a consolidation or the agent itself stored as something to keep: the
   * most important ones first.
   */
  importantMemories(agent: string, before: number, limit: number): Promise<MemoryEntry[]>;
  /** What holds under a key now, and what branches say otherwise; null: nothing. */
  memoryValue(agent: string, key: string): Promise<StoredValue | null>;
  /** In the order of their keys. `next`: the key to go on after; null: that is all. A page may have fewer than `limit`. */
  memoryValues(agent: string, after: string, limit: number): Promise<{ values: StoredValue[]; next: string | null }>;
  branchEntries(branch: string): Promise<MemoryEntry[]>;
  /**
   * Entries with content that are asked for, and all that was made of them, with their copies in branches: what was made comes before what
   * it was made of, so that a part of them leaves nothing behind that cannot be found again. At most `limit`.
   */
  erasable(what: { agent: string; seqs?: readonly number[]; limit: number }): Promise<Erasable[]>;
  /** The hashes of one erasure. */
  erasedHashes(agent: string, number: number): Promise<string[]>;
  /** Those of these hashes that were erased. */
  erasedAmong(hashes: readonly string[]): Promise<string[]>;
  /**
   * Removes what an erasure leaves in indexes and in the log of the database, a piece at a call; returns whether there is more. Without an
   * erasure it does nothing.
   */
  scrub(): Promise<boolean>;
  /** Signed checkpoints, the newest first. */
  checkpoints(limit: number): Promise<SignedCheckpoint[]>;
  /** The newest memories of an agent that are not marked as said again or replaced, oldest first; parts of documents are none of them. */
  memoriesToConsolidate(query: {
    agent: string;
    /** Of the vectors; null: without. */
    model: string | null;
    limit: number;
  }): Promise<MemoryToConsolidate[]>;
  /** How many memories of an agent have their content, without what is about the log itself. */
  memoryCount(agent: string): Promise<number>;
  /** Texts of entries that have one. */
  memoryTexts(agent: string, seqs: readonly number[]): Promise<{ seq: number; text: string }[]>;
  vectorModels(): Promise<VectorModels>;
  /** The place of the newest memory among all; 0: there is none. */
  lastMemory(): Promise<number>;
  /** Texts without a vector of the model, of the memories at these places, newest first. */
  textsToEmbed(query: { model: string; above: number; upto: number; limit: number }): Promise<TextToEmbed[]>;
  /** A few of the newest that nodes made with the model, of short texts: what another maker of vectors is compared with. */
  vectorSamples(model: string): Promise<VectorSample[]>;
  /** Perishable: written beside the commits, as they can be made again. What was erased meanwhile gets none. */
  putVectors(model: string, vectors: readonly MadeVector[]): Promise<void>;
  /** All memories have a vector of this model: searches compare these. */
  setSearchedModel(model: string): Promise<void>;
  /** Some of the vectors that were made with other models go; returns how many did. */
  dropVectorsBut(model: string, limit: number): Promise<number>;
  /** Hybrid search: words (FTS5) and, when a vector of that model is given, meaning; reciprocal rank fusion. */
  searchMemory(query: {
    text: string;
    agent?: string;
    /** Of these alone. */
    agents?: readonly string[];
    kind?: string;
    /** A whole tag, as it was written. */
    tag?: string;
    /** Written then or later, by the clock of whoever wrote it, as hits show it. */
    sinceMs?: number;
    /** Written before. */
    untilMs?: number;
    /** `atLeast`: the cosine below which a vector is not near; missing: however far it is. */
    vector?: { model: string; values: Float32Array; atLeast?: number };
    limit: number;
    /** Called where a vector store is used and gives no candidates, with the reason: the newest vectors are compared then. */
    onWithoutStore?: (why: string) => void;
  }): Promise<MemoryHit[]>;

  /** The numbers of series (nodes; `*` is the fleet), and the time at which those of forgotten nodes ended. */
  series(): Promise<{ id: string; number: number; untilMs: number | null }[]>;
  /** All or nothing; a row that exists is replaced. Roll-ups are perishable: they are written beside the commits of tasks, not in them. */
  putRollups(batch: {
    rows: readonly RollupRow[];
    series?: readonly { id: string; number: number; untilMs: number | null }[];
  }): Promise<void>;
  /** Rows of one part from a time on, before another, oldest first. */
  rollups(tier: number, part: number, fromS: number, beforeS: number, limit: number): Promise<RollupRow[]>;
  lastRollupS(tier: number): Promise<number | null>;
  /** Deletes roll-ups and days older than given, and series that ended before `seriesMs`. Bounded work a call, as `prune`. */
  pruneRollups(before: { tiers: Record<number, number>; day: number; seriesMs: number }): Promise<number>;

  /** Adds to the rows of days and moves the mark, which never goes back. All or nothing, so that nothing is added twice. */
  addUsage(rows: readonly UsageRow[], uptoMs: number): Promise<void>;
  /** Ends of tasks before this time are in the days; null: nothing was ever added. */
  usageUptoMs(): Promise<number | null>;
  usage(
    day: number,
    by: 'day' | 'agent' | 'model' | 'node' | 'key',
    only: { agent?: string; node?: string },
  ): Promise<(UsageSums & { key: string })[]>;
  usageRows(day: number): Promise<number>;
  /** Tasks that ended at or after `fromMs` (of that very moment only ids above `afterId`), in the order of their ends. */
  endedFrom(fromMs: number, afterId: string, limit: number): Promise<EndedTask[]>;

  /**
   * Writes a copy of all that is stored to a new file, as of one moment, while commits and reads go on: each waits for a few pages of it at
   * most.
   */
  copyTo(path: string): Promise<void>;

  /** Deletes ended tasks, events and audit rows older than given; returns their number. Bounded work a call: call again until it is 0. */
  prune(before: { tasksMs: number; eventsMs: number; auditMs: number }): Promise<number>;
  close(): Promise<void>;
}
