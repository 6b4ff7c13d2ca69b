// The LED of a board: whether there is one, that it blinks, and that it has its former trigger afterwards.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { blink, hasLed } from './blink.ts';

t.test('a board with a light, and a machine without one', async (t) => {
  const root = t.testdir({});
  t.equal(hasLed(root), false);
  t.match(blink(5, systemClock, root), { ok: false, text: /no LED/ });
  mkdirSync(`${root}/ACT`);
  writeFileSync(`${root}/ACT/trigger`, 'none timer [mmc0] default-on');
  t.equal(hasLed(root), true);
  let later = () => {};
  const after = (_: number, run: () => void) => {
    later = run;
    return { cancel() {} };
  };
  const clock = { ...systemClock, after };
  t.match(blink(5, clock, root), { ok: true, text: /ACT/ });
  t.equal(readFileSync(`${root}/ACT/trigger`, 'utf8'), 'timer');
  later();
  t.equal(readFileSync(`${root}/ACT/trigger`, 'utf8'), 'mmc0');
});
