// Models and model servers that failed are left alone for a while.
import type { ModelProblem } from '@blackroad/protocol';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createFailing } from './failing.ts';

const luna = { name: 'luna', runtime: 'cloud' } as const;
const sol = { name: 'sol', runtime: 'cloud' } as const;
const own = { name: 'minilm', runtime: 'llama' } as const;
const open = () => {
  const clock = new HandClock();
  const failing = createFailing(clock, seededRandom(1));
  return {
    clock,
    of: failing.of,
    failed: (node: string, model: typeof luna | typeof own, problem: ModelProblem, askedMs = clock.monotonicMs()) =>
      failing.failed(node, model, problem, askedMs),
    worked: (node: string, model: typeof sol, askedMs = clock.monotonicMs()) => failing.worked(node, model, askedMs),
  };
};

t.test('a model that failed is left alone there, the others are not', async (t) => {
  const { clock, failed, of } = open();
  failed('paid', luna, { code: 'unavailable', text: 'it broke off' });
  t.equal(of('paid', luna), 'it broke off');
  t.equal(of('paid', sol), null);
  t.equal(of('other', luna), null);
  await clock.advance(10_000);
  t.equal(of('paid', luna), null);
});

t.test('a provider that is overloaded is left alone with all its models, but not the machine’s own', async (t) => {
  const { failed, worked, of } = open();
  failed('paid', luna, { code: 'provider-overloaded', text: 'overloaded' });
  t.equal(of('paid', sol), 'overloaded');
  t.equal(of('paid', own), null);
  worked('paid', sol);
  t.equal(of('paid', luna), null);
});

t.test('as long as the server asked for', async (t) => {
  const { clock, failed, of } = open();
  failed('paid', luna, { code: 'rate-limited', text: 'too much', retryAfterS: 90 });
  await clock.advance(89_000);
  t.equal(of('paid', luna), 'too much');
  t.equal(of('paid', sol), null);
  await clock.advance(2_000);
  t.equal(of('paid', luna), null);
});

t.test('a request that was wrong, or its moment, says nothing of the place', async (t) => {
  const { failed, of } = open();
  for (const code of ['too-long', 'filtered', 'overloaded', 'aborted'] as const)
    failed('paid', luna, { code, text: 'no' });
  t.equal(of('paid', luna), null);
});

t.test('an answer to a request of before the failure does not end it', async (t) => {
  const { clock, failed, worked, of } = open();
  const askedMs = clock.monotonicMs();
  await clock.advance(100);
  failed('paid', luna, { code: 'provider-overloaded', text: 'overloaded' });
  worked('paid', sol, askedMs);
  t.equal(of('paid', luna), 'overloaded');
  worked('paid', sol);
  t.equal(of('paid', luna), null);
});
