// What bad programs and a bad process cost at the door for people: floods, broken packets, clients that do not acknowledge or do not read, a
// process that hangs. Nobody else notices.
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { seededRandom } from '@blackroad/std/random';
import mqttPacket from 'mqtt-packet';
import t, { type Test } from 'tap';
import { connectNode, root } from '../../../../test/fixtures/coordinator/bus-rig.ts';
import { atDoor, openPeople, type PeopleRig } from '../../../../test/fixtures/coordinator/people-rig.ts';
import { openTestCa, type TestCa } from '../../../../test/fixtures/coordinator/test-ca.ts';
import { until } from '../../../../test/fixtures/until.ts';

const home: TestCa = await openTestCa();
t.teardown(() => home.close());
const ask = `${root}/agent/echo/ask`;
const say = (rig: PeopleRig, topic: string, payload: string, more: object = {}) =>
  rig.bus.publish([{ topic, payload, qos: 1, retain: false, ...more }]);

async function isWell(t: Test, rig: PeopleRig, text: string): Promise<void> {
  const { client, inbox } = await atDoor(rig, 'a', { clientId: text });
  await client.subscribeAsync(`${root}/agent/+/answer/+`, { qos: 1 });
  await client.publishAsync(ask, text, { qos: 1 });
  await rig.inbox.wait(({ payload }) => payload.toString() === text);
  say(rig, `${root}/agent/echo/answer/1`, text);
  await inbox.wait(({ payload }) => payload.toString() === text);
  t.equal(rig.door.stand().restarts, 0, `${text}: the process is well`);
  client.end(true);
}

async function socketAt(rig: PeopleRig): Promise<TLSSocket> {
  const socket = tlsConnect({ host: '127.0.0.1', port: rig.doorPort, ca: rig.ca }).on('error', () => {});
  await new Promise<void>((resolve) => socket.once('secureConnect', () => resolve()));
  socket.resume();
  return socket;
}
const bytesOf = (packet: object, protocolVersion = 5) => mqttPacket.generate(packet as never, { protocolVersion });
const connectPacket = (clientId: string, properties: object = {}) =>
  bytesOf({
    ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: true, keepalive: 30, clientId, properties },
    ...{ username: 'o', password: Buffer.from('secret') },
  });

t.test('broken packets', async (t) => {
  const rig = await openPeople(t, home);
  const random = seededRandom(44);
  const valid = [
    bytesOf({
      cmd: 'publish',
      topic: ask,
      payload: 'x',
      qos: 1,
      messageId: 1,
      properties: { userProperties: { a: 'b' } },
    }),
    bytesOf({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: `${root}/#`, qos: 1 }] }),
    bytesOf({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['__proto__', 'constructor'] }),
    bytesOf({ cmd: 'pubrel', messageId: 4 }),
    bytesOf({ cmd: 'puback', messageId: 5 }),
    bytesOf({ cmd: 'pubcomp', messageId: 6 }),
    bytesOf({ cmd: 'auth', reasonCode: 0x18 }),
    bytesOf({ cmd: 'disconnect', reasonCode: 4, properties: { sessionExpiryInterval: 100 } }),
    bytesOf({ cmd: 'pingreq' }),
  ];
  const sockets: TLSSocket[] = [];
  // Each key may connect 30 times a minute under one client id.
  for (let i = 0; i < 200; i++) {
    const socket = await socketAt(rig);
    socket.write(connectPacket(`fuzz-${i}`));
    const bytes = Buffer.concat(valid.map((each) => Buffer.from(each)));
    for (let change = 0; change < 1 + (i % 5); change++)
      bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
    socket.write(bytes);
    sockets.push(socket);
  }
  await isWell(t, rig, 'after broken packets');
  for (const socket of sockets) socket.destroy();
});

t.test('what MQTT 5 forbids is answered with its reason', async (t) => {
  const rig = await openPeople(t, home);
  const codeOf = async (...packets: object[]): Promise<number | undefined> => {
    const socket = await socketAt(rig);
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    socket.on('data', (bytes) => parser.parse(bytes));
    const came = (wanted: string) =>
      new Promise<{ reasonCode?: number }>((resolve, reject) => {
        parser.on('packet', (packet) => packet.cmd === wanted && resolve(packet as { reasonCode?: number }));
        socket.once('close', () => reject(new Error(`closed before ${wanted}`)));
      });
    const accepted = came('connack');
    socket.write(connectPacket('strict'));
    await accepted;
    const said = came('disconnect');
    for (const packet of packets) socket.write(bytesOf(packet));
    const { reasonCode: code } = await said;
    socket.destroy();
    return code;
  };
  const publish = { cmd: 'publish', topic: ask, payload: 'x', qos: 1 };
  t.equal(await codeOf({ ...publish, messageId: 1, properties: { topicAlias: 1 } }), 0x94);
  t.equal(await codeOf({ ...publish, messageId: 1, topic: `${root}/+` }), 0x90);
  t.equal(await codeOf({ ...publish, messageId: 1, properties: { responseTopic: '#' } }), 0x90);
  t.equal(await codeOf({ ...publish, messageId: 1, payload: 'x'.repeat(170_000) }), 0x95);
  const many = Array.from({ length: 200 }, (_, i) => ({ ...publish, messageId: i + 1 }));
  t.equal(await codeOf(...many), 0x93, 'more at once than CONNACK allows');
  await isWell(t, rig, 'after faults');
});

