// The CA: what it makes is checked by OpenSSL and by Node's own X.509, not by the library that made it.
import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type webcrypto, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { noProgram } from '../../../test/fixtures/programs.ts';
import { openCa } from './ca.ts';
import { machineHosts } from './hosts.ts';
import { Pkcs10CertificateRequestGenerator } from './x509.ts';

const dir = mkdtempSync(join(tmpdir(), 'ca-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const open = (at = dir, clock: Clock = systemClock, enrolled = async () => 0) =>
  openCa({ dir: at, clock, random: systemRandom, fleetName: 'home fleet', enrolled });
const later = (ms: number): Clock => ({ ...systemClock, nowMs: () => systemClock.nowMs() + ms });
const dayMs = 86_400_000;

async function makeCsr(algorithm: object = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }) {
  const keys = (await crypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=whoever',
    keys,
    signingAlgorithm: algorithm as webcrypto.EcdsaParams,
  });
  const spki = Buffer.from(await crypto.subtle.exportKey('spki', keys.publicKey));
  return { csr: csr.toString('pem'), fingerprint: createHash('sha256').update(spki).digest('hex') };
}
async function refused(work: Promise<unknown>): Promise<FleetError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof FleetError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

t.test('makes a CA once and loads the same one afterwards, readable by its owner alone', async (t) => {
  const first = await open();
  const again = await open();
  t.equal(first.fingerprint, again.fingerprint);
  t.equal(first.pem, again.pem);
  t.equal(statSync(join(dir, 'ca-key.pem')).mode & 0o777, 0o600);
  t.equal(statSync(join(dir, 'ca.pem')).mode & 0o777, 0o600);
  const certificate = new X509Certificate(first.pem);
  t.ok(certificate.ca);
  t.equal(certificate.fingerprint256.replaceAll(':', '').toLowerCase(), first.fingerprint);
  t.ok(Date.parse(certificate.validTo) - systemClock.nowMs() > 3649 * dayMs);
});

t.test('a lost or foreign key is told, never replaced', async (t) => {
  const at = mkdtempSync(join(tmpdir(), 'ca-'));
  t.teardown(() => rmSync(at, { recursive: true, force: true }));
  await open(at);
  const key = readFileSync(join(at, 'ca-key.pem'));
  const foreign = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  writeFileSync(join(at, 'ca-key.pem'), foreign.export({ type: 'pkcs8', format: 'pem' }));
  t.match((await refused(open(at))).message, /does not belong to/);
  writeFileSync(join(at, 'ca-key.pem'), key.subarray(0, 60));
  t.match((await refused(open(at))).message, /damaged/);
  rmSync(join(at, 'ca-key.pem'));
  t.match((await refused(open(at))).message, /is missing/);
  writeFileSync(join(at, 'ca-key.pem'), key);
  const before = await open(at);
  const { csr } = await makeCsr();
  const node = new X509Certificate(
    await before.signNode({ node: 'alice', csr, notAfterMs: systemClock.nowMs() + dayMs }),
  );
  rmSync(join(at, 'ca.pem'));
  const after = new X509Certificate((await open(at)).pem);
  t.ok(node.verify(after.publicKey) && node.checkIssued(after), 'a lost certificate is made again from the same key');
});

