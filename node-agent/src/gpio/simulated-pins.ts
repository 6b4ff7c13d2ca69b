// Pins that are made up, to try agents without a board, labelled as such wherever they show. Each line is a file of a folder, named by its
// number, with `0` or `1` in it: a person writes it for an in line, and reads it for an out line. A file `<line>.held` with a name in it plays
// another program that has the line. Levels are electrical: an active-low pin is on at 0.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '@blackroad/std/clock';
import { type Chip, checkLine, chipFor } from './chips.ts';
import { type Line, type LineOrder, PinError, type Pins } from './pins.ts';

const chip: Chip = { name: 'gpiochip0', label: 'simulated', lines: 54 };
/** Shorter than a person can press a button. */
const lookMs = 20;

export class SimulatedPins implements Pins {
  readonly label = 'simulated';
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #open = new Map<number, Line>();

  constructor({ folder, clock }: { folder: string; clock: Clock }) {
    this.#folder = folder;
    this.#clock = clock;
    mkdirSync(folder, { recursive: true });
  }

  async open(order: LineOrder): Promise<Line> {
    const where = checkLine(chipFor([chip], order.chip), order.line);
    const { line } = order;
    const holder = this.#open.has(line) ? 'this node-agent' : this.#text(`${line}.held`);
    if (holder !== null) throw new PinError('held', `${holder} has ${where}.`);
    const opened = this.#line(order, where);
    this.#open.set(line, opened);
    if (order.direction === 'out') await opened.write(order.initial);
    return opened;
  }
  async close(): Promise<void> {
    for (const line of [...this.#open.values()]) await line.close();
  }

  #line(order: LineOrder, where: string): Line {
    const { line, direction, activeLow } = order;
    let timer: Timer | null = null;
    const isOn = () => this.#level(order) !== activeLow;
    const stop = async () => {
      timer?.cancel();
      timer = null;
    };
    const lines = this.#open;
    const check = () => {
      if (lines.get(line) !== opened) throw new PinError('failed', `${where} is closed.`);
    };
    const opened: Line = {
      where,
      async read() {
        check();
        return isOn();
      },
      write: async (on) => {
        check();
        if (direction === 'in') throw new PinError('unable', `${where} is an in line: it cannot be set.`);
        writeFileSync(join(this.#folder, String(line)), on !== activeLow ? '1' : '0');
      },
      listen: async (onEdge) => {
        check();
        let before = isOn();
        timer?.cancel();
        timer = this.#clock.every(lookMs, () => {
          const now = isOn();
          if (now === before) return;
          before = now;
          onEdge(now);
        });
        return { stop };
      },
      async close() {
        await stop();
        if (lines.get(line) === opened) lines.delete(line);
      },
    };
    return opened;
  }

  /** A line that nothing drives has the level that its pull gives it. */
  #level({ line, pull }: LineOrder): boolean {
    const text = this.#text(String(line));
    return text === null ? pull === 'up' : text.startsWith('1');
  }
  #text(name: string): string | null {
    try {
      return readFileSync(join(this.#folder, name), 'utf8').trim();
    } catch {
      return null;
    }
  }
}
