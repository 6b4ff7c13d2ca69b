// Enrolment of a machine over TLS: token, CSR, certificate; and every refusal.
import { createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import {
  type EnrolAnswer,
  type JoinTokenCreated,
  type JoinTokenText,
  type Problem,
  readJoinToken,
  renewalText,
} from '@blackroad/protocol';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { writeCsr } from '../../../node-agent/src/identity/csr.ts';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { Pkcs10CertificateRequestGenerator } from '../ca/x509.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
async function makeCsr() {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const csr = await Pkcs10CertificateRequestGenerator.create({ name: 'CN=me', keys, signingAlgorithm: algorithm });
  return csr.toString('pem');
}
/** A request over TLS that trusts only the fleet's CA. */
function post<T>(path: string, body: object, host = 'localhost'): Promise<{ status: number; body: T; issuer: Buffer }> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host,
        port: fleet.tlsPort,
        path,
        method: 'POST',
        ca: fleet.ca.pem,
        headers: { 'content-type': 'application/json' },
      },
      (answer) => {
        const issuer = (answer.socket as TLSSocket).getPeerCertificate(true).issuerCertificate.raw;
        let text = '';
        answer.on('data', (bytes) => {
          text += bytes;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text), issuer }));
      },
    );
    call.on('error', reject).end(JSON.stringify(body));
  });
}
async function makeToken(body: object = {}): Promise<JoinTokenCreated & JoinTokenText> {
  const { body: token } = await fleet.call<JoinTokenCreated>('POST', '/v1/join-tokens', { body });
  return { ...token, ...(readJoinToken(token.token) as JoinTokenText) };
}
const orderOf = async ({ id, secret }: JoinTokenText, more: object = {}) => ({
  tokenId: id,
  secret,
  csr: await makeCsr(),
  hardware: systemRandom.hex(32),
  class: 'pi',
  name: 'Alice.local',
  ...more,
});

t.test('a token carries where to join and whom to trust', async (t) => {
  const token = await makeToken({ uses: 2, class: 'pi', address: 'fleet.example' });
  t.match(token, {
    uses: 2,
    usesLeft: 2,
    class: 'pi',
    revoked: false,
    url: `https://fleet.example:${fleet.tlsPort}`,
    ca: fleet.ca.fingerprint,
  });
  t.match((await makeToken({ address: 'fd00::1' })).url, /^https:\/\/\[fd00::1\]:\d+$/);
  t.match((await makeToken({ address: 'home.example:443' })).url, 'https://home.example:443');
  t.notMatch((await makeToken({ address: '0.0.0.0' })).url, /0\.0\.0\.0/, 'no machine is reached there');
  const { body } = await fleet.call('GET', '/v1/join-tokens');
  t.notMatch(JSON.stringify(body), token.secret, 'secrets are not listed');
  t.notMatch(JSON.stringify(body), /secretHash/);
});

t.test('a machine joins, renews and is known by its key', async (t) => {
  const token = await makeToken();
  const order = await orderOf(token);
  const { status, body, issuer } = await post<EnrolAnswer>('/v1/enrol', order);
  t.match(
    { status, body },
    {
      status: 201,
      body: {
        node: 'alice',
        class: 'pi',
        site: 'home',
        reclaimed: false,
        mqtt: { host: 'localhost', port: 8883 },
        ca: fleet.ca.pem,
      },
    },
  );
  const certificate = new X509Certificate(body.certificate);
  t.equal(certificate.subject, 'CN=alice');
  t.ok(certificate.verify(new X509Certificate(fleet.ca.pem).publicKey));
  t.ok(Math.abs(Date.parse(certificate.validTo) - body.expiresMs) < 1000);
  const top = createHash('sha256').update(issuer).digest('hex');
  t.equal(
    top,
    fleet.ca.fingerprint,
    'the CA travels with the server certificate: a joining machine knows its fingerprint alone',
  );
  t.match(await fleet.call('GET', '/v1/nodes/alice'), { status: 200, body: { presence: 'never', enrolledMs: Number } });

  const renewed = await post<EnrolAnswer>('/v1/enrol/renew', {
    node: 'alice',
    csr: order.csr,
    hardware: order.hardware,
  });
  t.match(renewed, { status: 200, body: { node: 'alice', reclaimed: false } });
  t.equal(new X509Certificate(renewed.body.certificate).subject, 'CN=alice');
  const foreign = await post<Problem>('/v1/enrol/renew', {
    node: 'alice',
    csr: await makeCsr(),
    hardware: order.hardware,
  });
  t.match(foreign, { status: 403, body: { code: 'key-unknown' } });

  const used = await post<Problem>('/v1/enrol', await orderOf(token));
  t.match(used, { status: 403, body: { code: 'token-used-up' } });
  const again = await post<EnrolAnswer>('/v1/enrol', await orderOf(await makeToken()));
  t.match(again.body.node, /^alice-[0-9a-f]+$/, 'the name was taken');
});

