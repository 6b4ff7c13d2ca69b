// The HTTPS and HTTP doors before a key was seen, over real sockets: silent ones, slow ones, large and unfinished bodies, upgrades.
import { type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { maxHttpBodyBytes } from '@blackroad/protocol';
import t, { type Test } from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { until } from '../../../test/fixtures/until.ts';
import type { ApiLimits } from './api-limits.ts';
import { createRoom } from './bodies.ts';

const wide = { perAddress: 1_000, perSubnet: 1_000, total: 1_000 };
const door = { strangers: wide, begun: wide, handshakes: 8, helloMs: 60_000, slotMs: 50 };

async function open(t: Test, limits: Partial<ApiLimits> = {}): Promise<ApiFleet> {
  const fleet = await openApiFleet({ limits });
  t.teardown(() => fleet.close());
  return fleet;
}
function silent(t: Test, port: number, count: number, bytes?: Buffer): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, () => {
      const socket = tcpConnect({ port, host: '127.0.0.1' }).on('error', () => {});
      t.teardown(() => socket.destroy());
      socket.resume();
      return new Promise<Socket>((resolve) =>
        socket.once('connect', () => {
          if (bytes) socket.write(bytes);
          resolve(socket);
        }),
      );
    }),
  );
}
const openOf = (sockets: Socket[]) => sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;

