// When the log of an agent may send, and when again: one message of each agent is on its way at a time, with a bound for all; an unanswered
// one is sent again with backoff. In: logs that have something to send, answers that came, writes of sync. Out: calls of `send`, one for each
// message that may go now. It does not know what the messages say.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log as Logger } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { AgentLog } from './log-state.ts';

/** mqtt.js and brokers handle 20-50 messages in flight well; tasks share them. */
const maxFlights = 16;
const answerDeadlineMs = 10_000;
const retry: Backoff = { firstMs: 1_000, maxMs: 60_000 };
/** A removed agent may be applied again: the entries that its old node still has must not wait for the next connection. */
const unknownAgain: Backoff = { firstMs: 300_000, maxMs: 300_000 };

/** A message that has no answer yet. */
export interface Flight {
  kind: 'hello' | 'fetch' | 'batch' | 'branch' | 'drained';
  epoch: number;
  upto: number;
  /** The hash of its last entry. */
  hash: string;
  group: number;
  timer: Timer;
}
/** A write of the journal, in the next commit. */
export type Submit = <T>(job: () => T, options?: { weight?: number; lazy?: boolean }) => Promise<T>;

interface SendingParts {
  /** Sends the next message of a log, if it has one. */
  send(log: AgentLog): void;
  saveAcked(log: AgentLog): void;
  submit: Submit;
  clock: Clock;
  random: Random;
  log: Logger;
}

export class Sending {
  readonly #parts: SendingParts;
  readonly #flights = new Map<string, Flight>();
  readonly #waiting = new Set<AgentLog>();
  readonly #retries = new Map<string, { attempt: number; timer: Timer | null }>();
  readonly #unsaved = new Set<AgentLog>();
  /** Logs with a write that is not stored yet: a message made from their state now would be out of date. */
  readonly #writing = new Map<AgentLog, number>();
  #online = false;
  #pumping = false;

  constructor(parts: SendingParts) {
    this.#parts = parts;
  }

  connected(): void {
    this.#online = true;
  }

  disconnected(): void {
    this.#online = false;
    for (const flight of this.#flights.values()) flight.timer.cancel();
    this.#flights.clear();
    for (const { timer } of this.#retries.values()) timer?.cancel();
    this.#retries.clear();
    this.#waiting.clear();
  }

  get isOnline(): boolean {
    return this.#online;
  }

  /** The log may have something to send. */
  wake(log: AgentLog): void {
    const agent = log.row.agent;
    if (!this.#online || this.#flights.has(agent) || this.#writing.has(log) || this.#retries.get(agent)?.timer) return;
    this.#waiting.add(log);
    this.#pump();
  }

  flightOf(log: AgentLog): Flight | undefined {
    return this.#flights.get(log.row.agent);
  }

  /** A message goes out. */
  depart(log: AgentLog, flight: Omit<Flight, 'timer'>): void {
    const agent = log.row.agent;
    const timer = this.#parts.clock.after(answerDeadlineMs, () => {
      this.#flights.delete(agent);
      this.later(log);
      this.#pump();
    });
    this.#flights.set(agent, { ...flight, timer });
  }

  /** The answer came: the next message of this agent may be sent. */
  land(log: AgentLog): void {
    this.#flights.get(log.row.agent)?.timer.cancel();
    this.#flights.delete(log.row.agent);
    queueMicrotask(() => this.#pump());
  }

  /** Tries again after a pause that grows until something changes. */
  later(log: AgentLog): void {
    const agent = log.row.agent;
    const state = this.#retries.get(agent) ?? { attempt: 0, timer: null };
    state.timer?.cancel();
    state.timer = this.#parts.clock.after(backoffMs(retry, state.attempt++, this.#parts.random), () => {
      state.timer = null;
      this.wake(log);
    });
    this.#retries.set(agent, state);
  }

  progressed(log: AgentLog): void {
    this.#retries.get(log.row.agent)?.timer?.cancel();
    this.#retries.delete(log.row.agent);
  }

  /** Sends nothing for minutes: the coordinator has no such agent. */
  rest(log: AgentLog): void {
    const agent = log.row.agent;
    this.progressed(log);
    log.unknown = true;
    const timer = this.#parts.clock.after(backoffMs(unknownAgain, 0, this.#parts.random), () => {
      this.#retries.delete(agent);
      log.unknown = false;
      this.wake(log);
    });
    this.#retries.set(agent, { attempt: 0, timer });
  }

  /** The agent's epoch changed: its message in flight no longer counts. */
  forget(log: AgentLog): void {
    if (this.#flights.has(log.row.agent)) this.land(log);
    this.progressed(log);
  }

  /** A write of sync's own; where the disk refuses it, the same message is sent again later. */
  write(log: AgentLog, job: () => void, options?: { weight?: number; lazy?: boolean }): void {
    this.#writing.set(log, (this.#writing.get(log) ?? 0) + 1);
    const stored = () => {
      const left = this.#writing.get(log)! - 1;
      if (left === 0) this.#writing.delete(log);
      else this.#writing.set(log, left);
    };
    this.#parts.submit(job, options).then(
      () => {
        stored();
        this.wake(log);
      },
      (error) => {
        stored();
        this.#parts.log.warn({ agent: log.row.agent, err: error }, 'what memory sync learned could not be stored');
        // The coordinator's answer is lost with it: a hello makes it answer again.
        if (!log.row.fenced) log.greeted = false;
        this.later(log);
      },
    );
  }

  /** The loss of the cursor costs nothing (a hello finds it again), so it waits for the next commit. */
  saveAckedLazily(log: AgentLog): void {
    this.#unsaved.add(log);
    if (this.#unsaved.size > 1) return;
    const job = () => {
      for (const each of this.#unsaved) this.#parts.saveAcked(each);
      this.#unsaved.clear();
    };
    this.#parts.submit(job, { weight: 0, lazy: true }).catch(() => this.#unsaved.clear());
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (const log of this.#waiting) {
        if (!this.#online || this.#flights.size >= maxFlights) return;
        this.#waiting.delete(log);
        if (!this.#flights.has(log.row.agent) && !this.#writing.has(log)) this.#parts.send(log);
      }
    } finally {
      this.#pumping = false;
    }
  }
}
