// Long work in slices: it ends, other work runs between the slices, and an error of it reaches the caller.

import t from 'tap';
import { systemClock } from './clock.ts';
import { inSlices } from './slices.ts';

/** Every step takes `stepMs` on the clock that is returned. */
function paced(stepMs: number) {
  let [ms, turns] = [0, 0];
  const clock = {
    ...systemClock,
    monotonicMs: () => ms,
    soon: (run: () => void) => {
      turns++;
      systemClock.soon(run);
    },
  };
  function* work(steps: number): Generator<void, string> {
    for (let i = 0; i < steps; i++) {
      ms += stepMs;
      yield;
    }
    return `${steps} steps`;
  }
  return { clock, work, turns: () => turns };
}

t.test('several steps fit a slice; after each slice others have their turn', async (t) => {
  const short = paced(1);
  t.equal(await inSlices(short.work(12), short.clock), '12 steps');
  t.equal(short.turns(), 2);
  const long = paced(50);
  await inSlices(long.work(12), long.clock);
  t.equal(long.turns(), 12, 'a long step is a slice of its own');
});

t.test('what is done by others between slices happens before the end', async (t) => {
  const { clock, work } = paced(50);
  const seen: string[] = [];
  const done = inSlices(work(3), clock).then(() => seen.push('end'));
  systemClock.soon(() => seen.push('other'));
  await done;
  t.same(seen, ['other', 'end']);
});

t.test('an error rejects', async (t) => {
  function* broken(): Generator<void, never> {
    yield;
    throw new Error('broken');
  }
  await t.rejects(inSlices(broken(), systemClock), { message: 'broken' });
});
