// The small pure parts: refusals by address, near names, query coercion, addresses.
import { nearNames, notFoundText, routes, Type } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { createRefusedAddresses as createRefusals } from '../door/refused-addresses.ts';
import { brokerOf, guessAddress, hostOf, isLoopbackName } from './reach.ts';
import { parseBody, validatorOf } from './validate.ts';

t.test('refusals are counted by address and minute, an IPv6 customer as one', async (t) => {
  let ms = 0;
  const refusals = createRefusals({ ...systemClock, monotonicMs: () => ms }, 3);
  for (let i = 0; i < 3; i++) t.equal(refusals.count('10.0.0.1'), true);
  t.equal(refusals.count('10.0.0.1'), false, 'the fourth is not worth an audit row');
  t.equal(refusals.blockedSeconds('10.0.0.1'), 60);
  t.equal(refusals.blockedSeconds('::ffff:10.0.0.1'), 60, 'the same address, mapped');
  t.equal(refusals.blockedSeconds('10.0.0.2'), 0);
  for (let i = 0; i < 3; i++) refusals.count(`2001:db8:1:2::${i}`);
  t.equal(refusals.blockedSeconds('2001:db8:1:2:ffff::9'), 60);
  t.equal(refusals.blockedSeconds('2001:db8:1:3::1'), 0);
  for (let i = 0; i < 3; i++) refusals.count(`2001:db8::${i}`);
  t.equal(refusals.blockedSeconds('2001:db8:0:0:5::1'), 60, 'zeros written out or not');
  ms = 60_000;
  t.equal(refusals.blockedSeconds('10.0.0.1'), 0);
});

t.test('refusals of many addresses together fill no audit log', async (t) => {
  const refusals = createRefusals({ ...systemClock, monotonicMs: () => 0 }, 1000);
  let audited = 0;
  for (let i = 0; i < 20_000; i++) if (refusals.count(`10.1.${i >> 8}.${i & 255}`)) audited++;
  t.equal(audited, 300);
});

t.test('near names', async (t) => {
  t.same(nearNames('greter', ['greeter', 'alice', 'greeters']), ['greeter', 'greeters']);
  t.same(nearNames('pi', ['pi-kitchen', 'gpu']), ['pi-kitchen']);
  t.same(nearNames('x', ['greeter']), []);
  t.equal(notFoundText('agent', 'greter', ['greeter']), 'There is no agent "greter"; did you mean greeter?');
  t.equal(notFoundText('agent', 'zzz', []), 'There is no agent "zzz".');
});

t.test('validation: defaults, coercion, words', async (t) => {
  const query = validatorOf(
    Type.Object({
      limit: Type.Optional(Type.Integer({ default: 7, maximum: 9 })),
      dead: Type.Optional(Type.Boolean()),
    }),
    'querystring',
  );
  t.same(query({ limit: '3', dead: 'true' }), { value: { limit: 3, dead: true } });
  t.same(query({}), { value: { limit: 7 } });
  for (const [given, words] of [
    [{ limit: 'many' }, 'query: limit: expected integer, got "many"'],
    [{ limit: '10' }, 'query: limit: expected <= 9, got 10'],
    [{ limt: '3' }, 'query: limt: expected no field of that name (did you mean limit?), got "3"'],
    [{ dead: 'maybe' }, 'query: dead: expected boolean, got "maybe"'],
    [{ limit: ['1', '2'] }, 'query: limit: expected integer, got ["1","2"]'],
  ] as const) {
    t.match(query(given), { error: { code: 'invalid-request', message: words } }, words);
  }
  const body = validatorOf(routes.ask.body, 'body');
  t.match(body(undefined), { error: { message: 'body: (root): expected object, got nothing' } });
  t.match(body({ prompt: 'x', priority: 200 }), { error: { message: 'body: priority: expected <= 100, got 200' } });
  t.match(body(JSON.parse('{"prompt":"x","__proto__":{"a":1}}')), { error: { code: 'invalid-request' } });
});

t.test('a body that is not JSON says where', async (t) => {
  t.equal(parseBody('  '), undefined);
  t.throws(() => parseBody('{"a": 1,}'), { code: 'invalid-request', message: /line 1 column 9/ });
  t.throws(() => parseBody('nonsense'), { message: /The body is not JSON: Unexpected token 'o'/ });
});

t.test('hosts', async (t) => {
  t.equal(hostOf('Alice.local:8400'), 'alice.local');
  t.equal(hostOf('[::1]:8400'), '[::1]');
  for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '[::1]']) t.ok(isLoopbackName(host), host);
  for (const host of ['evil.example', '127.0.0.1.evil.example', '10.0.0.1', '']) t.notOk(isLoopbackName(host), host);
  const at = (address: string, internal = false) => [
    { address, internal, family: 'IPv4' as const, netmask: '', mac: '', cidr: null },
  ];
  t.equal(
    guessAddress({ lo: at('127.0.0.1', true), docker0: at('172.17.0.1'), eth0: at('192.168.1.5') }),
    '192.168.1.5',
  );
  t.equal(guessAddress({ lo: at('127.0.0.1', true), wlan0: at('169.254.3.3') }), '127.0.0.1');
});

t.test('nodes reach a broker where it is: on another machine, or the way they came', async (t) => {
  t.same(brokerOf('mqtts://broker.lan:8884'), { host: 'broker.lan', port: 8884 });
  t.same(brokerOf('mqtts://broker.lan'), { host: 'broker.lan', port: 8883 });
  t.same(brokerOf('mqtts://[fd00::1]:8884'), { host: 'fd00::1', port: 8884 });
  t.same(brokerOf('mqtts://127.0.0.1:8884'), { host: null, port: 8884 });
  t.same(brokerOf('mqtts://[::1]'), { host: null, port: 8883 });
  t.same(brokerOf('mqtt://localhost:1883'), { host: null, port: 8883 }, 'nodes always come over TLS');
});
