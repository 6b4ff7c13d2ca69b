// Sends logs to the coordinator and fetches entries that this node lacks. In: MemoryDown messages, connects and disconnects, commits. Out:
// MemoryUp messages and writes to submit. Each agent has one message in flight, and there is a bound for all; an unanswered one is sent
// again with backoff. Only fsynced entries are sent, because it reads the journal after commits. Never deletes before branch-ack.
// [INV-durable-first] [INV-rest]
import { entriesThatFit, type MemoryDown, type MemoryUp } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log as Logger } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { createAnswers } from './answers.ts';
import type { Journal } from './journal.ts';
import { type AgentLog, nextStep } from './log-state.ts';
import * as writes from './log-writes.ts';
import type { SetAside } from './set-aside.ts';

/** mqtt.js and brokers handle 20-50 messages in flight well; tasks share them. */
const maxFlights = 16;
const answerDeadlineMs = 10_000;
const retry: Backoff = { firstMs: 1_000, maxMs: 60_000 };
/** A removed agent may be applied again: the entries that its old node still has must not wait for the next connection. */
const unknownAgain: Backoff = { firstMs: 300_000, maxMs: 300_000 };

export interface Flight {
  kind: 'hello' | 'batch' | 'branch';
  epoch: number;
  upto: number;
  /** The hash of its last entry. */
  hash: string;
  group: number;
  timer: Timer;
}

