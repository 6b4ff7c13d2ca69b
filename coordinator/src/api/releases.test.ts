// Releases through the API: signed ones are kept and served, in parts too, to people and to machines; everything else is refused, said, counted.
import { sign, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuditEntry,
  type EnrolAnswer,
  type FleetEvent,
  type JoinTokenCreated,
  type JoinTokenText,
  machineCallText,
  type Problem,
  type Release,
  type ReleaseList,
  readJoinToken,
} from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import t, { type Test } from 'tap';
import { signatureOf } from '../../../release/src/secret-key.ts';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { makeRequest, openTestCa } from '../../../test/fixtures/coordinator/test-ca.ts';
import { until } from '../../../test/fixtures/processes.ts';
import { type SampleRelease, sampleKey, sampleRelease } from '../../../test/fixtures/sample-release.ts';

const ours = sampleKey();
const stranger = sampleKey();

async function open(t: Test, dataDir = mkdtempSync(join(tmpdir(), 'fleet-releases-')), isTrusted = true) {
  const fleet = await openApiFleet({ dataDir });
  t.teardown(async () => {
    await fleet.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  if (isTrusted) writeFileSync(join(dataDir, 'release-keys/ours.pub'), ours.pub);
  return { fleet, dataDir, kept: () => readdirSync(join(dataDir, 'releases')) };
}
async function add(fleet: ApiFleet, { content, signature }: Partial<SampleRelease>, key = fleet.keys.operator) {
  const form = new FormData();
  if (signature !== undefined) form.append('signature', signature);
  if (content) form.append('file', new Blob([new Uint8Array(content)]), 'x.tar.gz');
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${fleet.base}/v1/releases`, { method: 'POST', headers, body: form });
  return { status: response.status, body: (await response.json()) as Release & Problem };
}
async function download(fleet: ApiFleet, sha256: string, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${fleet.keys.viewer}`;
  const response = await fetch(`${fleet.base}/v1/releases/${sha256}`, { headers: { authorization, ...headers } });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}
type Shown = { key?: string; cert?: string; bearer?: string; atMs?: number; signedUrl?: string };
/** What a node sends in place of an API key. */
function proofOf(method: string, url: string, { key = '', cert = '', atMs = systemClock.nowMs() }: Shown): string {
  const certificate = new X509Certificate(cert).raw.toString('base64url');
  const signature = sign('sha256', Buffer.from(machineCallText(method, url, atMs)), key).toString('base64url');
  return `Fleet-Node ${certificate}.${atMs}.${signature}`;
}
/** Over TLS, with what a machine shows. */
function byMachine(fleet: ApiFleet, path: string, shown: Shown, method = 'GET') {
  return new Promise<{ status: number; bytes: Buffer }>((resolve, reject) => {
    const { cert, bearer, signedUrl = path } = shown;
    const authorization = bearer ? `Bearer ${bearer}` : cert ? proofOf(method, signedUrl, shown) : undefined;
    const headers = authorization === undefined ? {} : { authorization };
    const at = { host: 'localhost', port: fleet.tlsPort, path, method, ca: fleet.ca.pem, agent: false, headers };
    request(at, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, bytes: Buffer.concat(pieces) }));
    })
      .on('error', reject)
      .end();
  });
}
async function token(fleet: ApiFleet, body: object = {}) {
  const made = await fleet.call<JoinTokenCreated>('POST', '/v1/join-tokens', { body });
  return { text: made.body.token, read: readJoinToken(made.body.token) as JoinTokenText };
}
async function enrolled(fleet: ApiFleet) {
  const { id: tokenId, secret } = (await token(fleet)).read;
  const { key, csr } = await makeRequest();
  const body = { tokenId, secret, csr, hardware: systemRandom.hex(32), class: 'pi', name: 'alice' };
  const made = await fleet.call<EnrolAnswer>('POST', '/v1/enrol', { key: null, body });
  return { key, cert: made.body.certificate };
}
const metric = async (fleet: ApiFleet, line: string) => {
  const { body } = await fleet.call<string>('GET', '/metrics');
  return body
    .split('\n')
    .find((each) => each.startsWith(`blackroad_releases${line} `))
    ?.split(' ')[1];
};

