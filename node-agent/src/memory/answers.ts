// Handles each answer of the coordinator. In: one MemoryDown message and the log it is about. Out: writes to the journal, and whether to go
// on, ask again later, or put a tail aside. Answers may come late, twice or in any order: each is checked by hashes and epochs, and against
// the message in flight of this epoch.
import type { MemoryDown } from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import { contradictionOf } from './anchors.ts';
import { EarlyMemories, isWorthIt } from './early.ts';
import type { Journal } from './journal.ts';
import { type AgentLog, endEarly } from './log-state.ts';
import * as writes from './log-writes.ts';
import type { Flight, Sending } from './sending.ts';
import type { SetAside } from './set-aside.ts';

type Down<T extends MemoryDown['type']> = Extract<MemoryDown, { type: T }>;

/**
 * What a refusal demands of this node:
 * `again`       send the same message once more, after a pause that grows
 * `rest`        send nothing until the next connection, or for minutes: the agent may be applied again
 * `fence`       another node writes: stop writing, and send the tail as a branch
 * `catch-up`    the two logs end at different places: go on from the coordinator's head, fetch missing entries, or branch off
 * `branch-off`  remove the tail from the log, send it as a branch, and go on with the coordinator's log
 * `set-aside`   no coordinator will ever accept it: write it to a file for people, and go on
 */
export type Way = 'again' | 'rest' | 'fence' | 'catch-up' | 'branch-off' | 'set-aside';
/** `final` is any reason together with `nack.final`. */
export type Refusal = Down<'nack'>['reason'] | 'final';
/** By the refusal and by the message that it answers. No way sends the same message again at once. */
export const ways: Readonly<Record<Refusal, Readonly<Record<Exclude<Flight['kind'], 'drained' | 'fetch'>, Way>>>> = {
  'unknown-agent': { hello: 'rest', batch: 'rest', branch: 'rest' },
  'stale-epoch': { hello: 'fence', batch: 'fence', branch: 'again' },
  gap: { hello: 'catch-up', batch: 'catch-up', branch: 'again' },
  fork: { hello: 'branch-off', batch: 'branch-off', branch: 'again' },
  // A coordinator without `final` is older: it may refuse a branch only for now, so nothing leaves the journal.
  'bad-hash': { hello: 'again', batch: 'branch-off', branch: 'again' },
  final: { hello: 'again', batch: 'branch-off', branch: 'set-aside' },
};

interface AnswersParts {
  journal: Journal;
  log: Logger;
  writeContext: writes.WriteContext;
  sending: Sending;
  setAside: SetAside;
  /** Most entries of one message. */
  batchEntries: number;
  /** Tells people that the coordinator contradicts what this node holds. */
  contradicted(text: string): void;
}

export class Answers {
  readonly #parts: AnswersParts;
  readonly #sending: Sending;
  readonly #w: writes.WriteContext;

  constructor(parts: AnswersParts) {
    this.#parts = parts;
    this.#sending = parts.sending;
    this.#w = parts.writeContext;
  }

  receive(log: AgentLog, message: Exclude<MemoryDown, { type: 'erase' | 'give' | 'recalled' }>): void {
    if (message.type === 'ack') this.#onAck(log, message);
    else if (message.type === 'nack') this.#onNack(log, message);
    else if (message.type === 'entries') this.#onEntries(log, message);
    else if (message.type === 'early') this.#onEarly(log, message);
    else if (message.type === 'branch-ack') this.#onBranchAck(log, message);
    else if (message.type === 'anchor') this.#onAnchor(log, message);
    else this.#onMerge(log, message);
  }

