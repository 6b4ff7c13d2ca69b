// The planner: it asks placement for plans, one at a time, in slices of a few milliseconds between which the event loop does all else, and
// submits the parts of a plan as inputs. In slow rounds it also looks for moves for a gain and for models that nobody uses. In: changes, as
// they are committed. Out: inputs `plan-apply` and `models-idle`. It decides nothing about the fleet: pure functions in placement do.
import { FleetError, type MoveCause } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import { type Random, sortableId } from '@blackroad/std/random';
import { inSlices } from '@blackroad/std/slices';
import { planDueMs } from '../placement/model/need.ts';
import { type Snapped, snapshotting } from '../placement/model/snapshot.ts';
import { idleModels } from '../placement/plan/idle-models.ts';
import { ordering, partsOf } from '../placement/plan/moves.ts';
import { planning } from '../placement/plan/place.ts';
import type { PlanApplied, PlanPart } from '../placement/plan/plan-parts.ts';
import { rebalancing } from '../placement/plan/rebalance.ts';
import type { Urgency } from '../placement/plan/replan.ts';
import { ReviewList } from '../placement/speed/review-list.ts';
import { SupplyCache } from '../placement/speed/supply-cache.ts';
import type { Change } from '../state/change.ts';
import { agentsToReview, nodesWithOtherAgents, urgencyOf } from '../state/change-table.ts';
import type { Outcome } from '../state/decision.ts';
import type { Answer, InputKind, Inputs, Policy } from '../state/input.ts';
import type { View } from '../state/view.ts';

/** Changes within this time are planned for together; a person with five Pis does not notice it. */
const gatherMs = 10;
/** A slice ends after this time, and after so many steps: virtual time does not pass inside a slice. */
const sliceMs = 6;
const sliceSteps = 8;
/** An ordinary plan takes at most a tenth of a core: after c ms of computing, 9 c of rest. */
const restFactor = 9;
/** An agent without a node, or on a dead one, waits no longer than this for the next plan. */
const urgentRestMs = 250;

export interface PlanningFigures {
  plans: number;
  lastCpuMs: number;
  cpuMs: number;
  longestSliceMs: number;
  moves: Partial<Record<MoveCause, number>>;
  /** Steps that no longer fitted the view when they were carried out. */
  stale: number;
}

interface PlannerParts {
  view: View;
  policy: Policy;
  clock: Clock;
  random: Random;
  submit<K extends InputKind>(kind: K, input: Inputs[K]): Promise<Outcome<Answer<K>>>;
  fatal: (error: Error) => void;
}

/** What a change means for placement. */
export interface PlanReason {
  urgency: Urgency | null;
  /** Ids of agents that may need a node. */
  agents: readonly string[] | 'everyone';
  /** Ids of nodes whose agents changed. */
  nodes: readonly string[];
}

