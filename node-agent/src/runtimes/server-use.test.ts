import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createServerUse } from './server-use.ts';

t.test('what the gauges show beyond our own requests is of others', async (t) => {
  const use = createServerUse(new HandClock());
  t.equal(use.othersOf('m'), 0, 'nothing was seen');
  use.look()('m', 3);
  t.equal(use.othersOf('m'), 3);
  const first = use.begin('m');
  const second = use.begin('m');
  use.begin('other');
  use.look()('m', 3);
  t.equal(use.othersOf('m'), 1);
  first();
  second();
  t.equal(use.othersOf('m'), 1, 'until the gauges are read again');
  use.look()('m', 1);
  t.equal(use.othersOf('m'), 1);
  use.look()('m', 2.4);
  use.look()('m', Number.NaN);
  t.equal(use.othersOf('m'), 2, 'a whole number, and nothing of what is none');
  use.look()('m', 0);
  t.equal(use.othersOf('m'), 0);
});

t.test('a request that begins or ends while the gauges are read is ours', async (t) => {
  const use = createServerUse(new HandClock());
  const end = use.begin('m');
  const ending = use.look();
  end();
  ending('m', 1);
  t.equal(use.othersOf('m'), 0);
  const beginning = use.look();
  use.begin('m');
  beginning('m', 1);
  t.equal(use.othersOf('m'), 0);
});

t.test('what was seen is believed for a minute, and not of a server that was away', async (t) => {
  const clock = new HandClock();
  const use = createServerUse(clock);
  use.look()('m', 2);
  await clock.advance(59_999);
  t.equal(use.othersOf('m'), 2);
  await clock.advance(1);
  t.equal(use.othersOf('m'), 0);
  use.look()('m', 2);
  use.forget();
  t.equal(use.othersOf('m'), 0);
});
