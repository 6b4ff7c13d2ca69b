// Admission to the models of nodes: a lane for each model on each node, with as many credits as the model has slots that others do not use,
// and a bounded queue that is fair between keys. A node admits once more by itself; here nothing is sent that would only wait there. In:
// requests that enter and leave, what nodes report of their load. Out: the turn of each request, or a refusal at once. A request that waits
// in one lane may wish for others: where one of them is free and nobody waits for it, the request is asked whether it goes there. Idle
// requests fill what nobody else uses, and step aside for everybody else.
import { FleetError, type ModelLoad, type NodeModel } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import { FairQueue } from './fair-queue.ts';

export interface LanePlace {
  node: string;
  model: string;
  kind?: NodeModel['kind'];
  slots: number;
  /** The node's last word on the load of the model. */
  told: ModelLoad | undefined;
}
interface Waiting {
  who: string;
  isIdle: boolean;
  lane: Lane;
  wishes: Lane[];
  /** Whether it goes to the lane that it wished for, which is free. */
  goesTo(lane: Lane): boolean;
  enter(lane: Lane): void;
  refuse(error: FleetError): void;
}
interface Entry {
  who: string;
  signal: AbortSignal;
  deadlineMs: number;
  /** Given by an idle request: called when another one needs its slot, and nobody hears it any more. */
  stepAside?: () => void;
  /** Other places that it would take while it waits; asked when it begins to wait. */
  wishes?: () => readonly LanePlace[];
  /** One of them is free. `own`: what it knows of the lane where it waits. */
  goesTo?: (place: Pick<LanePlace, 'node' | 'model'>, own: OwnWait) => boolean;
}
/** The lane where a request waits, and how many are before it there. */
export interface OwnWait {
  node: string;
  model: string;
  ahead: number;
}
interface Lane {
  node: string;
  model: string;
  /** Requests that a node answers in one slot. */
  together: number;
  slots: number;
  /** The requests that its server had when it refused another one, until the node's next word on its load. */
  limit: number;
  /** Requests of the gateway that the node has. */
  ours: number;
  /** Requests of others at work there: tasks of agents, programs beside the node-agent; by the report that was heard last. */
  foreign: number;
  told: ModelLoad | undefined;
  /** A request of ours ended since that report, which may still count it. */
  isOutOfDate: boolean;
  waiting: FairQueue<Waiting>;
  /** Those that wait elsewhere and would come. */
  wishing: FairQueue<Waiting>;
  /** Idle requests that wait, and those that would come. */
  idle: Waiting[];
  idleWishing: FairQueue<Waiting>;
  /** Idle requests that the node has, in the order in which they came in. */
  aside: Set<() => void>;
}
interface LaneLoad {
  busy: number;
  waiting: number;
  slots: number;
  queue: number;
}
/** For each slot so many may wait, and some in any case: more would wait for minutes. */
const waitingPerSlot = 4;
const leastQueue = 8;
/** A node asks its server once for what waits for vectors: with so many at once there something can gather. */
const embedsTogether = 8;
/** Idle requests of one lane that wait; their batches keep the others. */
const maxIdle = 256;
/** Other lanes that one request wishes for. */
const maxWishes = 8;
/** Requests that are asked whether they come, for one slot: each looks at the fleet anew. The next time it is the turn of others. */
const maxAsked = 16;

export class Lanes {
  readonly #clock: Clock;
  readonly #lanes = new Map<string, Lane>();
  readonly #byNode = new Map<string, Set<Lane>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What a request that enters now would meet; `own`: what one that waits already meets. */
  loadOf({ node, model, slots, told }: LanePlace, own?: OwnWait): LaneLoad {
    const lane = this.#lanes.get(keyOf(node, model));
    const now = slotsOf(slots, told);
    const isOwn = own !== undefined && own.node === node && own.model === model;
    return {
      busy: lane ? busyIn(lane) : (told?.busy ?? 0) + (told?.others ?? 0),
      waiting: (isOwn ? own.ahead : (lane?.waiting.size ?? 0)) + (told?.waiting ?? 0),
      slots: now,
      queue: queueOf(now),
    };
  }