t.test('a node certificate names the node, is for clients only and began yesterday', async (t) => {
  const ca = await open();
  const { csr, fingerprint } = await makeCsr();
  t.same(await ca.readCsr(csr), { keyFingerprint: fingerprint });
  const notAfterMs = systemClock.nowMs() + 30 * dayMs;
  const pem = await ca.signNode({ node: 'alice', csr, notAfterMs });
  const certificate = new X509Certificate(pem);
  t.equal(certificate.subject, 'CN=alice', 'the name in the request does not count');
  t.same(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  t.notOk(certificate.ca);
  t.ok(certificate.verify(new X509Certificate(ca.pem).publicKey));
  t.ok(Math.abs(Date.parse(certificate.validTo) - notAfterMs) < 2000);
  t.ok(Date.parse(certificate.validFrom) < systemClock.nowMs() - dayMs + 60_000);
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  t.equal(createHash('sha256').update(spki).digest('hex'), fingerprint);
  const far = new X509Certificate(await ca.signNode({ node: 'bob', csr, notAfterMs: systemClock.nowMs() + 1e13 }));
  t.equal(far.validTo, new X509Certificate(ca.pem).validTo, 'no certificate outlives the CA');
  for (const node of ['', 'Alice', 'fleet.coordinator', '../x', 'a'.repeat(64)]) {
    t.equal((await refused(ca.signNode({ node, csr, notAfterMs }))).code, 'invalid-request', JSON.stringify(node));
  }
});

t.test('bad requests are refused with the reason', async (t) => {
  const ca = await open();
  const { csr } = await makeCsr();
  const der = Buffer.from(csr.replace(/-----.*-----|\s/g, ''), 'base64');
  const pem = (bytes: Buffer) =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  const flipped = Buffer.from(der);
  flipped[flipped.length - 4] = (flipped[flipped.length - 4] as number) ^ 1;
  const rsa = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256',
  };
  const cases: [string, string, RegExp][] = [
    ['text', 'hello', /PEM/],
    ['a certificate', ca.pem, /PEM/],
    ['cut', pem(der.subarray(0, 100)), /cannot be read/],
    ['flipped signature', pem(flipped), /not signed by its own key|cannot be/],
    ['RSA', (await makeCsr(rsa)).csr, /expected a P-256 key, got RSA/],
    ['P-384', (await makeCsr({ name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-256' })).csr, /got P-384/],
    ['large', `${csr}${'x'.repeat(5000)}`, /at most 4096 bytes/],
  ];
  for (const [name, text, expected] of cases) {
    const error = await refused(ca.readCsr(text));
    t.equal(error.code, 'csr-invalid', name);
    t.match(error.message, expected, name);
    await t.rejects(ca.signNode({ node: 'alice', csr: text, notAfterMs: systemClock.nowMs() }), name);
  }
  // Whatever single byte is damaged, nothing but the honest request is accepted, and nothing but a refusal comes out.
  for (let at = 0; at < der.length; at += 7) {
    const damaged = Buffer.from(der);
    damaged[at] = (damaged[at] as number) ^ 0x55;
    t.equal((await refused(ca.readCsr(pem(damaged)))).code, 'csr-invalid', `byte ${at}`);
  }
});

t.test('the server certificate follows the hosts and its age', async (t) => {
  const ca = await open();
  const hosts = ['pi.local', '192.168.7.9', 'fd00::7'];
  const first = await ca.issueServer({ hosts });
  const certificate = new X509Certificate(first.cert);
  for (const host of ['localhost', 'pi.local']) t.ok(certificate.checkHost(host), host);
  for (const ip of ['127.0.0.1', '::1', '192.168.7.9', 'fd00::7']) t.ok(certificate.checkIP(ip), ip);
  t.same(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'worthless as a client');
  t.same(await ca.issueServer({ hosts }), first, 'kept');
  t.same(await ca.issueServer({ hosts: hosts.slice(0, 1) }), first, 'a host less is still covered');
  t.not((await ca.issueServer({ hosts: [...hosts, '10.0.0.1'] })).cert, first.cert, 'a new address');
  const present = await ca.issueServer({ hosts: [...hosts, '10.0.0.1'] });
  const old = await open(dir, later(500 * dayMs));
  t.not((await old.issueServer({ hosts })).cert, present.cert, 'near its end');
  await (await open()).issueServer({ hosts: machineHosts() });
});

t.test('ticket keys outlive a restart and are changed every week', async (t) => {
  const first = (await open()).ticketKeys();
  t.equal(first.length, 48);
  t.same((await open()).ticketKeys(), first);
  t.notSame((await open(dir, later(8 * dayMs))).ticketKeys(), first);
});

t.test('OpenSSL accepts the chain', { skip: noProgram('openssl') }, async (t) => {
  const ca = await open();
  const { csr } = await makeCsr();
  writeFileSync(
    join(dir, 'node.pem'),
    await ca.signNode({ node: 'alice', csr, notAfterMs: systemClock.nowMs() + dayMs }),
  );
  await ca.issueServer({ hosts: ['pi.local'] });
  const coordinator = await ca.issueCoordinatorClient();
  t.equal(new X509Certificate(coordinator.cert).subject, 'CN=fleet.coordinator');
  const verify = (purpose: string, file: string) =>
    spawnSync(
      'openssl',
      ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', join(dir, 'ca.pem'), join(dir, file)],
      {
        encoding: 'utf8',
      },
    );
  for (const [purpose, file] of [
    ['sslclient', 'node.pem'],
    ['sslclient', 'client.pem'],
    ['sslserver', 'server.pem'],
  ] as const) {
    const { status, stdout, stderr } = verify(purpose, file);
    t.equal(status, 0, `${file}: ${stdout}${stderr}`);
  }
  t.not(verify('sslserver', 'node.pem').status, 0, 'a node cannot pose as the coordinator');
  t.not(verify('sslclient', 'server.pem').status, 0, 'nor the server certificate as a node');
});

t.test('a CA that is gone is not made anew while nodes have certificates of it', async (t) => {
  const at = join(dir, 'gone');
  t.match(
    (await refused(open(at, systemClock, async () => 12))).message,
    /no CA under .*gone, though 12 nodes of this fleet have their certificates.*Restore/,
  );
  t.notOk(existsSync(at), 'and nothing was begun');
  await open(at, systemClock, async () => 0);
  await open(at, systemClock, async () => 12);
  rmSync(at, { recursive: true });
  t.match((await refused(open(at, systemClock, async () => 1))).message, /the node of this fleet has its certificate/);
});
