// Pins by the kernel's older interface, files under /sys/class/gpio, through the library onoff. It is loaded where it is used alone: with it
// comes a native module. The number of a line there is the base of its chip, which differs between kernels, and the line's own: the base is
// read each time. What this interface cannot do: set a pull, or say who has a line. [decision 49]
import { createFiles } from '../probes/files.ts';
import { type Chip, checkLine, chipFor } from './chips.ts';
import { allowGroup, type Line, type LineOrder, PinError, type Pins } from './pins.ts';

/** The part of onoff that is used. */
interface Gpio {
  readSync(): 0 | 1;
  writeSync(value: 0 | 1): void;
  watch(callback: (error: Error | null | undefined, value: 0 | 1) => void): void;
  unwatchAll(): void;
  unexport(): void;
}
export interface Onoff {
  Gpio: new (
    gpio: number,
    direction: 'in' | 'high' | 'low',
    edge: 'none' | 'both',
    options: { activeLow: boolean; reconfigureDirection: boolean },
  ) => Gpio;
}
interface SysfsChip extends Chip {
  base: number;
}

const folder = '/sys/class/gpio';
const onoff: string = 'onoff';

/** @throws PinError */
export async function sysfsPins(root = '/', load: () => Promise<Onoff> = loadOnoff): Promise<Pins> {
  const files = createFiles(root);
  if (!files.exists(`${folder}/export`)) {
    throw new PinError(
      'unable',
      `This kernel has no ${folder}: install the tools of libgpiod (apt install gpiod), and leave out backend: onoff.`,
    );
  }
  const { Gpio } = await load();
  return new SysfsPins(root, Gpio);
}

async function loadOnoff(): Promise<Onoff> {
  try {
    const loaded = (await import(onoff)) as Onoff & { default?: Onoff };
    return loaded.default?.Gpio ? loaded.default : loaded;
  } catch (error) {
    const why = (error as Error).message.split('\n')[0]?.slice(0, 160);
    throw new PinError('unable', `The library onoff cannot be loaded (docs/gpio.md says how it is installed): ${why}`);
  }
}

class SysfsPins implements Pins {
  readonly label = 'onoff (sysfs)';
  readonly #root: string;
  readonly #Gpio: Onoff['Gpio'];
  readonly #open = new Map<number, Line>();

  constructor(root: string, Gpio: Onoff['Gpio']) {
    this.#root = root;
    this.#Gpio = Gpio;
  }

  async open(order: LineOrder): Promise<Line> {
    const chip = chipFor(this.#chips(), order.chip);
    const where = checkLine(chip, order.line);
    if (order.pull !== null) {
      const gpio = `gpio=${order.line}=p${order.pull[0]}`;
      throw new PinError(
        'unable',
        `onoff cannot set the pull of ${where}: leave out pull and set it at the boot (${gpio} in config.txt of a Pi), or leave out backend: onoff.`,
      );
    }
    const number = chip.base + order.line;
    if (this.#open.has(number)) throw new PinError('held', `This node-agent has ${where} already.`);
    const line = this.#line(order, where, number);
    this.#open.set(number, line);
    return line;
  }
  async close(): Promise<void> {
    for (const line of [...this.#open.values()]) await line.close();
  }

  #chips(): SysfsChip[] {
    const files = createFiles(this.#root);
    return files.list(folder).flatMap((name) => {
      if (!/^gpiochip\d+$/.test(name)) return [];
      const at = `${folder}/${name}`;
      const [base, lines] = [files.number(`${at}/base`), files.number(`${at}/ngpio`)];
      if (base === null || lines === null) return [];
      return [{ name, label: files.text(`${at}/label`)?.trim() ?? '', base, lines }];
    });
  }

  #line({ direction, activeLow, initial }: LineOrder, where: string, number: number): Line {
    const level = initial === activeLow ? 'low' : 'high';
    const options = { activeLow, reconfigureDirection: true };
    const gpio = attempt(where, () => {
      return new this.#Gpio(number, direction === 'in' ? 'in' : level, direction === 'in' ? 'both' : 'none', options);
    });
    const lines = this.#open;
    const check = () => {
      if (lines.get(number) !== opened) throw new PinError('failed', `${where} is closed.`);
    };
    const opened: Line = {
      where,
      async read() {
        check();
        return attempt(where, () => gpio.readSync()) === 1;
      },
      async write(on) {
        check();
        if (direction === 'in') throw new PinError('unable', `${where} is an in line: it cannot be set.`);
        attempt(where, () => gpio.writeSync(on ? 1 : 0));
      },
      async listen(onEdge, onLost) {
        check();
        let before = attempt(where, () => gpio.readSync());
        attempt(where, () =>
          gpio.watch((error, value) => {
            if (error) onLost(faultOf(where, error));
            // The kernel says that something changed, and onoff what is so now: two fast changes look like none.
            else if (value !== before) {
              before = value;
              onEdge(value === 1);
            }
          }),
        );
        return { stop: async () => gpio.unwatchAll() };
      },
      async close() {
        if (lines.get(number) !== opened) return;
        lines.delete(number);
        try {
          gpio.unwatchAll();
          gpio.unexport();
        } catch {
          // The line is gone, and with it what could be given back.
        }
      },
    };
    return opened;
  }
}

function attempt<T>(where: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw faultOf(where, error);
  }
}
function faultOf(where: string, error: unknown): PinError {
  if (error instanceof PinError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EBUSY') return new PinError('held', `Another program has ${where}; sysfs does not say which one.`);
  if (code === 'EACCES' || code === 'EPERM')
    return new PinError('denied', `${where} may not be opened: ${allowGroup}.`);
  return new PinError('failed', `${where}: ${message.slice(0, 160)}`);
}
