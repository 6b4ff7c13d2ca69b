// The door for people, in its real process beside a real embedded broker: MQTT 5 and 3.1.1, what it says of refusals, and its sudden end.
import { systemClock } from '@blackroad/std/clock';
import type { IPublishPacket, Packet } from 'mqtt';
import t from 'tap';
import { rudeConformance } from '../../../../test/conformance/rude.ts';
import { closed, connectNode, root } from '../../../../test/fixtures/coordinator/bus-rig.ts';
import { atDoor, keyGate, openPeople, type PeopleRig } from '../../../../test/fixtures/coordinator/people-rig.ts';
import { openTestCa, type TestCa } from '../../../../test/fixtures/coordinator/test-ca.ts';
import { until } from '../../../../test/fixtures/until.ts';

const home: TestCa = await openTestCa();
t.teardown(() => home.close());
const ask = `${root}/agent/echo/ask`;
const say = (rig: PeopleRig, topic: string, payload: string, more: object = {}) =>
  rig.bus.publish([{ topic, payload, qos: 1, retain: false, ...more }]);

t.test('what no client may do', async (t) => {
  rudeConformance(t, async (t) => {
    const rig = await openPeople(t, home);
    return { ...rig, port: rig.doorPort, key: { id: 'o', secret: 'secret' } };
  });
});

t.test('both versions, at both doors: what one says the others hear, once', async (t) => {
  const rig = await openPeople(t, home);
  const five = await atDoor(rig, 'o');
  const four = await atDoor(rig, 'o', { protocolVersion: 4, clientId: 'four' });
  const old = await connectNode(rig, 'old', { cert: '', username: 'a', password: 'secret' });
  for (const { client } of [five, four, old]) await client.subscribeAsync(`${root}/#`, { qos: 1 });
  const alice = await connectNode(rig, 'alice');
  await alice.client.publishAsync(`${root}/node/alice/hello`, 'from a node', { qos: 1 });
  await five.client.publishAsync(ask, 'from five', { qos: 1 });
  await old.client.publishAsync(ask, 'from the old door', { qos: 2 });
  await four.client.publishAsync(ask, 'from four', { qos: 1 });
  say(rig, `${root}/cmd/alice/task`, 'a lease');
  say(rig, `${root}/agent/echo/answer/1`, 'last');
  const all = ['from a node', 'from five', 'from the old door', 'from four', 'last'];
  for (const { inbox } of [five, four, old]) {
    await inbox.wait(({ payload }) => payload.toString() === 'last');
    t.same(inbox.messages.map(({ payload }) => payload.toString()).sort(), [...all].sort());
  }
  t.same(
    rig.inbox.messages.map(({ payload, by }) => [payload.toString(), by?.id]),
    [
      ['from a node', undefined],
      ['from five', 'o'],
      ['from the old door', 'a'],
      ['from four', 'o'],
    ],
  );
  for (const { client } of [five, four, old, alice]) client.end(true);
});

t.test('a viewer is told why it may not ask, in the acknowledgement and as ever', async (t) => {
  const rig = await openPeople(t, home);
  const viewer = await atDoor(rig, 'v');
  const said: Packet[] = [];
  viewer.client.on('packetreceive', (packet) => said.push(packet));
  await t.rejects(viewer.client.publishAsync(ask, 'x', { qos: 1 }), { code: 0x87 });
  t.match(said.at(-1), { cmd: 'puback', properties: { reasonString: /that needs the permission/ } });
  t.match(await rig.inbox.wait(({ refused }) => refused !== undefined), { refused: /that needs/ });
  const denied = await viewer.client.subscribeAsync(`${root}/cmd/#`, { qos: 1 }).catch((error: Error) => error);
  t.match(denied, { message: /Not authorized/ });
  t.match(said.at(-1), { cmd: 'suback', properties: { reasonString: /without cmd and reply/ } });
  t.ok(viewer.client.connected, 'and stays');
  viewer.client.end(true);
});

t.test('retained messages come with each subscription, also after an end of the process', async (t) => {
  const rig = await openPeople(t, home);
  for (let i = 0; i < 1_000; i++) say(rig, `${root}/node/n${i}/state`, `online ${i}`, { retain: true });
  const viewer = await atDoor(rig, 'v', { reconnectPeriod: 200, properties: { receiveMaximum: 10 } });
  await viewer.client.subscribeAsync(`${root}/node/+/state`, { qos: 1 });
  await until(() => viewer.inbox.messages.length >= 1_000);
  t.equal(new Set(viewer.inbox.messages.map(({ topic }) => topic)).size, 1_000);
  t.ok(viewer.inbox.messages.every(({ retained }) => retained));
  const alice = await connectNode(rig, 'alice');
  const lost = closed(viewer.client);
  process.kill(rig.door.pid as number, 'SIGKILL');
  await lost;
  await until(() => rig.door.stand().problem !== null);
  t.match(rig.door.stand(), { problem: /ended \(SIGKILL\)/, problemSinceMs: Number });
  await until(() => viewer.inbox.messages.length >= 2_000);
  t.ok(alice.client.connected, 'no node noticed');
  t.match(rig.door.stand(), { restarts: 1, problem: null, problemSinceMs: null, connections: 1 });
  say(rig, `${root}/node/n1/state`, 'offline', { retain: true });
  await viewer.inbox.wait(({ payload, retained }) => payload.toString() === 'offline' && !retained);
  for (const { client } of [viewer, alice]) client.end(true);
});

