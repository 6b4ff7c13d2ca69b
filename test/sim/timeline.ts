// Virtual time: one heap of events ordered by (time, sequence), and the clocks of processes. In: timers of all processes and of the world
// itself. Out: they run one at a time, each until no work is left at that moment. No real timer and no thread: the same seed gives the same
// order.
import type { Clock, Timer } from '@blackroad/std/clock';

interface Due {
  atMs: number;
  sequence: number;
  run: (() => void) | null;
}

/** Resolves when every promise that can continue has done so: Node runs this queue when the queue of promises is empty. */
const turn = () => Promise.resolve().then(() => new Promise<void>((resolve) => process.nextTick(resolve)));
const eventsATurn = 100;
/** The limit of turns at one moment of virtual time; more of them is an endless loop. */
const maxTurns = 100_000;

export class Timeline {
  nowMs = 0;
  fired = 0;
  readonly #heap: Due[] = [];
  #sequence = 0;
  #soon: (() => void)[] = [];

  at(atMs: number, run: () => void): Timer {
    const due: Due = { atMs: Math.max(this.nowMs, atMs), sequence: this.#sequence++, run };
    this.#push(due);
    return {
      cancel() {
        due.run = null;
      },
    };
  }
  after(delayMs: number, run: () => void): Timer {
    return this.at(this.nowMs + delayMs, run);
  }
  /** Runs in the next turn at this moment. */
  soon(run: () => void): void {
    this.#soon.push(run);
  }

  /** Runs until all work of this moment is done. */
  async settle(): Promise<void> {
    await turn();
    for (let turns = 0; this.#soon.length > 0; turns++) {
      if (turns > maxTurns) throw new Error('the same moment never ends');
      const [next] = this.#soon.splice(0, 1);
      next?.();
      await turn();
    }
  }

  /** Runs all events up to `untilMs`; after every one `each` decides whether to continue. */
  async run(untilMs: number, each: () => boolean): Promise<void> {
    for (;;) {
      const next = this.#heap[0];
      if (!next || next.atMs > untilMs) break;
      this.#pop();
      if (!next.run) continue;
      this.nowMs = next.atMs;
      this.fired++;
      next.run();
      await this.settle();
      // Node frees the memory of native objects only in turns of its own loop.
      if (this.fired % eventsATurn === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      if (!each()) return;
    }
    this.nowMs = untilMs;
  }

  clear(): void {
    this.#heap.length = 0;
    this.#soon = [];
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Due;
      if (!isBefore(due, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = due;
  }
  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Due;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child++;
      if (!isBefore(heap[child] as Due, last)) break;
      heap[at] = heap[child] as Due;
      at = child;
    }
    heap[at] = last;
  }
}
function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}

/** The clock of one process. After a kill no timer fires; in a pause all timers wait for its end. */
export class ProcessClock implements Clock {
  alive = true;
  #pausedUntilMs = 0;
  /** The time at which it fell asleep; its monotonic clock and its timers stop until it wakes. */
  #asleepFromMs: number | null = null;
  #sleptMs = 0;
  readonly #timeline: Timeline;
  readonly #wallMs: () => number;
  readonly #startedMs: number;

  constructor(timeline: Timeline, wallMs: () => number) {
    this.#timeline = timeline;
    this.#wallMs = wallMs;
    this.#startedMs = timeline.nowMs;
  }
  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }
  get paused(): boolean {
    return this.pausedUntilMs > this.#timeline.nowMs;
  }
  /** A process that is already paused or asleep does not continue earlier because of this. */
  pause(untilMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
  }
  kill(): void {
    this.alive = false;
  }
  /** Suspends the whole machine: unlike a paused process, it does not know for how long. */
  sleep(untilMs: number): void {
    this.pause(untilMs);
    this.#asleepFromMs ??= this.#timeline.nowMs;
  }
  /** The sleep until now. */
  get #asleepMs(): number {
    if (this.#asleepFromMs !== null && !this.paused) {
      this.#sleptMs += this.pausedUntilMs - this.#asleepFromMs;
      this.#asleepFromMs = null;
    }
    return this.#sleptMs + (this.#asleepFromMs === null ? 0 : this.#timeline.nowMs - this.#asleepFromMs);
  }
  nowMs(): number {
    return Math.floor(this.#wallMs());
  }
  monotonicMs(): number {
    return this.#timeline.nowMs - this.#startedMs - this.#asleepMs;
  }
  /** The uptime of a kernel, in its coarse steps. */
  uptimeMs(): number {
    return Math.floor(this.#timeline.nowMs / 10) * 10;
  }
  after(delayMs: number, run: () => void): Timer {
    let cancelled = false;
    let timer: Timer | null = null;
    const dueMs = this.monotonicMs() + Math.max(1, delayMs);
    const fire = () => {
      if (cancelled || !this.alive) return;
      if (this.paused) {
        timer = this.#timeline.at(this.pausedUntilMs, fire);
        return;
      }
      const leftMs = dueMs - this.monotonicMs();
      if (leftMs > 0.001) timer = this.#timeline.after(leftMs, fire);
      else run();
    };
    // A timer of Node takes at least a millisecond.
    timer = this.#timeline.after(Math.max(1, delayMs), fire);
    return {
      cancel() {
        cancelled = true;
        timer?.cancel();
      },
    };
  }
  every(periodMs: number, run: () => void): Timer {
    let timer: Timer | null = null;
    const again = () => {
      timer = this.after(periodMs, () => {
        again();
        run();
      });
    };
    again();
    return { cancel: () => timer?.cancel() };
  }
  soon(run: () => void): void {
    this.#timeline.soon(() => {
      if (!this.alive) return;
      if (this.paused) this.#timeline.at(this.pausedUntilMs, () => this.alive && run());
      else run();
    });
  }
}
