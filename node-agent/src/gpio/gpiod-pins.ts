// Pins by the kernel's character device, through the programs of libgpiod: what stays where sysfs is gone. A line that is set or listened to
// belongs to a program that runs meanwhile. In: orders for lines. Out: lines; the program that has one, where another has it. [decision 49]
import { createInterface } from 'node:readline';
import type { Clock } from '@blackroad/std/clock';
import { type Chip, checkLine, chipFor } from './chips.ts';
import {
  detectChips,
  edgeIn,
  type Gpiod,
  getLine,
  type HoldingProgram,
  hasLine,
  heldOr,
  hold,
  holderOf,
  monitorArgs,
  setArgs,
} from './gpiod-tools.ts';
import { type Line, type LineOrder, PinError, type Pins } from './pins.ts';

interface GpiodParts {
  gpiod: Gpiod;
  clock: Clock;
  /** Whether a program has its line; by default the kernel is asked. */
  hasLine?: (program: HoldingProgram, clock: Clock) => Promise<boolean>;
}

export class GpiodPins implements Pins {
  readonly label: string;
  readonly #parts: Required<GpiodParts>;
  readonly #open = new Map<string, Line>();

  constructor(parts: GpiodParts) {
    this.#parts = { hasLine, ...parts };
    this.label = `libgpiod ${parts.gpiod.version}`;
  }

  async open(order: LineOrder): Promise<Line> {
    const { gpiod } = this.#parts;
    const chip = chipFor(await detectChips(gpiod), order.chip);
    const where = checkLine(chip, order.line);
    const key = `${chip.name} ${order.line}`;
    if (this.#open.has(key)) throw new PinError('held', `This node-agent has ${where} already.`);
    const holder = await holderOf(gpiod, chip.name, order.line);
    if (holder !== null) throw new PinError('held', `${holder} has ${where}.`);
    const about = { order, chip, where, parts: this.#parts, onClosed: () => this.#open.delete(key) };
    const line = order.direction === 'in' ? new InLine(about) : new OutLine(about);
    this.#open.set(key, line);
    try {
      // What cannot be read or set is not opened.
      if (line instanceof OutLine) await line.write(order.initial);
      else await line.read();
    } catch (error) {
      await line.close();
      throw error;
    }
    return line;
  }
  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((line) => line.close()));
  }
}

interface About {
  order: LineOrder;
  chip: Chip;
  where: string;
  parts: Required<GpiodParts>;
  onClosed: () => void;
}

class InLine implements Line {
  readonly #about: About;
  #monitor: HoldingProgram | null = null;
  #isClosed = false;
  /** While it is listened to: the kernel gives the line to no second program. */
  #known = false;

  constructor(about: About) {
    this.#about = about;
  }
  get where(): string {
    return this.#about.where;
  }

  async read(): Promise<boolean> {
    const { order, chip, where, parts } = this.#about;
    if (this.#isClosed) throw new PinError('failed', `${where} is closed.`);
    if (this.#monitor) return this.#known;
    return getLine(parts.gpiod, chip, order, where);
  }
  async write(): Promise<void> {
    throw new PinError('unable', `${this.where} is an in line: it cannot be set.`);
  }

  async listen(onEdge: (on: boolean) => void, onLost: (why: PinError) => void): Promise<{ stop(): Promise<void> }> {
    const { order, chip, where, parts } = this.#about;
    const { gpiod, clock } = parts;
    // A change in the moment between the reading and the listening shows with the next edge.
    this.#known = await this.read();
    const monitor = hold(gpiod.folder, 'gpiomon', monitorArgs(gpiod, chip, order), clock);
    this.#monitor = monitor;
    let isOver = false;
    createInterface({ input: monitor.child.stdout! }).on('line', (line) => {
      const on = edgeIn(line);
      if (on === null || isOver || on === this.#known) return;
      this.#known = on;
      onEdge(on);
    });
    const stop = async () => {
      isOver = true;
      await monitor.stop();
      if (this.#monitor === monitor) this.#monitor = null;
    };
    if (!(await parts.hasLine(monitor, clock))) {
      await stop();
      throw await heldOr(gpiod, chip, order.line, where, monitor.said());
    }
    void monitor.ended.then(() => {
      if (isOver) return;
      isOver = true;
      this.#monitor = null;
      onLost(new PinError('failed', `${where}: ${monitor.said().trim().slice(0, 160)}`));
    });
    return { stop };
  }
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#monitor?.stop();
    this.#about.onClosed();
  }
}

class OutLine implements Line {
  readonly #about: About;
  #setter: HoldingProgram | null = null;
  #on = false;
  #isClosed = false;
  /** One after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(about: About) {
    this.#about = about;
  }
  get where(): string {
    return this.#about.where;
  }

  async read(): Promise<boolean> {
    if (this.#isClosed) throw new PinError('failed', `${this.where} is closed.`);
    return this.#on;
  }
  write(on: boolean): Promise<void> {
    this.#last = this.#last.catch(() => {}).then(() => this.#write(on));
    return this.#last;
  }
  async listen(): Promise<never> {
    throw new PinError('unable', `${this.where} is an out line: there is nothing to listen to.`);
  }
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#last.catch(() => {});
    await this.#setter?.stop();
    this.#about.onClosed();
  }

  async #write(on: boolean): Promise<void> {
    if (this.#isClosed) throw new PinError('failed', `${this.where} is closed.`);
    // The line is given back and taken anew: only a build of gpioset that Debian does not have can be told of a value while it runs.
    await this.#setter?.stop();
    this.#setter = null;
    await this.#take(on);
    this.#on = on;
  }
  async #take(on: boolean): Promise<void> {
    const { order, chip, where, parts } = this.#about;
    const { gpiod, clock } = parts;
    const setter = hold(gpiod.folder, 'gpioset', setArgs(gpiod, chip, order, on), clock);
    setter.child.stdout?.resume();
    if (!(await parts.hasLine(setter, clock))) {
      await setter.stop();
      throw await heldOr(gpiod, chip, order.line, where, setter.said());
    }
    this.#setter = setter;
  }
}
