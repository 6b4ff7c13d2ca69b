// The external bus against a real Mosquitto with the generated ACL file: the suite every Bus passes, and what only it has
// (a broker that goes away and comes back). Skipped, with the reason printed, where Mosquitto is not installed.
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { sleep, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import { Aedes } from 'aedes';
import t, { type Test } from 'tap';
import { busConformance } from '../../../test/conformance/bus.ts';
import { type BusRig, connectNode, createInbox, type Inbox, root } from '../../../test/fixtures/coordinator/bus-rig.ts';
import { openTestCa } from '../../../test/fixtures/coordinator/test-ca.ts';
import { findMosquitto, startMosquitto } from '../../../test/fixtures/mosquitto.ts';
import { createExternalBus, type ExternalLimits } from './external.ts';

const program = findMosquitto();
const skip = program ? false : 'mosquitto is not installed (Debian: apt-get install mosquitto)';
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

const external = (port: number, limits: Partial<ExternalLimits> = {}) =>
  createExternalBus({
    url: `mqtts://127.0.0.1:${port}`,
    tls: { ca: home.ca.pem, ...client },
    clientId: 'coordinator-1',
    will: { topic: `${root}/fleet/state`, payload: 'coordinator gone', qos: 1, retain: true },
    log: silentLog,
    clock: systemClock,
    random: systemRandom,
    limits,
  });

async function open(t: Test): Promise<BusRig> {
  const dir = mkdtempSync(join(tmpdir(), 'mosquitto-'));
  const broker = await startMosquitto(program as string, dir, { ...server, ca: home.ca.pem });
  const bus = external(broker.port);
  const inbox = createInbox(systemClock);
  const close = async () => {
    await bus.stop();
    await broker.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  t.teardown(close);
  await bus.start(inbox.push);
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
  await next.start(inbox.push);
  t.equal((await inbox.wait((m) => m.payload.toString() === 'online')).retained, true);
  alice.client.end(true);
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
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve)); // nothing listens here yet
  const bus = external(port, { startMs: 200 });
  t.teardown(() => bus.stop());
  const heard = createInbox(systemClock);
  await bus.start(heard.push);
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
  await bus.start(() => {});
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
