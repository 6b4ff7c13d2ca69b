// The brakes of the MQTT door are those of the HTTP door: wrong keys and foreign certificates are counted and audited, a key's asks
// are counted with its requests, and what is refused is handed on to be answered.

import { actorOf } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { sha256Hex } from '@blackroad/std/sha256';
import t, { type Test } from 'tap';
import { connectNode, root } from '../../../test/fixtures/coordinator/bus-rig.ts';
import { openBroker } from '../../../test/fixtures/coordinator/open-broker.ts';
import { openTestCa, type TestCa } from '../../../test/fixtures/coordinator/test-ca.ts';
import { createDoorkeeper, type DoorkeeperLimits, nameOfKey, type Refusal } from '../door/doorkeeper.ts';
import type { Gate } from '../fleet/gate.ts';
import { principalOfKey } from '../fleet/principals.ts';

const home: TestCa = await openTestCa();
const abroad: TestCa = await openTestCa();
t.teardown(() => {
  home.close();
  abroad.close();
});
/** Keys by id: `name/role`. */
const keys: Record<string, [name: string, role: 'viewer' | 'operator']> = {
  k1: ['team', 'operator'],
  k2: ['team/x', 'operator'],
  v1: ['screen', 'viewer'],
};
const secretHash = sha256Hex('secret');
const gate: Gate = (claim) => {
  if (claim.kind === 'node') return { as: 'node', node: claim.node };
  if (claim.kind === 'stranger') return { as: 'refused', reason: claim.reason };
  const key = claim.secretHash === secretHash ? keys[claim.keyId] : undefined;
  return key
    ? {
        as: 'people',
        keyId: claim.keyId,
        by: principalOfKey({ id: claim.keyId, name: key[0], role: key[1], space: 'default' }),
      }
    : { as: 'refused', reason: 'unknown-key' };
};
async function open(t: Test, limits: Partial<DoorkeeperLimits> = {}) {
  const audited: Refusal[] = [];
  const doorkeeper = createDoorkeeper(systemClock, { refusalsPerMinute: 5, requestsPerMinute: 20, ...limits }, (row) =>
    audited.push(row),
  );
  const rig = await openBroker(t, home, abroad, { gate, doorkeeper });
  const withKey = (id: string, more: object = {}) =>
    connectNode(rig, 'tool', { cert: '', username: id, password: 'secret', ...more });
  return { rig, audited, arrived: rig.inbox.messages, doorkeeper, withKey };
}

t.test('wrong keys are audited while there are not too many, and stop the address at the other door', async (t) => {
  const { rig, audited, doorkeeper, withKey } = await open(t);
  for (let i = 0; i < 8; i++) await t.rejects(withKey('k1', { password: `guess ${i}` }));
  t.equal(audited.length, 5);
  const params = { tried: 'api key', problem: /MQTT: .*unknown-key/ };
  t.match(audited[0], { by: { kind: 'address', name: '127.0.0.1' }, action: 'refused', params });
  t.notMatch(JSON.stringify(audited), /guess/, 'what was tried is not written down');
  t.ok(doorkeeper.blockedSeconds('127.0.0.1') > 0, 'signing in over HTTP is stopped as well');
  t.same(rig.bus.stats().refused, { 'unknown-key': 5, 'refused-too-often': 3 });
  const honest = await withKey('k1');
  t.ok(honest.client.connected, 'a good key goes on working');
  honest.client.end(true);
});

t.test('a foreign certificate, or none, is audited; it stops nobody who has a token', async (t) => {
  const { rig, audited, doorkeeper } = await open(t);
  await t.rejects(connectNode(rig, 'alice', await abroad.node('alice')));
  await t.rejects(connectNode(rig, 'alice', { cert: '' }));
  t.same(
    audited.map(({ params: { tried, problem } }) => [tried, /certificate-foreign|no-certificate/.exec(problem)?.[0]]),
    [
      ['certificate', 'certificate-foreign'],
      ['certificate', 'no-certificate'],
    ],
  );
  for (let i = 0; i < 8; i++) await t.rejects(connectNode(rig, 'alice', await abroad.node('alice')));
  t.equal(audited.length, 5);
  t.equal(doorkeeper.blockedSeconds('127.0.0.1'), 0);
});

t.test('asks count with the requests of the same key; more are dropped, and handed on to be answered', async (t) => {
  const { rig, arrived, doorkeeper, withKey } = await open(t);
  for (let i = 0; i < 10; i++) doorkeeper.take(nameOfKey('k1'));
  const tool = await withKey('k1');
  const other = await withKey('k2');
  for (let i = 0; i < 15; i++) await tool.client.publishAsync(`${root}/agent/echo/ask`, `${i}`, { qos: 1 });
  await other.client.publishAsync(`${root}/agent/echo/ask`, 'of another key', { qos: 1 });
  const taken = arrived.filter(({ refused }) => refused === undefined);
  t.same(
    taken.map(({ payload, by }) => [payload.toString(), by && actorOf(by)]),
    [...Array.from({ length: 10 }, (_, i) => [`${i}`, 'key:team']), ['of another key', 'key:team/x']],
  );
  t.equal(arrived.filter(({ refused }) => refused?.includes('too often')).length, 5);
  t.equal(rig.bus.stats().refused['rate-limited'], 5);
  for (const { client } of [tool, other]) client.end(true);
});

t.test('a viewer that asks, and a question that is too large, are handed on to be answered', async (t) => {
  const { arrived, withKey } = await open(t);
  const viewer = await withKey('v1');
  await viewer.client.publishAsync(`${root}/agent/echo/ask`, 'may I', { qos: 1 });
  const tool = await withKey('k1');
  await tool.client.publishAsync(`${root}/agent/echo/ask`, 'x'.repeat(90_000), { qos: 1 });
  t.match(arrived, [
    {
      by: { kind: 'key', id: 'v1', name: 'screen' },
      refused: /needs the permission tasks:ask, which the role client has/,
    },
    { by: { kind: 'key', id: 'k1', name: 'team' }, refused: /too large/ },
  ]);
  for (const { client } of [viewer, tool]) client.end(true);
});

t.test('two keys never share a client id, whatever their names and ids', async (t) => {
  const { rig, withKey } = await open(t);
  const first = await withKey('k1', { clientId: 'x/ha' });
  const second = await withKey('k2', { clientId: 'ha' });
  await first.client.publishAsync(`${root}/agent/echo/ask`, 'still here', { qos: 1 });
  await rig.inbox.wait((m) => m.payload.toString() === 'still here');
  t.equal(rig.bus.stats().connections, 2);
  for (const { client } of [first, second]) client.end(true);
});
