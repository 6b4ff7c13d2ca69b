// The state of one agent's log in memory: the stored row, the head, and the results of sync since this process began. Plain data;
// node-memory.ts changes it inside commits, sync.ts reads it and decides which message is next.
import type { EarlyMemories } from './early.ts';
import { emptyHead, type Head, type Journal, type LogRow } from './journal.ts';

export interface AgentLog {
  row: LogRow;
  /** The last durable entry. */
  head: Head;
  pending: number;
  /** Memories with their content; null: to be counted when somebody asks. */
  kept: number | null;
  branched: number;
  /** All entries up to the epoch's base are here, with the base's hash. */
  hydrated: boolean;
  /** An agent of this process uses it. */
  open: boolean;
  /** The newest epoch it was opened with in this process; `row.epoch` follows once that is stored. */
  openEpoch: number;
  /** The coordinator has answered a hello in this process. */
  greeted: boolean;
  /** The end of the coordinator's log as last received; beyond our own, this node lacks entries. */
  wantSeq: number;
  /** The number of forks found since the last progress: at 0 a fork rewinds to the last acknowledged entry, at more to the beginning. */
  forks: number;
  hydratedSaid: boolean;
  /** What is searched while the log is being fetched. */
  early: EarlyMemories | null;
  /** Set while the agent is about to leave this node and does nothing more: by this number the end of it is said. */
  leaving: number | null;
  /** The coordinator has no such agent: nothing is sent until the next connection. */
  unknown: boolean;
  /** The coordinator refuses its branches for ever and the file for them is full: they wait until the next connection. */
  branchesHeld: boolean;
}

export function blankLog(agent: string): AgentLog {
  return {
    row: {
      id: 0,
      agent,
      epoch: 0,
      baseSeq: 0,
      baseHash: 'genesis',
      from: null,
      confirmed: false,
      fenced: false,
      acked: 0,
      releasedMs: null,
    },
    head: emptyHead,
    pending: 0,
    kept: null,
    branched: 0,
    hydrated: false,
    open: false,
    openEpoch: 0,
    greeted: false,
    wantSeq: 0,
    forks: 0,
    hydratedSaid: false,
    early: null,
    leaving: null,
    unknown: false,
    branchesHeld: false,
  };
}

/** Reads the stored state again, after the start or after a rolled-back transaction. */
export function reload(log: AgentLog, journal: Journal): void {
  const row = log.row.id === 0 ? null : journal.log(log.row.id);
  if (!row) {
    log.row = blankLog(log.row.agent).row;
    log.head = emptyHead;
    log.pending = 0;
    log.branched = 0;
  } else {
    log.row = row;
    log.head = journal.head(row.id);
    log.pending = journal.pendingCount(row.id);
    log.branched = journal.branchCount(row.id);
  }
  log.kept = null;
  log.hydrated = isHydrated(log, journal);
}

/** Memories of the log, those that wait to be chained among them. */
export function keptOf(log: AgentLog, journal: Journal): number {
  log.kept ??= journal.kept(log.row.id);
  return log.kept + log.pending;
}

export function isHydrated(log: AgentLog, journal: Journal): boolean {
  const { id, baseSeq, baseHash } = log.row;
  if (baseSeq === 0) return true;
  return log.head.seq >= baseSeq && id !== 0 && journal.hashAt(id, baseSeq) === baseHash;
}

/** Whether the opening of its epoch is stored. */
function isSettled(log: AgentLog): boolean {
  return log.row.id !== 0 && log.row.epoch >= log.openEpoch;
}

/** Whether new memories may be chained now; otherwise they wait in the pending table. */
export function isWritable(log: AgentLog): boolean {
  return isSettled(log) && log.row.confirmed && log.hydrated && !log.row.fenced && log.wantSeq <= log.head.seq;
}

export function unackedOf(log: AgentLog): number {
  return Math.max(0, log.head.seq - log.row.acked) + log.pending + log.branched;
}

/** The log is here, or is not fetched any more. */
export function endEarly(log: AgentLog): void {
  log.early?.close();
  log.early = null;
}

type Step = 'branch' | 'hello' | 'fetch' | 'batch' | 'hydrated' | 'drained' | 'none';
/** The next message of this log, when the node is connected. */
export function nextStep(log: AgentLog): Step {
  if (log.unknown || !isSettled(log)) return 'none';
  // A branch waits until a log that we write again is hydrated: entries of it that the coordinator has are then removed from the branch.
  if (log.branched > 0 && !log.branchesHeld && (log.row.fenced || isWritable(log))) return 'branch';
  if (log.row.fenced) return log.open && !log.greeted ? 'hello' : 'none';
  const something = log.open || unackedOf(log) > 0;
  if (!log.greeted || !isWritable(log)) return !something ? 'none' : log.early?.next ? 'fetch' : 'hello';
  if (log.row.baseSeq > 0 && !log.hydratedSaid) return 'hydrated';
  if (log.head.seq > log.row.acked) return 'batch';
  // [INV-planned-move] Until the agent is taken off this node: the answer is its assignment.
  return log.open && log.leaving !== null ? 'drained' : 'none';
}
