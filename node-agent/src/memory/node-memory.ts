// All memories of this node: opens logs, makes appends durable, answers recalls, runs sync. In: memories and questions of agents,
// assignments, the coordinator's messages. Out: durable entries, memories found, messages upward. A memory is embedded before it is hashed
// (the commitment covers the vector), but embedding never fails a memory or delays it for more than 2 s: an entry without a vector is found
// by words, and the index gets a vector later.

import {
  type AssignedAgent,
  idOf,
  indexedText,
  isVector,
  type MemoryDown,
  type MemoryUp,
  maxMemoryBatchEntries,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log as Logger } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { OnDamage } from '../files/data-folder.ts';
import type { Disk } from '../files/disk.ts';
import type { AgentMemory, Embedder, Remembered } from './agent-memory.ts';
import { payloadOf } from './chain.ts';
import { createCommits } from './commits.ts';
import { embedWithin } from './embed-within.ts';
import { createGiven } from './given.ts';
import { openJournal } from './journal.ts';
import { LateVectors } from './late-vectors.ts';
import { type AgentLog, blankLog, endEarly, reload, unackedOf } from './log-state.ts';
import * as writes from './log-writes.ts';
import { Recall } from './recall.ts';
import { fencedError, fullError, refuseFenced } from './refusals.ts';
import { SearchIndex } from './search-index.ts';
import { createSetAside } from './set-aside.ts';
import { SharedRecalls } from './shared-recalls.ts';
import { Sync } from './sync.ts';
import { Values } from './values.ts';

/** All logs of a node: one journal and one index database, group commit across agents. */
export interface NodeMemory {
  /** Opens (or re-opens under a newer epoch) an agent's log. An older epoch's unacknowledged tail becomes a branch to upload. */
  open(assigned: AssignedAgent): AgentMemory;
  /** Stops writing for an agent (assignment withdrawn); unacknowledged entries are kept and still uploaded. */
  release(agent: string, epoch: number): void;
  /**
   * The agent is about to leave this node and does nothing more here: nothing is written any more, and once all is committed the coordinator
   * is told so, with the number. Null: it stays after all.
   */
  leave(agent: string, epoch: number, leaving: number | null): void;
  receive(message: MemoryDown): void;
  /** The coordinator was restored from a backup: all logs are compared with it anew, once for each restore. Whether it is news. */
  restored(lineage: string): boolean;
  /** Called after each (re)connection: sends a hello for every log that has entries to send or lacks some. */
  connected(): void;
  disconnected(): void;
  /** Entries not yet acknowledged, over all agents, also those that left the node. */
  readonly unacked: number;
  /** Publishes upward; set by node.ts. */
  publish: (agent: string, message: MemoryUp) => void;
  /**
   * Called with words when memories that the coordinator will never accept were moved to a file, or when a signed checkpoint contradicts
   * what this node holds; set by node.ts.
   */
  onTrouble: (type: 'memory-set-aside' | 'memory-contradicted', text: string) => void;
  close(): Promise<void>;
}

const embedDeadlineMs = 2_000;
/** An acknowledged log of an agent that left is kept this long: the agent may return and then needs no fetching. */
const keepReleasedMs = 24 * 3_600_000;
const pruneEveryMs = 10 * 60_000;
const beginAgainMs = 5_000;

interface NodeMemoryOptions {
  /** A folder, or `:memory:`. */
  dir: string;
  /** Replaces `dir` for the journal in the simulator. The index is disposable. */
  disk?: Disk;
  node: string;
  clock: Clock;
  random: Random;
  log: Logger;
  onDamage?: OnDamage;
  embed: Embedder;
  /** Most entries of one message; missing: the protocol's bound. */
  batchEntries?: number;
}