  /** Resolves at its turn with the function that ends it. Throws `model-busy` where the queue is full or the wait too long. */
  enter(place: LanePlace, entry: Entry): Promise<() => void> {
    const lane = this.#laneOf(place);
    const { stepAside } = entry;
    const mayEnter = stepAside
      ? lane.idle.length === 0 && hasIdleCredit(lane)
      : lane.waiting.size === 0 && hasCredit(lane);
    if (mayEnter) return Promise.resolve(this.#admit(lane, stepAside));
    const isFull = stepAside ? lane.idle.length >= maxIdle : lane.waiting.size >= queueOf(lane.slots);
    if (isFull) return Promise.reject(busy(lane));
    return new Promise((resolve, reject) => this.#wait(lane, entry, resolve, reject));
  }

  #wait(lane: Lane, entry: Entry, resolve: (leave: () => void) => void, reject: (error: FleetError) => void): void {
    const { who, signal, deadlineMs, stepAside } = entry;
    const own: Waiting = {
      who,
      isIdle: stepAside !== undefined,
      lane,
      wishes: (entry.wishes?.() ?? []).slice(0, maxWishes).map((place) => this.#laneOf(place)),
      goesTo: (other) => {
        const ahead = stepAside ? lane.idle.indexOf(own) : lane.waiting.ahead(own);
        return entry.goesTo?.(other, { node: lane.node, model: lane.model, ahead }) ?? false;
      },
      enter: (taken) => {
        leave();
        resolve(this.#admit(taken, stepAside));
      },
      refuse: (error) => {
        leave();
        for (const each of [lane, ...own.wishes]) this.#tidy(each);
        reject(error);
      },
    };
    const onAbort = () => own.refuse(new FleetError('unavailable', { detail: 'the request was given up' }));
    const timer: Timer = this.#clock.after(deadlineMs, () => own.refuse(busy(lane)));
    const leave = () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      remove(own);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    for (const other of own.wishes) (own.isIdle ? other.idleWishing : other.wishing).push(own);
    if (own.isIdle) {
      lane.idle.push(own);
      return;
    }
    lane.waiting.push(own);
    // The one that came in last has the least to lose.
    const last = [...lane.aside].at(-1);
    if (!last) return;
    lane.aside.delete(last);
    last();
  }

  /**
   * Its server refused a request that is about to leave: it has fewer slots than the node told. Out: whether it works on others of the
   * gateway, so that a request may enter again and comes in when one of them has left.
   */
  refused(node: string, model: string): boolean {
    const lane = this.#lanes.get(keyOf(node, model));
    if (!lane) return false;
    lane.limit = Math.max(1, lane.ours - 1);
    return lane.ours > 1;
  }

  /** A report of a node: others may have left a slot. */
  heard(node: string, loads: readonly ModelLoad[]): void {
    for (const lane of this.#byNode.get(node) ?? []) {
      const told = loads.find(({ name }) => name === lane.model);
      if (told) {
        learn(lane, told.slots, told);
        this.#letIn(lane);
      } else lane.isOutOfDate = false;
      this.#tidy(lane);
    }
  }

  /** The node takes nothing any more: who waits for it should go elsewhere. */
  close(node: string): void {
    for (const lane of this.#byNode.get(node) ?? []) {
      for (const each of [...lane.waiting.all(), ...lane.idle])
        each.refuse(new FleetError('node-away', { detail: `${node} went away` }));
      lane.isOutOfDate = false;
      this.#tidy(lane);
    }
  }

  #laneOf({ node, model, kind, slots, told }: LanePlace): Lane {
    const key = keyOf(node, model);
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = {
        ...{ node, model, together: 1, slots: 1, ours: 0, foreign: 0 },
        ...{ limit: Number.POSITIVE_INFINITY, told: undefined, isOutOfDate: false },
        ...{ waiting: new FairQueue(), wishing: new FairQueue(), idleWishing: new FairQueue() },
        ...{ idle: [], aside: new Set() },
      };
      this.#lanes.set(key, lane);
      const own = this.#byNode.get(node) ?? new Set();
      this.#byNode.set(node, own.add(lane));
    }
    lane.together = kind === 'embed' ? embedsTogether : 1;
    learn(lane, slots, told);
    return lane;
  }

  #admit(lane: Lane, stepAside?: () => void): () => void {
    lane.ours++;
    if (stepAside) lane.aside.add(stepAside);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      lane.ours--;
      lane.isOutOfDate = true;
      if (stepAside) lane.aside.delete(stepAside);
      this.#letIn(lane);
      this.#tidy(lane);
    };
  }

  #letIn(lane: Lane): void {
    while (lane.waiting.size > 0 && hasCredit(lane)) lane.waiting.turn()?.enter(lane);
    if (lane.waiting.size === 0) this.#invite(lane, lane.wishing, hasCredit);
    while (lane.idle.length > 0 && hasIdleCredit(lane)) lane.idle[0]?.enter(lane);
    if (lane.idle.length === 0) this.#invite(lane, lane.idleWishing, hasIdleCredit);
  }

  #invite(lane: Lane, wishing: FairQueue<Waiting>, hasRoom: (lane: Lane) => boolean): void {
    for (let asked = Math.min(wishing.size, maxAsked); asked > 0 && hasRoom(lane); asked--) {
      const one = wishing.turn();
      if (!one) return;
      if (one.goesTo(lane)) {
        const left = [one.lane, ...one.wishes];
        one.enter(lane);
        for (const each of left) this.#tidy(each);
      } else {
        // Its key's next one is asked before it is asked again.
        wishing.remove(one);
        wishing.push(one);
      }
    }
  }

  /** Forgets a lane that nobody uses and that knows no more than the last report. */
  #tidy(lane: Lane): void {
    const { ours, waiting, wishing, idle, idleWishing, isOutOfDate } = lane;
    if (isOutOfDate || ours + waiting.size + wishing.size + idle.length + idleWishing.size > 0) return;
    this.#lanes.delete(keyOf(lane.node, lane.model));
    const own = this.#byNode.get(lane.node);
    own?.delete(lane);
    if (own?.size === 0) this.#byNode.delete(lane.node);
  }
}

