// What a node does with each answer of the coordinator. In: one MemoryDown message and the log it is about; out: writes to the
// journal, and whether to go on, ask again later, or put a tail aside. Answers may come late, twice or in any order: each is
// judged by hashes and epochs, and by whether something of this epoch is under way at all.
import { entryFault, type MemoryDown, maxMemoryBatchEntries } from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import type { Journal } from './journal.ts';
import type { AgentLog } from './log-state.ts';
import * as writes from './log-writes.ts';
import type { Flight } from './sync.ts';

type Down<T extends MemoryDown['type']> = Extract<MemoryDown, { type: T }>;

export function createAnswers(deps: {
  journal: Journal;
  log: Logger;
  writeContext: writes.WriteContext;
  write(log: AgentLog, job: () => void, options?: { weight?: number }): void;
  flightOf(log: AgentLog): Flight | undefined;
  /** The answer came: the next message of this agent may go. */
  land(log: AgentLog): void;
  /** Ask again after a pause that grows while nothing moves. */
  later(log: AgentLog): void;
  progressed(log: AgentLog): void;
  wake(log: AgentLog): void;
  saveAckedLazily(log: AgentLog): void;
  /** Silent for long: the coordinator knows no such agent. */
  rest(log: AgentLog): void;
}) {
  const {
    journal,
    log: logger,
    writeContext: w,
    write,
    flightOf,
    land,
    later,
    progressed,
    wake,
    saveAckedLazily,
  } = deps;

  function onAck(log: AgentLog, message: Down<'ack'>): void {
    const flight = flightOf(log);
    const { upto, hash, epoch } = message;
    const late = epoch < log.row.epoch;
    // Only the answer to a hello of this epoch can say that a fenced node is the writer after all.
    if (log.row.fenced && (late || flight?.kind !== 'hello')) return;
    if (upto > log.head.seq) {
      if (late) return;
      // It holds more than we do: a journal that lost its end, or was restored from an old copy.
      log.wantSeq = Math.max(log.wantSeq, upto);
      log.greeted = false;
      if (flight) land(log);
      later(log);
      return;
    }
    if (journal.hashAt(log.row.id, upto) !== hash) {
      if (!late) fork(log, upto);
      return;
    }
    if (flight?.kind === 'hello' && !late) {
      land(log);
      progressed(log);
      write(log, () => {
        if (log.row.epoch > epoch || upto > log.head.seq) return;
        if (log.row.baseSeq > log.head.seq) {
          logger.warn(
            { agent: log.row.agent, base: log.row.baseSeq, upto },
            'the coordinator no longer has what it gave as the base of this epoch: what is here is all there is',
          );
        }
        log.greeted = true;
        log.forks = 0;
        log.wantSeq = 0;
        writes.greet(w, log, { seq: upto, hash });
      });
      return;
    }
    if (flight?.kind === 'batch' && upto >= flight.upto) land(log);
    if (upto > log.row.acked) {
      progressed(log);
      log.row.acked = upto;
      saveAckedLazily(log);
    }
    wake(log);
  }

  function onEntries(log: AgentLog, message: Down<'entries'>): void {
    if (message.epoch < log.row.epoch || message.agent !== log.row.agent) return;
    if (log.row.fenced && (flightOf(log)?.kind !== 'hello' || message.epoch !== log.row.epoch)) return;
    if (flightOf(log)?.kind === 'hello') land(log);
    write(
      log,
      () => {
        const result = writes.takeIn(w, log, message.entries);
        if ('fork' in result) {
          forkNow(log, result.fork);
          return;
        }
        if ('refused' in result) {
          logger.error({ agent: log.row.agent }, `entries from the coordinator were refused: ${result.refused}`);
          later(log);
          return;
        }
        for (const seq of result.damaged) {
          logger.error(
            { agent: log.row.agent, seq },
            'the content of a memory does not match its hash: kept without it',
          );
        }
        log.wantSeq = message.headSeq > log.head.seq ? message.headSeq : 0;
        if (result.stored > 0) progressed(log);
        else if (log.wantSeq > 0) return later(log);
        if (log.wantSeq > 0) return;
        // A late answer may end below the base: ask again, not at once.
        if (!log.hydrated) {
          later(log);
          return;
        }
        log.greeted = true;
        log.forks = 0;
        writes.greet(w, log, null);
      },
      { weight: message.entries.length },
    );
  }

  function onNack(log: AgentLog, message: Down<'nack'>): void {
    const flight = flightOf(log);
    const { reason, headSeq, headHash } = message;
    // Late words about an epoch that is over, or about a message of a past connection.
    if (message.epoch < log.row.epoch || !flight) return;
    if (flight.kind === 'branch' && reason !== 'unknown-agent') {
      land(log);
      later(log);
      return;
    }
    land(log);
    switch (reason) {
      case 'unknown-agent':
        deps.rest(log);
        return;
      case 'stale-epoch':
        logger.warn(
          { agent: log.row.agent, epoch: log.row.epoch, unacked: log.head.seq - log.row.acked },
          'another node writes this memory now: this one is fenced and uploads its tail as a branch',
        );
        log.greeted = true;
        write(log, () => writes.fence(w, log));
        return;
      case 'gap':
        if (headSeq > log.head.seq) {
          log.wantSeq = headSeq;
          log.greeted = false;
          later(log);
          return;
        }
        if (journal.hashAt(log.row.id, headSeq) !== headHash) {
          fork(log, headSeq);
          return;
        }
        if (headSeq !== log.row.acked) {
          write(log, () => writes.setAcked(w, log, headSeq));
          return;
        }
        later(log);
        return;
      case 'fork':
        fork(log, headSeq);
        return;
      case 'bad-hash': {
        // Ours is damaged; or it is of an older epoch, which is only sent again when the coordinator lost it (restored from a
        // backup) and which it takes from nobody but as a branch.
        const faulty = journal
          .after(log.row.id, log.row.agent, log.row.acked, maxMemoryBatchEntries)
          .find((entry) => entry.epoch !== log.row.epoch || entryFault(entry) === 'hash');
        logger.error({ agent: log.row.agent, seq: faulty?.seq ?? null }, 'the coordinator refused entries');
        if (faulty) {
          fork(log, faulty.seq);
          return;
        }
        later(log);
        return;
      }
    }
  }

  function fork(log: AgentLog, seq: number): void {
    if (flightOf(log)) land(log);
    write(log, () => forkNow(log, seq));
  }
  function forkNow(log: AgentLog, seq: number): void {
    const { agent, epoch, acked } = log.row;
    logger.warn({ agent, epoch, seq, acked }, 'this log differs from the coordinator: our tail becomes a branch');
    if (log.forks > 1) later(log);
    writes.rewind(w, log);
  }

  function onBranchAck(log: AgentLog, message: Down<'branch-ack'>): void {
    const flight = flightOf(log);
    if (flight?.kind !== 'branch' || message.epoch !== flight.epoch || message.upto < flight.upto) return;
    land(log);
    progressed(log);
    write(log, () => {
      w.touched.add(log);
      // No further than what was sent: a later branch of the same epoch has the same numbers.
      journal.removeBranch(log.row.id, flight.group, flight.upto);
      log.branched = journal.branchCount(log.row.id);
    });
  }

  function onMerge(log: AgentLog, message: Down<'merge'>): void {
    if (message.epoch !== log.row.epoch || log.row.fenced || !log.open) return;
    write(log, () => void writes.merge(w, log, message), { weight: message.entries.length });
  }

  return {
    receive(log: AgentLog, message: MemoryDown): void {
      if (message.type === 'ack') onAck(log, message);
      else if (message.type === 'nack') onNack(log, message);
      else if (message.type === 'entries') onEntries(log, message);
      else if (message.type === 'branch-ack') onBranchAck(log, message);
      else onMerge(log, message);
    },
  };
}