export class Planner {
  readonly figures: PlanningFigures = { plans: 0, lastCpuMs: 0, cpuMs: 0, longestSliceMs: 0, moves: {}, stale: 0 };
  readonly #parts: PlannerParts;
  readonly #review = new ReviewList();
  #cache = new SupplyCache();
  #rounds: Timer | null = null;
  #timer: Timer | null = null;
  #atMs = 0;
  #isRunning = false;
  #isStopped = false;
  /** The urgency of the changes since the present plan began. */
  #next: Urgency | null = null;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #urgentFromMs = Number.NEGATIVE_INFINITY;
  #cpuMs = 0;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock, policy } = this.#parts;
    this.wanted('urgent');
    if (policy.rebalanceEveryMs > 0)
      this.#rounds = clock.every(policy.rebalanceEveryMs, () => void this.#guarded(() => this.#round()));
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#rounds?.cancel();
  }

  /**
   * The meaning of a change for placement, or null. `view`: before the change. It is noted only when the change is committed: a plan in
   * between would strike the agents off the list without a look at what changed. [INV-placed]
   */
  judge(view: View, change: Change): PlanReason | null {
    const urgency = urgencyOf(view, change, this.#parts.policy);
    const review = agentsToReview(view, change);
    const agents = review === 'everyone' ? ('everyone' as const) : [...review];
    const nodes = [...nodesWithOtherAgents(view, change)];
    return urgency !== null || agents.length > 0 || nodes.length > 0 ? { urgency, agents, nodes } : null;
  }
  /** Notes changes that are committed. Returns how urgent a plan is; null: none of them is a reason for one. */
  note(reasons: readonly PlanReason[]): Urgency | null {
    let plan: Urgency | null = null;
    for (const { urgency, agents, nodes } of reasons) {
      this.#review.note(agents);
      this.#cache.note(nodes);
      if (plan !== 'urgent') plan = urgency ?? plan;
    }
    return plan;
  }

  /** The view was made anew from the store: all that was noted about changes is void. */
  startOver(): void {
    this.#review.all();
    this.#cache = new SupplyCache();
    this.wanted('urgent');
  }

  /** A change is committed that placement depends on. */
  wanted(urgency: Urgency): void {
    if (this.#isStopped) return;
    if (this.#isRunning) {
      if (this.#next !== 'urgent') this.#next = urgency;
      return;
    }
    const nowMs = this.#parts.clock.monotonicMs();
    this.#planAt(Math.max(nowMs + gatherMs, urgency === 'urgent' ? this.#urgentFromMs : this.#restUntilMs));
  }

  #planAt(atMs: number): void {
    if (this.#timer && this.#atMs <= atMs) return;
    this.#timer?.cancel();
    this.#atMs = atMs;
    this.#timer = this.#parts.clock.after(Math.max(0, atMs - this.#parts.clock.monotonicMs()), () => {
      this.#timer = null;
      void this.#guarded(() => this.#plan());
    });
  }

  /** Runs one plan or round at a time; changes of that time are planned for after the rest. */
  async #guarded(run: () => Promise<void>): Promise<void> {
    if (this.#isStopped || this.#isRunning) return;
    this.#isRunning = true;
    this.#cpuMs = 0;
    try {
      await run();
    } catch (error) {
      if (this.#isStopped) return;
      // With too many waiting inputs the plan is made anew after them. While nothing can be stored no plan is made: the end of that outage
      // asks for one.
      if (!(error instanceof FleetError)) return this.#parts.fatal(error as Error);
      if (error.code !== 'unavailable' && error.code !== 'storage-failed') return this.#parts.fatal(error);
      this.#next = error.code === 'unavailable' ? 'ordinary' : null;
    } finally {
      this.#isRunning = false;
      this.#rest();
    }
    const next = this.#next;
    this.#next = null;
    if (next) this.wanted(next);
    else this.#planWhenDue();
  }

  #rest(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const restMs = this.#cpuMs * restFactor;
    this.#restUntilMs = nowMs + restMs;
    this.#urgentFromMs = nowMs + Math.min(restMs, urgentRestMs);
    this.figures.cpuMs += this.#cpuMs;
    this.figures.lastCpuMs = this.#cpuMs;
  }

  /** Plans at the time at which a move is due without a change: a patience ends, or a model may be tried again. */
  #planWhenDue(): void {
    const { view, policy, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const dueMs = planDueMs(view, nowMs, policy);
    if (dueMs !== null)
      this.#planAt(Math.max(clock.monotonicMs() + Math.max(gatherMs, dueMs - nowMs), this.#urgentFromMs));
  }

  async #plan(): Promise<void> {
    const { view } = this.#parts;
    this.figures.plans++;
    const asked = await this.#ask();
    const { demands } = asked.snapshot;
    if (demands.length === 0 && asked.staying.length === 0) return;
    const nothing = { placed: [], unplaced: [], yielded: [], models: [] };
    const plan = demands.length === 0 ? nothing : await this.#sliced(planning(asked.snapshot, this.#cache));
    const placed = await this.#sliced(ordering(view, plan));
    await this.#carryOut(partsOf(view, asked, plan, () => this.#mint(), new Map(), placed));
  }

  async #ask(): Promise<Snapped> {
    const { view, policy, clock } = this.#parts;
    const looked = this.#review.take();
    try {
      const asked = await this.#sliced(snapshotting(view, clock.nowMs(), policy, looked, this.#cache));
      this.#review.keep(asked.restless);
      return asked;
    } catch (error) {
      if (looked) this.#review.keep(looked);
      else this.#review.all();
      throw error;
    }
  }

  /** A slow round; it is left out while a plan is due at once. */
  async #round(): Promise<void> {
    const { view, policy, clock } = this.#parts;
    if (this.#timer && this.#atMs <= clock.monotonicMs() + urgentRestMs) return;
    // No agent is overlooked for longer than a round.
    this.#review.all();
    this.#next ??= 'ordinary';
    const idle = idleModels(view, clock.nowMs(), policy);
    if (idle.length > 0)
      await this.#parts.submit('models-idle', { unloads: idle.map((each) => ({ ...each, command: this.#mint() })) });
    const found = await this.#sliced(rebalancing(view, clock.nowMs(), policy));
    if (!found || this.#next === 'urgent') return;
    await this.#carryOut(partsOf(view, found, found.plan, () => this.#mint(), found.gains));
  }

  /** Each part is committed and told before the next one is made. */
  async #carryOut(parts: Generator<PlanPart>): Promise<void> {
    while (!this.#isStopped) {
      const part = this.#timed(() => parts.next());
      if (part.done) return;
      const outcome = await this.#parts.submit('plan-apply', part.value);
      if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
      this.#note(outcome.value);
    }
  }
  #note({ moved, stale }: PlanApplied): void {
    const { figures } = this;
    for (const [cause, count] of Object.entries(moved) as [MoveCause, number][])
      figures.moves[cause] = (figures.moves[cause] ?? 0) + count;
    figures.stale += stale;
    if (stale > 0) this.#next = 'urgent';
  }

  #mint(): string {
    return sortableId(this.#parts.clock.nowMs(), this.#parts.random);
  }

  /** Runs the steps to the end, one slice in a turn of the event loop. Rejects when the coordinator stops. */
  #sliced<T>(steps: Generator<void, T>): Promise<T> {
    const begins = () => {
      if (this.#isStopped) throw new FleetError('unavailable');
    };
    return inSlices(steps, this.#parts.clock, { sliceMs, sliceSteps, begins, took: (ms) => this.#count(ms) });
  }
  #timed<T>(run: () => T): T {
    const { clock } = this.#parts;
    const fromMs = clock.monotonicMs();
    const result = run();
    this.#count(clock.monotonicMs() - fromMs);
    return result;
  }
  #count(tookMs: number): void {
    this.#cpuMs += tookMs;
    this.figures.longestSliceMs = Math.max(this.figures.longestSliceMs, tookMs);
  }
}
