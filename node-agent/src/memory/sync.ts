// Sends logs to the coordinator and fetches entries that this node lacks. In: MemoryDown messages, connects and disconnects, commits. Out:
// MemoryUp messages and writes to submit. Only fsynced entries are sent, because it reads the journal after commits. Never deletes before
// branch-ack. [INV-durable-first] [INV-rest]
import { entriesThatFit, type MemoryDown, type MemoryUp } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Log as Logger } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { Answers } from './answers.ts';
import type { Journal } from './journal.ts';
import { type AgentLog, nextStep } from './log-state.ts';
import * as writes from './log-writes.ts';
import { Sending, type Submit } from './sending.ts';
import type { SetAside } from './set-aside.ts';

interface SyncParts {
  journal: Journal;
  clock: Clock;
  random: Random;
  log: Logger;
  logs: Map<string, AgentLog>;
  writeContext: writes.WriteContext;
  submit: Submit;
  publish(agent: string, message: MemoryUp): void;
  setAside: SetAside;
  /** Most entries of one message. */
  batchEntries: number;
}

export class Sync {
  readonly #parts: SyncParts;
  readonly #sending: Sending;
  readonly #answers: Answers;

  constructor(parts: SyncParts) {
    this.#parts = parts;
    const { journal, log, setAside, submit, clock, random } = parts;
    const w = parts.writeContext;
    this.#sending = new Sending({
      send: (each) => this.#send(each),
      saveAcked: (each) => writes.saveAcked(w, each),
      submit,
      clock,
      random,
      log,
    });
    this.#answers = new Answers({ journal, log, writeContext: w, sending: this.#sending, setAside });
  }

  receive(message: Exclude<MemoryDown, { type: 'give' }>): void {
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
      if (log.row.fenced) log.greeted = false;
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
        publish(agent, { type: 'hello', epoch, durableSeq, hash });
        return;
      case 'hydrated':
        log.hydratedSaid = true;
        publish(agent, { type: 'hydrated', epoch, durableSeq, hash });
        this.wake(log);
        return;
      case 'batch':
        this.#sendBatch(log);
        return;
      case 'branch':
        this.#sendBranch(log);
        return;
    }
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