export function createNodeMemory(options: NodeMemoryOptions): NodeMemory {
  const { dir, node, clock, random, log: logger } = options;
  const onDamage = options.onDamage ?? ((text) => logger.error({}, text));
  const journal = openJournal(dir, random.hex(16), clock.nowMs(), onDamage, options.disk);
  const index = new SearchIndex({ dir, journal, clock, log: logger });
  const logs = new Map<string, AgentLog>();
  const closing = new AbortController();
  const w: writes.WriteContext = {
    journal,
    node,
    clock,
    random,
    indexed: [],
    unindexed: [],
    touched: new Set(),
  };

  const commits = createCommits({
    clock,
    transaction: (work) => journal.transaction(work),
    committed() {
      const { indexed, unindexed, touched } = takeCollected();
      index.changed(indexed, unindexed);
      for (const log of touched) sync.wake(log);
    },
    undone() {
      for (const log of takeCollected().touched) reload(log, journal);
    },
  });
  const sync = new Sync({
    journal,
    index,
    clock,
    random,
    log: logger,
    logs,
    writeContext: w,
    submit: commits.submit,
    publish: (agent, message) => memory.publish(agent, message),
    setAside: createSetAside({
      dir,
      clock,
      tell: (text) => memory.onTrouble('memory-set-aside', text),
      ...(options.disk ? { disk: options.disk } : {}),
    }),
    contradicted: (text) => memory.onTrouble('memory-contradicted', text),
    batchEntries: options.batchEntries ?? maxMemoryBatchEntries,
  });

  const given = createGiven({
    ...{ journal, writeContext: w, logs, submit: commits.submit, embed: options.embed, clock, log: logger },
    closing: closing.signal,
  });

  function takeCollected() {
    const collected = { indexed: w.indexed, unindexed: w.unindexed, touched: w.touched };
    w.indexed = [];
    w.unindexed = [];
    w.touched = new Set();
    return collected;
  }

  for (const row of journal.logs()) {
    const log = blankLog(row.agent);
    log.row = row;
    reload(log, journal);
    logs.set(row.agent, log);
  }
  const lateVectors = new LateVectors({ index, embed: options.embed, clock, log: logger, signal: closing.signal });
  const values = new Values(journal, logger);
  const shared = new SharedRecalls({ clock, random, publish: (agent, message) => memory.publish(agent, message) });
  const recall = new Recall({ journal, index, values, lateVectors, shared, embedOne, log: logger });
  const pruning = clock.every(pruneEveryMs, prune);

  /** Embeds one text within the deadline; null where that fails, for whatever reason. */
  async function embedOne(text: string, signal?: AbortSignal): Promise<{ model: string; vector: Float32Array } | null> {
    const signals = [closing.signal, ...(signal ? [signal] : [])];
    const embedded = await embedWithin(options.embed, [text], {
      withinMs: embedDeadlineMs,
      signals,
      clock,
      log: logger,
    });
    const vector = embedded?.vectors[0];
    return embedded && vector && isVector(vector) ? { model: embedded.model, vector } : null;
  }

  async function append(log: AgentLog, epoch: number, assigned: AssignedAgent, entry: Remembered) {
    refuseFenced(log, epoch, assigned.spec.name);
    const text = indexedText(entry);
    const embedding = text === '' ? null : await embedOne(text);
    const draft = {
      kind: entry.kind,
      actorId: entry.actorId,
      createdAt: clock.nowMs(),
      payload: payloadOf(entry, embedding),
    };
    const appended = await commits.submit(() => {
      // If this epoch could not be stored when it was opened, it is stored now, before the first entry.
      if (log.row.epoch < epoch) writes.beginEpoch(w, log, assigned);
      return writes.append(w, log, epoch, draft, assigned.spec.memory.atMost);
    });
    if ('fenced' in appended) throw fencedError(assigned.spec.name, appended.fenced);
    if ('full' in appended) throw fullError(assigned.spec.name, appended.full);
    return appended;
  }

  function beginEpochSoon(log: AgentLog, assigned: AssignedAgent): void {
    commits
      .submit(() => writes.beginEpoch(w, log, assigned))
      .catch((error) => {
        if (closing.signal.aborted) return;
        logger.error({ agent: log.row.agent, err: error }, 'the opening of a memory could not be stored');
        clock.after(beginAgainMs, () => beginEpochSoon(log, assigned));
      });
  }

  /** Bounded work: deletes logs of agents that left, once the coordinator has all of their entries. */
  function prune(): void {
    const now = clock.nowMs();
    for (const log of logs.values()) {
      if (log.open || log.row.id === 0) continue;
      if (log.row.releasedMs === null) {
        void commits.submit(() => writes.setReleased(w, log, now)).catch(() => {});
      } else if (unackedOf(log) === 0 && Math.abs(now - log.row.releasedMs) > keepReleasedMs) {
        const forget = commits.submit(() => {
          if (log.open || unackedOf(log) > 0) return false;
          w.unindexed.push(...journal.dropLog(log.row.id));
          return true;
        });
        void forget.then((gone) => gone && logs.delete(log.row.agent)).catch(() => {});
        return;
      }
    }
  }

  const memory: NodeMemory = {
    publish: () => {},
    onTrouble: (_, text) => logger.warn({}, text),

    open(assigned) {
      const agent = idOf(assigned);
      let log = logs.get(agent);
      if (!log) {
        log = blankLog(agent);
        logs.set(agent, log);
      }
      const { epoch } = assigned;
      if (epoch >= log.row.epoch) {
        log.open = true;
        if (epoch > log.row.epoch) {
          log.openEpoch = epoch;
          log.greeted = false;
          log.hydratedSaid = false;
          log.leaving = null;
          log.wantSeq = 0;
          log.forks = 0;
          log.unknown = false;
          endEarly(log);
          sync.forget(log);
        }
        if (epoch > log.row.epoch || log.row.releasedMs !== null) beginEpochSoon(log, assigned);
        else sync.wake(log);
      }
      return handle(log, assigned);
    },

    release(agent, epoch) {
      const log = logs.get(agent);
      // The log may be open again: `row.epoch` follows only when that is stored.
      const isOver = () => !log || epoch < Math.max(log.row.epoch, log.openEpoch);
      if (!log || isOver()) return;
      const done = commits.submit(() => {
        if (isOver()) return;
        log.open = false;
        if (log.leaving !== null) sync.forget(log);
        log.leaving = null;
        endEarly(log);
        writes.setReleased(w, log, clock.nowMs());
      });
      done.then(
        () => sync.wake(log),
        (error) => logger.warn({ agent, err: error }, 'the release of a memory could not be stored'),
      );
    },

    leave(agent, epoch, leaving) {
      const log = logs.get(agent);
      if (!log?.open || log.leaving === leaving || Math.max(log.row.epoch, log.openEpoch) !== epoch) return;
      // What was said before does not hold any more.
      if (log.leaving !== null) sync.forget(log);
      log.leaving = leaving;
      sync.wake(log);
    },
    receive(message) {
      if (message.type === 'give') given(message);
      else if (message.type === 'recalled') shared.receive(message);
      else sync.receive(message);
    },
    restored(lineage) {
      if (journal.lineage() === lineage) return false;
      const doubted = commits.submit(() => {
        for (const log of logs.values()) {
          if (log.row.id === 0) continue;
          sync.forget(log);
          writes.doubt(w, log);
        }
        // It goes on from a backup, and says so: what it signed since may be gone.
        journal.forgetAnchors();
        journal.setLineage(lineage);
      });
      // It is heard again at the next connection.
      doubted.catch((error) => logger.warn({ err: error }, 'that the coordinator was restored could not be stored'));
      return true;
    },
    connected() {
      shared.connected();
      sync.connected();
    },
    disconnected() {
      shared.disconnected();
      sync.disconnected();
    },
    // [INV-only-here]
    get unacked() {
      let sum = 0;
      for (const log of logs.values()) sum += unackedOf(log);
      return sum;
    },
    async close() {
      closing.abort();
      pruning.cancel();
      shared.disconnected();
      sync.disconnected();
      commits.close();
      index.close();
      journal.close();
    },
  };

  function handle(log: AgentLog, assigned: AssignedAgent): AgentMemory {
    const { epoch } = assigned;
    const own: AgentMemory = {
      append: (entry) => append(log, epoch, assigned, entry),
      recall(query, limit, signal) {
        const { scope = 'own' } = assigned.spec.memory;
        return recall.recall(log, scope !== 'own', query, limit, signal);
      },
      value: (key) => values.look(log, key, own.hydrated),
      turns: (limit, sinceMs) => recall.turns(log, limit, sinceMs),
      get hydrated() {
        if (log.row.epoch !== epoch) return false;
        // The log is empty and not confirmed to be: a machine set up again under its old epoch lost all of it.
        if (log.head.seq === 0 && !log.row.confirmed) return false;
        return log.hydrated && log.wantSeq <= log.head.seq;
      },
      get part() {
        if (log.row.epoch !== epoch || !log.early?.isEnough) return null;
        const { seq } = log.head;
        return { have: seq + log.early.countAfter(seq), of: Math.max(seq, log.early.end.seq) };
      },
      get status() {
        const { seq: durableSeq, hash } = log.head;
        const fenced = log.row.epoch > epoch || (log.row.epoch === epoch && log.row.fenced);
        return { epoch, durableSeq, ackedSeq: log.row.acked, hash, fenced };
      },
    };
    return own;
  }

  return memory;
}
