// Sends logs to the coordinator and fetches entries that this node lacks. In: MemoryDown messages, connects and disconnects, commits. Out:
// MemoryUp messages and writes to submit. Only fsynced entries are sent, because it reads the journal after commits. Never deletes before
// branch-ack. [INV-durable-first] [INV-rest]
import { entriesThatFit, type MemoryDown, type MemoryUp } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { Answers } from './answers.ts';
import { Erasing, type ErasingParts } from './erasing.ts';
import { type AgentLog, nextStep } from './log-state.ts';
import * as writes from './log-writes.ts';
import { Sending } from './sending.ts';

interface SyncParts extends Omit<ErasingParts, 'tell'> {
  clock: Clock;
  random: Random;
  logs: Map<string, AgentLog>;
  publish(agent: string, message: MemoryUp): void;
  contradicted(text: string): void;
  /** Most entries of one message. */
  batchEntries: number;
}

export class Sync {
  readonly #parts: SyncParts;
  readonly #sending: Sending;
  readonly #answers: Answers;
  readonly #erasing: Erasing;

  constructor(parts: SyncParts) {
    this.#parts = parts;
    const { journal, log, setAside, contradicted, submit, clock, random, batchEntries } = parts;
    const w = parts.writeContext;
    this.#sending = new Sending({
      send: (each) => this.#send(each),
      saveAcked: (each) => writes.saveAcked(w, each),
      submit,
      clock,
      random,
      log,
    });
    this.#erasing = new Erasing({ ...parts, tell: (agent, upto) => this.#tellErased(agent, upto) });
    this.#answers = new Answers({
      journal,
      log,
      writeContext: w,
      sending: this.#sending,
      setAside,
      batchEntries,
      contradicted,
    });
  }

  receive(message: Exclude<MemoryDown, { type: 'give' | 'recalled' }>): void {
    if (message.type === 'erase') {
      this.#erasing.receive(message);
      return;
    }
    const log = this.#parts.logs.get(message.agent);
    if (log && log.row.id !== 0) this.#answers.receive(log, message);
  }

  /** The log may have something to send. */
  wake(log: AgentLog): void {
    this.#sending.wake(log);
  }

  /** The agent's epoch changed: its message in flight no longer counts. */
  forget(log: AgentLog): void {
    this.#sending.forget(log);
  }

  connected(): void {
    this.#sending.connected();
    for (const log of this.#parts.logs.values()) {
      log.unknown = false;
      log.branchesHeld = false;
      // It may be another coordinator, one that does not know such questions.
      log.early?.rest();
      if (log.row.fenced) log.greeted = false;
      // Before all else; where a hello is next, that says it.
      if (log.row.id !== 0 && nextStep(log) !== 'hello')
        this.#tellErased(log.row.agent, this.#parts.journal.erasedUpto(log.row.agent), true);
      if (nextStep(log) !== 'none') this.wake(log);
    }
  }

  disconnected(): void {
    this.#sending.disconnected();
  }

  #send(log: AgentLog): void {
    const { publish } = this.#parts;
    const { agent, epoch } = log.row;
    const { seq: durableSeq, hash } = log.head;
    switch (nextStep(log)) {
      case 'none':
        return;
      case 'hello':
        this.#sending.depart(log, { kind: 'hello', epoch, upto: durableSeq, hash, group: 0 });
        publish(agent, { type: 'hello', epoch, durableSeq, hash, erased: this.#parts.journal.erasedUpto(agent) });
        return;
      case 'fetch':
        this.#fetch(log);
        return;
      case 'hydrated':
        log.hydratedSaid = true;
        publish(agent, { type: 'hydrated', epoch, durableSeq, hash });
        this.wake(log);
        return;
      case 'drained':
        this.#sending.depart(log, { kind: 'drained', epoch, upto: durableSeq, hash, group: 0 });
        publish(agent, {
          type: 'drained',
          epoch,
          durableSeq,
          hash,
          ...(log.leaving === null ? {} : { leaving: log.leaving }),
        });
        return;
      case 'batch':
        this.#sendBatch(log);
        return;
      case 'branch':
        this.#sendBranch(log);
        return;
    }
  }

  #tellErased(agent: string, upto: number, stands = false): void {
    const epoch = this.#parts.logs.get(agent)?.row.epoch || 1;
    if (this.#sending.isOnline)
      this.#parts.publish(agent, { type: 'erased', epoch, upto, ...(stands ? { stands } : {}) });
  }

  #fetch(log: AgentLog): void {
    const next = log.early?.next;
    if (!next) return;
    const { agent, epoch } = log.row;
    this.#sending.depart(log, { kind: 'fetch', epoch, upto: next.before, hash: '', group: 0 });
    this.#parts.publish(agent, { type: 'fetch', epoch, ...next });
  }

  #sendBatch(log: AgentLog): void {
    const { journal, batchEntries, publish } = this.#parts;
    const { agent, epoch, id, acked } = log.row;
    const rows = journal.after(id, agent, acked, batchEntries);
    const { seq: from, previousHash } = rows[0]!;
    const message = { type: 'batch' as const, epoch, from, previousHash };
    const entries = entriesThatFit(message, rows, batchEntries);
    const last = entries[entries.length - 1]!;
    this.#sending.depart(log, { kind: 'batch', epoch, upto: last.seq, hash: last.hash, group: 0 });
    publish(agent, { ...message, entries });
  }

  #sendBranch(log: AgentLog): void {
    const { journal, batchEntries, publish } = this.#parts;
    const { agent, id } = log.row;
    const { group, epoch } = journal.firstBranch(id)!;
    const rows = journal.branch(id, group, batchEntries + 1);
    const { seq: from, previousHash } = rows[0]!;
    // Sized with `false`, the longer of the two values of `last`.
    const message = { type: 'branch' as const, epoch, from, previousHash, last: false };
    const entries = entriesThatFit(message, rows, batchEntries);
    const { seq: upto, hash } = entries[entries.length - 1]!;
    this.#sending.depart(log, { kind: 'branch', epoch, upto, hash, group });
    publish(agent, { ...message, entries, last: entries.length === rows.length });
  }
}
