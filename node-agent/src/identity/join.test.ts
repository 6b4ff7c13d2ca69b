// Joining and renewing against a real HTTPS server with a throwaway CA.
import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, verify, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import {
  type EnrolAnswer,
  type EnrolRequest,
  FleetError,
  type RenewRequest,
  renewalText,
  toProblem,
  writeJoinToken,
} from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import {
  createThrowawayCa,
  publicKeyOf,
  type ThrowawayCa,
  type Validity,
} from '../../../test/fixtures/node-agent/throwaway-ca.ts';
import { noProgram } from '../../../test/fixtures/programs.ts';
import type { MachineIdentity } from '../probes/hardware.ts';
import { createKey, writeCsr } from './csr.ts';
import { buildFloorMs, clockFault, createFleetTime } from './fleet-time.ts';
import { type Identity, loadIdentity } from './identity.ts';
import { checkToken, type JoinOptions, join, nodeNameFrom } from './join.ts';
import { createRenewal, renewAtMs, renewOnce } from './renew.ts';

const dir = mkdtempSync(joinPath(tmpdir(), 'fleet-join-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const ca = await createThrowawayCa();
const otherCa = await createThrowawayCa();
const hour = 3_600_000;
const coordinatorNowMs = Date.UTC(2027, 5, 1);

interface Coordinator {
  /** Fields added to its answers. */
  more: object;
  url: string;
  asked: EnrolRequest[];
  /** The faults of the next requests: an error, or a connection cut before the answer. */
  faults: (FleetError | 'cut' | 'nonsense' | 'huge')[];
}
/** Answers like the coordinator: the same request twice gets one node. */
async function coordinator(
  t: Pick<typeof import('tap').t, 'teardown'>,
  signer: ThrowawayCa = ca,
  validity?: Validity,
): Promise<Coordinator> {
  const self: Coordinator = { url: '', asked: [], faults: [], more: {} };
  const server: Server = createServer(await signer.server(validity), async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = JSON.parse(Buffer.concat(parts).toString()) as EnrolRequest;
    self.asked.push(body);
    const fault = self.faults.shift();
    if (fault === 'cut') return void request.socket.destroy();
    if (fault === 'nonsense') return void response.end('<html>hello</html>');
    if (fault === 'huge') return void response.end('x'.repeat(1_000_000));
    if (fault) return void response.writeHead(403).end(JSON.stringify(toProblem(fault)));
    const answer: EnrolAnswer = {
      node: 'alice',
      certificate: await signer.signCsr(body.csr, 'alice'),
      ca: signer.pem,
      expiresMs: coordinatorNowMs + 24 * hour,
      nowMs: coordinatorNowMs,
      mqtt: { host: '127.0.0.1', port: 8883 },
      class: body.class ?? 'pi',
      site: 'home',
      reclaimed: false,
      ...self.more,
    };
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  self.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return self;
}
const here: MachineIdentity = { hardware: 'ab'.repeat(32), machine: 'cd'.repeat(32), isWeak: false };
const tokenFor = (url: string, fingerprint = ca.fingerprint) =>
  writeJoinToken({ id: 'tok1', secret: 'very-secret', url, ca: fingerprint });
const options = (home: string, token: string): JoinOptions => ({
  token,
  dir: joinPath(dir, home),
  probes: {
    machineIdentity: async () => here,
    inventory: async () => ({
      class: 'pi',
      hostname: 'Alice.local',
      os: 'Linux',
      arch: 'arm64',
      cores: 4,
      memoryBytes: 8e9,
      gpus: [],
    }),
  },
  clock: systemClock,
  random: seededRandom(1),
  log: silentLog,
  deadlineMs: 20_000,
});

t.test('the request is one that openssl accepts', { skip: noProgram('openssl') }, async (t) => {
  const key = createKey();
  for (const name of ['alice', 'a'.repeat(63), 'küche']) {
    const csr = writeCsr(key, name);
    const shown = execFileSync('openssl', ['req', '-verify', '-noout', '-subject', '-nameopt', 'utf8'], {
      input: csr,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    t.match(shown, new RegExp(`CN ?= ?${name}`));
    const damaged = csr.replace(/([A-Za-z])(?=[^\n]*\n-----END)/, (letter) => (letter === 'A' ? 'B' : 'A'));
    t.not(spawnSync('openssl', ['req', '-verify', '-noout'], { input: damaged }).stderr.toString(), /verify OK/);
  }
});

t.test('a machine joins and stores who it is', async (t) => {
  const server = await coordinator(t);
  const { identity, nowMs, reclaimed } = await join(options('joins', tokenFor(server.url)));
  t.equal(identity.node, 'alice');
  t.equal(nowMs, coordinatorNowMs);
  t.equal(reclaimed, false);
  t.same(loadIdentity(joinPath(dir, 'joins')), identity);
  t.ok(new X509Certificate(identity.certificate).checkPrivateKey(createPrivateKey(identity.key)));
  t.match(server.asked[0], { tokenId: 'tok1', secret: 'very-secret', class: 'pi', name: 'alice' });
  t.same(readdirSync(joinPath(dir, 'joins')), ['identity.json'], 'the provisional key is gone');
});

t.test('a class that nobody named is said to be detected', async (t) => {
  const server = await coordinator(t);
  const detectedOf = async (home: string, more: Partial<JoinOptions>) => {
    await join({ ...options(home, tokenFor(server.url)), ...more });
    return loadIdentity(joinPath(dir, home))?.classDetected;
  };
  t.equal(await detectedOf('detected', {}), true);
  t.equal(await detectedOf('named', { class: 'pi' }), undefined, 'by --class');
  server.more = { classFixed: true };
  t.equal(await detectedOf('fixed', {}), undefined, 'by the token');
  server.more = { class: 'micro' };
  t.equal(await detectedOf('other', {}), undefined, 'by a token of a coordinator that does not say so');
});

t.test('a lost answer is asked for again with the same key, also by the next process', async (t) => {
  const server = await coordinator(t);
  server.faults.push('cut', 'cut');
  await join(options('lost', tokenFor(server.url)));
  t.equal(server.asked.length, 3);
  t.equal(publicKeys(server).size, 1);

  const again = await coordinator(t);
  again.faults.push(new FleetError('internal', { detail: 'x' }));
  const slow = options('lost-process', tokenFor(again.url));
  await t.rejects(join(slow), { code: 'internal' });
  t.ok(existsSync(joinPath(slow.dir, 'joining.pem')));
  await join(slow);
  t.equal(publicKeys(again).size, 1, 'the second run uses the key of the first');
});
function publicKeys(server: Coordinator): Set<string> {
  return new Set(server.asked.map(({ csr }) => publicKeyOf(csr)));
}

t.test('the secret goes to nobody but the holder of the CA', async (t) => {
  const stranger = await coordinator(t, otherCa);
  const quick = { ...options('pinned', tokenFor(stranger.url)), deadlineMs: 100 };
  await t.rejects(join(quick), { code: 'no-coordinator', message: /does not show the CA that the join token names/ });
  t.equal(stranger.asked.length, 0);
  // A man in the middle who shows the right CA beside a leaf that it did not sign.
  const { key, cert } = await otherCa.server();
  const leaf = cert.split('-----END CERTIFICATE-----')[0];
  const server = createServer({ key, cert: `${leaf}-----END CERTIFICATE-----\n${ca.pem}` }, () => t.fail('asked'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await t.rejects(join({ ...quick, token: tokenFor(url) }), { code: 'no-coordinator' });
});

t.test('refusals of the coordinator arrive in its words, at once', async (t) => {
  const server = await coordinator(t);
  const expired = new FleetError('token-expired', { detail: 'The join token expired 3 hours ago' });
  server.faults.push(expired);
  await t.rejects(join(options('expired', tokenFor(server.url))), { code: 'token-expired', message: /3 hours ago/ });
  t.equal(server.asked.length, 1, 'no second try: nothing would change');
});

t.test(
  'a container says that a copy of its image is the same to look at, where the coordinator knows the word',
  async (t) => {
    const server = await coordinator(t);
    const order = options('weak', tokenFor(server.url));
    const probes = { ...order.probes, machineIdentity: async () => ({ ...here, isWeak: true }) };
    await join({ ...order, probes });
    t.match(server.asked[0], { hardware: 'ab'.repeat(32), machine: 'cd'.repeat(32), isWeak: true });
    server.faults.push(new FleetError('invalid-request', { detail: 'body: machine: no such field' }));
    await join({ ...order, dir: joinPath(dir, 'weak-anew'), probes });
    t.equal(server.asked.length, 3);
    t.notOk('machine' in (server.asked[2] ?? {}) || 'isWeak' in (server.asked[2] ?? {}), 'one of the version before');
    server.faults.push(...[1, 2].map(() => new FleetError('invalid-request', { detail: 'body: name: expected text' })));
    await t.rejects(join({ ...order, dir: joinPath(dir, 'weak-bad'), probes }), { code: 'invalid-request' });
  },
);

t.test('something that is no coordinator is said to be none', async (t) => {
  for (const fault of ['nonsense', 'huge'] as const) {
    const server = await coordinator(t);
    server.faults.push(fault);
    const quick = { ...options('no-coordinator', tokenFor(server.url)), deadlineMs: 1 };
    await t.rejects(join(quick), { code: 'no-coordinator' }, fault);
  }
  const nobody = { ...options('nobody', tokenFor('https://127.0.0.1:1')), deadlineMs: 1 };
  await t.rejects(join(nobody), { code: 'no-coordinator', message: /127\.0\.0\.1:1: nothing listens there/ });
});

t.test('a bad token is named for what is wrong with it', async (t) => {
  const good = tokenFor('https://coordinator.local:7443');
  t.match(checkToken(good), { id: 'tok1' });
  t.match(checkToken(` ${good.slice(0, 30)}\n  ${good.slice(30)}\n`), { id: 'tok1' }, 'wrapped by a terminal');
  const cases: [string, RegExp][] = [
    ['', /starts with brj1\.,? got ""/],
    ['hello', /starts with brj1\., got "hello"/],
    [good.slice(0, -9), /damaged/],
    [good.replace('brj1.', 'brj2.'), /version 2.*update the node-agent/],
    [writeJoinToken({ id: 'a', secret: 'b', url: 'http://x', ca: ca.fingerprint }), /must be https/],
    [writeJoinToken({ id: 'a', secret: 'b', url: 'https://x', ca: 'nothex' }), /damaged: ca: expected/],
  ];
  for (const [text, words] of cases) t.throws(() => checkToken(text), { code: 'invalid-request', message: words });
  t.equal(nodeNameFrom('Alice.local'), 'alice');
  t.equal(nodeNameFrom("Blackroad's Pi #5"), 'blackroad-s-pi-5');
  t.equal(nodeNameFrom('räspi'), 'raspi');
  t.equal(nodeNameFrom('ra\u0308spi.local'), 'raspi');
  t.equal(nodeNameFrom('日本'), undefined);
});

t.test('renewal keeps the key and takes the new dates', async (t) => {
  const server = await coordinator(t);
  const home = joinPath(dir, 'renews');
  const { identity } = await join(options('renews', tokenFor(server.url)));
  const time = createFleetTime(systemClock);
  const machine = async () => ({ ...here, hardware: 'ef'.repeat(32) });
  const renewed = await renewOnce({ dir: home, machine, time, clock: systemClock }, identity);
  t.equal(renewed.key, identity.key);
  t.not(renewed.certificate, identity.certificate);
  t.same(loadIdentity(home), renewed);
  t.match(server.asked[1], { node: 'alice', hardware: 'ef'.repeat(32), machine: 'cd'.repeat(32) });
  t.ok(time.known);
  t.ok(time.nowMs() >= coordinatorNowMs && time.nowMs() < coordinatorNowMs + hour, 'the time of the coordinator');
});

t.test('a Pi that boots in 1970 trusts the pinned CA all the same, and nobody else', async (t) => {
  // The machine's clock cannot be set here, so the certificates are of the future.
  const future = { notBefore: new Date(Date.UTC(2090, 0)), notAfter: new Date(Date.UTC(2095, 0)) };
  const server = await coordinator(t, ca, future);
  const { identity } = await join(options('future', tokenFor(server.url)));
  const once = { dir: joinPath(dir, 'future'), machine: async () => here, clock: systemClock };
  await renewOnce({ ...once, time: createFleetTime(systemClock) }, identity);
  t.equal(server.asked.length, 2);
  const past = { notBefore: new Date(Date.UTC(2001, 0)), notAfter: new Date(Date.UTC(2002, 0)) };
  for (const wrong of [
    await coordinator(t, otherCa, future),
    await coordinator(t, otherCa),
    await coordinator(t, ca, past),
  ]) {
    const renewal = renewOnce({ ...once, time: createFleetTime(systemClock) }, { ...identity, url: wrong.url });
    await t.rejects(renewal, { code: 'no-coordinator', message: /is not this fleet's coordinator/ });
    t.equal(wrong.asked.length, 0);
  }
});

t.test(
  'a clock that runs years ahead keeps no node out, and a certificate that has ended keeps its coordinator out',
  async (t) => {
    // The machine's clock cannot be set here, so the certificates are of the past: relative to them the clock is decades ahead.
    const past = { notBefore: new Date(Date.UTC(2001, 0)), notAfter: new Date(Date.UTC(2003, 0)) };
    const server = await coordinator(t, ca, past);
    const { identity } = await join(options('ahead', tokenFor(server.url)));
    const time = createFleetTime(systemClock);
    const once = { dir: joinPath(dir, 'ahead'), machine: async () => here, clock: systemClock, time };
    const issued = { ...identity, issuedMs: Date.UTC(2002, 0), expiresMs: Date.UTC(2002, 1) };
    await renewOnce(once, issued);
    t.ok(Math.abs(time.nowMs() - coordinatorNowMs) < hour, 'and the time is asked first');
    t.equal(server.asked.length, 2);
    const words =
      /certificate ended on 2003-01-01, and the clock of this machine shows 2\d{3}-\d\d-\d\d: one of them is wrong/;
    const believed = { ...issued, expiresMs: Date.UTC(2200, 0) };
    await t.rejects(renewOnce(once, believed), { code: 'no-coordinator', message: words }, 'its own certificate lasts');
    const later = { ...issued, issuedMs: Date.UTC(2004, 0), expiresMs: Date.UTC(2004, 1) };
    await t.rejects(
      renewOnce(once, later),
      { code: 'no-coordinator', message: words },
      'it ended before that was issued',
    );
    const stranger = await coordinator(t, otherCa, past);
    await t.rejects(renewOnce(once, { ...issued, url: stranger.url }), { code: 'no-coordinator' }, 'another CA');
    t.equal(server.asked.length + stranger.asked.length, 2);
    t.match(clockFault(Date.UTC(2029, 0), Date.UTC(2026, 0)), /it shows 2029-01-01.* the coordinator's 2026-01-01/);
    t.equal(clockFault(Date.UTC(2026, 0) + 9 * 60_000, Date.UTC(2026, 0)), null);
  },
);

t.test('the certificate of a node never passes for that of the coordinator', async (t) => {
  const future = { notBefore: new Date(Date.UTC(2090, 0)), notAfter: new Date(Date.UTC(2095, 0)) };
  const asServer = (name: string, purpose: 'server' | 'client'): ThrowawayCa => ({
    ...ca,
    async server(validity) {
      const key = createKey();
      const cert = await ca.signCsr(writeCsr(key, name), name, validity, purpose);
      return { key: key.export({ type: 'pkcs8', format: 'pem' }) as string, cert: `${cert}\n${ca.pem}` };
    },
  });
  const honest = await coordinator(t);
  const { identity } = await join(options('roles', tokenFor(honest.url)));
  const once = { dir: joinPath(dir, 'roles'), machine: async () => here, clock: systemClock };
  for (const [what, signer] of [
    ['a node', asServer('mallory', 'client')],
    ['a node that calls itself coordinator', asServer('coordinator', 'client')],
    ['a server with the name of a node', asServer('mallory', 'server')],
  ] as const) {
    // With certificates of the future the machine's clock is behind: OpenSSL then reports that and not the purpose.
    for (const validity of [undefined, future]) {
      const rogue = await coordinator(t, signer, validity);
      const first = { ...options('rogue', tokenFor(rogue.url)), deadlineMs: 1 };
      await t.rejects(join(first), { code: 'no-coordinator', message: /its certificate is/ }, `${what}, first contact`);
      const renewal = renewOnce({ ...once, time: createFleetTime(systemClock) }, { ...identity, url: rogue.url });
      await t.rejects(renewal, { code: 'no-coordinator', message: /its certificate is/ }, `${what}, later`);
      t.equal(rogue.asked.length, 0, 'not a byte was said to it');
    }
  }
});

t.test('a renewal proves who sends it; a coordinator of the version before is asked without', async (t) => {
  const server = await coordinator(t);
  const { identity } = await join(options('proves', tokenFor(server.url)));
  const once = { dir: joinPath(dir, 'proves'), machine: async () => here, clock: systemClock };
  await renewOnce({ ...once, time: createFleetTime(systemClock) }, identity);
  const asked = server.asked[1] as unknown as RenewRequest;
  const { proof, ...body } = asked;
  const signed = Buffer.from(renewalText(body, proof?.atMs ?? 0));
  const key = new X509Certificate(identity.certificate).publicKey;
  t.ok(verify('sha256', signed, key, Buffer.from(proof?.signature ?? '', 'base64')));
  server.faults.push(new FleetError('invalid-request', { detail: 'body: proof: no such field' }));
  await renewOnce({ ...once, time: createFleetTime(systemClock) }, identity);
  t.notOk('proof' in (server.asked.at(-1) ?? {}));
  t.notOk('machine' in (server.asked.at(-1) ?? {}));
});

t.test("renewal happens by the coordinator's clock, at two thirds of life, and after expiry", async (t) => {
  const server = await coordinator(t);
  const { identity } = await join(options('clockwork', tokenFor(server.url)));
  t.equal(renewAtMs(identity), coordinatorNowMs + 16 * hour);
  for (const [what, nowMs, asks] of [
    ['young', coordinatorNowMs + 15 * hour, 0],
    ['two thirds', coordinatorNowMs + 17 * hour, 1],
    ['long expired', coordinatorNowMs + 9000 * hour, 1],
  ] as const) {
    server.asked.length = 0;
    let current: Identity = identity;
    // The wall clock shows 1970 in each case; a wait ends as soon as the test fires the clock.
    const clock = pastClock();
    const time = createFleetTime(clock, identity.issuedMs);
    t.ok(time.nowMs() >= buildFloorMs);
    time.note(nowMs);
    const renewed = new Promise<void>((resolve) => {
      const renewal = createRenewal({
        identity: () => current,
        renew: (present) =>
          renewOnce({ dir: joinPath(dir, 'clockwork'), machine: async () => here, time, clock }, present),
        onRenewed: (next) => {
          current = next;
          resolve();
        },
        onRefused: () => t.fail('refused'),
        time,
        clock,
        random: seededRandom(1),
        log: silentLog,
      });
      t.teardown(() => renewal.stop());
      renewal.start();
      if (asks === 0) resolve();
    });
    await renewed;
    t.equal(server.asked.length, asks, what);
    if (asks) t.not(current.certificate, identity.certificate);
    else t.ok(clock.waits[0]! >= hour && clock.waits[0]! <= 1.2 * hour, `waits ${clock.waits[0]} ms`);
  }
});

t.test('a node that nobody wants back says so and keeps asking, slowly', async (t) => {
  const server = await coordinator(t);
  const { identity } = await join(options('unwanted', tokenFor(server.url)));
  server.faults.push(new FleetError('key-unknown'));
  const clock = pastClock();
  const time = createFleetTime(clock);
  time.note(identity.expiresMs);
  const problem = await new Promise<FleetError>((resolve) => {
    const renewal = createRenewal({
      identity: () => identity,
      renew: (present) =>
        renewOnce({ dir: joinPath(dir, 'unwanted'), machine: async () => here, time, clock }, present),
      onRenewed: () => t.fail('renewed'),
      onRefused: resolve,
      time,
      clock,
      random: seededRandom(1),
      log: silentLog,
    });
    t.teardown(() => renewal.stop());
    renewal.start();
  });
  t.equal(problem.code, 'key-unknown');
  await new Promise((resolve) => setImmediate(resolve));
  t.ok(clock.waits.at(-1)! >= 3000, 'the next try is set, and not at once');
});

/** The system's clock, except that it shows 1970 and long waits never end. */
function pastClock(): Clock & { waits: number[] } {
  const waits: number[] = [];
  return {
    ...systemClock,
    waits,
    nowMs: () => 5_000,
    after(delayMs, run) {
      waits.push(delayMs);
      return delayMs > 20_000 || waits.length > 20 ? { cancel() {} } : systemClock.after(delayMs, run);
    },
  };
}
