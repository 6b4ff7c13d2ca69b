// The loop: every input goes decode -> decide -> commit -> send, one batch in a turn of the event loop. Within a batch each decision reads
// the changes of those before it. Then all durable changes are committed in one transaction; only after that does the view have them, and
// are messages sent, answers given and listeners called. After a failed commit nothing of the batch has happened, and until the store
// accepts writes again, inputs with changes to store are refused. The loop itself decides nothing about the fleet.
import {
  type Checker,
  encode,
  FleetError,
  type ModelRequest,
  type Principal,
  type Reply,
  type TaskStreamEvent,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Bus, BusMessage } from '../bus/bus.ts';
import { createRefusals } from '../door/counted-refusals.ts';
import { Planner, type PlanningFigures, type PlanReason } from '../drivers/planner.ts';
import { fleetState } from '../fleet/tick.ts';
import { Following } from '../live/following.ts';
import type { Urgency } from '../placement/plan/replan.ts';
import type { Outgoing } from '../state/change.ts';
import { isDurable, touch } from '../state/change-table.ts';
import type { Cuts } from '../state/cuts.ts';
import { type Decision, insist, type Outcome } from '../state/decision.ts';
import type { Answer, Decide, InputKind, Inputs, NodeOrder, Policy, Stored } from '../state/input.ts';
import { fill } from '../state/rebuild.ts';
import { nothingTouched, type Touched, touchesAnything } from '../state/touched.ts';
import { emptyView, type MutableView, type View } from '../state/view.ts';
import type { Store } from '../store/store.ts';
import { Arrivals } from './arrivals.ts';
import { createAsks } from './asks.ts';
import { Batch } from './batch.ts';
import { Commands } from './commands.ts';
import { type CommitFigures, Commits } from './commits.ts';
import { decisions } from './decisions.ts';
import { dropConnections } from './drop-connections.ts';
import { createFleetClock, type FleetClock } from './fleet-clock.ts';
import { type AnswerListener, ModelRequests } from './model-requests.ts';
import { Outage } from './outage.ts';
import { createOutbound, type Outbound } from './outbound.ts';
import { reads } from './reads.ts';

/** The limit of waiting inputs; the next one is refused with `unavailable`. */
const maxWaitingInputs = 50_000;
/** The inputs of one batch, and their changes to store: about 10 ms of work before the event loop goes on. */
const maxBatch = 500;
const maxBatchChanges = 600;
/** With this many waiting inputs a batch is made at once. */
const gatherEnough = 64;
const tickMs = 250;

export interface Coordinator {
  readonly view: View;
  readonly store: Store;
  readonly policy: Policy;
  readonly counters: ReadonlyMap<string, number>;
  readonly planning: Readonly<PlanningFigures>;
  readonly commits: Readonly<CommitFigures>;
  submit<K extends InputKind>(kind: K, input: Inputs[K]): Promise<Outcome<Answer<K>>>;
  watch(listener: (touched: Touched) => void): () => void;
  follow(task: string, listener: (event: TaskStreamEvent) => void): () => void;
  command(by: Principal, node: string, order: NodeOrder, deadlineMs: number): Promise<Reply>;
  /** Sends a request of the gateway to a node; returns the function that stops it. */
  request(node: string, request: ModelRequest, listener: AnswerListener): () => void;
  /** The ways of such requests: channels of busy nodes, model servers that may be asked directly, how many went each way. */
  readonly requestWays: Pick<ModelRequests, 'channels' | 'direct' | 'sent'>;
  stop(last?: () => Promise<void>): Promise<void>; // `last`: when nothing is stored any more, before the store is closed
}

interface CoordinatorParts {
  store: Store;
  bus: Bus;
  policy: Policy;
  restored?: Inputs['restored']['mark'] | null; // the store was restored since the last start
  /** Missing: the limits of the protocol. */
  cuts?: Cuts;
  clock: Clock;
  random: Random;
  log: Log;
  check: Checker;
  /** Called when another coordinator has claimed the store: this one has stopped, and its process must end without a message to nodes. */
  fenced: (text: string) => void;
  /** Called when an invariant is broken or the store cannot be read any more: the process must end. */
  fatal: (error: Error) => void;
}