t.test(
  'a copied request with invented hardware quarantines nobody; the holder of the key who says so does',
  async (t) => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const csr = writeCsr(key, 'carol');
    const order = await orderOf(await makeToken(), { csr, name: 'carol' });
    await post('/v1/enrol', order);
    const invented = { node: 'carol', csr, hardware: 'f'.repeat(64) };
    const proven = (body: typeof invented, atMs: number, by = key) => ({
      ...body,
      proof: { atMs, signature: sign('sha256', Buffer.from(renewalText(body, atMs)), by).toString('base64') },
    });
    const nowMs = fleet.context.clock.nowMs();
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const honest = proven({ ...invented, hardware: order.hardware }, nowMs);
    for (const [what, body] of [
      ['no proof', invented],
      ['an old one', proven(invented, nowMs - 3_600_000)],
      ['of another key', proven(invented, nowMs, stranger)],
      ['of other hardware', { ...invented, proof: honest.proof }],
      ['damaged', { ...invented, proof: { atMs: nowMs, signature: 'AAAA' } }],
    ] as const) {
      t.match(await post('/v1/enrol/renew', body), { status: 403, body: { code: 'key-unknown' } }, what);
      t.match((await fleet.call('GET', '/v1/nodes/carol')).body, { status: 'active' }, what);
    }
    t.match(await post('/v1/enrol/renew', honest), { status: 200 });
    t.match(await post('/v1/enrol/renew', proven(invented, nowMs)), { body: { code: 'node-quarantined' } });
  },
);

t.test('two containers of one image are two nodes, or the second is told so', async (t) => {
  const token = await makeToken({ uses: 9 });
  const image = { hardware: 'c1'.repeat(32), machine: 'c2'.repeat(32), isWeak: true };
  const first = await orderOf(token, { ...image, name: 'ct101' });
  t.match(await post('/v1/enrol', first), { status: 201, body: { node: 'ct101' } });
  t.match(await post('/v1/enrol', first), { status: 201, body: { node: 'ct101' } }, 'asked again');
  const second = await orderOf(token, { ...image, name: 'ct102' });
  t.match(await post('/v1/enrol', second), {
    status: 409,
    body: { code: 'reclaim-refused', detail: /looks like ct101.*made from the same image\?/ },
  });
  const own = await orderOf(token, {
    hardware: 'c3'.repeat(32),
    machine: 'c4'.repeat(32),
    isWeak: true,
    name: 'ct102',
  });
  t.match(await post('/v1/enrol', own), { status: 201, body: { node: 'ct102', reclaimed: false } });
  const bare = { hardware: 'c5'.repeat(32), machine: 'c5'.repeat(32) };
  await post('/v1/enrol', await orderOf(token, { ...bare, name: 'pi' }));
  const flashed = await post('/v1/enrol', await orderOf(token, { ...bare, name: 'raspberrypi' }));
  t.match(flashed, { status: 201, body: { node: 'pi', reclaimed: true } }, 'the serial of a Pi is proof enough');
});

t.test('a proven renewal with another address and the same machine is one', async (t) => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const csr = writeCsr(key, 'wsl');
  const machine = 'd1'.repeat(32);
  await post('/v1/enrol', await orderOf(await makeToken(), { csr, name: 'wsl', machine }));
  const body = { node: 'wsl', csr, hardware: 'd2'.repeat(32), machine };
  const atMs = fleet.context.clock.nowMs();
  const proof = { atMs, signature: sign('sha256', Buffer.from(renewalText(body, atMs)), key).toString('base64') };
  t.match(await post('/v1/enrol/renew', { ...body, proof }), { status: 200, body: { node: 'wsl' } });
  const altered = { ...body, machine: 'd3'.repeat(32), proof };
  t.match(await post('/v1/enrol/renew', altered), { body: { code: 'key-unknown' } }, 'the proof is of the machine too');
  t.match((await fleet.call('GET', '/v1/nodes/wsl')).body, { status: 'active' });
});

t.test('what is refused, and why', async (t) => {
  const token = await makeToken({ uses: 10 });
  const refused = async (order: object) => (await post<Problem>('/v1/enrol', order)).body;
  t.match(await refused(await orderOf(token, { secret: 'wrong' })), { code: 'token-unknown' });
  t.match(await refused(await orderOf(token, { csr: 'nonsense' })), { code: 'csr-invalid', status: 400 });
  t.match(await refused(await orderOf(token, { hardware: 'x' })), {
    code: 'invalid-request',
    detail: /^body: hardware: expected/,
  });
  const brief = await makeToken({ expiresSeconds: 10 });
  fleet.skip(10_001);
  t.match(await refused(await orderOf(brief)), { code: 'token-expired' });
  t.equal((await fleet.call('DELETE', `/v1/join-tokens/${token.id}`)).status, 204);
  t.match(await refused(await orderOf(token)), { code: 'token-revoked' });
  t.match(await fleet.problem('DELETE', '/v1/join-tokens/none'), { code: 'no-such-token' });
});
