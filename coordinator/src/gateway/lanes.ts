// Admission to the models of nodes: a lane for each model on each node, with as many credits as the model has slots that others do not use,
// and a bounded queue that is fair between keys. A node admits once more by itself; here nothing is sent that would only wait there. In:
// requests that enter and leave, what nodes report of their load. Out: the turn of each request, or a refusal at once.
import { FleetError, type ModelLoad } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';

interface Waiting {
  who: string;
  enter(): void;
  refuse(error: FleetError): void;
}
interface Lane {
  node: string;
  slots: number;
  /** Requests of the gateway that the node has. */
  ours: number;
  /** Requests of others at work there: tasks of agents, programs beside the node-agent. */
  foreign: number;
  /** By key, each in order; the key at the front is next. */
  queues: Map<string, Waiting[]>;
  waiting: number;
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
    const ours = lane?.ours ?? 0;
    const now = Math.max(1, told?.slots || slots);
    return {
      busy: Math.max(all, ours),
      waiting: (lane?.waiting ?? 0) + (told?.waiting ?? 0),
      slots: now,
      queue: queueOf(now),
    };
  }

  /** Resolves at its turn with the function that ends it. Throws `model-busy` where the queue is full or the wait too long. */
  enter(
    place: { node: string; model: string; slots: number; told: ModelLoad | undefined },
    who: string,
    signal: AbortSignal,
    deadlineMs: number,
  ): Promise<() => void> {
    const lane = this.#laneOf(place.node, place.model);
    this.#learn(lane, place.slots, place.told);
    if (lane.waiting === 0 && hasCredit(lane)) return Promise.resolve(this.#admit(place.node, place.model, lane));
    if (lane.waiting >= queueOf(lane.slots)) return Promise.reject(busy(place.model, place.node, lane.waiting));
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const own: Waiting = {
        who,
        enter: () => {
          leave();
          resolve(this.#admit(place.node, place.model, lane));
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
      };
      const onAbort = () => own.refuse(new FleetError('unavailable', { detail: 'the request was given up' }));
      const leave = () => {
        timer?.cancel();
        signal.removeEventListener('abort', onAbort);
        remove(lane, own);
        this.#tidy(place.node, place.model, lane);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      timer = this.#clock.after(deadlineMs, () => own.refuse(busy(place.model, place.node, lane.waiting)));
      const queue = lane.queues.get(who);
      if (queue) queue.push(own);
      else lane.queues.set(who, [own]);
      lane.waiting++;
    });
  }

  /** A report of a node: others may have left a slot. */
  heard(node: string, loads: readonly ModelLoad[]): void {
    for (const told of loads) {
      const lane = this.#lanes.get(keyOf(node, told.name));
      if (!lane) continue;
      this.#learn(lane, told.slots, told);
      this.#letIn(lane);
    }
  }

  /** The node takes nothing any more: who waits for it should go elsewhere. */
  close(node: string): void {
    for (const lane of this.#byNode.get(node) ?? []) {
      const all = [...lane.queues.values()].flat();
      for (const each of all) each.refuse(new FleetError('node-away', { detail: `${node} went away` }));
    }
  }

  #laneOf(node: string, model: string): Lane {
    const key = keyOf(node, model);
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { node, slots: 1, ours: 0, foreign: 0, queues: new Map(), waiting: 0 };
      this.#lanes.set(key, lane);
      const own = this.#byNode.get(node) ?? new Set();
      this.#byNode.set(node, own.add(lane));
    }
    return lane;
  }

  /** Of what a node reports as busy, what the gateway did not send is of others; a report is a beat old, so it is not exact. */
  #learn(lane: Lane, slots: number, told: ModelLoad | undefined): void {
    lane.slots = Math.max(1, told?.slots || slots);
    lane.foreign = told ? Math.max(0, told.busy + (told.others ?? 0) - lane.ours) : 0;
  }

  #admit(node: string, model: string, lane: Lane): () => void {
    lane.ours++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      lane.ours--;
      this.#letIn(lane);
      this.#tidy(node, model, lane);
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
  }

  #tidy(node: string, model: string, lane: Lane): void {
    if (lane.ours > 0 || lane.waiting > 0) return;
    this.#lanes.delete(keyOf(node, model));
    const own = this.#byNode.get(node);
    own?.delete(lane);
    if (own?.size === 0) this.#byNode.delete(node);
  }
}

/** One request is always let in: a report that is out of date must not close a model for ever. */
function hasCredit({ ours, foreign, slots }: Lane): boolean {
  return ours === 0 || ours + foreign < slots;
}
function remove(lane: Lane, own: Waiting): void {
  const queue = lane.queues.get(own.who);
  const at = queue?.indexOf(own) ?? -1;
  if (!queue || at < 0) return;
  queue.splice(at, 1);
  lane.waiting--;
  if (queue.length === 0) lane.queues.delete(own.who);
}
const queueOf = (slots: number) => Math.max(leastQueue, slots * waitingPerSlot);
const keyOf = (node: string, model: string) => `${node} ${model}`;
function busy(model: string, node: string, waiting: number): FleetError {
  const detail = `${model} on ${node} is busy: ${waiting} requests wait for it already.`;
  return new FleetError('model-busy', { detail, retryAfterSeconds: 2 });
}