interface Waiting {
  kind: InputKind;
  input: Inputs[InputKind];
  resolve: (outcome: Outcome<unknown>) => void;
  reject: (error: Error) => void;
}

export async function startCoordinator(parts: CoordinatorParts): Promise<Coordinator> {
  const loop = new Loop(parts);
  await loop.start();
  return loop;
}

class Loop implements Coordinator {
  readonly store: Store;
  readonly policy: Policy;
  readonly counters = new Map<string, number>();
  readonly #parts: CoordinatorParts & { clock: FleetClock };
  readonly #view: MutableView;
  readonly #waiting: Waiting[] = [];
  readonly #watchers = new Set<(touched: Touched) => void>();
  readonly #following = new Following();
  readonly #commands: Commands;
  readonly #requests: ModelRequests;
  readonly #out: Outbound;
  readonly #arrivals: Arrivals;
  readonly #timers: Timer[] = [];
  readonly #planner: Planner;
  readonly #outage: Outage;
  readonly #commits: Commits;
  #running = false;
  /** The reason why all inputs are refused. */
  #stopped: string | null = null;
  /** The plan that an unfinished tick asks for: the losses of a whole site are planned for together. */
  #planLater: Urgency | null = null;
  #idle: (() => void)[] = [];

  constructor(given: CoordinatorParts) {
    const parts = { ...given, clock: createFleetClock(given.clock) };
    this.#parts = parts;
    this.store = parts.store;
    this.policy = parts.policy;
    this.#view = emptyView(parts.random.hex(8), parts.clock.nowMs(), parts.cuts);
    const { policy, clock, random, check, log, fatal } = parts;
    const { view } = this;
    const submit = this.submit.bind(this);
    this.#planner = new Planner({ view, policy, clock, random, submit, fatal });
    this.#commands = new Commands({ clock, random, submit });
    this.#out = createOutbound(parts.bus, (sent) => this.#count('messages_sent', sent));
    const { publish } = this.#out;
    this.#requests = new ModelRequests({ view, clock, random, log, check, publish, submit });
    this.#arrivals = new Arrivals({
      ...{ view, clock, check },
      refusals: createRefusals(log, clock),
      asks: createAsks({ view, clock, random, submit, send: (message) => this.#out.send([message]) }),
      commands: this.#commands,
      requests: this.#requests,
      following: this.#following,
      submit,
      count: (name) => this.#count(name),
    });
    this.#outage = new Outage(clock, random, () => {
      submit('storage-back', { coordinator: random.hex(8), ...this.#outage.story() }).catch(() => {}); // stopping
    });
    this.#commits = new Commits({
      store: this.store,
      view: this.#view,
      outage: this.#outage,
      clock,
      log,
      count: (name, by) => this.#count(name, by),
      startOver: () => this.#planner.startOver(),
      stepBack: (by) => this.#stepBack(by),
    });
  }

  get view(): View {
    return this.#view as View;
  }
  get planning(): Readonly<PlanningFigures> {
    return this.#planner.figures;
  }
  get requestWays(): Coordinator['requestWays'] {
    return this.#requests;
  }
  get commits(): Readonly<CommitFigures> {
    return this.#commits.figures;
  }

  async start(): Promise<void> {
    const { store, bus, clock } = this.#parts;
    await this.#commits.claim();
    fill(this.#view, await store.load());
    if (this.#parts.restored) insist(await this.submit('restored', { mark: this.#parts.restored }));
    await bus.start(
      (message) => this.#arrivals.arrived(message),
      (state) => this.#presence(state),
    );
    // Nodes can connect from now on: the load of the store is no part of their grace.
    this.#view.startedMs = clock.nowMs();
    insist(await this.submit('started', {}));
    this.#timers.push(clock.every(tickMs, () => this.#tick()));
    this.#planner.start();
  }

  submit<K extends InputKind>(kind: K, input: Inputs[K]): Promise<Outcome<Answer<K>>> {
    if (this.#stopped !== null) return Promise.reject(this.#refusal());
    if (this.#waiting.length >= maxWaitingInputs) {
      this.#count('inputs_refused');
      const detail = `${maxWaitingInputs} inputs are waiting; try again.`;
      return Promise.reject(new FleetError('unavailable', { detail, retryAfterSeconds: 1 }));
    }
    const stored = kind in reads ? this.#lookUp(kind as InputKind & keyof Stored, input as never) : null;
    return stored instanceof Promise
      ? stored.then((found) => this.#queue(kind, { ...input, ...found }))
      : this.#queue(kind, stored === null ? input : { ...input, ...stored });
  }
  #lookUp<K extends keyof Stored>(kind: K, input: Inputs[K]): Stored[K] | Promise<Stored[K]> {
    return reads[kind](this.store, this.view, input);
  }
  #refusal(): FleetError {
    return new FleetError('unavailable', { detail: this.#stopped ?? '', retryAfterSeconds: 5 });
  }
  #queue<K extends InputKind>(kind: K, input: Inputs[K]): Promise<Outcome<Answer<K>>> {
    // The read of the store may have ended after the stop.
    if (this.#stopped !== null) return Promise.reject(this.#refusal());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ kind, input, resolve: resolve as Waiting['resolve'], reject });
      this.#wake();
    });
  }

  watch(listener: (touched: Touched) => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  follow(task: string, listener: (event: TaskStreamEvent) => void): () => void {
    return this.#following.add(task, listener);
  }

  command(by: Principal, node: string, order: NodeOrder, deadlineMs: number): Promise<Reply> {
    return this.#commands.give(by, node, order, deadlineMs);
  }

  request(node: string, request: ModelRequest, listener: AnswerListener): () => void {
    if (this.#stopped !== null) throw this.#refusal();
    return this.#requests.open(node, request, listener);
  }

  async stop(last?: () => Promise<void>): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    this.#planner.stop();
    this.#outage.stop();
    this.#requests.channels.stop();
    if (this.#running || this.#waiting.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    // After fencing, only the other coordinator sends messages to nodes.
    if (this.#stopped !== null) return;
    this.#stopped = 'The coordinator is stopping.';
    this.#parts.bus.publish([this.#presence('offline')]);
    await this.#parts.bus.stop();
    await last?.();
    await this.store.close();
  }

  #presence(state: 'online' | 'offline'): BusMessage {
    const { clock, policy } = this.#parts;
    return encode('fleetState', {}, fleetState(state, this.#view.coordinator, clock.nowMs(), policy));
  }

  #tick(): void {
    const more = (outcome: Outcome<{ more: boolean }>) => outcome.ok && outcome.value.more && this.#tick();
    this.submit('tick', {}).then(more, () => {});
  }

  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    this.#parts.clock.soon(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const restMs = this.#gatherMs();
        if (restMs > 0) await new Promise<void>((resolve) => this.#parts.clock.after(restMs, resolve, true));
        await this.#batch();
        // After a synchronous commit nothing else has had a turn of the event loop.
        if (this.#waiting.length > 0) await new Promise<void>((resolve) => this.#parts.clock.soon(resolve));
      }
    } catch (error) {
      this.#stopped = 'The coordinator cannot go on.';
      for (const { reject } of this.#waiting.splice(0)) reject(error as Error);
      this.#parts.fatal(error as Error);
    } finally {
      this.#running = false;
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** The time in which inputs gather before the next batch, in milliseconds. */
  #gatherMs(): number {
    // A part of a plan does not wait: the next part is made after it.
    if (this.#waiting.length >= gatherEnough || this.#waiting.some(({ kind }) => kind === 'plan-apply')) return 0;
    return this.#commits.restMs();
  }

  async #batch(): Promise<void> {
    const batch: Waiting[] = [];
    this.#noticeClock();
    const now = this.#parts.clock.nowMs();
    const touched = nothingTouched();
    const reasons: PlanReason[] = [];
    const made = new Batch(this.#view, (view, change) => {
      const reason = this.#planner.judge(view, change);
      if (reason) reasons.push(reason);
      touch(touched, change, view);
    });
    const messages: Outgoing[] = [];
    const outcomes: Outcome<unknown>[] = [];
    for (const waiting of this.#waiting) {
      if (batch.length >= maxBatch || made.durable.length >= maxBatchChanges) break;
      const { kind, input } = waiting;
      const isProbe = kind === 'storage-back';
      const isAlone = isProbe || kind === 'clock-set';
      if (isAlone && batch.length > 0) break;
      batch.push(waiting);
      const decide = decisions[kind] as Decide<InputKind>;
      const decision: Decision<unknown> = decide(made.decided(), input as never, now, this.policy);
      this.#count(`input ${kind}`);
      for (const { reason, text } of decision.remarks ?? []) {
        this.#count(`remark ${reason}`);
        this.#parts.log.debug({ kind, reason }, text);
      }
      if (this.#outage.isOn && !isProbe && decision.changes.some(isDurable)) {
        outcomes.push(this.#outage.refuse());
        continue;
      }
      made.add(decision.changes);
      messages.push(...decision.messages);
      outcomes.push(decision.outcome);
      if (isAlone) break;
    }
    this.#waiting.splice(0, batch.length);
    const [{ kind, input }] = batch as [Waiting];
    const clockSetMs = kind === 'clock-set' ? (input as Inputs['clock-set']).byMs : 0;
    const { durable } = made;
    if (durable.length > 0) {
      const committed = await this.#commits.commit(durable);
      if ('refused' in committed) {
        // Waiting times were not moved in the store, so those in the view alone are not moved either.
        if (clockSetMs === 0) made.drop();
        this.#planner.note(reasons);
        for (const { resolve } of batch) resolve(committed.refused());
        // Reports of nodes stay; ends do not, since they are stored.
        return this.#tell({ ...touched, ended: [], dismissed: [] });
      }
      made.commit();
      touched.events = committed.events;
    }
    const plan = this.#planner.note(reasons);
    if (clockSetMs !== 0) this.#parts.clock.follow(clockSetMs);
    // All that the messages report is stored by now. [INV-commit-first] [INV-task-kept]
    this.#out.send(messages);
    batch.forEach(({ resolve }, i) => {
      resolve(outcomes[i] as Outcome<unknown>);
    });
    this.#following.tell(touched, this.#view);
    this.#tell(touched);
    dropConnections(touched, { ...this.#parts, view: this.view, requests: this.#requests });
    this.#arrivals.offerCutBranches(touched.events);
    const isThrough = outcomes.every((outcome, i) => {
      const { kind } = batch[i] as Waiting;
      return kind !== 'tick' || !outcome.ok || !(outcome.value as Answer<'tick'>).more;
    });
    if (this.#planLater !== 'urgent') this.#planLater = plan ?? this.#planLater;
    if (!isThrough || !this.#planLater) return;
    this.#planner.wanted(this.#planLater);
    this.#planLater = null;
  }

  #tell(touched: Touched): void {
    if (touchesAnything(touched)) for (const listener of this.#watchers) listener(touched);
  }
  /** A set clock is the first input to be decided: until then the clock of the loop goes on as before. */
  #noticeClock(): void {
    const byMs = this.#parts.clock.setByMs();
    // Waiting times cannot be moved without the store, and keep their length by the clock of the loop.
    if (byMs === 0 || this.#outage.isOn) return;
    this.#parts.log.warn({ byMs }, 'the clock of this machine was set');
    const input = { byMs, coordinator: this.#parts.random.hex(8) };
    this.#waiting.unshift({ kind: 'clock-set', input, resolve() {}, reject() {} });
  }

  /** Another coordinator goes on from the stored rows, which are all that was accepted here. No further message is sent. */
  #stepBack(by: string): { refused: () => Outcome<never> } {
    const text = `Another coordinator (${by}) has taken over; this one stores nothing any more.`;
    this.#stopped = text;
    for (const timer of this.#timers) timer.cancel();
    this.#planner.stop();
    this.#outage.stop();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#refusal());
    this.#parts.bus.stop().catch(() => {}); // the process ends
    this.#parts.fenced(text);
    return { refused: () => ({ ok: false, code: 'unavailable', details: { detail: text, retryAfterSeconds: 5 } }) };
  }

  #count(name: string, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }
}