  #onAck(log: AgentLog, message: Down<'ack'>): void {
    const flight = this.#sending.flightOf(log);
    const { upto, hash, epoch } = message;
    const late = epoch < log.row.epoch;
    // Only the answer to a hello of this epoch can prove that a fenced node is the writer after all.
    if (log.row.fenced && (late || flight?.kind !== 'hello')) return;
    if (upto > log.head.seq) {
      if (late) return;
      // The coordinator has more entries than this node: the journal lost its end, or was restored from an old copy.
      log.wantSeq = Math.max(log.wantSeq, upto);
      log.greeted = false;
      if (flight) this.#sending.land(log);
      this.#sending.later(log);
      return;
    }
    if (this.#parts.journal.hashAt(log.row.id, upto) !== hash) {
      if (!late) this.#fork(log, upto);
      return;
    }
    if (flight?.kind === 'hello' && !late) {
      this.#sending.land(log);
      this.#sending.progressed(log);
      this.#sending.write(log, () => {
        if (log.row.epoch > epoch || upto > log.head.seq) return;
        if (log.row.baseSeq > log.head.seq) {
          this.#parts.log.warn(
            { agent: log.row.agent, base: log.row.baseSeq, upto },
            'the coordinator no longer has what it gave as the base of this epoch: what is here is all there is',
          );
        }
        log.greeted = true;
        log.forks = 0;
        log.wantSeq = 0;
        writes.greet(this.#w, log, { seq: upto, hash });
      });
      return;
    }
    if (flight?.kind === 'batch' && upto >= flight.upto) this.#sending.land(log);
    if (upto > log.row.acked) {
      this.#sending.progressed(log);
      log.row.acked = upto;
      this.#sending.saveAckedLazily(log);
    }
    this.#sending.wake(log);
  }

  #onEntries(log: AgentLog, message: Down<'entries'>): void {
    if (message.epoch < log.row.epoch || message.agent !== log.row.agent) return;
    if (log.row.fenced && (this.#sending.flightOf(log)?.kind !== 'hello' || message.epoch !== log.row.epoch)) return;
    if (this.#sending.flightOf(log)?.kind === 'hello') this.#sending.land(log);
    this.#sending.write(
      log,
      () => {
        const result = writes.takeIn(this.#w, log, message.entries);
        if ('fork' in result) {
          this.#forkNow(log, result.fork);
          return;
        }
        if ('refused' in result) {
          this.#parts.log.error(
            { agent: log.row.agent },
            `entries from the coordinator were refused: ${result.refused}`,
          );
          this.#sending.later(log);
          return;
        }
        for (const seq of result.damaged) {
          this.#parts.log.error(
            { agent: log.row.agent, seq },
            'the content of a memory does not match its hash: kept without it',
          );
        }
        log.wantSeq = message.headSeq > log.head.seq ? message.headSeq : 0;
        if (result.stored > 0) this.#sending.progressed(log);
        else if (log.wantSeq > 0) return this.#sending.later(log);
        if (log.wantSeq > 0) {
          this.#askEarly(log, message);
          return;
        }
        // A late answer may end below the base: ask again, not at once.
        if (!log.hydrated) {
          this.#sending.later(log);
          return;
        }
        log.greeted = true;
        log.forks = 0;
        writes.greet(this.#w, log, null);
      },
      { weight: message.entries.length },
    );
  }

  /** An agent that waits for much of its memory answers with some of it meanwhile. */
  #askEarly(log: AgentLog, { early, headSeq, headHash, epoch }: Down<'entries'>): void {
    if (!early || !log.open || epoch !== log.row.epoch || log.row.fenced) return;
    if (log.early) log.early.goOn();
    else if (isWorthIt(headSeq - log.head.seq, this.#parts.batchEntries))
      log.early = new EarlyMemories(log.row.agent, { seq: headSeq, hash: headHash }, this.#parts.log);
  }

  #onEarly(log: AgentLog, { epoch, which, before, entries }: Down<'early'>): void {
    const flight = this.#sending.flightOf(log);
    if (flight?.kind !== 'fetch' || flight.epoch !== epoch || flight.upto !== before) return;
    if (log.early?.next?.which !== which) return;
    this.#sending.land(log);
    const { agent } = log.row;
    const fault = log.early.take(which, entries, (hash) => this.#parts.journal.isErased(agent, hash));
    if (fault === null) this.#sending.progressed(log);
    else {
      this.#parts.log.error({ agent }, `memories that were to come first were refused: ${fault}`);
      endEarly(log);
    }
    this.#sending.wake(log);
  }

  #onNack(log: AgentLog, message: Down<'nack'>): void {
    const flight = this.#sending.flightOf(log);
    // A late answer: of an epoch that is over, of a past connection, or to an earlier message.
    if (!flight || message.epoch !== flight.epoch) return;
    if (message.of !== undefined && message.of !== flight.hash) return;
    this.#sending.land(log);
    const { final, headSeq } = message;
    // Nobody refuses it: its answer is an assignment.
    const { kind } = flight;
    // A hello finds out more.
    if (kind === 'fetch') log.early?.rest();
    switch (
      kind === 'drained' || kind === 'fetch' ? 'again' : ways[final === undefined ? message.reason : 'final'][kind]
    ) {
      case 'again':
        this.#sending.later(log);
        return;
      case 'rest':
        this.#sending.rest(log);
        return;
      case 'fence':
        this.#parts.log.warn(
          { agent: log.row.agent, epoch: log.row.epoch, unacked: log.head.seq - log.row.acked },
          'another node writes this memory now: this one is fenced and uploads its tail as a branch',
        );
        log.greeted = true;
        this.#sending.write(log, () => writes.fence(this.#w, log, this.#knownSeq(log, message)));
        return;
      case 'catch-up':
        this.#catchUp(log, message);
        return;
      case 'branch-off':
        // Our entry is damaged; or it is of an older epoch, which is only sent again after the coordinator lost it (restored from a backup)
        // and which it accepts only as a branch; or it names an author that it may not name.
        if (message.reason !== 'fork')
          this.#parts.log.error(
            { agent: log.row.agent, why: final ?? message.reason },
            'the coordinator refused entries',
          );
        this.#fork(log, headSeq);
        return;
      case 'set-aside':
        this.#putAside(log, flight, final!);
        return;
    }
  }

  /** Up to where the coordinator has this very log, as far as a refusal shows. */
  #knownSeq(log: AgentLog, { has, headSeq, headHash }: Down<'nack'>): number {
    if (has) return log.head.seq;
    return this.#parts.journal.hashAt(log.row.id, headSeq) === headHash ? headSeq : 0;
  }

  #catchUp(log: AgentLog, { headSeq, headHash }: Down<'nack'>): void {
    if (headSeq > log.head.seq) {
      log.wantSeq = headSeq;
      log.greeted = false;
      this.#sending.later(log);
    } else if (this.#parts.journal.hashAt(log.row.id, headSeq) !== headHash) this.#fork(log, headSeq);
    else if (headSeq !== log.row.acked) this.#sending.write(log, () => writes.setAcked(this.#w, log, headSeq));
    else this.#sending.later(log);
  }

  /** Sets aside only the entries of the refused message, and writes the file first: after a crash between the two they are in both. */
  #putAside(log: AgentLog, { epoch, group, upto }: Flight, why: string): void {
    const { id, agent } = log.row;
    try {
      const entries = this.#parts.journal.branchUpto(id, group, upto);
      if (!this.#parts.setAside.keep({ agent, epoch, why, entries })) {
        log.branchesHeld = true;
        this.#sending.wake(log);
        return;
      }
    } catch (error) {
      this.#parts.log.warn({ agent, err: error }, 'memories that the coordinator never takes could not be set aside');
      this.#sending.later(log);
      return;
    }
    this.#sending.progressed(log);
    this.#sending.write(log, () => {
      this.#w.touched.add(log);
      this.#parts.journal.removeBranch(id, group, upto);
      log.branched = this.#parts.journal.branchCount(id);
    });
  }

  #fork(log: AgentLog, seq: number): void {
    if (this.#sending.flightOf(log)) this.#sending.land(log);
    this.#sending.write(log, () => this.#forkNow(log, seq));
  }

  #forkNow(log: AgentLog, seq: number): void {
    const { agent, epoch, acked } = log.row;
    this.#parts.log.warn(
      { agent, epoch, seq, acked },
      'this log differs from the coordinator: our tail becomes a branch',
    );
    if (log.forks > 1) this.#sending.later(log);
    writes.rewind(this.#w, log);
  }

  #onBranchAck(log: AgentLog, message: Down<'branch-ack'>): void {
    const flight = this.#sending.flightOf(log);
    if (flight?.kind !== 'branch' || message.epoch !== flight.epoch || message.upto < flight.upto) return;
    this.#sending.land(log);
    this.#sending.progressed(log);
    this.#sending.write(log, () => {
      this.#w.touched.add(log);
      // Not beyond the sent entries: a later branch of the same epoch has the same numbers.
      this.#parts.journal.removeBranch(log.row.id, flight.group, flight.upto);
      log.branched = this.#parts.journal.branchCount(log.row.id);
    });
  }

  /** One that contradicts what is here is told and not kept: what is here is the evidence. */
  #onAnchor(log: AgentLog, message: Down<'anchor'>): void {
    const { journal } = this.#parts;
    const { id, agent } = log.row;
    const held = journal.anchors(id);
    const why = contradictionOf(message, held, journal.checkpointKey(), (seq) => journal.hashAt(id, seq));
    if (why !== null) {
      this.#parts.contradicted(`Of the memory of ${agent} the coordinator says what cannot be true: ${why}.`);
      return;
    }
    const { log: anchored, checkpoint } = message;
    if (held.some(({ checkpoint: { number } }) => number === checkpoint.number)) return;
    // No hurry: where it is lost, the coordinator says it again.
    this.#sending.write(log, () => journal.addAnchor(log.row.id, { log: anchored, checkpoint }), {
      weight: 0,
      lazy: true,
    });
  }

  #onMerge(log: AgentLog, message: Down<'merge'>): void {
    if (message.epoch !== log.row.epoch || log.row.fenced || !log.open || log.leaving !== null) return;
    this.#sending.write(log, () => void writes.merge(this.#w, log, message), { weight: message.entries.length });
  }
}
