// The activity LED of the board says from afar how the first boot stands: fast blinking is a fault that a person mends, slow blinking is
// waiting for the network or the coordinator. The kernel blinks by itself, also after this process. A board without one says nothing.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const names = ['ACT', 'led0', 'PWR', 'led1'];
const halfPeriodMs = { fault: 120, waiting: 900 };

export interface Led {
  blink(kind: keyof typeof halfPeriodMs): void;
  /** As it was before the first blinking. */
  rest(): void;
}

export function ledAt(folder: string): Led {
  const led = names.map((name) => join(folder, name)).find((path) => existsSync(join(path, 'trigger')));
  let before: string | null = null;
  const write = (file: string, text: string) => led && writeFileSync(join(led, file), text);
  return {
    blink(kind) {
      if (!led) return;
      before ??= /\[([^\]]+)\]/.exec(readFileSync(join(led, 'trigger'), 'utf8'))?.[1] ?? 'none';
      quietly(() => {
        write('trigger', 'timer');
        // The kernel makes these two with that trigger.
        write('delay_on', String(halfPeriodMs[kind]));
        write('delay_off', String(halfPeriodMs[kind]));
      });
    },
    rest() {
      if (before !== null) quietly(() => write('trigger', before as string));
      before = null;
    },
  };
}

/** A light that cannot be switched changes nothing of the rest. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // a board whose light is of another kind
  }
}