/** Sends raw HTTP and answers all that came until the connection ended, or until `enough`. */
function speak(fleet: ApiFleet, how: 'http' | 'https', text: string, enough = (_: string) => false) {
  let told = '';
  let socket: Socket;
  const whole = new Promise<string>((resolve) => {
    const at = { host: '127.0.0.1', port: how === 'http' ? fleet.port : fleet.tlsPort };
    const begin = () => socket.write(text);
    socket = how === 'http' ? tcpConnect(at, begin) : tlsConnect({ ...at, ca: fleet.ca.pem }, begin);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      told += bytes;
      if (enough(told)) resolve(told);
    });
    socket.on('close', () => resolve(told));
  });
  return { whole, end: () => socket.destroy(), write: (more: string) => socket.write(more) };
}
const head = (method: string, path: string, more: Record<string, string>) =>
  `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${Object.entries(more)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
const secure = (fleet: ApiFleet) =>
  new Promise<string>((resolve) => {
    const asked = speak(fleet, 'https', head('GET', '/healthz', { connection: 'close' }));
    asked.whole.then(resolve);
  });

t.test('silent sockets and stuck handshakes on the HTTPS port shut nobody out', async (t) => {
  const fleet = await open(t, { door });
  const crowd = await silent(t, fleet.tlsPort, 100);
  const stuck = await silent(t, fleet.tlsPort, 30, Buffer.from([0x16, 3, 1, 0, 4, 1, 0, 0, 0]));
  t.match(await secure(fleet), /^HTTP\/1\.1 200/);
  t.equal(openOf(crowd), 100);
  t.ok(openOf(stuck) <= 30);
});

t.test('of one address only so many may be unknown; keys are not counted', async (t) => {
  const few = { perAddress: 8, perSubnet: 12, total: 20 };
  const fleet = await open(t, { door: { ...door, strangers: few, begun: few } });
  const crowd = await silent(t, fleet.tlsPort, 20);
  await until(() => openOf(crowd) === 8);
  t.match(await secure(fleet), /^HTTP\/1\.1 200/, 'the oldest silent one made room');
  const authorization = `Bearer ${fleet.keys.viewer}`;
  const known = Array.from({ length: 15 }, () => {
    const asked = speak(fleet, 'https', head('GET', '/v1/me', { authorization }), (told) => told.includes('viewer'));
    return asked.whole.then((told) => ({ told, end: asked.end }));
  });
  for (const { told } of await Promise.all(known)) t.match(told, /^HTTP\/1\.1 200/);
  for (const asked of known) (await asked).end();
});

t.test('who says nothing is cut: no hello, no head of a request', async (t) => {
  const fleet = await open(t, { door: { ...door, helloMs: 100 } });
  const crowd = await silent(t, fleet.tlsPort, 5);
  await until(() => openOf(crowd) === 0);
  t.equal(fleet.context.refused.counts().silent, 5);
});

t.test('the largest body stands in the route table, and is asked before a byte of it is kept', async (t) => {
  const fleet = await open(t);
  for (const [method, path, bytes, limit] of [
    ['POST', '/v1/sign-in', 2_000, 1024],
    ['POST', '/v1/enrol', 9_000, 8192],
    ['POST', '/v1/enrol/renew', 9_000, 8192],
  ] as const) {
    const declared = head(method, path, { 'content-length': String(bytes) });
    const inPieces = head(method, path, { 'transfer-encoding': 'chunked' });
    for (const text of [declared, `${inPieces}${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`]) {
      const told = await speak(fleet, 'https', text).whole;
      t.match(told, /^HTTP\/1\.1 413/, path);
      t.match(told, `expected at most ${limit} bytes`);
    }
  }
  const large = { 'content-length': String(maxHttpBodyBytes) };
  t.match(
    await speak(fleet, 'https', head('POST', '/v1/tasks', large)).whole,
    /^HTTP\/1\.1 401/,
    'without a key: none',
  );
  const authorization = `Bearer ${fleet.keys.operator}`;
  const edit = head('PUT', '/v1/nodes/alice', { ...large, authorization });
  t.match(await speak(fleet, 'http', edit).whole, /^HTTP\/1\.1 413/, 'with a key: what the route needs');
  const prompt = '\u0001'.repeat(32 * 1024);
  const { detail } = await fleet.problem('POST', '/v1/agents/nobody/tasks', { body: { prompt } });
  t.match(detail, /no agent "nobody"/, 'the longest prompt fits, however it is escaped');
});

t.test('unfinished bodies: bounded in bytes for each address, for each key and in all, and in time', async (t) => {
  const bodies = { keys: { total: 30_000, each: 20_000 }, strangers: { total: 3_000, each: 2_000 } };
  const fleet = await open(t, { bodies, bodyMs: 300 });
  const signIn = head('POST', '/v1/sign-in', { 'content-length': '1000' });
  const begun = Array.from({ length: 4 }, () => speak(fleet, 'http', `${signIn}{"code"`));
  const told = await Promise.all(begun.map(({ whole }) => whole));
  t.equal(told.filter((text) => text.startsWith('HTTP/1.1 503')).length, 2, 'two of four had no room');
  t.equal(told.filter((text) => text.startsWith('HTTP/1.1 408')).length, 2, 'the others took too long');
  t.match(
    told.find((text) => text.startsWith('HTTP/1.1 408')),
    /expected all of it within 0\.3 s/,
  );
  const authorization = `Bearer ${fleet.keys.operator}`;
  const apply = head('PUT', '/v1/agents/x', { 'content-length': '15000', authorization });
  const held = Array.from({ length: 2 }, () => speak(fleet, 'http', `${apply}{`));
  const answers = await Promise.all(held.map(({ whole }) => whole));
  t.same(answers.map((text) => text.slice(9, 12)).sort(), ['408', '503'], 'one of two, for one key');
  t.match(await fleet.problem('POST', '/v1/sign-in', { body: { code: 'guess' }, key: null }), { status: 401 });
});

t.test('room that is given back is whole again, once', async (t) => {
  const room = createRoom({ total: 10, each: 6 });
  const first = room.take('a', 6);
  t.equal(room.take('a', 1), null);
  t.ok(room.take('b', 4));
  t.equal(room.take('c', 1), null);
  first?.();
  first?.();
  t.ok(room.take('c', 6));
  t.equal(room.take('a', 1), null);
});

t.test('an upgrade without a key, or where there is none, is answered and ends', async (t) => {
  const fleet = await open(t);
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  };
  t.match(await speak(fleet, 'http', head('GET', '/v1/console-feed', upgrade)).whole, /^HTTP\/1\.1 401/);
  for (const path of ['/healthz', '/v1/openapi.json', '/nowhere']) {
    const { whole } = speak(fleet, 'http', head('GET', path, upgrade));
    t.match(await whole, /^HTTP\/1\.1 4\d\d/, path);
  }
  t.equal((await fleet.call('GET', '/healthz')).status, 200);
});
