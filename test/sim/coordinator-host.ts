// The machine of the coordinator: a database in memory that survives the process, and the real coordinator on it. It can be killed at any
// moment, also exactly between decision, commit and sending, and starts again from the store.
import { FleetError } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { type Log, silentLog } from '@blackroad/std/log';
import { type Random, seededRandom } from '@blackroad/std/random';
import type { BusMessage } from '../../coordinator/src/bus/bus.ts';
import { admit, type Gate } from '../../coordinator/src/fleet/gate.ts';
import { compiledCheck } from '../../coordinator/src/http/compiled-check.ts';
import { type Coordinator, startCoordinator } from '../../coordinator/src/road/coordinator.ts';
import type { DurableChange } from '../../coordinator/src/state/change.ts';
import type { Policy } from '../../coordinator/src/state/input.ts';
import { openDatabase } from '../../coordinator/src/store/sqlite/database.ts';
import { migrate } from '../../coordinator/src/store/sqlite/migrations.ts';
import { sqliteStore } from '../../coordinator/src/store/sqlite/sqlite-store.ts';
import type { Store } from '../../coordinator/src/store/store.ts';
import { statementOf } from './disk.ts';
import type { Knobs } from './knobs.ts';
import type { Network } from './network.ts';
import { ProcessClock, type Timeline } from './timeline.ts';

/** The step of the next batch at which the process is killed. */
export type Blow = 'before-commit' | 'commit-fails' | 'after-commit' | 'while-telling';

export interface HostWatch {
  trace(who: string, what: string): void;
  wallMs(): number;
  started(coordinator: Coordinator): void;
  committed(changes: readonly DurableChange[]): void;
  told(messages: readonly BusMessage[]): void;
  /** Called when it stopped by itself: a broken invariant, or a fault of its code. */
  failed(error: Error): void;
  ended(): void;
  log: Log;
}

/** The coordinator ignores a clock that was set by less than this. */
const leastStepMs = 500;

export class CoordinatorHost {
  /** The coordinator, whose view checkers read. Null: it is down, or starting. */
  coordinator: Coordinator | null = null;
  clock: ProcessClock | null = null;
  starts = 0;
  blow: Blow | null = null;
  /** Whether its disk refuses writes. */
  diskFull = false;
  /** The time since which nodes can connect. */
  listensMs = 0;
  /** The time on its clock when the batch that is being committed was decided: it may have slept since. */
  decidedMs = 0;
  /** Whether a commit was refused, and none has succeeded since. */
  storesNothing = false;
  readonly #db = openDatabase(':memory:');
  readonly #timeline: Timeline;
  readonly #network: Network;
  readonly #watch: HostWatch;
  readonly #random: Random;
  readonly #seed: number;
  readonly #diskMs: number;
  #startedMs = 0;
  readonly #knobs: Knobs;
  #wallOffsetMs = 0;
  /** By how much the wall clock was ahead of the timeline when this process began, plus the changes that it has followed. */
  #followedMs = 0;
  /** The time at which the clock was last set, or at which the coordinator followed. */
  clockSetMs = Number.NEGATIVE_INFINITY;
  /** The time at which it was last set while no process could notice: earlier stored times are wrong by that much. */
  clockLostMs = Number.NEGATIVE_INFINITY;
  /** The error of the last injected fault. */
  #struck: FleetError | null = null;

