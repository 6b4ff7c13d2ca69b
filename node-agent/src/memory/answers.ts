// Handles each answer of the coordinator. In: one MemoryDown message and the log it is about. Out: writes to the journal, and whether to go
// on, ask again later, or put a tail aside. Answers may come late, twice or in any order: each is checked by hashes and epochs, and against
// the message in flight of this epoch.
import type { MemoryDown } from '@blackroad/protocol';
import type { Log as Logger } from '@blackroad/std/log';
import type { Journal } from './journal.ts';
import type { AgentLog } from './log-state.ts';
import * as writes from './log-writes.ts';
import type { SetAside } from './set-aside.ts';
import type { Flight } from './sync.ts';

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
export const ways: Readonly<Record<Refusal, Readonly<Record<Flight['kind'], Way>>>> = {
  'unknown-agent': { hello: 'rest', batch: 'rest', branch: 'rest' },
  'stale-epoch': { hello: 'fence', batch: 'fence', branch: 'again' },
  gap: { hello: 'catch-up', batch: 'catch-up', branch: 'again' },
  fork: { hello: 'branch-off', batch: 'branch-off', branch: 'again' },
  // A coordinator without `final` is older: it may refuse a branch only for now, so nothing leaves the journal.
  'bad-hash': { hello: 'again', batch: 'branch-off', branch: 'again' },
  final: { hello: 'again', batch: 'branch-off', branch: 'set-aside' },
};

export function createAnswers(deps: {
  journal: Journal;
  log: Logger;
  writeContext: writes.WriteContext;
  write(log: AgentLog, job: () => void, options?: { weight?: number }): void;
  flightOf(log: AgentLog): Flight | undefined;
  /** The answer came: the next message of this agent may be sent. */
  land(log: AgentLog): void;
  /** Asks again after a pause that grows until something changes. */
  later(log: AgentLog): void;
  progressed(log: AgentLog): void;
  wake(log: AgentLog): void;
  saveAckedLazily(log: AgentLog): void;
  /** Sends nothing for minutes: the coordinator has no such agent. */
  rest(log: AgentLog): void;
  setAside: SetAside;
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
    // Only the answer to a hello of this epoch can prove that a fenced node is the writer after all.
    if (log.row.fenced && (late || flight?.kind !== 'hello')) return;
    if (upto > log.head.seq) {
      if (late) return;
      // The coordinator has more entries than this node: the journal lost its end, or was restored from an old copy.
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
    // A late answer: of an epoch that is over, of a past connection, or to an earlier message.
    if (!flight || message.epoch !== flight.epoch) return;
    if (message.of !== undefined && message.of !== flight.hash) return;
    land(log);
    const { final, headSeq } = message;
    switch (ways[final === undefined ? message.reason : 'final'][flight.kind]) {
      case 'again':
        later(log);
        return;
      case 'rest':
        deps.rest(log);
        return;
      case 'fence':
        logger.warn(
          { agent: log.row.agent, epoch: log.row.epoch, unacked: log.head.seq - log.row.acked },
          'another node writes this memory now: this one is fenced and uploads its tail as a branch',
        );
        log.greeted = true;
        write(log, () => writes.fence(w, log));
        return;
      case 'catch-up':
        catchUp(log, message);
        return;
      case 'branch-off':
        // Our entry is damaged; or it is of an older epoch, which is only sent again after the coordinator lost it (restored from a backup)
        // and which it accepts only as a branch; or it names an author that it may not name.
        if (message.reason !== 'fork')
          logger.error({ agent: log.row.agent, why: final ?? message.reason }, 'the coordinator refused entries');
        fork(log, headSeq);
        return;
      case 'set-aside':
        putAside(log, flight, final!);
        return;
    }
  }

  function catchUp(log: AgentLog, { headSeq, headHash }: Down<'nack'>): void {
    if (headSeq > log.head.seq) {
      log.wantSeq = headSeq;
      log.greeted = false;
      later(log);
    } else if (journal.hashAt(log.row.id, headSeq) !== headHash) fork(log, headSeq);
    else if (headSeq !== log.row.acked) write(log, () => writes.setAcked(w, log, headSeq));
    else later(log);
  }

  /** Sets aside only the entries of the refused message, and writes the file first: after a crash between the two they are in both. */
  function putAside(log: AgentLog, { epoch, group, upto }: Flight, why: string): void {
    const { id, agent } = log.row;
    try {
      const entries = journal.branchUpto(id, group, upto);
      if (!deps.setAside.keep({ agent, epoch, why, entries })) {
        log.branchesHeld = true;
        wake(log);
        return;
      }
    } catch (error) {
      logger.warn({ agent, err: error }, 'memories that the coordinator never takes could not be set aside');
      later(log);
      return;
    }
    progressed(log);
    write(log, () => {
      w.touched.add(log);
      journal.removeBranch(id, group, upto);
      log.branched = journal.branchCount(id);
    });
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
      // Not beyond the sent entries: a later branch of the same epoch has the same numbers.
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
