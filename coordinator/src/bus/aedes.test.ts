// The embedded broker: the suite every Bus passes, and what only it promises (keys of people, reasons, cuts, resumption).

import { readFileSync } from 'node:fs';
import { type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { actorOf } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { sha256Hex } from '@blackroad/std/sha256';
import t, { type Test } from 'tap';
import { busConformance } from '../../../test/conformance/bus.ts';
import { rudeConformance } from '../../../test/conformance/rude.ts';
import {
  type BusRig,
  closed,
  connectNode,
  freeze,
  presenceOf,
  root,
} from '../../../test/fixtures/coordinator/bus-rig.ts';
import { openBroker } from '../../../test/fixtures/coordinator/open-broker.ts';
import { openTestCa, type TestCa } from '../../../test/fixtures/coordinator/test-ca.ts';
import { createDoorkeeper } from '../door/doorkeeper.ts';
import type { Gate } from '../fleet/gate.ts';
import { principalOfKey } from '../fleet/principals.ts';
import { createAedesBus } from './aedes.ts';
import type { AedesLimits } from './aedes-limits.ts';

const home: TestCa = await openTestCa();
const abroad: TestCa = await openTestCa();
t.teardown(() => {
  home.close();
  abroad.close();
});

const secretHash = sha256Hex('secret');
const gate: Gate = (claim) => {
  if (claim.kind === 'node') return { as: 'node', node: claim.node };
  if (claim.kind === 'stranger') return { as: 'refused', reason: claim.reason };
  const roles = { v: 'viewer', o: 'operator', a: 'admin' } as const;
  const role = roles[claim.keyId as 'v'];
  if (!role || claim.secretHash !== secretHash) return { as: 'refused', reason: 'key-unknown' };
  const { keyId } = claim;
  return { as: 'people', keyId, by: principalOfKey({ id: keyId, name: keyId, role, space: 'default' }) };
};
const open = (t: Test, limits: Partial<AedesLimits> = {}, by: Gate = gate, clock = systemClock) =>
  openBroker(t, home, abroad, { gate: by, clock, limits });
const withKey = (rig: BusRig, id: string, more: object = {}) =>
  connectNode(rig, `tool-${id}`, { cert: '', username: id, password: 'secret', ...more });
const refusedOf = (rig: BusRig) => rig.bus.stats().refused;

t.test('conformance', async (t) => busConformance(t, open));

t.test('what no client may do', async (t) => {
  rudeConformance(t, async (t) => ({ ...(await open(t)), key: { id: 'o', secret: 'secret' } }));
});

t.test('the certificates of the coordinator are no node, even where a node is called so', async (t) => {
  const rig = await open(t, {}, (claim) => (claim.kind === 'node' ? { as: 'node', node: claim.node } : gate(claim)));
  for (const identity of [await home.ca.issueServer({ hosts: [] }), await home.ca.issueCoordinatorClient()]) {
    for (const clientId of ['coordinator', 'fleet.coordinator', 'alice'])
      await t.rejects(connectNode(rig, clientId, { ...identity, clientId }), clientId);
  }
  const { client } = await connectNode(rig, 'alice');
  client.end(true);
});

t.test('people: a viewer reads all and writes nothing, an operator asks', async (t) => {
  const rig = await open(t);
  const viewer = await withKey(rig, 'v');
  const operator = await withKey(rig, 'x', { username: 'whoever', password: 'brk_o_secret' });
  await viewer.client.subscribeAsync('#', { qos: 1 });
  t.equal((await viewer.client.subscribeAsync('$SYS/#').catch(() => null)) === null, true, '$SYS is nobody’s');
  await viewer.client.publishAsync(`${root}/agent/echo/ask`, 'from the viewer', { qos: 1 });
  await operator.client.publishAsync(`${root}/node/alice/state`, 'forged', { qos: 1 });
  await operator.client.publishAsync(`${root}/agent/echo/ask`, 'hello', { qos: 1, retain: true });
  await operator.client.publishAsync(`${root}/agent/echo/ask`, 'twice', { qos: 2 });
  rig.bus.publish([{ topic: `${root}/agent/echo/answer/1`, payload: 'hi', qos: 1, retain: false }]);
  await viewer.inbox.wait((m) => m.payload.toString() === 'hi');
  t.same(
    viewer.inbox.messages.map((m) => m.payload.toString()),
    ['hello', 'twice', 'hi'],
  );
  t.same(
    rig.inbox.messages.map((m) => [m.payload.toString(), m.by && actorOf(m.by), m.refused !== undefined]),
    [
      ['from the viewer', 'key:v', true],
      ['hello', 'key:o', false],
      ['twice', 'key:o', false],
    ],
    'what is refused is only to be answered',
  );
  const late = await withKey(rig, 'a');
  await late.client.subscribeAsync(`${root}/#`, { qos: 1 });
  rig.bus.publish([{ topic: `${root}/agent/echo/answer/2`, payload: 'fence', qos: 1, retain: false }]);
  t.equal((await late.inbox.wait(() => true)).payload.toString(), 'fence', 'an ask is never retained');
  t.equal(refusedOf(rig).topic, 2);
  t.equal(refusedOf(rig).filter, 1);
  await t.rejects(withKey(rig, 'nobody'));
  t.equal(refusedOf(rig)['key-unknown'], 1);
  for (const { client } of [viewer, operator, late]) client.end(true);
});

t.test('people never see what is between the coordinator and one node', async (t) => {
  const rig = await open(t);
  const viewer = await withKey(rig, 'v');
  const alice = await connectNode(rig, 'alice');
  await viewer.client.subscribeAsync(['#', `${root}/+/alice/+`], { qos: 1 });
  for (const filter of [`${root}/cmd/#`, `${root}/cmd/alice/task`, `${root}/reply/+/+`])
    await t.rejects(viewer.client.subscribeAsync(filter, { qos: 1 }), filter);
  rig.bus.publish([
    { topic: `${root}/cmd/alice/identify`, payload: 'command', qos: 1, retain: false },
    { topic: `${root}/cmd/alice/task`, payload: 'lease', qos: 1, retain: false },
  ]);
  await alice.client.publishAsync(`${root}/reply/alice/c1`, 'reply', { qos: 1 });
  await alice.client.publishAsync(`${root}/node/alice/hello`, 'hello', { qos: 1 });
  await viewer.inbox.wait((m) => m.payload.toString() === 'hello');
  t.same(new Set(viewer.inbox.messages.map((m) => m.payload.toString())), new Set(['hello']));
  for (const { client } of [viewer, alice]) client.end(true);
});

t.test('people cannot push a node off by taking its id; a will of theirs is dropped, not fatal', async (t) => {
  const rig = await open(t);
  const alice = await connectNode(rig, 'alice');
  const will = { topic: 'homeassistant/status', payload: Buffer.from('offline'), qos: 0 as const, retain: false };
  const rude = await withKey(rig, 'a', { clientId: 'alice', will });
  await alice.client.publishAsync(`${root}/node/alice/hello`, 'still here', { qos: 1 });
  await rig.inbox.wait((m) => m.payload.toString() === 'still here');
  t.ok(alice.client.connected);
  t.equal(rig.bus.stats().connections, 2);
  t.equal(refusedOf(rig).will, 1);
  await t.rejects(connectNode(rig, 'bob', { ...(await home.node('bob')), clientId: 'alice' }), 'nor can a node');
  t.equal(refusedOf(rig)['client-id'], 1);
  for (const { client } of [alice, rude]) client.end(true);
});

t.test('the newest connection of a node wins, and the old will precedes it', async (t) => {
  const rig = await open(t);
  const identity = await home.node('alice');
  const will = (payload: string) => ({
    will: { topic: `${root}/node/alice/state`, payload: Buffer.from(payload), qos: 1 as const, retain: true },
  });
  const connections = [];
  for (let i = 0; i < 10; i++) {
    const next = await connectNode(rig, 'alice', { ...identity, ...will(`offline ${i}`) });
    await next.client.publishAsync(`${root}/node/alice/state`, `online ${i}`, { qos: 1, retain: true });
    connections.push(next);
  }
  await rig.inbox.wait((m) => m.payload.toString() === 'online 9');
  const said = rig.inbox.messages.map((m) => m.payload.toString());
  t.equal(said.filter((s) => s.startsWith('online')).length, 10);
  for (let i = 0; i < 9; i++) {
    const [offline, next] = [said.indexOf(`offline ${i}`), said.indexOf(`online ${i + 1}`)];
    t.ok(offline >= 0 && offline < next, `will ${i} before birth ${i + 1}`);
  }
  t.equal(rig.bus.stats().connections, 1);
  const viewer = await withKey(rig, 'v');
  await viewer.client.subscribeAsync(`${root}/node/+/state`, { qos: 1 });
  t.equal((await viewer.inbox.wait(() => true)).payload.toString(), 'online 9');
  rig.bus.disconnect('alice');
  await viewer.inbox.wait((m) => m.payload.toString() === 'offline 9');
  t.equal(rig.bus.stats().connections, 1, 'only the viewer');
  for (const { client } of [...connections, viewer]) client.end(true);
});

t.test('a forgotten node is refused at its next CONNECT, also over a resumed TLS session', async (t) => {
  let known = true;
  const rig = await open(t, {}, (claim) => (known ? gate(claim) : { as: 'refused', reason: 'unknown-node' }));
  const identity = await home.node('alice');
  const options = { host: '127.0.0.1', port: rig.port, ca: rig.ca, ...identity };
  const first = tlsConnect(options);
  const session = await new Promise<Buffer>((resolve) => first.once('session', resolve));
  first.destroy();
  const alice = await connectNode(rig, 'alice', { ...identity, session } as object);
  t.ok((alice.client.stream as unknown as { isSessionReused(): boolean }).isSessionReused(), 'resumed');
  await alice.client.publishAsync(`${root}/node/alice/hello`, 'resumed', { qos: 1 });
  await rig.inbox.wait((m) => m.payload.toString() === 'resumed');
  alice.client.end(true);
  known = false;
  await t.rejects(connectNode(rig, 'alice', { ...identity, session } as object));
  t.equal(refusedOf(rig)['unknown-node'], 1);
});

t.test('garbage, silence and floods before CONNECT cost nothing', async (t) => {
  const rig = await open(t, { handshakes: 4, helloMs: 300 });
  const until = (sockets: Socket[]) =>
    Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve).resume())));
  const crowd = (count: number) =>
    Array.from({ length: count }, () => tcpConnect(rig.port, '127.0.0.1').on('error', () => {}));
  await until(crowd(10));
  t.match(refusedOf(rig), { silent: 10 }, 'silent ones are cut in time');
  for (let i = 0; i < 10; i++) {
    const loud = crowd(4);
    for (const socket of loud) socket.write('GET / HTTP/1.1\r\n\r\n');
    await until(loud);
  }
  t.match(refusedOf(rig), { silent: 10, tls: 40 });
  const alice = await connectNode(rig, 'alice');
  t.ok(alice.client.connected, 'every slot was given back');
  alice.client.end(true);
});

