// The external bus against a real Mosquitto with the generated ACL file: the suite every Bus passes, and what only it has
// (a broker that goes away and comes back). Skipped, with the reason printed, where Mosquitto is not installed.
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { sleep, systemClock } from '@blackroad/std/clock';
import { type Log, silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import { Aedes } from 'aedes';
import t, { type Test } from 'tap';
import { busConformance } from '../../../test/conformance/bus.ts';
import {
  type BusRig,
  connectNode,
  createInbox,
  type Inbox,
  presenceOf,
  root,
} from '../../../test/fixtures/coordinator/bus-rig.ts';
import { openTestCa } from '../../../test/fixtures/coordinator/test-ca.ts';
import { type Mosquitto, type MosquittoOptions, startMosquitto } from '../../../test/fixtures/mosquitto.ts';
import { freePort } from '../../../test/fixtures/ports.ts';
import { findProgram, noProgram } from '../../../test/fixtures/programs.ts';
import { coordinatorUser } from '../ca/ca.ts';
import { createExternalBus, type ExternalBusOptions, type ExternalLimits } from './external.ts';

const program = findProgram('mosquitto');
const skip = noProgram('mosquitto');
const home = await openTestCa();
const abroad = await openTestCa();
t.teardown(() => {
  home.close();
  abroad.close();
});
/** Takes connections and says nothing. It also keeps this process alive while a bus waits: our timers do not. */
const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
t.teardown(() => silent.close());

const server = await home.ca.issueServer({ hosts: [] });
const client = await home.ca.issueCoordinatorClient();

const external = (
  port: number,
  limits: Partial<ExternalLimits> = {},
  more: Partial<Pick<ExternalBusOptions, 'url' | 'user' | 'log'>> = {},
) =>
  createExternalBus({
    url: `mqtts://127.0.0.1:${port}`,
    tls: { ca: home.ca.pem, ...client },
    clientId: coordinatorUser,
    log: silentLog,
    clock: systemClock,
    random: systemRandom,
    limits,
    ...more,
  });

async function mosquitto(t: Test, options: MosquittoOptions = {}): Promise<Mosquitto> {
  const dir = mkdtempSync(join(tmpdir(), 'mosquitto-'));
  const broker = await startMosquitto(program as string, dir, { ...server, ca: home.ca.pem }, options);
  t.teardown(async () => {
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return broker;
}

async function open(t: Test): Promise<BusRig> {
  const broker = await mosquitto(t);
  const bus = external(broker.port);
  const inbox = createInbox(systemClock);
  const close = async () => {
    await bus.stop();
    await broker.stop();
  };
  t.teardown(close);
  await bus.start(inbox.push, presenceOf('first'));
  return {
    bus,
    inbox,
    port: broker.port,
    ca: home.ca.pem,
    clock: systemClock,
    node: home.node,
    foreign: abroad.node,
    server,
    embedded: false,
    close,
  };
}

t.test('conformance with Mosquitto', { skip }, async (t) => busConformance(t, open));

t.test('what nodes retained is there when a coordinator starts', { skip }, async (t) => {
  const rig = await open(t);
  const alice = await connectNode(rig, 'alice');
  await alice.client.publishAsync(`${root}/node/alice/state`, 'online', { qos: 1, retain: true });
  await rig.bus.stop();
  const next = external(rig.port);
  t.teardown(() => next.stop());
  const inbox = createInbox(systemClock);
  await next.start(inbox.push, presenceOf('next'));
  t.equal((await inbox.wait((m) => m.payload.toString() === 'online')).retained, true);
  alice.client.end(true);
});

t.test('what wakes agents comes from that broker, too', { skip }, async (t) => {
  const rig = await open(t);
  // Who may write there stands in the broker's own rights; the coordinator's name may write anywhere.
  const person = await connectNode(rig, 'sensor', client);
  const topic = `${root}/in/hall/motion`;
  const heard = rig.inbox.wait((message) => message.topic === topic);
  // The subscription is on its way when the start is over.
  const saying = systemClock.every(100, () => void person.client.publish(topic, 'ON', { qos: 1 }));
  t.equal((await heard).payload.toString(), 'ON');
  saying.cancel();
  person.client.end(true);
});

/** What a connection through it meets is cut, and nothing else. */
async function cuttableLine(t: Test, to: number) {
  const sockets = new Set<Socket>();
  const line = createServer((socket) => {
    const far = connect(to, '127.0.0.1');
    for (const [each, other] of [
      [socket, far],
      [far, socket],
    ] as const) {
      sockets.add(each);
      each.on('error', () => {}).once('close', () => other.destroy());
      each.pipe(other);
    }
  });
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  t.teardown(() => {
    cut();
    line.close();
  });
  return { port: (line.address() as AddressInfo).port, cut };
}
const said = (inbox: Inbox, text: string) => inbox.wait(({ payload }) => payload.toString() === text);
const texts = (inbox: Inbox) => inbox.messages.map(({ payload }) => payload.toString());

t.test('a connection that breaks is said by the will, its return by a birth', { skip }, async (t) => {
  const rig = await open(t);
  await rig.bus.stop();
  const line = await cuttableLine(t, rig.port);
  const bus = external(line.port);
  t.teardown(() => bus.stop());
  let boot = 'one';
  await bus.start(
    () => {},
    (state) => presenceOf(boot)(state),
  );
  const alice = await connectNode(rig, 'alice');
  await alice.client.subscribeAsync(`${root}/fleet/state`, { qos: 1 });
  boot = 'two'; // the coordinator's clock was set
  line.cut();
  await said(alice.inbox, 'online two');
  line.cut();
  await said(alice.inbox, 'offline two');
  t.same(texts(alice.inbox), ['offline one', 'online two', 'offline two']);
  alice.client.end(true);
});

t.test('the will of an earlier run comes before the birth of this one', { skip }, async (t) => {
  const rig = await open(t);
  await rig.bus.stop();
  const alice = await connectNode(rig, 'alice');
  await alice.client.subscribeAsync(`${root}/fleet/state`, { qos: 1 });
  // As a machine that lost its power: the broker does not know yet that the connection is dead.
  const { topic, payload, qos, retain } = presenceOf('old')('offline');
  const old = await connectNode(rig, coordinatorUser, {
    ...client,
    will: { topic, payload: Buffer.from(payload), qos, retain },
  });
  const gone = new Promise<void>((resolve) => old.client.once('close', () => resolve()));
  const bus = external(rig.port);
  t.teardown(() => bus.stop());
  await bus.start(() => {}, presenceOf('new'));
  bus.publish([presenceOf('new')('online')]);
  await gone;
  await said(alice.inbox, 'online new');
  t.same(texts(alice.inbox), ['offline old', 'online new']);
  const bob = await connectNode(rig, 'bob');
  await bob.client.subscribeAsync(`${root}/fleet/state`, { qos: 1 });
  t.equal((await bob.inbox.wait(() => true)).payload.toString(), 'online new', 'whoever comes later reads the birth');
  alice.client.end(true);
  bob.client.end(true);
});

t.test('a stop is said in words, not by the will', { skip }, async (t) => {
  const rig = await open(t);
  const alice = await connectNode(rig, 'alice');
  await alice.client.subscribeAsync(`${root}/fleet/state`, { qos: 1 });
  rig.bus.publish([{ topic: `${root}/fleet/state`, payload: 'stopped', qos: 1, retain: true }]);
  await rig.bus.stop();
  await said(alice.inbox, 'stopped');
  const bob = await connectNode(rig, 'bob');
  await bob.client.subscribeAsync(`${root}/fleet/state`, { qos: 1 });
  await said(bob.inbox, 'stopped');
  t.same(texts(alice.inbox), ['stopped']);
  alice.client.end(true);
  bob.client.end(true);
});

t.test('a broker that wants a password', { skip }, async (t) => {
  const broker = await mosquitto(t, { users: { [coordinatorUser]: 'right one' } });
  const url = `mqtt://127.0.0.1:${broker.plainPort}`;
  const lines: { level: string; words: string }[] = [];
  const note = (level: string) => (_fields: object, words: string) => lines.push({ level, words });
  const log: Log = { ...silentLog, info: note('info'), warn: note('warn'), error: note('error') };
  const wrong = external(0, { startMs: 300 }, { url, log, user: { name: coordinatorUser, password: 'hunter2' } });
  await wrong.start(() => {}, presenceOf('first'));
  while ((wrong.stats().refused.connection ?? 0) < 3) await sleep(systemClock, 20); // tap's own deadline ends a wait for nothing
  t.equal(wrong.stats().connections, 0);
  await wrong.stop();
  t.same(lines, [
    {
      level: 'error',
      words: `the broker at ${url} does not let "fleet.coordinator" in: the user name or the password is wrong; they are given as --broker-user, and BLACKROAD_BROKER_PASSWORD or --broker-password-file`,
    },
    { level: 'error', words: 'no node can be reached without the broker, which is tried again and again' },
  ]);
  lines.length = 0;
  const nameless = external(0, { startMs: 300 }, { url, log });
  await nameless.start(() => {}, presenceOf('first'));
  await nameless.stop();
  t.match(lines[0]?.words, /by its certificate alone; where it wants a user name and a password, give --broker-user/);
  const right = external(0, {}, { url, log, user: { name: coordinatorUser, password: 'right one' } });
  t.teardown(() => right.stop());
  await right.start(() => {}, presenceOf('first'));
  t.equal(right.stats().connections, 1);
});

/** A broker that lets the coordinator do what the ACL files let it: it can be restarted, where Mosquitto is not installed. */
async function plainBroker(port: number, inbox: Inbox) {
  const broker = await Aedes.createBroker();
  broker.on('publish', ({ topic, payload }, client) => {
    // Its will is none of what waits.
    if (client && topic.endsWith('/ask')) inbox.push({ topic, payload: Buffer.from(payload), retained: false });
  });
  const sockets = new Set<Socket>();
  const listener = createTlsServer({ ...server, ca: home.ca.pem, requestCert: true }, (socket) => {
    broker.handle(socket);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
      await new Promise<void>((resolve) => broker.close(() => resolve()));
    },
  };
}

t.test('a broker that is late ends no start: it goes on without, and is there when the broker is', async (t) => {
  const port = await freePort(); // nothing listens here yet
  const bus = external(port, { startMs: 200 });
  t.teardown(() => bus.stop());
  const heard = createInbox(systemClock);
  await bus.start(heard.push, presenceOf('first'));
  t.equal(bus.stats().connections, 0);
  bus.publish([{ topic: `${root}/fleet/state`, payload: 'early', qos: 1, retain: true }]);
  const inbox = createInbox(systemClock);
  const broker = await plainBroker(port, inbox);
  t.teardown(() => broker.stop());
  while (bus.stats().connections === 0) await sleep(systemClock, 20); // tap's own deadline ends a wait for nothing
  t.equal(bus.stats().connections, 1);
});

t.test('while the broker is away messages wait in order, bounded; then all are sent', async (t) => {
  const inbox = createInbox(systemClock);
  const listen = (port: number) => plainBroker(port, inbox);
  const ask = (text: string) => ({ topic: `${root}/agent/echo/ask`, payload: text, qos: 1 as const, retain: false });
  let broker = await listen(0);
  const { port } = broker;
  const bus = external(port, { queueMessages: 300 });
  t.teardown(async () => {
    await bus.stop();
    await broker.stop();
  });
  await bus.start(() => {}, presenceOf('first'));
  bus.publish([ask('before')]);
  await inbox.wait((m) => m.payload.toString() === 'before');
  await broker.stop();
  while (bus.stats().connections > 0) await new Promise((resolve) => systemClock.after(5, () => resolve(null)));
  const numbers = Array.from({ length: 300 }, (_, i) => String(i));
  bus.publish(numbers.slice(0, 250).map(ask));
  t.throws(() => bus.publish(numbers.slice(0, 51).map(ask)), { code: 'unavailable' }, 'a batch that does not fit');
  bus.publish(numbers.slice(250).map(ask));
  t.equal(bus.stats().refused['queue-full'], 1);
  broker = await listen(port);
  await inbox.wait((m) => m.payload.toString() === '299');
  t.same(
    inbox.messages.slice(1).map((m) => m.payload.toString()),
    numbers,
  );
});
