// The operating system of a scripted node: apt works for a while and survives a lost power, a machine that needs a restart goes down when it is
// told to, and comes up again. In: orders. Out: reports, which its node sends; the end and the start of its process.
import type { EventParams, UpdateOs } from '@blackroad/protocol';
import type { Random } from '@blackroad/std/random';
import type { ProcessClock } from '../timeline.ts';

type Report = EventParams<'os-update'>;
interface Parts {
  random: Random;
  /** Of the present process. */
  clock(): ProcessClock;
  report(data: Report): void;
  /** The machine goes down, and is up again after so long. */
  goDown(ms: number): void;
  trace(what: string): void;
}

export class ScriptedOs {
  /** Its disk: what apt works on, whether the machine needs a restart, and for whom it went down. */
  work: UpdateOs | null = null;
  needsRestart = false;
  restarting: string | null = null;
  /** It is down because a rollout told it so. */
  isDown = false;
  readonly #parts: Parts;
  #ordered: string | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Its process starts, perhaps after a lost power. */
  start(): void {
    const { trace } = this.#parts;
    this.#ordered = null;
    this.isDown = false;
    if (this.restarting !== null) {
      trace('its machine is up again');
      this.needsRestart = false;
      this.#tell(this.restarting, 'restart', 'restarted');
      this.restarting = null;
    }
    if (this.work) this.#goOn(this.work);
  }

  order(order: UpdateOs): void {
    const { rollout, job, withinMs } = order;
    const { random, clock } = this.#parts;
    if (job !== 'restart') {
      this.#tell(rollout, job, 'begun');
      const isSame = this.work?.rollout === rollout;
      this.work = order;
      if (!isSame) this.#goOn(order);
      return;
    }
    if (this.#ordered !== null) return;
    if (!this.needsRestart) {
      this.#tell(rollout, job, 'restarted');
      return;
    }
    this.#ordered = rollout;
    // Tasks may end before. The order is void at its limit.
    clock().after(Math.min(random.next() * 30_000, withinMs - 1), () => {
      this.#ordered = null;
      this.restarting = rollout;
      this.#tell(rollout, job, 'restarting');
      clock().after(1_000, () => {
        this.isDown = true;
        this.#parts.goDown(20_000 + random.next() * 80_000);
      });
    });
  }

  #goOn(order: UpdateOs): void {
    const { random, clock } = this.#parts;
    clock().after(10_000 + random.next() * 60_000, () => {
      if (this.work?.rollout !== order.rollout) return;
      this.work = null;
      this.needsRestart ||= random.next() < 0.8;
      this.#tell(order.rollout, order.job, 'updated', this.needsRestart);
    });
  }
  #tell(rollout: string, job: UpdateOs['job'], state: Report['state'], restart?: boolean): void {
    this.#parts.report({ rollout, job, state, text: '', ...(restart === undefined ? {} : { restart }) });
  }
}
