// The store as the coordinator needs it: apply a batch of changes in one transaction, load what a start needs, read pages for people.
// SQLite is the embedded backend; conformance.ts is the suite every backend passes. A store decides nothing.
import type { AgentSpec, AuditEntry, FleetEvent, MemoryEntry, MemoryHit, TaskState } from '@blackroad/protocol';
import type { DurableChange } from '../change.ts';
import type { EndedTask, TaskRow } from '../view.ts';

export interface Page {
  limit: number;
  /** Rows older than this id (tasks: task id; events and audit: number as text). */
  before?: string;
}
export interface StoredHash {
  seq: number;
  epoch: number;
  hash: string;
}

export interface Store {
  /** Every change needed to rebuild the view: nodes, agents, live tasks, tokens, keys, settings, branches; memory heads as one call. */
  load(): Promise<{
    changes: Iterable<DurableChange>;
    heads: Iterable<{ agent: string; epoch: number; seq: number; hash: string; entries: number }>;
  }>;
  /**
   * All or nothing, durable when it resolves. Re-committing the same rows changes nothing; events and audit rows have no identity
   * of their own and are appended again. Resolves with the events as stored, in order. Throws FleetError `storage-failed`.
   */
  commit(changes: readonly DurableChange[]): Promise<{ events: FleetEvent[] }>;

  task(id: string): Promise<TaskRow | EndedTask | null>;
  taskByIdempotencyKey(key: string): Promise<TaskRow | EndedTask | null>;
  tasks(page: Page & { state?: TaskState; agent?: string; dead?: boolean }): Promise<(TaskRow | EndedTask)[]>;
  /** Tasks that ended since then, and dead letters in all. */
  taskCounts(sinceMs: number): Promise<{ endedSince: number; deadLetters: number }>;
  events(page: Page & { node?: string; agent?: string }): Promise<FleetEvent[]>;
  audit(page: Page): Promise<AuditEntry[]>;
  agentVersions(name: string): Promise<{ version: number; atMs: number; by: string; spec: AgentSpec }[]>;

  /** Hashes of an agent's log in [fromSeq, uptoSeq], in order: to recognise a batch sent twice or a fork. */
  memoryHashes(agent: string, fromSeq: number, uptoSeq: number): Promise<StoredHash[]>;
  /** Entries after `afterSeq`, oldest first. */
  memoryLog(agent: string, afterSeq: number, limit: number): Promise<MemoryEntry[]>;
  branchEntries(branch: string): Promise<MemoryEntry[]>;
  /** Hybrid search: words (FTS5) and, when a vector of that model is given, meaning; reciprocal rank fusion. */
  searchMemory(query: {
    text: string;
    agent?: string;
    vector?: { model: string; values: Float32Array };
    limit: number;
  }): Promise<MemoryHit[]>;

  /** Deletes ended tasks, events and audit rows older than given; returns how many rows went. Bounded work a call: call again while rows go. */
  prune(before: { tasksMs: number; eventsMs: number; auditMs: number }): Promise<number>;
  close(): Promise<void>;
}
