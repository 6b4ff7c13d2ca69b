// Ten tries within about a day, each wait with full jitter.
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { nextWaitMs } from './retry.ts';

const hourMs = 3600_000;
t.test('ten tries, and then no more', async (t) => {
  const random = seededRandom(7);
  const longest = { ...random, next: () => 1 };
  let sum = 0;
  for (let tries = 1; tries <= 9; tries++) {
    const most = nextWaitMs(tries, 0, longest) ?? 0;
    sum += most;
    const waits = Array.from({ length: 200 }, () => nextWaitMs(tries, 0, random) ?? 0);
    t.ok(Math.min(...waits) >= 1_000 && Math.max(...waits) <= most, `try ${tries}`);
    t.ok(Math.min(...waits) <= most / 10, 'full jitter');
  }
  t.ok(sum > 20 * hourMs && sum < 26 * hourMs, `${sum / hourMs} h at most`);
  t.equal(nextWaitMs(10, 0, random), null);
  t.equal(nextWaitMs(1, 3 * hourMs, random), 3 * hourMs, 'an address that asks for patience gets it');
  t.equal(nextWaitMs(1, 1000 * hourMs, random), 8 * hourMs, 'within reason');
});