export function createSync(deps: {
  journal: Journal;
  clock: Clock;
  random: Random;
  log: Logger;
  logs: Map<string, AgentLog>;
  writeContext: writes.WriteContext;
  submit<T>(job: () => T, options?: { weight?: number; lazy?: boolean }): Promise<T>;
  publish(agent: string, message: MemoryUp): void;
  setAside: SetAside;
  /** Most entries of one message. */
  batchEntries: number;
}) {
  const { journal, clock, logs, submit, batchEntries } = deps;
  const w = deps.writeContext;
  const flights = new Map<string, Flight>();
  const waiting = new Set<AgentLog>();
  const retries = new Map<string, { attempt: number; timer: Timer | null }>();
  const unsaved = new Set<AgentLog>();
  /** Logs with a write that is not stored yet: a message made from their state now would be out of date. */
  const writing = new Map<AgentLog, number>();
  let online = false;
  let pumping = false;

  function wake(log: AgentLog): void {
    const agent = log.row.agent;
    if (!online || flights.has(agent) || writing.has(log) || retries.get(agent)?.timer) return;
    waiting.add(log);
    pump();
  }

  function pump(): void {
    if (pumping) return;
    pumping = true;
    try {
      for (const log of waiting) {
        if (!online || flights.size >= maxFlights) return;
        waiting.delete(log);
        if (!flights.has(log.row.agent) && !writing.has(log)) send(log);
      }
    } finally {
      pumping = false;
    }
  }

  function send(log: AgentLog): void {
    const { agent, epoch, id, acked } = log.row;
    const { seq: durableSeq, hash } = log.head;
    switch (nextStep(log)) {
      case 'none':
        return;
      case 'hello':
        depart(log, { kind: 'hello', epoch, upto: durableSeq, hash, group: 0 });
        deps.publish(agent, { type: 'hello', epoch, durableSeq, hash });
        return;
      case 'hydrated':
        log.hydratedSaid = true;
        deps.publish(agent, { type: 'hydrated', epoch, durableSeq, hash });
        wake(log);
        return;
      case 'batch': {
        const rows = journal.after(id, agent, acked, batchEntries);
        const { seq: from, previousHash } = rows[0]!;
        const message = { type: 'batch' as const, epoch, from, previousHash };
        const entries = entriesThatFit(message, rows, batchEntries);
        const last = entries[entries.length - 1]!;
        depart(log, { kind: 'batch', epoch, upto: last.seq, hash: last.hash, group: 0 });
        deps.publish(agent, { ...message, entries });
        return;
      }
      case 'branch': {
        const { group, epoch } = journal.firstBranch(id)!;
        const rows = journal.branch(id, group, batchEntries + 1);
        const { seq: from, previousHash } = rows[0]!;
        // Sized with `false`, the longer of the two values of `last`.
        const message = { type: 'branch' as const, epoch, from, previousHash, last: false };
        const entries = entriesThatFit(message, rows, batchEntries);
        const { seq: upto, hash: lastHash } = entries[entries.length - 1]!;
        depart(log, { kind: 'branch', epoch, upto, hash: lastHash, group });
        deps.publish(agent, { ...message, entries, last: entries.length === rows.length });
        return;
      }
    }
  }

  function depart(log: AgentLog, flight: Omit<Flight, 'timer'>): void {
    const agent = log.row.agent;
    const timer = clock.after(answerDeadlineMs, () => {
      flights.delete(agent);
      later(log);
      pump();
    });
    flights.set(agent, { ...flight, timer });
  }
  function land(log: AgentLog): void {
    flights.get(log.row.agent)?.timer.cancel();
    flights.delete(log.row.agent);
    queueMicrotask(pump);
  }
  /** Tries again after a pause that grows until something changes. */
  function later(log: AgentLog): void {
    const agent = log.row.agent;
    const state = retries.get(agent) ?? { attempt: 0, timer: null };
    state.timer?.cancel();
    state.timer = clock.after(backoffMs(retry, state.attempt++, deps.random), () => {
      state.timer = null;
      wake(log);
    });
    retries.set(agent, state);
  }
  function progressed(log: AgentLog): void {
    retries.get(log.row.agent)?.timer?.cancel();
    retries.delete(log.row.agent);
  }
  function rest(log: AgentLog): void {
    const agent = log.row.agent;
    progressed(log);
    log.unknown = true;
    const timer = clock.after(backoffMs(unknownAgain, 0, deps.random), () => {
      retries.delete(agent);
      log.unknown = false;
      wake(log);
    });
    retries.set(agent, { attempt: 0, timer });
  }
  /** A write of sync's own; where the disk refuses it, the same message is sent again later. */
  function write(log: AgentLog, job: () => void, options?: { weight?: number; lazy?: boolean }): void {
    writing.set(log, (writing.get(log) ?? 0) + 1);
    const stored = () => {
      const left = writing.get(log)! - 1;
      if (left === 0) writing.delete(log);
      else writing.set(log, left);
    };
    submit(job, options).then(
      () => {
        stored();
        wake(log);
      },
      (error) => {
        stored();
        deps.log.warn({ agent: log.row.agent, err: error }, 'what memory sync learned could not be stored');
        // The coordinator's answer is lost with it: a hello makes it answer again.
        if (!log.row.fenced) log.greeted = false;
        later(log);
      },
    );
  }

  /** The loss of the cursor costs nothing (a hello finds it again), so it waits for the next commit. */
  function saveAckedLazily(log: AgentLog): void {
    unsaved.add(log);
    if (unsaved.size > 1) return;
    const job = () => {
      for (const each of unsaved) writes.saveAcked(w, each);
      unsaved.clear();
    };
    submit(job, { weight: 0, lazy: true }).catch(() => unsaved.clear());
  }

  const answers = createAnswers({
    journal,
    log: deps.log,
    writeContext: w,
    write,
    flightOf: (log) => flights.get(log.row.agent),
    land,
    later,
    progressed,
    wake,
    saveAckedLazily,
    rest,
    setAside: deps.setAside,
  });

  return {
    receive(message: MemoryDown): void {
      const log = logs.get(message.agent);
      if (log && log.row.id !== 0) answers.receive(log, message);
    },
    wake,
    connected(): void {
      online = true;
      for (const log of logs.values()) {
        log.unknown = false;
        log.branchesHeld = false;
        if (log.row.fenced) log.greeted = false;
        if (nextStep(log) !== 'none') wake(log);
      }
    },
    disconnected(): void {
      online = false;
      for (const flight of flights.values()) flight.timer.cancel();
      flights.clear();
      for (const { timer } of retries.values()) timer?.cancel();
      retries.clear();
      waiting.clear();
    },
    /** The agent's epoch changed: its message in flight no longer counts. */
    forget(log: AgentLog): void {
      if (flights.has(log.row.agent)) land(log);
      progressed(log);
    },
  };
}