t.test('a flood of one program is slowed down, and others are not', async (t) => {
  const rig = await openPeople(t, home, {
    limits: { pace: { burst: 200, perSecond: 200 } },
  });
  const mad = await atDoor(rig, 'o', { protocolVersion: 4 });
  const flood = Promise.all(
    Array.from({ length: 600 }, (_, i) => mad.client.publishAsync(ask, `flood ${i}`, { qos: 1 })),
  );
  await isWell(t, rig, 'beside a flood');
  const before = rig.inbox.messages.length;
  await flood;
  t.ok(before < 600, `${before} were in by then`);
  t.equal(
    rig.inbox.messages.filter(({ payload }) => payload.toString().startsWith('flood')).length,
    600,
    'none is lost',
  );
  await until(() => rig.door.stand().refused.slowed === 1);
  mad.client.end(true);
});

t.test('a client is sent no more than it acknowledges, and is cut when too much waits', async (t) => {
  const rig = await openPeople(t, home, { limits: { waiting: 100 } });
  const socket = await socketAt(rig);
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  const ids: number[] = [];
  socket.on('data', (bytes) => parser.parse(bytes));
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const subscribed = new Promise<void>((resolve) =>
    parser.on('packet', ({ cmd, messageId }) => {
      if (cmd === 'publish') ids.push(messageId as number);
      if (cmd === 'suback') resolve();
    }),
  );
  socket.write(connectPacket('slow', { receiveMaximum: 3 }));
  socket.write(bytesOf({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `${root}/fleet/#`, qos: 1 }] }));
  await subscribed;
  for (let i = 0; i < 50; i++) say(rig, `${root}/fleet/state`, `${i}`);
  await until(() => ids.length === 3);
  await isWell(t, rig, 'beside one that is slow');
  t.equal(ids.length, 3, 'as many as it takes');
  for (const messageId of ids.slice()) socket.write(bytesOf({ cmd: 'puback', messageId }));
  await until(() => ids.length === 6);
  for (let i = 0; i < 200; i++) say(rig, `${root}/fleet/state`, `more ${i}`);
  await ended;
  await until(() => rig.door.stand().refused.stalled === 1);
});

t.test('a process that hangs: what is perishable is left out, nodes go on, it is ended and begins anew', async (t) => {
  const rig = await openPeople(t, home, {
    bounds: { messages: 100, hungMs: 600, restart: { firstMs: 10, maxMs: 50 } },
  });
  const viewer = await atDoor(rig, 'v', { reconnectPeriod: 100 });
  await viewer.client.subscribeAsync(`${root}/node/#`, { qos: 1 });
  const alice = await connectNode(rig, 'alice');
  process.kill(rig.door.pid as number, 'SIGSTOP');
  for (let i = 0; i < 300; i++) say(rig, `${root}/node/alice/health`, `${i}`, { qos: 0 });
  t.match(rig.door.stand(), { waiting: 50, dropped: 250 }, 'half of the room is for what must not be lost');
  for (let i = 0; i < 60; i++) say(rig, `${root}/node/alice/event/x`, `${i}`);
  t.match(rig.door.stand(), { waiting: 100, dropped: 260 });
  await alice.client.publishAsync(`${root}/node/alice/hello`, 'on', { qos: 1 });
  await rig.inbox.wait(({ payload }) => payload.toString() === 'on');
  await until(() => rig.door.stand().restarts === 1 && rig.door.stand().subscriptions === 1);
  // Until its subscription is acknowledged a program may miss what is said.
  const saying = setInterval(() => say(rig, `${root}/node/alice/event/x`, 'anew'), 100);
  t.teardown(() => clearInterval(saying));
  await viewer.inbox.wait(({ payload }) => payload.toString() === 'anew');
  clearInterval(saying);
  for (const { client } of [viewer, alice]) client.end(true);
});

t.test('one that was slow for a while tells its programs that they missed something', async (t) => {
  const rig = await openPeople(t, home, { bounds: { messages: 100, hungMs: 20_000 } });
  const viewer = await atDoor(rig, 'v');
  await viewer.client.subscribeAsync(`${root}/node/#`, { qos: 1 });
  const said = new Promise((resolve) => viewer.client.once('disconnect', resolve));
  const pid = rig.door.pid as number;
  process.kill(pid, 'SIGSTOP');
  for (let i = 0; i < 130; i++) say(rig, `${root}/node/alice/event/x`, `${i}`);
  process.kill(pid, 'SIGCONT');
  t.match(await said, { reasonCode: 0x97, properties: { reasonString: /^30 messages were lost/ } });
  t.equal(rig.door.stand().restarts, 0);
  viewer.client.end(true);
});
