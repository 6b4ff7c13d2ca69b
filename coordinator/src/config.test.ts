// What an operator sets reaches the decisions: options that end up in the policy.
import { OptionError } from '@blackroad/std/options';
import t from 'tap';
import { policyOf, readConfig } from './config.ts';

t.test('placement and scale to zero', async (t) => {
  const unset = policyOf(readConfig([], {}));
  t.match(unset, { placement: 'spread', modelIdleMs: 0 });
  const set = policyOf(readConfig(['--placement', 'pack'], { BLACKROAD_MODEL_IDLE_MINUTES: '30' }));
  t.match(set, { placement: 'pack', modelIdleMs: 1_800_000 });
  t.throws(() => readConfig(['--placement', 'random'], {}), OptionError);
  t.throws(() => readConfig(['--model-idle-minutes', '-1'], {}), OptionError);
});

t.test('nodes take whole milliseconds only', async (t) => {
  t.equal(policyOf(readConfig(['--heartbeat', '1.2345'], {})).heartbeatMs, 1235);
});
