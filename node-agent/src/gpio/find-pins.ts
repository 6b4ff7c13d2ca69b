// The back end that reaches the pins of this machine, as the owner's list wants it, or as the machine allows. Out: pins, or why none is reached:
// then each open is refused with those words, and the node works on.
import type { Clock } from '@blackroad/std/clock';
import { GpiodPins } from './gpiod-pins.ts';
import { findGpiod } from './gpiod-tools.ts';
import { PinError, type Pins } from './pins.ts';
import type { PinList } from './pins-file.ts';
import { SimulatedPins } from './simulated-pins.ts';
import { sysfsPins } from './sysfs-pins.ts';

export async function findPins({ backend, folder }: Pick<PinList, 'backend' | 'folder'>, clock: Clock): Promise<Pins> {
  try {
    switch (backend) {
      case 'simulated':
        return new SimulatedPins({ folder, clock });
      case 'onoff':
        return await sysfsPins();
      case 'libgpiod':
      case 'auto': {
        const gpiod = await findGpiod();
        if (gpiod) return new GpiodPins({ gpiod, clock });
        if (backend === 'auto') return await sysfsPins();
        throw new PinError('unable', 'The tools of libgpiod are not installed (apt install gpiod).');
      }
    }
  } catch (error) {
    return noPins(error);
  }
}

function noPins(error: unknown): Pins {
  const why =
    error instanceof PinError
      ? error
      : new PinError('failed', `Pins cannot be reached: ${(error as Error).message.slice(0, 160)}`);
  return {
    label: 'nothing',
    async open() {
      throw why;
    },
    async close() {},
  };
}
