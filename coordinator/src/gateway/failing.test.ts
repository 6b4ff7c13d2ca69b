// Models and model servers that failed are left alone for a while.
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createFailing } from './failing.ts';

const luna = { name: 'luna', runtime: 'cloud' } as const;
const sol = { name: 'sol', runtime: 'cloud' } as const;
const own = { name: 'minilm', runtime: 'llama' } as const;
const open = () => {
  const clock = new HandClock();
  return { clock, failing: createFailing(clock, seededRandom(1)) };
};

t.test('a model that failed is left alone there, the others are not', async (t) => {
  const { clock, failing } = open();
  failing.failed('paid', luna, { code: 'unavailable', text: 'it broke off' });
  t.equal(failing.of('paid', luna), 'it broke off');
  t.equal(failing.of('paid', sol), null);
  t.equal(failing.of('other', luna), null);
  await clock.advance(10_000);
  t.equal(failing.of('paid', luna), null);
});

t.test('a provider that is overloaded is left alone with all its models, but not the machine’s own', async (t) => {
  const { failing } = open();
  failing.failed('paid', luna, { code: 'provider-overloaded', text: 'overloaded' });
  t.equal(failing.of('paid', sol), 'overloaded');
  t.equal(failing.of('paid', own), null);
  failing.worked('paid', sol);
  t.equal(failing.of('paid', luna), null);
});

t.test('as long as the server asked for', async (t) => {
  const { clock, failing } = open();
  failing.failed('paid', luna, { code: 'rate-limited', text: 'too much', retryAfterS: 90 });
  await clock.advance(89_000);
  t.equal(failing.of('paid', luna), 'too much');
  t.equal(failing.of('paid', sol), null);
  await clock.advance(2_000);
  t.equal(failing.of('paid', luna), null);
});

t.test('a request that was wrong, or its moment, says nothing of the place', async (t) => {
  const { failing } = open();
  for (const code of ['too-long', 'filtered', 'overloaded', 'aborted'] as const)
    failing.failed('paid', luna, { code, text: 'no' });
  t.equal(failing.of('paid', luna), null);
});
