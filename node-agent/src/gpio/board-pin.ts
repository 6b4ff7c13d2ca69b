// One pin of the owner's list: opened at the start, and tried again where that failed or where it was lost. In: its row, the pins of the machine.
// Out: its value, settled changes to whoever listens, who holds it, and what is wrong with it in words. Never throws but for an order.
import type { BoardPin as PinFacts, PinStand } from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { type Line, PinError, type Pins } from './pins.ts';
import type { ListedPin } from './pins-file.ts';

interface BoardPinParts {
  listed: ListedPin;
  pins: () => Pins;
  clock: Clock;
  random: Random;
  /** What is wrong with it is another now. */
  onNews: (name: string, problem: string | null) => void;
}
type Edge = (on: boolean) => void;

const again = { firstMs: 5_000, maxMs: 300_000 };
/** A contact bounces for a few milliseconds. */
const usualDebounceMs = 30;
/** Agents that wait for one pin at once, with its triggers. */
const maxListeners = 64;
/** After an agent has set a pin, no other agent may for so long. */
const holdMs = 300_000;

export class BoardPin {
  readonly #parts: BoardPinParts;
  readonly #listeners = new Set<Edge>();
  #line: Line | null = null;
  #problem: PinError | null = new PinError('failed', 'It was not opened yet.');
  #listening: { stop(): Promise<void> } | null = null;
  /** The settled value; null: it was not read yet. */
  #on: boolean | null = null;
  #settling: Timer | null = null;
  #retry: Timer | null = null;
  #tries = 0;
  #isStopped = false;
  #held: { by: string; name: string; atMs: number } | null = null;

  constructor(parts: BoardPinParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.listed.name;
  }
  get direction(): 'in' | 'out' {
    return this.#parts.listed.direction;
  }
  get role(): ListedPin['role'] {
    return this.#parts.listed.role;
  }
  /** Null: nothing is wrong. */
  get problem(): string | null {
    return this.#problem?.message ?? null;
  }
  /** Whether there is such a line at all: another program may give it back. */
  get isThere(): boolean {
    return this.#problem === null || this.#problem.fault === 'held';
  }
  get facts(): PinFacts {
    const { name, direction, role, line, chip } = this.#parts.listed;
    const where = this.#line?.where ?? `line ${line}${chip === undefined ? '' : ` of ${chip}`}`;
    return {
      name,
      direction,
      where: where.slice(0, 120),
      ...(role === undefined ? {} : { role }),
      ...(this.problem === null ? {} : { problem: this.problem.slice(0, 200) }),
    };
  }
  get stand(): PinStand {
    const holder = this.#holder();
    return { name: this.name, on: this.#on, ...(holder ? { holder: holder.name.slice(0, 63) } : {}) };
  }

  /** Resolves when it is open, or when that is to be tried again. */
  async start(): Promise<void> {
    const { listed, pins, clock, random, onNews } = this.#parts;
    const { chip = null, line, direction, pull = null, activeLow = false, initial = 'off' } = listed;
    const before = this.problem;
    this.#retry = null;
    try {
      const opened = await pins().open({ chip, line, direction, pull, activeLow, initial: initial === 'on' });
      if (this.#isStopped) return void (await opened.close());
      this.#line = opened;
      if (direction === 'in') this.#listening = await opened.listen(this.#edge, (why) => this.#lost(why));
      this.#on = await opened.read();
      this.#problem = null;
      this.#tries = 0;
    } catch (error) {
      await this.#drop(asPinError(error));
      if (!this.#isStopped) this.#retry = clock.after(backoffMs(again, this.#tries++, random), () => void this.start());
    }
    if (this.problem !== before) onNews(this.name, this.problem);
  }
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#retry?.cancel();
    this.#listeners.clear();
    await this.#drop(new PinError('failed', 'The node-agent stops.'));
  }

  /** @throws PinError */
  async read(): Promise<boolean> {
    const line = this.#line;
    if (!line || this.#problem) throw this.#problem ?? new PinError('failed', 'It is not open.');
    // What is listened to is settled: a bounce is no value.
    if (this.direction === 'in' && this.#on !== null) return this.#on;
    this.#on = await line.read();
    return this.#on;
  }
  /** By whom: the id and the name of an agent; null: the node itself. Out: the name of another agent that holds the pin. @throws PinError */
  async write(on: boolean, by: { id: string; name: string } | null): Promise<{ heldBy: string; forMs: number } | null> {
    const line = this.#line;
    if (!line || this.#problem) throw this.#problem ?? new PinError('failed', 'It is not open.');
    const { clock } = this.#parts;
    const holder = this.#holder();
    if (by && holder && holder.by !== by.id)
      return { heldBy: holder.name, forMs: holder.atMs + holdMs - clock.monotonicMs() };
    // Held before it is set: two agents may ask in one moment.
    if (by) this.#held = { by: by.id, name: by.name, atMs: clock.monotonicMs() };
    try {
      await line.write(on);
    } catch (error) {
      const why = asPinError(error);
      this.#lost(why);
      throw why;
    }
    this.#on = on;
    return null;
  }
  /** The agent runs here no more. */
  letGo(agent: string): void {
    if (this.#held?.by === agent) this.#held = null;
  }

  /** Calls `onEdge` at each settled change, also after the pin was away. Null: too many listen already. */
  listen(onEdge: Edge): (() => void) | null {
    if (this.#listeners.size >= maxListeners) return null;
    this.#listeners.add(onEdge);
    return () => this.#listeners.delete(onEdge);
  }

  #holder() {
    const held = this.#held;
    if (held && this.#parts.clock.monotonicMs() >= held.atMs + holdMs) this.#held = null;
    return this.#held;
  }
  readonly #edge = (on: boolean) => {
    const { clock, listed } = this.#parts;
    const { debounceMs = usualDebounceMs } = listed;
    this.#settling?.cancel();
    const settle = () => {
      this.#settling = null;
      if (this.#on === on || this.#isStopped) return;
      this.#on = on;
      for (const listener of [...this.#listeners]) listener(on);
    };
    if (debounceMs === 0) settle();
    else this.#settling = clock.after(debounceMs, settle);
  };
  #lost(why: PinError): void {
    const { clock, random, onNews } = this.#parts;
    if (this.#isStopped || this.#retry) return;
    void this.#drop(why).then(() => onNews(this.name, this.problem));
    this.#retry = clock.after(backoffMs(again, this.#tries++, random), () => void this.start());
  }
  async #drop(why: PinError): Promise<void> {
    this.#retry = null;
    this.#problem = why;
    this.#on = null;
    this.#settling?.cancel();
    const [line, listening] = [this.#line, this.#listening];
    this.#line = null;
    this.#listening = null;
    await listening?.stop().catch(() => {});
    await line?.close();
  }
}

function asPinError(error: unknown): PinError {
  return error instanceof PinError ? error : new PinError('failed', (error as Error).message.slice(0, 200));
}