t.test('a question with a response topic and correlation data', async (t) => {
  const rig = await openPeople(t, home);
  const { client } = await atDoor(rig, 'o');
  const other = await atDoor(rig, 'a');
  await client.subscribeAsync(`${root}/response/o/+`, { qos: 1 });
  await other.client.subscribeAsync(`${root}/#`, { qos: 1 });
  await t.rejects(other.client.subscribeAsync(`${root}/response/o/+`, { qos: 1 }), 'not another key’s');
  const heard: IPublishPacket[] = [];
  client.on('message', (_topic, _payload, packet) => heard.push(packet));
  const properties = {
    responseTopic: `${root}/response/o/kitchen`,
    correlationData: Buffer.from([0, 255, 7]),
    userProperties: { trace: 'abc', hops: ['1', '2'] },
    messageExpiryInterval: 30,
  };
  await client.publishAsync(ask, 'hello', { qos: 1, properties });
  const { request } = await rig.inbox.wait(({ payload }) => payload.toString() === 'hello');
  t.same(request, {
    response: { key: 'o', id: 'kitchen' },
    expirySeconds: 30,
    told: { correlation: 'AP8H', userProperties: { trace: 'abc', hops: ['1', '2'] } },
  });
  say(rig, `${root}/response/o/kitchen`, 'hi', request?.told ? { told: request.told } : {});
  await until(() => heard.length === 1);
  t.match(heard[0], { properties: { correlationData: Buffer.from([0, 255, 7]), userProperties: { trace: 'abc' } } });
  const seen = await other.inbox.wait(() => true);
  t.equal(seen.payload.toString(), 'hello', 'others see the question, as ever');
  for (const responseTopic of [
    `${root}/response/a/x`,
    'elsewhere',
    `${root}/node/n/state`,
    `${root}/agent/prism/answer/1`,
  ])
    await t.rejects(client.publishAsync(ask, 'no', { qos: 1, properties: { responseTopic } }), { code: 0x90 });
  await t.rejects(client.publishAsync(ask, 'no', { qos: 1, properties: { correlationData: Buffer.alloc(3_000) } }), {
    code: 0x97,
  });
  t.notOk(rig.inbox.messages.some(({ payload, refused }) => payload.toString() === 'no' && !refused));
  t.equal(other.inbox.messages.length, 1, 'and no answer that is not theirs');
  for (const each of [client, other.client]) each.end(true);
});

t.test('strangers hear why, and good keys are counted at both doors', async (t) => {
  const rig = await openPeople(t, home, { requestsPerMinute: 3 });
  await t.rejects(atDoor(rig, 'nobody'), { code: 0x87 });
  await t.rejects(atDoor(rig, 'o', { password: 'guess', protocolVersion: 4 }), { code: 5 });
  const { client } = await atDoor(rig, 'o');
  const results = [];
  for (let i = 0; i < 5; i++)
    results.push(
      await client.publishAsync(ask, `${i}`, { qos: 1 }).then(
        () => 0,
        ({ code }) => code,
      ),
    );
  t.same(results, [0, 0, 0, 0x97, 0x97]);
  t.equal(rig.door.stand().refused['key-unknown'], 2);
  t.equal(rig.door.stand().refused['rate-limited'], 2);
  client.end(true);
});

t.test('a program that speaks is not taken for silent, and one that is silent is cut', async (t) => {
  const rig = await openPeople(t, home);
  const noPings = { keepalive: 1, timerVariant: { set: () => 0, clear: () => {} } };
  const { client } = await atDoor(rig, 'o', noPings);
  // Longer than one and a half keepalives.
  for (let i = 0; i < 12; i++) {
    await client.publishAsync(ask, `${i}`, { qos: 0 });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  t.ok(client.connected);
  await closed(client);
  t.pass('its silence is noticed');
  client.end(true);
});

t.test('a key that is revoked loses its connection here too', async (t) => {
  let recheck: () => void = () => {};
  const clock = {
    ...systemClock,
    every(periodMs: number, run: () => void) {
      if (periodMs === 15_000) recheck = run;
      return systemClock.every(periodMs, run);
    },
  };
  let revoked = false;
  const rig = await openPeople(t, home, {
    clock,
    gate: (claim) => (revoked ? { as: 'refused', reason: 'key-revoked' } : keyGate(claim)),
  });
  const { client } = await atDoor(rig, 'v');
  recheck();
  t.equal(rig.door.stand().connections, 1);
  revoked = true;
  const said = new Promise((resolve) => client.once('disconnect', resolve));
  recheck();
  t.match(await said, { reasonCode: 0x98, properties: { reasonString: /key/ } });
  await until(() => rig.door.stand().connections === 0);
  client.end(true);
});