/** Of what a node reports as busy, what the gateway did not send is of others; a report is a beat old, so it is not exact, and it counts once. */
function learn(lane: Lane, slots: number, told: ModelLoad | undefined): void {
  lane.slots = slotsOf(slots, told);
  if (told === lane.told) return;
  lane.told = told;
  lane.isOutOfDate = false;
  lane.limit = Number.POSITIVE_INFINITY;
  lane.foreign = told ? Math.max(0, told.busy + (told.others ?? 0) - oursOf(lane)) : 0;
}
/** One request is always let in: a report that is out of date must not close a model for ever. */
function hasCredit({ ours, together, foreign, slots, limit }: Lane): boolean {
  return ours === 0 || ours < Math.min((slots - foreign) * together, limit);
}
/** Where a model has several slots, one is left for whoever comes next. */
function hasIdleCredit({ waiting, ours, together, foreign, slots, limit }: Lane): boolean {
  return waiting.size === 0 && ours < Math.min((Math.max(1, slots - 1) - foreign) * together, limit);
}
/** The slots that they take. */
const oursOf = ({ ours, together }: Lane) => Math.ceil(ours / together);
/** Idle requests are in nobody's way. */
const busyIn = (lane: Lane) => Math.max(0, lane.foreign + oursOf(lane) - lane.aside.size);
function remove(own: Waiting): void {
  const { lane } = own;
  const idleAt = lane.idle.indexOf(own);
  if (idleAt >= 0) lane.idle.splice(idleAt, 1);
  lane.waiting.remove(own);
  for (const other of own.wishes) {
    other.wishing.remove(own);
    other.idleWishing.remove(own);
  }
}
const queueOf = (slots: number) => Math.max(leastQueue, slots * waitingPerSlot);
/** At least one: a node that tells none has some all the same. */
const slotsOf = (slots: number, told: ModelLoad | undefined) => Math.max(1, told?.slots || slots);
const keyOf = (node: string, model: string) => `${node} ${model}`;
function busy({ model, node, waiting }: Lane): FleetError {
  const detail = `${model} on ${node} is busy: ${waiting.size} requests wait for it already.`;
  return new FleetError('model-busy', { detail, retryAfterSeconds: 2 });
}
