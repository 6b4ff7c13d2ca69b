// Blinks the activity LED of a board, so that a person finds it on the shelf. Returns words, also for boards without a known LED.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@blackroad/std/clock';

const ledNames = ['ACT', 'led0', 'PWR', 'led1'];

/** Whether there is one; whether it may be written to turns out at the first blink. */
export function hasLed(root = '/sys/class/leds'): boolean {
  return ledNames.some((name) => existsSync(join(root, name, 'trigger')));
}

export function blink(seconds: number, clock: Clock, root = '/sys/class/leds'): { ok: boolean; text: string } {
  for (const name of ledNames) {
    const trigger = join(root, name, 'trigger');
    try {
      const before = /\[([^\]]+)\]/.exec(readFileSync(trigger, 'utf8'))?.[1] ?? 'none';
      writeFileSync(trigger, 'timer');
      clock.after(seconds * 1000, () => {
        try {
          writeFileSync(trigger, before);
        } catch {
          // The LED still blinks: harmless, and the next identify restores it.
        }
      });
      return { ok: true, text: `The ${name} LED blinks for ${seconds} s.` };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES')
        return { ok: false, text: `The node-agent may not write ${trigger}.` };
    }
  }
  return { ok: false, text: 'This machine has no LED that could blink.' };
}
