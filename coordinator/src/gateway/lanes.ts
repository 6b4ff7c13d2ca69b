// Admission to the models of nodes: a lane for each model on each node, with as many credits as the model has slots that others do not use,
// and a bounded queue that is fair between keys. A node admits once more by itself; here nothing is sent that would only wait there. In:
// requests that enter and leave, what nodes report of their load. Out: the turn of each request, or a refusal at once. Idle requests fill
// what nobody else uses, and step aside for everybody else.
import { FleetError, type ModelLoad, type NodeModel } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';

interface Waiting {
  who: string;
  enter(): void;
  refuse(error: FleetError): void;
}
interface Entry {
  who: string;
  signal: AbortSignal;
  deadlineMs: number;
  /** Given by an idle request: called when another one needs its slot, and nobody hears it any more. */
  stepAside?: () => void;
}
interface Lane {
  node: string;
  model: string;
  /** Requests that a node answers in one slot. */
  together: number;
  slots: number;
  /** Requests of the gateway that the node has. */
  ours: number;
  /** Requests of others at work there: tasks of agents, programs beside the node-agent. */
  foreign: number;
  /** By key, each in order; the key at the front is next. */
  queues: Map<string, Waiting[]>;
  waiting: number;
  /** Idle requests that wait. */
  idle: Waiting[];
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

export class Lanes {
  readonly #clock: Clock;
  readonly #lanes = new Map<string, Lane>();
  readonly #byNode = new Map<string, Set<Lane>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What a request that enters now would meet. `told`: the node's last word on the load of this model. */
  loadOf(node: string, model: string, slots: number, told: ModelLoad | undefined): LaneLoad {
    const lane = this.#lanes.get(keyOf(node, model));
    const all = (told?.busy ?? 0) + (told?.others ?? 0);
    const ours = lane ? oursOf(lane) : 0;
    const now = slotsOf(slots, told);
    return {
      // Idle requests are in nobody's way.
      busy: Math.max(0, Math.max(all, ours) - (lane?.aside.size ?? 0)),
      waiting: (lane?.waiting ?? 0) + (told?.waiting ?? 0),
      slots: now,
      queue: queueOf(now),
    };
  }

  /** Resolves at its turn with the function that ends it. Throws `model-busy` where the queue is full or the wait too long. */
  enter(
    place: { node: string; model: string; kind?: NodeModel['kind']; slots: number; told: ModelLoad | undefined },
    entry: Entry,
  ): Promise<() => void> {
    const lane = this.#laneOf(place.node, place.model);
    lane.together = place.kind === 'embed' ? embedsTogether : 1;
    const { stepAside } = entry;
    this.#learn(lane, place.slots, place.told);
    const mayEnter = stepAside ? lane.idle.length === 0 && hasIdleCredit(lane) : lane.waiting === 0 && hasCredit(lane);
    if (mayEnter) return Promise.resolve(this.#admit(lane, stepAside));
    const isFull = stepAside ? lane.idle.length >= maxIdle : lane.waiting >= queueOf(lane.slots);
    if (isFull) return Promise.reject(busy(lane));
    return new Promise((resolve, reject) => this.#wait(lane, entry, resolve, reject));
  }

  #wait(
    lane: Lane,
    { who, signal, deadlineMs, stepAside }: Entry,
    resolve: (leave: () => void) => void,
    reject: (error: FleetError) => void,
  ): void {
    const own: Waiting = {
      who,
      enter: () => {
        leave();
        resolve(this.#admit(lane, stepAside));
      },
      refuse: (error) => {
        leave();
        this.#tidy(lane);
        reject(error);
      },
    };
    const onAbort = () => own.refuse(new FleetError('unavailable', { detail: 'the request was given up' }));
    const timer: Timer = this.#clock.after(deadlineMs, () => own.refuse(busy(lane)));
    const leave = () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      remove(lane, own);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (stepAside) {
      lane.idle.push(own);
      return;
    }
    const queue = lane.queues.get(who);
    if (queue) queue.push(own);
    else lane.queues.set(who, [own]);
    lane.waiting++;
    // The one that came in last has the least to lose.
    const last = [...lane.aside].at(-1);
    if (!last) return;
    lane.aside.delete(last);
    last();
  }

  /** A report of a node: others may have left a slot. */
  heard(node: string, loads: readonly ModelLoad[]): void {
    for (const lane of this.#byNode.get(node) ?? []) {
      const told = loads.find(({ name }) => name === lane.model);
      if (!told) continue;
      this.#learn(lane, told.slots, told);
      this.#letIn(lane);
    }
  }

  /** The node takes nothing any more: who waits for it should go elsewhere. */
  close(node: string): void {
    for (const lane of this.#byNode.get(node) ?? []) {
      const all = [...[...lane.queues.values()].flat(), ...lane.idle];
      for (const each of all) each.refuse(new FleetError('node-away', { detail: `${node} went away` }));
    }
  }

  #laneOf(node: string, model: string): Lane {
    const key = keyOf(node, model);
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = {
        ...{ node, model, together: 1, slots: 1, ours: 0, foreign: 0, waiting: 0 },
        ...{ queues: new Map(), idle: [], aside: new Set() },
      };
      this.#lanes.set(key, lane);
      const own = this.#byNode.get(node) ?? new Set();
      this.#byNode.set(node, own.add(lane));
    }
    return lane;
  }

