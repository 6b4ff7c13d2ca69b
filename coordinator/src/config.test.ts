// What an operator sets reaches the decisions: options that end up in the policy.
import { OptionError } from '@blackroad/std/options';
import t from 'tap';
import { readConfig } from './config.ts';
import { policyOf } from './policy.ts';

t.test('placement and scale to zero', async (t) => {
  const unset = policyOf(readConfig([], {}));
  t.match(unset, { placement: 'spread', reserve: 0.5, modelIdleMs: 0 });
  const set = policyOf(
    readConfig(['--placement', 'pack', '--reserve', '0.25'], { BLACKROAD_MODEL_IDLE_MINUTES: '30' }),
  );
  t.match(set, { placement: 'pack', reserve: 0.25, modelIdleMs: 1_800_000 });
  t.throws(() => readConfig(['--placement', 'random'], {}), OptionError);
  t.throws(() => readConfig(['--model-idle-minutes', '-1'], {}), OptionError);
});

t.test('the time zone of triggers that name none', async (t) => {
  t.equal(policyOf(readConfig([], {})).timeZone, Intl.DateTimeFormat().resolvedOptions().timeZone);
  t.equal(policyOf(readConfig(['--time-zone', 'Asia/Kolkata'], {})).timeZone, 'Asia/Kolkata');
  t.throws(
    () => policyOf(readConfig([], { BLACKROAD_TIME_ZONE: 'Europe/Berlinn' })),
    /^--time-zone: expected a time zone such as .*did you mean Europe\/Berlin.*, got "Europe\/Berlinn"$/,
  );
});

t.test('nodes take whole milliseconds only', async (t) => {
  t.equal(policyOf(readConfig(['--heartbeat', '1.2345'], {})).heartbeatMs, 1235);
});

t.test('hosts and URLs are checked before anything uses them', (t) => {
  const read = (argv: string[], env = {}) => readConfig(argv, env);
  t.match(read(['--broker', 'box:8883', '--host', '::', '--address', 'Pi.local']), {
    broker: 'mqtts://box:8883',
    host: '::',
    address: 'pi.local',
  });
  t.equal(read(['--broker', 'mqtt://box:1883']).broker, 'mqtt://box:1883');
  t.throws(() => read(['--broker', 'http://box']), /^--broker: expected an address like mqtts:/);
  t.throws(() => read([], { BLACKROAD_HOST: 'http://0.0.0.0' }), /^BLACKROAD_HOST: expected a host name or address/);
  t.throws(() => read(['--address', '0.0.0.0']), /^--address: .* that other machines reach/);
  t.throws(() => read(['--address', 'box:8401']), /^--address: .* without scheme and port/);
  t.end();
});

t.test('who the coordinator is at an external broker', async (t) => {
  const broker = ['--broker', 'box', '--broker-user', 'fleet.coordinator'];
  t.match(readConfig(broker, { BLACKROAD_BROKER_PASSWORD: 'hunter2' }), {
    brokerUser: 'fleet.coordinator',
    brokerPassword: 'hunter2',
  });
  const fault = (argv: string[], message: RegExp) =>
    t.throws(() => readConfig(argv, { BLACKROAD_BROKER_PASSWORD: 'hunter2' }), { message });
  fault(['--broker', 'box'], /^BLACKROAD_BROKER_PASSWORD: expected --broker-user with it/);
  fault(['--broker-user', 'me'], /^--broker-user: expected --broker with it/);
  fault(
    ['--broker', 'mqtt://me:hunter3@box'],
    /^--broker: expected an address without user name and password; give them as --broker-user, and BLACKROAD_BROKER_PASSWORD or --broker-password-file\.$/,
  );
});