  constructor(parts: {
    timeline: Timeline;
    network: Network;
    watch: HostWatch;
    knobs: Knobs;
    seed: number;
    diskMs: number;
  }) {
    this.#timeline = parts.timeline;
    this.#network = parts.network;
    this.#watch = parts.watch;
    this.#knobs = parts.knobs;
    this.#seed = parts.seed;
    this.#diskMs = parts.diskMs;
    this.#random = seededRandom(parts.seed);
    migrate(this.#db, ':memory:', 0, silentLog);
  }

  get policy(): Policy {
    return this.#knobs.policy;
  }
  /** The clock of its machine. */
  wallMs(): number {
    return this.#watch.wallMs() + this.#wallOffsetMs;
  }
  /** Whether its clock was set and the waiting times were not moved yet: stored times are not comparable with its clock. */
  get isClockTroubled(): boolean {
    return Math.abs(this.#wallOffsetMs - this.#followedMs) >= leastStepMs;
  }
  /** Sets its clock by this much. */
  step(ms: number): void {
    this.#watch.trace('coordinator', `its clock is set by ${Math.round(ms)} ms`);
    this.#wallOffsetMs += ms;
    this.clockSetMs = this.#timeline.nowMs;
    if (!this.clock) this.#losesClock();
  }
  #losesClock(): void {
    this.#followedMs = this.#wallOffsetMs;
    this.clockLostMs = this.#timeline.nowMs;
  }
  get wallOffsetMs(): number {
    return this.#wallOffsetMs;
  }
  /** Suspends it with its machine. */
  sleep(ms: number): void {
    if (!this.clock) return;
    this.#watch.trace('coordinator', `sleeps for ${Math.round(ms)} ms`);
    this.clock.sleep(this.#timeline.nowMs + ms);
    this.#network.look();
    this.#timeline.after(ms, () => this.#network.look());
  }
  /**
   * Whether it runs, can store, and has a right clock, so that everything is due in time. Not in its first second: the checkers look once a
   * second, and none may overlook a restart.
   */
  get isWell(): boolean {
    if (this.coordinator === null || this.#timeline.nowMs - this.#startedMs <= 1_000) return false;
    return !this.clock?.paused && !this.storesNothing && !this.isClockTroubled;
  }
  get isUp(): boolean {
    return this.coordinator !== null;
  }

  start(): void {
    if (this.clock) return;
    const clock = new ProcessClock(this.#timeline, () => this.wallMs());
    this.clock = clock;
    this.starts++;
    this.#startedMs = this.#timeline.nowMs;
    this.#watch.trace('coordinator', `starts (${this.starts})`);
    let coordinator: Coordinator | null = null;
    const gate: Gate = (claim) => admit(coordinator?.view ?? null, claim, clock.nowMs(), this.policy.certificateMs);
    const bus = this.#network.busOf(clock, gate);
    const listen = bus.start.bind(bus);
    bus.start = async (...handlers) => {
      await listen(...handlers);
      this.listensMs = this.#timeline.nowMs;
    };
    const tell = bus.publish.bind(bus);
    bus.publish = (messages) => {
      if (!clock.alive) return;
      if (this.blow === 'while-telling' && messages.length > 0) {
        const some = messages.slice(0, Math.floor(this.#random.next() * messages.length));
        this.#watch.told(some);
        tell(some);
        return this.kill('while it told what it had committed');
      }
      this.#watch.told(messages);
      tell(messages);
    };
    const fatal = (error: Error) => {
      if (!clock.alive) return;
      // Only the injected fault itself is excused, as a fault of our own code inside a commit also becomes `storage-failed`. A start on a
      // full disk is excused too: the process ends in an orderly way.
      const isFull = this.diskFull && error instanceof FleetError && error.details.retryAfterSeconds !== undefined;
      if (error !== this.#struck && !isFull) this.#watch.failed(error);
      this.kill(`by itself: ${error.message}`);
    };
    startCoordinator({
      store: this.#store(clock),
      bus,
      policy: this.policy,
      ...(this.#knobs.cuts ? { cuts: this.#knobs.cuts } : {}),
      clock: this.#slow(clock),
      random: seededRandom(this.#seed * 1000 + this.starts),
      log: whileAlive(this.#watch.log, () => clock.alive),
      check: compiledCheck,
      fatal,
      fenced: (text) => fatal(new Error(text)),
    }).then((started) => {
      if (!clock.alive) return;
      coordinator = started;
      this.coordinator = started;
      this.#watch.started(started);
    }, fatal);
  }

  #follows(byMs: number): void {
    this.#followedMs += byMs;
    this.clockSetMs = this.#timeline.nowMs;
  }
  kill(how: string): void {
    if (!this.clock) return;
    this.#watch.trace('coordinator', `dies ${how}`);
    const { clock } = this;
    clock.kill();
    if (this.isClockTroubled) {
      // A clock that was set back while no process ran makes the waiting times before that longer: here it is set right, so that they can
      // be judged.
      if (this.#wallOffsetMs < this.#followedMs) this.#wallOffsetMs = this.#followedMs;
      this.#losesClock();
    }
    this.blow = null;
    this.storesNothing = false;
    this.clock = null;
    this.coordinator = null;
    this.#network.brokerEnded(clock);
    this.#watch.ended();
  }
  pause(ms: number): void {
    if (!this.clock) return;
    this.#watch.trace('coordinator', `stands still for ${Math.round(ms)} ms`);
    this.clock.pause(this.#timeline.nowMs + ms);
    this.#network.look();
    this.#timeline.after(ms, () => this.#network.look());
  }
  close(): void {
    this.#db.close();
  }
  /** The clock of the loop, in which a turn of a busy event loop takes time, so that other inputs arrive meanwhile. */
  #slow(clock: ProcessClock): Clock {
    const { turnMs } = this.#knobs;
    if (turnMs === 0) return clock;
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      uptimeMs: () => clock.uptimeMs(),
      after: (delayMs, run) => clock.after(delayMs, run),
      every: (periodMs, run) => clock.every(periodMs, run),
      soon: (run) => {
        if (this.#random.next() < 0.5) clock.soon(run);
        else clock.after(this.#random.next() * turnMs, run);
      },
    };
  }
  /** Rows of the store, also while no process runs. */
  readonly stored = <T>(sql: string, ...values: unknown[]): T[] => statementOf(this.#db, sql).all(...values) as T[];

  /** The real store, with the delay of a disk before and after each commit; injected faults occur in commits. */
  #store(clock: ProcessClock): Store {
    const store = sqliteStore(this.#db, this.#watch.log, clock);
    const never = () => new Promise<never>(() => {});
    const onItsWay = async () => {
      const ms = (this.#diskMs / 2) * this.#random.next();
      if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve));
    };
    return {
      ...store,
      commit: async (changes, term) => {
        if (!clock.alive) return never();
        const decidedMs = this.wallMs();
        // A decided change must not be visible in this delay.
        await onItsWay();
        if (this.blow === 'before-commit') {
          this.kill('before it committed');
          return never();
        }
        if (this.blow === 'commit-fails') {
          this.#struck = new FleetError('storage-failed', { detail: 'the disk is gone (simulated)' });
          throw this.#struck;
        }
        this.storesNothing = this.diskFull;
        if (this.diskFull) {
          const detail = 'the disk is full (simulated)';
          throw new FleetError('storage-failed', { detail, retryAfterSeconds: 5 });
        }
        const done = await store.commit(changes, term);
        for (const change of changes) if (change.type === 'tasks-moved') this.#follows(change.byMs);
        this.decidedMs = decidedMs;
        this.#watch.committed(changes);
        if (this.blow === 'after-commit') {
          this.kill('between commit and send');
          return never();
        }
        await onItsWay();
        return done;
      },
      close: async () => {},
    };
  }
}

/** A killed process logs nothing any more: the log lines of its last turn of the loop were never written. */
function whileAlive(log: Log, isAlive: () => boolean): Log {
  const { debug, info, warn, error } = log;
  const said =
    (say: Log['warn']): Log['warn'] =>
    (fields, message) => {
      if (isAlive()) say(fields, message);
    };
  const own: Log = { debug: said(debug), info: said(info), warn: said(warn), error: said(error), child: () => own };
  return own;
}
