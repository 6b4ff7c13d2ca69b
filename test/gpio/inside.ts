// The suite of pins on a kernel's simulated chip: what runs in the machine of gpio-check. In: `libgpiod` or `onoff`. Out: a line a case, `ok` or
// `not ok` with why; exit code 1 where one failed.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '@blackroad/std/clock';
import { GpiodPins } from '../../node-agent/src/gpio/gpiod-pins.ts';
import { findGpiod, holderOf } from '../../node-agent/src/gpio/gpiod-tools.ts';
import { sysfsPins } from '../../node-agent/src/gpio/sysfs-pins.ts';
import { type PinRig, pinCases } from '../conformance/pins.ts';

const at = '/sys/kernel/config/gpio-sim/board';
const text = (path: string) => readFileSync(path, 'utf8').trim();
const name = text(`${at}/bank0/chip_name`);
const home = `/sys/devices/platform/${text(`${at}/dev_name`)}/${name}`;
const chip = text(`${at}/bank0/label`);
const lines = Number(text(`${at}/bank0/num_lines`));

async function rigOf(backend: string): Promise<PinRig> {
  const gpiod = await findGpiod();
  if (!gpiod) throw new Error('the machine has no libgpiod');
  const { isOld } = gpiod;
  return {
    pins: backend === 'onoff' ? await sysfsPins() : new GpiodPins({ gpiod, clock: systemClock }),
    chip,
    lines,
    async drive(line, level) {
      writeFileSync(`${home}/sim_gpio${line}/pull`, level ? 'pull-up' : 'pull-down');
    },
    level: async (line) => text(`${home}/sim_gpio${line}/value`) === '1',
    async hold(line) {
      const args = isOld ? [name, String(line)] : ['--consumer', 'chime', '--chip', name, String(line)];
      const program = spawn('gpiomon', args, { stdio: 'ignore' });
      const ended = new Promise((resolve) => program.once('exit', resolve));
      for (let tried = 0; (await holderOf(gpiod, name, line)) === null; tried++) {
        if (program.exitCode !== null || tried > 200) throw new Error(`gpiomon does not get line ${line}`);
        await pause(20);
      }
      return async () => {
        program.kill();
        await ended;
      };
    },
    holder:
      backend === 'onoff' ? /Another program has line 4 of/ : isOld ? /gpiomon has line 4 of/ : /chime has line 4 of/,
  };
}

// The clock's own timers keep no process alive.
const alive = setInterval(() => {}, 60_000);
const backend = process.argv[2] ?? 'libgpiod';
let failed = 0;
for (const { name: what, run } of pinCases) {
  const rig = await rigOf(backend);
  const beganMs = performance.now();
  try {
    await run(rig);
    process.stdout.write(`ok ${rig.pins.label}: ${what} (${Math.round(performance.now() - beganMs)} ms)\n`);
  } catch (error) {
    failed++;
    process.stdout.write(`not ok ${rig.pins.label}: ${what}\n  ${(error as Error).stack}\n`);
  }
  await rig.pins.close();
}
clearInterval(alive);
process.exit(failed === 0 ? 0 : 1);
