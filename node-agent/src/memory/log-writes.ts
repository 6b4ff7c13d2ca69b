// All changes of a log, each called inside a commit (commits.ts) and nowhere else: open an epoch, append, store entries of the coordinator,
// put a tail aside as a branch, merge a branch of another node. Each keeps AgentLog in step with the rows. Never deletes an entry that the
// coordinator has not stored and that is not in the branches. [INV-memory-kept]
import {
  type AssignedAgent,
  aboutTheLog,
  keyIn,
  keySet,
  type MemoryDown,
  type MemoryEntry,
  type MemoryPayload,
  maxNodeImportance,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { admit, type NewEntry, nextEntry, originOf, originOfGiven, plainEntry } from './chain.ts';
import type { Head, Journal } from './journal.ts';
import { type AgentLog, endEarly, isHydrated, isWritable, keptOf } from './log-state.ts';

export interface WriteContext {
  journal: Journal;
  node: string;
  clock: Clock;
  random: Random;
  /** Collects the entries to index after the commit; pending memories have negative ids. */
  indexed: { id: number; log: number; seq: number; payload: MemoryPayload }[];
  unindexed: number[];
  /** Logs changed in this transaction; they are read again if it is rolled back. */
  touched: Set<AgentLog>;
}

export type Appended = { seq: number; hash: string } | { fenced: string } | { full: number };

/** Begins an epoch on this node: an older epoch's tail beyond the base becomes a branch. Harmless when repeated. */
export function beginEpoch(w: WriteContext, log: AgentLog, assigned: AssignedAgent): void {
  const { journal } = w;
  w.touched.add(log);
  if (log.row.epoch >= assigned.epoch) {
    if (log.row.releasedMs !== null && log.row.epoch === assigned.epoch) save(w, log, { releasedMs: null });
    return;
  }
  const { baseSeq, baseHash, from } = assigned.memory;
  // An equal hash at the base proves our copy up to there; where it differs, sync finds the common part.
  if (log.head.seq > baseSeq && journal.hashAt(log.row.id, baseSeq) === baseHash) {
    // A restored coordinator lost what is beyond the base: it stays in the log, and is sent again.
    if (assigned.memory.restored !== true) branchOff(w, log, baseSeq);
    log.row.acked = baseSeq;
  }
  save(w, log, {
    epoch: assigned.epoch,
    baseSeq,
    baseHash,
    from,
    confirmed: false,
    fenced: false,
    releasedMs: null,
  });
  log.hydrated = isHydrated(log, journal);
}

/** `atMost`: memories that the agent may have; undefined: as many as come. */
export function append(
  w: WriteContext,
  log: AgentLog,
  epoch: number,
  added: NewEntry,
  atMost: number | undefined,
): Appended {
  w.touched.add(log);
  if (log.row.epoch !== epoch) return { fenced: `the agent is now under epoch ${log.row.epoch}` };
  if (log.row.fenced) return { fenced: `epoch ${epoch} was fenced: the agent works on another node` };
  if (atMost !== undefined && keptOf(log, w.journal) >= atMost) return { full: atMost };
  if (isWritable(log)) return chain(w, log, added, null);
  wait(w, log, added, null);
  return { seq: 0, hash: '' };
}

/** Called after a change that may make the log writable: opens the epoch's part of the chain and chains pending memories. */
function catchUp(w: WriteContext, log: AgentLog): void {
  if (!isWritable(log)) return;
  w.touched.add(log);
  const { journal, node } = w;
  const { from, epoch } = log.row;
  if (from !== null && from !== node && log.head.seq > 0 && journal.epochAt(log.row.id, log.head.seq) < epoch) {
    const text = `Moved from ${from} to ${node}, epoch ${epoch}.`;
    chain(w, log, plainEntry('migrate', node, w.clock.nowMs(), text), null);
  }
  if (log.pending === 0) return;
  const waiting = journal.pending(log.row.id);
  journal.clearPending(log.row.id);
  log.pending = 0;
  for (const row of waiting) {
    w.unindexed.push(-row.id);
    if (row.origin !== null && journal.hasOrigin(log.row.id, row.origin)) continue;
    chain(w, log, row, row.origin);
  }
}

/** The coordinator answered a hello of this epoch: the writer may chain. `stands` is the end of its log, where it sent that. */
export function greet(w: WriteContext, log: AgentLog, stands: Head | null): void {
  const lost = stands !== null && log.row.baseSeq > log.head.seq;
  const base = lost ? { baseSeq: stands.seq, baseHash: stands.hash } : {};
  const acked = stands === null ? log.row.acked : stands.seq;
  if (lost || !log.row.confirmed || log.row.fenced || acked !== log.row.acked) {
    save(w, log, { ...base, acked, confirmed: true, fenced: false });
  }
  log.hydrated = isHydrated(log, w.journal);
  if (log.hydrated) endEarly(log);
  catchUp(w, log);
}

export function setAcked(w: WriteContext, log: AgentLog, acked: number): void {
  if (log.row.acked !== acked) save(w, log, { acked });
}
export function setReleased(w: WriteContext, log: AgentLog, releasedMs: number): void {
  if (log.row.id !== 0) save(w, log, { releasedMs });
}
/** Stores a cursor that is already set in memory. */
export function saveAcked(w: WriteContext, log: AgentLog): void {
  if (log.row.id !== 0) save(w, log, {});
}

/** Stores entries that the coordinator sent. `fork` means that our tail differs; it was not changed. */
export function takeIn(
  w: WriteContext,
  log: AgentLog,
  incoming: readonly MemoryEntry[],
): { stored: number; damaged: number[] } | { fork: number } | { refused: string } {
  const { journal } = w;
  const { id, agent, baseSeq, baseHash } = log.row;
  const base = { seq: baseSeq, hash: baseHash };
  const admitted = admit(agent, log.head, (seq) => journal.hashAt(id, seq), incoming, base);
  if (!('entries' in admitted)) return admitted;
  w.touched.add(log);
  for (const each of admitted.entries) {
    // It was on its way when it was erased.
    const entry = journal.isErased(agent, each.hash) ? { ...each, salt: null, payload: null } : each;
    insert(w, log, entry, originOf(each));
    if (log.branched > 0) journal.unbranch(id, entry);
  }
  if (log.branched > 0) log.branched = journal.branchCount(id);
  if (admitted.entries.length > 0) {
    setAcked(w, log, Math.max(log.row.acked, log.head.seq));
    log.hydrated = isHydrated(log, journal);
  }
  return { stored: admitted.entries.length, damaged: admitted.damaged };
}

/** Our tail differs from the coordinator's log: our entries after the last that both surely have become a branch, theirs are fetched. */
export function rewind(w: WriteContext, log: AgentLog): void {
  const keep = log.forks === 0 ? Math.min(log.row.acked, log.head.seq) : 0;
  log.forks++;
  branchOff(w, log, keep);
  save(w, log, { acked: keep, confirmed: false });
  log.hydrated = isHydrated(log, w.journal);
  log.greeted = false;
}

/** The coordinator was restored: what it acknowledged it may not have any more. A hello of each log finds out. */
export function doubt(w: WriteContext, log: AgentLog): void {
  save(w, log, { acked: 0, ...(log.open ? {} : { fenced: false, confirmed: false }) });
  log.greeted = false;
  log.hydratedSaid = false;
  log.unknown = false;
}

/**
 * Another node writes now. Nothing is deleted: the tail and the pending memories become a branch to upload. `knownSeq`: the coordinator has
 * the log up to there.
 */
export function fence(w: WriteContext, log: AgentLog, knownSeq: number): void {
  const { journal } = w;
  w.touched.add(log);
  if (log.pending > 0) {
    const waiting = journal.pending(log.row.id);
    journal.clearPending(log.row.id);
    log.pending = 0;
    for (const row of waiting) {
      w.unindexed.push(-row.id);
      chain(w, log, row, row.origin);
    }
  }
  const keep = Math.min(Math.max(log.row.acked, knownSeq), log.head.seq);
  branchOff(w, log, keep);
  save(w, log, { fenced: true, confirmed: false, acked: keep });
  endEarly(log);
  log.hydrated = isHydrated(log, journal);
}

/** Appends memories that people gave, each once. Nothing is written where the agent has moved meanwhile, or is about to. */
export function give(w: WriteContext, log: AgentLog, epoch: number, given: readonly NewEntry[]): void {
  if (log.row.epoch !== epoch || log.row.fenced || log.leaving !== null) return;
  for (const added of given) {
    const origin = originOfGiven(added.payload.given as string);
    if (w.journal.hasOrigin(log.row.id, origin)) continue;
    w.touched.add(log);
    if (isWritable(log)) chain(w, log, added, origin);
    else wait(w, log, added, origin);
  }
}

/** Appends entries of a branch with their provenance, each once, whichever node held the log when they came. */
export function merge(
  w: WriteContext,
  log: AgentLog,
  { branch, from, entries }: Pick<Extract<MemoryDown, { type: 'merge' }>, 'branch' | 'from' | 'entries'>,
): number {
  // Its next writer is offered the branch.
  if (log.leaving !== null) return 0;
  const { journal } = w;
  const source = branch.startsWith('branch:') ? branch : `branch:${branch}`;
  // Whether the log has an edit of its own shows when it is here. The branch is offered again then.
  if (!isWritable(log) && entries.some((entry) => keyIn(entry) !== null)) return 0;
  let merged = 0;
  for (const entry of entries) {
    if (entry.kind === 'genesis' || entry.kind === 'migrate' || entry.payload === null) continue;
    // A merged entry on the branch is compared by its original, and one that a person gave by its order: either may be here already.
    const origin = originOf(entry) ?? entry.hash;
    const original = entry.kind === 'merge' ? (entry.payload.derivedFrom[0] ?? entry.hash) : entry.hash;
    if (journal.isErased(log.row.agent, entry.hash) || journal.isErased(log.row.agent, original)) continue;
    if (journal.hasOrigin(log.row.id, origin)) continue;
    if (journal.hashAt(log.row.id, entry.seq) === entry.hash) continue;
    const added: NewEntry = {
      kind: 'merge',
      // The node that uploaded it, not the author that the entry names.
      actorId: `node:${from}`,
      createdAt: w.clock.nowMs(),
      payload: {
        ...entry.payload,
        importance: Math.min(entry.payload.importance, maxNodeImportance),
        source,
        derivedFrom: [original],
        ...setsOfBranch(w, log, entry, source),
      },
    };
    w.touched.add(log);
    if (isWritable(log)) chain(w, log, added, origin);
    else wait(w, log, added, origin);
    merged++;
  }
  return merged;
}

/** Whether an entry of a branch sets its key: nothing set it here since the branch began, or what holds is the same. */
function setsOfBranch(w: WriteContext, log: AgentLog, entry: MemoryEntry, source: string): { holds?: boolean } {
  const key = keyIn(entry);
  if (key === null) return {};
  const { id } = log.row;
  const { epoch, seq } = entry;
  if (!w.journal.isKeySetBeside(id, key, { epoch, seq, source })) return { holds: true };
  const holder = w.journal.aboutKey(id, key).find((each) => keySet(each) !== null);
  return { holds: holder?.payload.text === entry.payload?.text };
}

function chain(w: WriteContext, log: AgentLog, added: NewEntry, origin: string | null): { seq: number; hash: string } {
  const { agent, epoch } = log.row;
  if (log.head.seq === 0) {
    const genesis = plainEntry('genesis', w.node, w.clock.nowMs(), `Memory of ${agent} begins on ${w.node}.`);
    insert(w, log, nextEntry(agent, epoch, log.head, genesis, w.random.hex(16)), null);
  }
  const entry = nextEntry(agent, epoch, log.head, added, w.random.hex(16));
  insert(w, log, entry, origin);
  return { seq: entry.seq, hash: entry.hash };
}

function insert(w: WriteContext, log: AgentLog, entry: MemoryEntry, origin: string | null): void {
  const key = keySet(entry);
  if (key !== null)
    unindex(
      w,
      w.journal.aboutKey(log.row.id, key).map((past) => past.id),
    );
  const id = w.journal.insert(log.row.id, entry, origin);
  log.head = { seq: entry.seq, hash: entry.hash };
  // Counted anew where entries lose their content.
  if (entry.kind === 'withdraw') log.kept = null;
  else if (log.kept !== null && entry.payload && !aboutTheLog.includes(entry.kind)) log.kept++;
  if (entry.payload && entry.kind !== 'withdraw')
    w.indexed.push({ id, log: log.row.id, seq: entry.seq, payload: entry.payload });
  if (entry.kind === 'withdraw' && entry.payload?.document) {
    // The log itself says it, so that every copy of it loses the texts, also one that was away.
    const parts = `${originOfGiven(entry.payload.document.id)}.`;
    const keys = w.journal.keysOfOrigins(log.row.id, parts);
    unindex(w, w.journal.eraseOrigins(log.row.id, parts));
    indexAgain(w, log, keys);
  }
}

/** Not what is indexed of the same entries by a later change. */
function unindex(w: WriteContext, ids: readonly number[]): void {
  if (ids.length === 0) return;
  const gone = new Set(ids);
  w.indexed = w.indexed.filter(({ id }) => !gone.has(id));
  w.unindexed.push(...ids);
}
/** The values that hold again, as the later ones of their keys are gone. */
function indexAgain(w: WriteContext, log: AgentLog, keys: readonly string[]): void {
  for (const key of keys)
    for (const { id, seq, payload } of w.journal.aboutKey(log.row.id, key))
      w.indexed.push({ id, log: log.row.id, seq, payload });
}

function wait(w: WriteContext, log: AgentLog, added: NewEntry, origin: string | null): void {
  const { kind, actorId, createdAt, payload } = added;
  const key = keySet(added);
  if (key !== null) {
    const waiting = w.journal.pending(log.row.id).filter((row) => keySet(row) === key);
    const chained = w.journal.aboutKey(log.row.id, key);
    unindex(w, [...waiting.map((row) => -row.id), ...chained.map((past) => past.id)]);
  }
  const id = w.journal.addPending(log.row.id, { kind, actorId, createdAt, payload, origin });
  log.pending++;
  if (kind !== 'withdraw') w.indexed.push({ id: -id, log: log.row.id, seq: 0, payload });
}

/** Moves everything after `keepSeq` to the branches, one branch an epoch. */
function branchOff(w: WriteContext, log: AgentLog, keepSeq: number): void {
  const { journal } = w;
  const { id, agent } = log.row;
  w.touched.add(log);
  let run: MemoryEntry[] = [];
  const close = () => {
    if (run.length > 0) journal.addBranch(id, run[0]!.epoch, run);
    run = [];
  };
  for (let from = keepSeq; ; ) {
    const page = journal.after(id, agent, from, 200);
    for (const entry of page) {
      if (run.length > 0 && run[0]!.epoch !== entry.epoch) close();
      run.push(entry);
    }
    if (page.length === 0) break;
    from = page[page.length - 1]!.seq;
  }
  close();
  const keys = journal.keysAfter(id, keepSeq);
  unindex(w, journal.removeAfter(id, keepSeq));
  indexAgain(w, log, keys);
  log.head = journal.head(id);
  log.branched = journal.branchCount(id);
}

function save(w: WriteContext, log: AgentLog, change: Partial<AgentLog['row']>): void {
  w.touched.add(log);
  const row = { ...log.row, ...change };
  log.row = { ...row, id: w.journal.saveLog(row) };
}