  /** Of what a node reports as busy, what the gateway did not send is of others; a report is a beat old, so it is not exact. */
  #learn(lane: Lane, slots: number, told: ModelLoad | undefined): void {
    lane.slots = slotsOf(slots, told);
    lane.foreign = told ? Math.max(0, told.busy + (told.others ?? 0) - oursOf(lane)) : 0;
  }

  #admit(lane: Lane, stepAside?: () => void): () => void {
    lane.ours++;
    if (stepAside) lane.aside.add(stepAside);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      lane.ours--;
      if (stepAside) lane.aside.delete(stepAside);
      this.#letIn(lane);
      this.#tidy(lane);
    };
  }

  #letIn(lane: Lane): void {
    while (lane.waiting > 0 && hasCredit(lane)) {
      const [who, queue] = lane.queues.entries().next().value as [string, Waiting[]];
      const next = queue[0] as Waiting;
      // The key goes behind the others with the rest of its requests.
      lane.queues.delete(who);
      lane.queues.set(who, queue);
      next.enter();
    }
    while (lane.idle.length > 0 && hasIdleCredit(lane)) lane.idle[0]?.enter();
  }

  /** Forgets a lane that nobody uses. */
  #tidy(lane: Lane): void {
    if (lane.ours > 0 || lane.waiting > 0 || lane.idle.length > 0) return;
    this.#lanes.delete(keyOf(lane.node, lane.model));
    const own = this.#byNode.get(lane.node);
    own?.delete(lane);
    if (own?.size === 0) this.#byNode.delete(lane.node);
  }
}

/** One request is always let in: a report that is out of date must not close a model for ever. */
function hasCredit({ ours, together, foreign, slots }: Lane): boolean {
  return ours === 0 || ours < (slots - foreign) * together;
}
/** Where a model has several slots, one is left for whoever comes next. */
function hasIdleCredit({ waiting, ours, together, foreign, slots }: Lane): boolean {
  return waiting === 0 && ours < (Math.max(1, slots - 1) - foreign) * together;
}
/** The slots that they take. */
const oursOf = ({ ours, together }: Lane) => Math.ceil(ours / together);
function remove(lane: Lane, own: Waiting): void {
  const idleAt = lane.idle.indexOf(own);
  if (idleAt >= 0) lane.idle.splice(idleAt, 1);
  const queue = lane.queues.get(own.who);
  const at = queue?.indexOf(own) ?? -1;
  if (!queue || at < 0) return;
  queue.splice(at, 1);
  lane.waiting--;
  if (queue.length === 0) lane.queues.delete(own.who);
}
const queueOf = (slots: number) => Math.max(leastQueue, slots * waitingPerSlot);
/** At least one: a node that tells none has some all the same. */
const slotsOf = (slots: number, told: ModelLoad | undefined) => Math.max(1, told?.slots || slots);
const keyOf = (node: string, model: string) => `${node} ${model}`;
function busy({ model, node, waiting }: Lane): FleetError {
  const detail = `${model} on ${node} is busy: ${waiting} requests wait for it already.`;
  return new FleetError('model-busy', { detail, retryAfterSeconds: 2 });
}