t.test('before CONNECT a packet may be small only, and must be CONNECT', async (t) => {
  const rig = await open(t, { connectMs: 500 });
  const identity = await home.node('alice');
  const speak = (bytes: Buffer | null) =>
    new Promise<void>((resolve) => {
      const socket = tlsConnect({ host: '127.0.0.1', port: rig.port, ca: rig.ca, ...identity }, () => {
        if (bytes) socket.write(bytes);
      });
      socket.on('error', () => {});
      socket.once('close', () => resolve());
      socket.resume();
    });
  await speak(Buffer.from([0x10, 0xff, 0xff, 0x03])); // CONNECT of 65,535 bytes
  await speak(Buffer.from([0x30, 0x02, 0, 0]));
  await speak(Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]));
  await speak(null);
  t.match(refusedOf(rig), { 'packet-too-large': 1, 'no-connect': 1, malformed: 1 });
  t.equal(rig.bus.stats().connections, 0);
});

t.test('a reader that has stopped is cut after its patience, and nobody else', async (t) => {
  const stallMs = 400;
  const looks = new Set<() => void>();
  const clock: Clock = {
    ...systemClock,
    every(periodMs, run) {
      if (periodMs !== stallMs / 2) return systemClock.every(periodMs, run);
      looks.add(run);
      return { cancel: () => looks.delete(run) };
    },
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const rig = await open(t, { stallMs }, gate, clock);
  const frozen = await freeze(rig, 'frozen');
  const reader = await freeze(rig, 'reader');
  const ended = new Promise((resolve) => frozen.once('close', resolve));
  const bytes = 14_000_000; // more than the kernel holds between two sockets
  const payload = 'x'.repeat(70_000);
  for (let i = 0; i < bytes / payload.length; i++) {
    for (const id of ['frozen', 'reader']) {
      rig.bus.publish([{ topic: `${root}/cmd/${id}/task`, payload, qos: 1, retain: false }]);
    }
  }
  while (looks.size < 2) await turn();
  let read = 0;
  reader.on('data', (piece: Buffer) => (read += piece.length)).resume();
  while (read < bytes || looks.size > 1) await turn();
  t.equal(rig.bus.stats().stalled, 0, 'without a look nobody is cut');
  for (let looked = 0; rig.bus.stats().stalled === 0 && looked < 1_000; looked++) {
    for (const look of looks) look();
    await turn();
  }
  t.notOk(reader.destroyed);
  reader.destroy();
  frozen.resume();
  if (t.equal(rig.bus.stats().stalled, 1)) await ended;
});

t.test('many subscriptions and many levels are refused without harm', async (t) => {
  const rig = await open(t, { subscriptions: 5 });
  const viewer = await withKey(rig, 'v');
  const grants = await viewer.client
    .subscribeAsync(Array.from({ length: 8 }, (_, i) => `${root}/node/n${i}/state`))
    .then((granted) => granted.map(({ qos }) => qos as number))
    .catch(() => []);
  t.equal(grants.filter((qos) => qos === 128).length === 3 || refusedOf(rig).subscriptions === 3, true);
  await viewer.client.subscribeAsync(`${root}/node/n1/state`); // one that it has
  await t.rejects(viewer.client.subscribeAsync(`${root}/node/n7/state`));
  await viewer.client.unsubscribeAsync(`${root}/node/n1/state`);
  await viewer.client.subscribeAsync(`${root}/node/n7/state`);
  const deep = `${root}/${'a/'.repeat(3000)}`;
  await Promise.race([closed(viewer.client), viewer.client.subscribeAsync(deep).catch(() => {})]);
  const second = await withKey(rig, 'o');
  await Promise.race([closed(second.client), second.client.publishAsync(deep, 'x', { qos: 1 }).catch(() => {})]);
  const alice = await connectNode(rig, 'alice');
  await alice.client.publishAsync(`${root}/node/alice/hello`, 'fine', { qos: 1 });
  await rig.inbox.wait((m) => m.payload.toString() === 'fine');
  for (const { client } of [viewer, second, alice]) client.end(true);
});

t.test('a key that loses its rights loses its connection, and so does a node', async (t) => {
  let revoked = false;
  let recheck: () => void = () => {};
  const clock: Clock = {
    ...systemClock,
    every(periodMs, run) {
      if (periodMs === 15_000) recheck = run;
      return systemClock.every(periodMs, run);
    },
  };
  let expired = false;
  const by: Gate = (claim) => {
    if (revoked && claim.kind === 'key') return { as: 'refused', reason: 'key-revoked' };
    if (expired && claim.kind === 'node') return { as: 'refused', reason: 'certificate-expired' };
    return gate(claim);
  };
  const rig = await open(t, {}, by, clock);
  const viewer = await withKey(rig, 'v');
  const alice = await connectNode(rig, 'alice');
  recheck();
  t.equal(rig.bus.stats().connections, 2);
  revoked = true;
  const ended = closed(viewer.client);
  recheck();
  await ended;
  t.equal(rig.bus.stats().connections, 1, 'the node stays');
  expired = true;
  const cut = closed(alice.client);
  recheck();
  await cut;
  t.equal(refusedOf(rig)['certificate-expired'], 1, 'until its certificate has run out');
  alice.client.end(true);
});

t.test('a client that comes again and again waits; its last connection, and others, stay', async (t) => {
  let aheadMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  const rig = await open(t, { connects: 5, connectsPerKey: 8 }, gate, clock);
  const clients = [];
  for (let i = 0; i < 5; i++) clients.push(await connectNode(rig, 'alice'));
  const last = clients.at(-1)?.client;
  await t.rejects(connectNode(rig, 'alice'), { code: 3 }, 'not now, which no node takes for a lost certificate');
  t.ok(last?.connected);
  t.ok((await connectNode(rig, 'bob')).client.connected);
  for (let i = 0; i < 5; i++) await withKey(rig, 'o');
  await t.rejects(withKey(rig, 'o'), { code: 3 });
  t.ok((await withKey(rig, 'o', { clientId: 'another' })).client.connected, 'another client of the same key');
  t.ok((await withKey(rig, 'o', { clientId: 'a third' })).client.connected);
  await t.rejects(withKey(rig, 'o', { clientId: 'a fourth' }), { code: 3 }, 'but not any number of them');
  t.equal(refusedOf(rig).flapping, 3);
  aheadMs = 61_000;
  t.ok((await connectNode(rig, 'alice')).client.connected);
});

t.test('who sends too fast is read more slowly: all of it arrives, and nobody else waits', async (t) => {
  const rig = await open(t, { pace: { burst: 100, perSecond: 100 } });
  const mad = await connectNode(rig, 'mad');
  const alice = await connectNode(rig, 'alice');
  const begunMs = systemClock.monotonicMs();
  const health = (node: string) => `${root}/node/${node}/health`;
  // More than one read of the socket brings.
  const words = [...Array(300)].map((_, i) => `${i} ${'x'.repeat(1_000)}`);
  const told = words.map((each) => mad.client.publishAsync(health('mad'), each, { qos: 1 }));
  const quick = alice.client.publishAsync(health('alice'), 'well', { qos: 1 });
  await quick;
  const quickMs = systemClock.monotonicMs() - begunMs;
  await Promise.all(told);
  const slowMs = systemClock.monotonicMs() - begunMs;
  t.ok(slowMs > 1_000, `${slowMs} ms`);
  t.ok(quickMs < slowMs / 2, `${quickMs} ms`);
  t.same(
    rig.inbox.messages.flatMap(({ topic, payload }) => (topic === health('mad') ? [payload.toString()] : [])),
    words,
  );
  t.equal(refusedOf(rig).slowed, 1, 'said once');
});

t.test('a stop is no mass death', async (t) => {
  const rig = await open(t);
  const alice = await connectNode(rig, 'alice', {
    will: { topic: `${root}/node/alice/state`, payload: Buffer.from('offline'), qos: 1, retain: true },
  });
  await rig.bus.stop();
  t.same(rig.inbox.messages, [], 'the coordinator’s own end says nothing of nodes');
  await rig.bus.stop();
  alice.client.end(true);
});

t.test('MQTT 5 is refused here as 3.1.1 says, and README names the port that speaks it', async (t) => {
  const rig = await open(t);
  await t.rejects(withKey(rig, 'o', { protocolVersion: 5 }), { code: 1 });
  for (const protocolVersion of [3, 4] as const) {
    const protocolId = protocolVersion === 3 ? 'MQIsdp' : 'MQTT';
    const { client } = await withKey(rig, 'o', { protocolVersion, protocolId });
    client.end(true);
  }
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  t.match(readme, /MQTT 5 or 3\.1\.1 \(port 8405, TLS\)/);
});

t.test('a port that is taken is told', async (t) => {
  const rig = await open(t);
  const second = createAedesBus({
    tls: { ...rig.server, ca: home.ca.pem },
    host: '127.0.0.1',
    port: rig.port,
    gate,
    doorkeeper: createDoorkeeper(systemClock, { refusalsPerMinute: 1, requestsPerMinute: 1 }, () => {}),
    log: silentLog,
    clock: systemClock,
  });
  await t.rejects(
    second.start(() => {}, presenceOf('second')),
    { code: 'unavailable', message: new RegExp(`port ${rig.port}`) },
  );
  await second.stop();
});

t.test('a persistent session is served as a clean one', async (t) => {
  const rig = await open(t);
  const identity = await home.node('alice');
  const first = await connectNode(rig, 'alice', { ...identity, clean: false });
  await first.client.subscribeAsync(`${root}/cmd/alice/+`, { qos: 1 });
  first.client.end(true);
  await closed(first.client);
  rig.bus.publish([{ topic: `${root}/cmd/alice/task`, payload: 'while away', qos: 1, retain: false }]);
  const second = await connectNode(rig, 'alice', { ...identity, clean: false });
  await second.client.subscribeAsync(`${root}/cmd/alice/+`, { qos: 1 });
  rig.bus.publish([{ topic: `${root}/cmd/alice/task`, payload: 'now', qos: 1, retain: false }]);
  t.equal((await second.inbox.wait(() => true)).payload.toString(), 'now');
  second.client.end(true);
});