t.test('a signed release is kept, listed, served and removed', async (t) => {
  const { fleet, dataDir, kept } = await open(t);
  const sample = await sampleRelease(ours, {}, { padding: 300_000 });
  const sha256 = sha256Hex(sample.content);
  const made = await add(fleet, sample);
  t.match(made, {
    status: 201,
    body: {
      sha256,
      name: 'blackroad-node',
      version: '0.2.0',
      arch: 'arm64',
      bytes: sample.content.length,
      keyId: ours.secret.name,
      comment: 'file:x.tar.gz',
      addedBy: 'key:operator',
      signature: sample.signature,
    },
  });
  t.same((await add(fleet, sample)).body, made.body, 'the same again changes nothing');
  for (const version of ['0.10.0', '0.9.0', '0.10.0-rc.1'])
    t.equal((await add(fleet, await sampleRelease(ours, { version }))).status, 201);
  const other = await sampleRelease(ours, { arch: 'x64' });
  await add(fleet, other);

  const list = (await fleet.call<ReleaseList>('GET', '/v1/releases', { key: fleet.keys.viewer })).body;
  t.match(list, { keys: [{ id: ours.secret.name, file: 'ours.pub' }], keysFolder: join(dataDir, 'release-keys') });
  const found = await fleet.call<ReleaseList>('GET', '/v1/releases?name=blackroad-node&arch=arm64');
  t.same(
    found.body.releases.map(({ version }) => version),
    ['0.10.0', '0.10.0-rc.1', '0.9.0', '0.2.0'],
    'the highest first',
  );

  const whole = await download(fleet, sha256);
  t.equal(whole.status, 200);
  t.ok(whole.bytes.equals(sample.content));
  t.equal(whole.headers.get('etag'), `"${sha256}"`);
  const part = await download(fleet, sha256, { range: 'bytes=1000-1999' });
  t.equal(part.status, 206);
  t.equal(part.headers.get('content-range'), `bytes 1000-1999/${sample.content.length}`);
  t.ok(part.bytes.equals(sample.content.subarray(1000, 2000)));
  t.ok((await download(fleet, sha256, { range: 'bytes=-7' })).bytes.equals(sample.content.subarray(-7)));
  t.equal((await download(fleet, sha256, { range: 'bytes=1-2', 'if-range': '"another"' })).status, 200);
  const beyond = await download(fleet, sha256, { range: `bytes=${sample.content.length}-` });
  t.match([beyond.status, beyond.headers.get('content-range')], [416, `bytes */${sample.content.length}`]);

  t.equal(await metric(fleet, ''), '5');
  t.equal(await metric(fleet, '_served_total'), '4');
  t.equal((await fleet.call('DELETE', `/v1/releases/${sha256}`, { key: fleet.keys.viewer })).status, 403);
  t.equal((await fleet.call('DELETE', `/v1/releases/${sha256}`)).status, 204);
  t.match(await fleet.problem('GET', `/v1/releases/${sha256}`), { code: 'no-such-release' });
  t.match(await fleet.problem('DELETE', `/v1/releases/${sha256}`), { code: 'no-such-release' });
  t.notOk(kept().some((name) => name.startsWith(sha256)));
  const { body: rows } = await fleet.call<AuditEntry[]>('GET', '/v1/audit');
  t.match(rows[0], {
    action: 'release-remove',
    actor: 'key:admin',
    subject: 'blackroad-node 0.2.0 arm64',
    text: sha256,
  });
  t.equal(rows.filter(({ action }) => action === 'release-add').length, 5, 'one row for each');
  const { body: events } = await fleet.call<FleetEvent[]>('GET', '/v1/events?type=release-added');
  t.match(events.at(-1)?.text, 'blackroad-node 0.2.0 for arm64 is here for the nodes, from key:operator');
});

