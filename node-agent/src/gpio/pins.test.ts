// Every back end passes the suite of test/conformance/pins.ts: here simulated lines, both syntaxes of libgpiod against a stand-in of its programs,
// and sysfs with a stand-in of onoff. make gpio-check runs it on a kernel's own chips.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '@blackroad/std/clock';
import t, { type Test } from 'tap';
import { type PinRig, pinCases } from '../../../test/conformance/pins.ts';
import { GpiodPins } from './gpiod-pins.ts';
import { findGpiod } from './gpiod-tools.ts';
import { PinError } from './pins.ts';
import { SimulatedPins } from './simulated-pins.ts';
import { type Onoff, sysfsPins } from './sysfs-pins.ts';

const fixture = join(import.meta.dirname, '../../../test/fixtures/node-agent/gpio/gpiod-tool.ts');

/** Lines as files of a folder, which the simulated pins and the stand-ins share. */
function onFolder(folder: string): Pick<PinRig, 'drive' | 'level' | 'hold' | 'holder'> {
  mkdirSync(folder, { recursive: true });
  const at = (line: number | string) => join(folder, String(line));
  return {
    async drive(line, level) {
      writeFileSync(at(line), level ? '1' : '0');
    },
    level: async (line) => existsSync(at(line)) && readFileSync(at(line), 'utf8').startsWith('1'),
    async hold(line) {
      if (existsSync(at(`${line}.held`))) throw new Error(`line ${line} is held`);
      writeFileSync(at(`${line}.held`), 'doorbell');
      return async () => rmSync(at(`${line}.held`));
    },
    holder: /doorbell has line 4/,
  };
}
function all(t: Test, open: () => Promise<PinRig>): void {
  for (const { name, run } of pinCases)
    t.test(name, async (t) => {
      const rig = await open();
      t.teardown(() => rig.pins.close());
      await run(rig);
    });
}

t.test('simulated', async (t) => {
  all(t, async () => {
    const folder = t.testdir({});
    const pins = new SimulatedPins({ folder, clock: systemClock });
    return { pins, chip: 'simulated', lines: 54, ...onFolder(folder) };
  });
});

for (const version of ['1.6.3', '2.2.1'])
  t.test(`libgpiod ${version}`, async (t) => {
    all(t, async () => {
      const folder = t.testdir({ bin: {}, lines: {} });
      const lines = join(folder, 'lines');
      for (const program of ['gpiodetect', 'gpioinfo', 'gpioget', 'gpioset', 'gpiomon']) {
        const path = join(folder, 'bin', program);
        const words = [process.execPath, '--disable-warning=ExperimentalWarning', fixture, version, lines, program];
        writeFileSync(path, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(' ')} "$@"\n`);
        chmodSync(path, 0o755);
      }
      const gpiod = await findGpiod([join(folder, 'none'), join(folder, 'bin')]);
      if (!gpiod) throw new Error('libgpiod was not found');
      t.match(gpiod, { version, isOld: version === '1.6.3' });
      const pins = new GpiodPins({
        gpiod,
        clock: systemClock,
        async hasLine({ child, ended }) {
          let isOver = false;
          void ended.then(() => {
            isOver = true;
          });
          while (!isOver && !existsSync(join(lines, `${child.pid}.ready`))) await pause(5);
          return !isOver;
        },
      });
      t.equal(pins.label, `libgpiod ${version}`);
      return { pins, chip: 'stand-in', lines: 10, ...onFolder(lines) };
    });
  });

/** The part of onoff that is used, on a folder of lines. */
function standIn(folder: string, base: number): Onoff {
  return {
    Gpio: class {
      readonly #path: string;
      readonly #activeLow: boolean;
      #timer: NodeJS.Timeout | undefined;
      constructor(gpio: number, direction: string, _edge: string, { activeLow }: { activeLow: boolean }) {
        const line = gpio - base;
        if (existsSync(join(folder, `${line}.held`)))
          throw Object.assign(new Error('EBUSY: resource busy or locked, write'), { code: 'EBUSY' });
        this.#path = join(folder, String(line));
        this.#activeLow = activeLow;
        if (direction !== 'in') writeFileSync(this.#path, direction === 'high' ? '1' : '0');
      }
      readSync(): 0 | 1 {
        const high = existsSync(this.#path) && readFileSync(this.#path, 'utf8').startsWith('1');
        return high !== this.#activeLow ? 1 : 0;
      }
      writeSync(value: 0 | 1): void {
        writeFileSync(this.#path, (value === 1) !== this.#activeLow ? '1' : '0');
      }
      watch(callback: (error: null, value: 0 | 1) => void): void {
        let before = this.readSync();
        this.#timer = setInterval(() => {
          const now = this.readSync();
          if (now !== before) callback(null, now);
          before = now;
        }, 5);
      }
      unwatchAll(): void {
        clearInterval(this.#timer);
      }
      unexport(): void {}
    },
  };
}

const chips = {
  // The numbers of a Pi 5 with a 6.6 kernel: the header's chip comes last.
  gpiochip512: { base: '512\n', ngpio: '32\n', label: '10c01000.gpio\n' },
  gpiochip571: { base: '571\n', ngpio: '54\n', label: 'pinctrl-rp1\n' },
};
t.test('onoff', async (t) => {
  all(t, async () => {
    const folder = t.testdir({ lines: {}, root: { sys: { class: { gpio: { export: '', ...chips } } } } });
    const lines = join(folder, 'lines');
    const pins = await sysfsPins(join(folder, 'root'), async () => standIn(lines, 571));
    const rig = { pins, chip: 'pinctrl-rp1', lines: 54, ...onFolder(lines) };
    return { ...rig, holder: /Another program has line 4 of pinctrl-rp1; sysfs does not say which one/ };
  });
});

t.test('onoff says what it cannot do, and where there is no sysfs', async (t) => {
  const folder = t.testdir({ lines: {}, root: { sys: { class: { gpio: { export: '', ...chips } } } } });
  const order = { chip: null, line: 17, direction: 'in', activeLow: false, initial: false } as const;
  const pins = await sysfsPins(join(folder, 'root'), async () => standIn(join(folder, 'lines'), 571));
  await t.rejects(pins.open({ ...order, pull: 'up' }), { message: /gpio=17=pu in config\.txt/ });
  const line = await pins.open({ ...order, pull: null });
  t.equal(line.where, 'line 17 of pinctrl-rp1', 'the chip of the header is found by its label');
  await pins.close();
  await t.rejects(sysfsPins(folder), { message: /no \/sys\/class\/gpio/ });
  await t.rejects(
    sysfsPins(join(folder, 'root'), async () => {
      throw new PinError('unable', 'The library onoff cannot be loaded');
    }),
    { message: 'The library onoff cannot be loaded' },
  );
  const denied: Onoff = {
    Gpio: class {
      constructor() {
        throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      }
    } as never,
  };
  const closed = await sysfsPins(join(folder, 'root'), async () => denied);
  await t.rejects(closed.open({ ...order, pull: null }), { message: /group gpio/ });
});
