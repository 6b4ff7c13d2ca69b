// The MQTT door before anybody is known, over real sockets and TLS: silent ones, slow ones, half ones and many, beside honest nodes.
import { type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { systemClock } from '@blackroad/std/clock';
import t, { type Test } from 'tap';
import { type BusRig, connectNode } from '../../../test/fixtures/coordinator/bus-rig.ts';
import { openBroker } from '../../../test/fixtures/coordinator/open-broker.ts';
import { openTestCa, type TestCa } from '../../../test/fixtures/coordinator/test-ca.ts';
import { until } from '../../../test/fixtures/until.ts';
import type { AedesLimits } from './aedes-limits.ts';

const home: TestCa = await openTestCa();
t.teardown(() => home.close());
const long = 60_000;

const open = (t: Test, limits: Partial<AedesLimits> = {}) =>
  openBroker(t, home, home, {
    host: '0.0.0.0',
    gate: (claim) => (claim.kind === 'node' ? { as: 'node', node: claim.node } : { as: 'refused', reason: 'no-node' }),
    limits,
  });
interface Silent {
  sockets: Socket[];
  openCount(): number;
}
/** Sockets that send `bytes` and nothing more. */
async function crowd(t: Test, rig: BusRig, count: number, bytes: Buffer | null, from = '127.0.0.1'): Promise<Silent> {
  const sockets = await Promise.all(
    Array.from({ length: count }, () => {
      const socket = tcpConnect({ port: rig.port, host: '127.0.0.1', localAddress: from });
      socket.on('error', () => {});
      socket.resume();
      return new Promise<Socket>((resolve) =>
        socket.once('connect', () => {
          if (bytes) socket.write(bytes);
          resolve(socket);
        }),
      );
    }),
  );
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  return { sockets, openCount: () => sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length };
}
/** The ClientHello that a TLS client would send. */
async function clientHello(): Promise<Buffer> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const hello = new Promise<Buffer>((resolve) =>
    server.once('connection', (socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        resolve(bytes);
        socket.destroy();
        server.close();
      });
    }),
  );
  tlsConnect({ host: '127.0.0.1', port }).on('error', () => {});
  return hello;
}
const refusedOf = (rig: BusRig) => rig.bus.stats().refused;

t.test('320 silent sockets hold up nobody', async (t) => {
  const rig = await open(t, { helloMs: long, connectMs: long });
  const silent = await crowd(t, rig, 320, null);
  const alice = await connectNode(rig, 'alice');
  t.ok(alice.client.connected);
  t.equal(silent.openCount(), 320, 'not because they were cut');
  alice.client.end(true);
});

t.test('nor do those that sent the half of a ClientHello, or one whole and then nothing', async (t) => {
  const rig = await open(t, { helloMs: long, connectMs: long, slotMs: 50 });
  const hello = await clientHello();
  const half = await crowd(t, rig, 200, hello.subarray(0, 100));
  const stuck = await crowd(t, rig, 150, hello);
  const alice = await connectNode(rig, 'alice');
  t.ok(alice.client.connected);
  t.equal(half.openCount() + stuck.openCount(), 350);
  alice.client.end(true);
});

t.test('who says no ClientHello in time is cut, who drips it too', async (t) => {
  const rig = await open(t, { helloMs: 200 });
  const hello = await clientHello();
  const silent = await crowd(t, rig, 5, null);
  const dripping = await crowd(t, rig, 1, null);
  let at = 0;
  const drip = systemClock.every(20, () => dripping.sockets[0]?.write(hello.subarray(at, ++at)));
  await until(() => silent.openCount() + dripping.openCount() === 0);
  drip.cancel();
  t.equal(refusedOf(rig).silent, 6);
});

t.test('what is no ClientHello, or more than one, is cut at once', async (t) => {
  const rig = await open(t, { helloMs: long });
  const hello = await clientHello();
  const plain = await crowd(t, rig, 2, Buffer.from([0x10, 0x0c, 0, 4, 77, 81, 84, 84]));
  const loud = await crowd(t, rig, 2, Buffer.concat([hello.subarray(0, 5), Buffer.alloc(40_000)]));
  await until(() => plain.openCount() + loud.openCount() === 0);
  t.equal(refusedOf(rig).tls, 4);
});

t.test('a bound for each address, a wider one for its network; strangers alone count', async (t) => {
  const strangers = { perAddress: 6, perSubnet: 10, total: 100 };
  const rig = await open(t, { helloMs: long, strangers, begun: { perAddress: 2, perSubnet: 3, total: 50 } });
  const here = await crowd(t, rig, 8, null);
  await until(() => here.openCount() === 6);
  t.equal(refusedOf(rig).crowded, 2, 'the oldest of the same address');
  const beside = await crowd(t, rig, 6, null, '127.0.0.2');
  await until(() => here.openCount() + beside.openCount() === 10);
  t.equal(beside.openCount(), 6, 'the oldest of the same network');
  const nodes = [];
  for (let i = 0; i < 20; i++) nodes.push(await connectNode(rig, `node-${i}`));
  t.equal(rig.bus.stats().connections, 20, 'a fleet behind one full address comes in, node by node');
  for (const { client } of nodes) client.end(true);
});

t.test('after TLS the CONNECT must come whole in time, and of those that wait for it few are kept', async (t) => {
  const begun = { perAddress: 3, perSubnet: 50, total: 50 };
  const rig = await open(t, { connectMs: 400, begun });
  const identity = await home.node('alice');
  const handshaken = () =>
    new Promise<Socket>((resolve) => {
      const socket = tlsConnect({ host: '127.0.0.1', port: rig.port, ca: rig.ca, ...identity }, () => resolve(socket));
      socket.on('error', () => {});
      socket.resume();
    });
  const ended = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const [first, second, third] = [await handshaken(), await handshaken(), await handshaken()];
  const pushedOut = ended(first);
  const fourth = await handshaken();
  await pushedOut;
  t.equal(refusedOf(rig).crowded, 1);
  let at = 0;
  const packet = Buffer.from([0x10, 0x0d, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 1, 97]);
  const drip = systemClock.every(60, () => fourth.writable && fourth.write(packet.subarray(at, ++at)));
  await Promise.all([second, third, fourth].map(ended));
  drip.cancel();
  t.equal(rig.bus.stats().connections, 0, 'a CONNECT that comes byte by byte is no CONNECT in time');
});