t.test('what is not signed by a trusted key, or is no release, is refused, said and counted', async (t) => {
  const { fleet, dataDir, kept } = await open(t, undefined, false);
  const good = await sampleRelease(ours);
  t.match((await add(fleet, good)).body, {
    code: 'release-refused',
    detail: /^No key for releases is trusted yet: put a \.pub file into /,
  });
  // Keys are read anew: no restart.
  writeFileSync(join(dataDir, 'release-keys/broken.pub'), 'no key');
  writeFileSync(join(dataDir, 'release-keys/ours.pub'), ours.pub);
  const changed = Buffer.from(good.content);
  changed[changed.length - 20]! ^= 1;
  const foreign = await sampleRelease(stranger);
  const bytes = Buffer.from('x'.repeat(2000));
  const noArchive = { content: bytes, signature: signatureOf(bytes, ours.secret, 'x') };
  const cases: [Partial<SampleRelease>, RegExp][] = [
    [{ ...good, content: changed }, /it is of another file, or the file was changed/],
    [{ ...good, signature: good.signature.replace('file:x', 'file:y') }, /its trusted comment was changed/],
    [{ ...good, signature: 'nothing of it' }, /expected the four lines of a \.minisig file/],
    [{ content: good.content }, /expected the text of the \.minisig file, got nothing/],
    [
      foreign,
      new RegExp(`expected one by a trusted key \\(${ours.secret.name}\\), got one by ${stranger.secret.name}`),
    ],
    [noArchive, /expected the archive of a release/],
    [await sampleRelease(ours, {}, { manifestName: 'about.json' }), /expected release\.json as the first file/],
    [await sampleRelease(ours, { format: 2 }), /format: expected 1, got 2: a newer version may know it/],
    [await sampleRelease(ours, { version: '1' }), /release\.json: version: expected/],
    [await sampleRelease(ours, { arch: 'armv6l' }), /release\.json: arch: expected/],
  ];
  for (const [sample, words] of cases) {
    const { status, body } = await add(fleet, sample);
    t.match([status, body.code, body.detail], [400, 'release-refused', words]);
    t.same(kept(), [], 'nothing of it stays');
  }
  t.equal((await add(fleet, good)).status, 201);
  const twin = await add(fleet, await sampleRelease(ours, { commit: 'another' }));
  t.match(twin.body.detail, /blackroad-node 0\.2\.0 for arm64 is here already, with other content/);
  t.equal(kept().length, 2);
  const both = await Promise.all(
    ['a', 'b'].map(async (commit) => add(fleet, await sampleRelease(ours, { commit, version: '0.3.0' }))),
  );
  t.same(both.map(({ status }) => status).sort(), [201, 400], 'of two at once one');
  t.match((await add(fleet, {})).body, { code: 'invalid-request', detail: /file: expected the archive/ });
  t.equal((await add(fleet, good, fleet.keys.viewer)).status, 403);

  t.match(
    await Promise.all(
      ['signature', 'key', 'format', 'twin', 'room'].map((reason) =>
        metric(fleet, `_refused_total{reason="${reason}"}`),
      ),
    ),
    ['4', '2', '5', '2', '0'],
  );
  const { body: rows } = await fleet.call<AuditEntry[]>('GET', '/v1/audit');
  t.match(
    rows.find(({ action }) => action === 'release-refused'),
    { actor: 'key:operator', subject: 'twin' },
  );
  const { body: events } = await fleet.call<FleetEvent[]>('GET', '/v1/events?type=release-refused');
  t.equal(events.length, 13);
  t.match(events[0], { severity: 'warning', text: /^a release from key:operator was refused: blackroad-node/ });
});

t.test('rollouts know what is kept, also after a restart', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'fleet-releases-'));
  const first = await openApiFleet({ dataDir });
  writeFileSync(join(dataDir, 'release-keys/ours.pub'), ours.pub);
  const sample = await sampleRelease(ours);
  const { body } = await add(first, sample);
  const { sha256, bytes, signature } = body;
  const known = [{ version: '0.2.0', builds: { arm64: { sha256, bytes, signature } } }];
  await until('it is known', async () => first.coordinator.view.releases.length === 1);
  t.same(first.coordinator.view.releases, known);
  await first.close();
  const { fleet } = await open(t, dataDir);
  await until('it is known again', async () => fleet.coordinator.view.releases.length === 1);
  t.same(fleet.coordinator.view.releases, known);
  await fleet.call('DELETE', `/v1/releases/${sha256}`);
  await until('it is not any more', async () => fleet.coordinator.view.releases.length === 0);
});

t.test('after a restart whole ones are there, and halves are gone', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'fleet-releases-'));
  const first = await openApiFleet({ dataDir });
  writeFileSync(join(dataDir, 'release-keys/ours.pub'), ours.pub);
  const sample = await sampleRelease(ours);
  const { body } = await add(first, sample);
  await first.close();
  const folder = join(dataDir, 'releases');
  for (const name of ['coming-3.new', 'f'.repeat(64), `${'e'.repeat(64)}.json`, 'a note of the owner'])
    writeFileSync(join(folder, name), '{}');
  const { fleet, kept } = await open(t, dataDir);
  t.same((await fleet.call<ReleaseList>('GET', '/v1/releases')).body.releases, [body]);
  t.same(kept().sort(), [body.sha256, `${body.sha256}.json`, 'a note of the owner'].sort());
  t.ok((await download(fleet, body.sha256)).bytes.equals(sample.content));
});

t.test('machines read with their certificate or a join token, and do no more', async (t) => {
  const { fleet } = await open(t);
  const sample = await sampleRelease(ours);
  const { sha256 } = (await add(fleet, sample)).body;
  const path = `/v1/releases/${sha256}`;
  const alice = await enrolled(fleet);
  t.ok((await byMachine(fleet, path, alice)).bytes.equals(sample.content), 'a node, by the key of its certificate');
  t.match(JSON.parse(`${(await byMachine(fleet, '/v1/releases?arch=arm64', alice)).bytes}`), {
    releases: [{ sha256, signature: sample.signature }],
  });
  t.equal((await byMachine(fleet, path, alice, 'DELETE')).status, 401, 'it removes nothing');
  t.equal((await byMachine(fleet, '/v1/nodes', alice)).status, 401, 'and sees nothing else');
  t.equal((await byMachine(fleet, path, {})).status, 401, 'nobody');
  const foreign = await openTestCa();
  t.teardown(() => foreign.close());
  const { key, cert } = await foreign.node('alice');
  t.match(
    await byMachine(fleet, path, { key, cert }),
    { status: 403, bytes: /certificate-foreign/ },
    'a certificate of another CA',
  );
  const { key: otherKey } = await makeRequest();
  const cases: [Shown, number, RegExp][] = [
    [{ ...alice, key: otherKey }, 401, /expected a signature of this very request/],
    [{ ...alice, signedUrl: `${path}?` }, 401, /expected a signature of this very request/],
    [{ ...alice, atMs: systemClock.nowMs() - 3_600_000 }, 403, /expected a time within 10 min/],
  ];
  for (const [shown, status, words] of cases) t.match(await byMachine(fleet, path, shown), { status, bytes: words });

  const joining = await token(fleet);
  t.ok((await byMachine(fleet, path, { bearer: joining.text })).bytes.equals(sample.content), 'a machine with a token');
  const other = await token(fleet);
  const forged = `brj1.${Buffer.from(JSON.stringify({ ...other.read, secret: '0'.repeat(32) })).toString('base64url')}`;
  t.match(await byMachine(fleet, path, { bearer: forged }), { status: 403, bytes: /token-unknown/ });
  t.match(await byMachine(fleet, path, { bearer: 'brj1.nonsense' }), { status: 403, bytes: /token-unknown/ });
  await fleet.call('DELETE', `/v1/join-tokens/${joining.read.id}`);
  t.match(await byMachine(fleet, path, { bearer: joining.text }), { status: 403, bytes: /token-revoked/ });
  const laterMs = 3_700_000;
  fleet.skip(laterMs);
  t.match(await byMachine(fleet, path, { bearer: other.text }), { status: 403, bytes: /token-expired/ });

  await fleet.call('DELETE', '/v1/nodes/alice');
  t.match(
    await byMachine(fleet, path, { ...alice, atMs: systemClock.nowMs() + laterMs }),
    { status: 403, bytes: /unknown-node/ },
    'forgotten: no more',
  );
  for (let guess = 0; guess < 40; guess++) await byMachine(fleet, path, { bearer: forged });
  t.match(await byMachine(fleet, path, { bearer: forged }), { status: 429 }, 'who guesses is stopped');
});

t.test('one reader has only so many downloads at once', async (t) => {
  const { fleet } = await open(t);
  const { sha256 } = (await add(fleet, await sampleRelease(ours, {}, { padding: 16_000_000 }))).body;
  const begin = () =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { authorization: `Bearer ${fleet.keys.viewer}` };
      const asked = plainRequest(`${fleet.base}/v1/releases/${sha256}`, { headers, agent: false }, resolve);
      asked.on('error', reject).end();
    });
  const held = [await begin(), await begin()];
  t.equal((await begin()).statusCode, 503);
  for (const answer of held) answer.destroy();
  for (let tries = 0; tries < 100; tries++) {
    const answer = await begin();
    answer.destroy();
    if (answer.statusCode === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.fail('the places of those who left are not given to others');
});
