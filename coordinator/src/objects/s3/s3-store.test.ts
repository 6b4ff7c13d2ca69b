// What goes wrong with a bucket, against a real S3 server: who refuses what, in which words; and what of it mends itself.
import { randomBytes } from 'node:crypto';
import dns, { type LookupOptions } from 'node:dns';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { fault, listed, objectOf } from '../../../../test/conformance/object-store.ts';
import { openTestCa } from '../../../../test/fixtures/coordinator/test-ca.ts';
import { freePort } from '../../../../test/fixtures/ports.ts';
import { noS3Server, s3Keys, startS3 } from '../../../../test/fixtures/s3-server.ts';
import { slowLine } from '../../../../test/fixtures/slow-line.ts';
import { until } from '../../../../test/fixtures/until.ts';
import { readS3Address, type S3Address } from './s3-address.ts';
import type { S3Parts } from './s3-client.ts';
import { S3Store } from './s3-store.ts';

const again = { firstMs: 10, maxMs: 20 };
// The timers of the product keep no process alive.
const alive = setInterval(() => {}, 1_000);
t.teardown(() => clearInterval(alive));

function storeAt(t: Test, url: string, over: Partial<S3Parts> = {}, fleet = 'one'): S3Store {
  const address = readS3Address(url, '') as S3Address;
  const parts = { address, keys: s3Keys, ca: '', clock: systemClock, random: systemRandom, again, ...over };
  const store = new S3Store(parts, fleet);
  t.teardown(() => store.close());
  return store;
}
function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 's3-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
async function serverOf(t: Test, options?: Parameters<typeof startS3>[1]) {
  const folder = folderOf(t);
  const server = await startS3(folder, options);
  t.teardown(() => server.stop());
  return { folder, server };
}
async function words(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    t.notMatch(`${(error as Error).stack} ${JSON.stringify(error)}`, s3Keys.secret, 'the secret is in no error');
    return (error as Error).message;
  }
}
const given = (folder: string, bytes: Uint8Array) => {
  const path = join(folder, `given-${objectOf(bytes).sha256.slice(0, 8)}`);
  writeFileSync(path, bytes);
  return path;
};

t.test('who may not, or asks at the wrong place, is told so', { skip: noS3Server }, async (t) => {
  const { folder, server } = await serverOf(t, { region: 'eu-central-1' });
  const url = server.url('&region=eu-central-1');
  await storeAt(t, url).check();
  const at = `s3://objects/fleet at 127.0.0.1:${server.port}`;
  const with_ = (keys: Partial<S3Parts['keys']>) => storeAt(t, url, { keys: { ...s3Keys, ...keys } });
  t.equal(
    await words(with_({ secret: 'wrong' }).check()),
    `${at} says that the secret does not belong to the id of the key (403 SignatureDoesNotMatch).`,
  );
  t.equal(
    await words(with_({ id: 'nobody' }).check()),
    `${at} does not know the id of the key (403 InvalidAccessKeyId).`,
  );
  t.equal(
    await words(storeAt(t, url.replace('objects/', 'other/')).check()),
    `s3://other/fleet at 127.0.0.1:${server.port} has no bucket other (404 NoSuchBucket).`,
  );
  t.equal(
    await words(storeAt(t, server.url('&region=us-west-1')).check()),
    `${at} is in the region eu-central-1, and was asked in us-west-1: write region=eu-central-1 (400 AuthorizationHeaderMalformed).`,
  );
  t.equal(await fault(storeAt(t, url).fetch(objectOf(Buffer.from('none')), join(folder, 'none'))), 'missing');
});

t.test('a store that may only be read says what it does not do', { skip: noS3Server }, async (t) => {
  const { folder, server } = await serverOf(t, { readOnly: true });
  const store = storeAt(t, server.url());
  await store.check();
  const bytes = Buffer.from('new');
  t.match(
    await words(store.put(objectOf(bytes), given(folder, bytes))),
    / does not let this key write an object \(403 /,
  );
});

t.test('a certificate of an own CA is taken with it, and refused without', { skip: noS3Server }, async (t) => {
  const folder = folderOf(t);
  const ca = await openTestCa();
  t.teardown(() => ca.close());
  const { key, cert } = await ca.ca.issueServer({ hosts: [] });
  const tls = { key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') };
  writeFileSync(tls.key, key);
  writeFileSync(tls.cert, cert);
  const server = await startS3(folder, { tls });
  t.teardown(() => server.stop());
  await storeAt(t, server.url(), { ca: ca.ca.pem }).check();
  t.match(
    await words(storeAt(t, server.url()).check()),
    /has a certificate that this machine does not trust .*--objects-ca/,
  );
  t.match(await words(storeAt(t, server.url().replace('https', 'http'), { again }).check()), /./);
  const plain = await serverOf(t);
  t.match(await words(storeAt(t, plain.server.url().replace('http', 'https')).check()), /does not speak TLS/);
});

t.test('buckets below the name of the host', { skip: noS3Server }, async (t) => {
  const { folder, server } = await serverOf(t, { domain: 's3.lan' });
  const { lookup } = dns;
  const asLoopback = (_: string, options: LookupOptions, done: (...told: unknown[]) => void) =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
  dns.lookup = asLoopback as unknown as typeof lookup;
  syncBuiltinESMExports();
  t.teardown(() => {
    dns.lookup = lookup;
    syncBuiltinESMExports();
  });
  const store = storeAt(t, server.url('&pathStyle=false'));
  const bytes = Buffer.from('below the name');
  await store.put(objectOf(bytes), given(folder, bytes));
  t.same(await listed(store), [objectOf(bytes)]);
});

t.test('a clock that is off does not matter', { skip: noS3Server }, async (t) => {
  const { server } = await serverOf(t);
  for (const hours of [-30, 30]) {
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + hours * 3_600_000 };
    await storeAt(t, server.url(), { clock }).check();
    t.pass(`${hours} h`);
  }
});

t.test(
  'what belongs to another fleet, or to nobody, is neither listed nor touched',
  { skip: noS3Server },
  async (t) => {
    const { folder, server } = await serverOf(t);
    const [mine, theirs] = [storeAt(t, server.url()), storeAt(t, server.url(), {}, 'another')];
    const bytes = Buffer.from('the same in both');
    const object = objectOf(bytes);
    await mine.put(object, given(folder, bytes));
    await theirs.put(object, given(folder, bytes));
    writeFileSync(join(server.files, 'fleet', 'one', 'notes.txt'), 'of a person');
    writeFileSync(join(server.files, 'fleet', object.sha256), 'not in its folder');
    t.same(await listed(mine), [object]);
    await mine.remove(object.sha256);
    t.same(await listed(mine), []);
    t.same(await listed(theirs), [object]);
    t.ok(existsSync(join(server.files, 'fleet', 'one', 'notes.txt')));
  },
);

t.test('a bucket that keeps what is removed is noticed', { skip: noS3Server }, async (t) => {
  const { folder, server } = await serverOf(t, { versions: true });
  const store = storeAt(t, server.url());
  const bytes = Buffer.from('goes, and stays');
  await store.put(objectOf(bytes), given(folder, bytes));
  await store.remove(objectOf(bytes).sha256);
  t.notOk(store.keepsRemoved, 'versions are off');
  await versionsOn(server.port);
  await store.put(objectOf(bytes), given(folder, bytes));
  await store.remove(objectOf(bytes).sha256);
  t.ok(store.keepsRemoved);
});

t.test('a store that is away is asked again, and then said to be away', { skip: noS3Server }, async (t) => {
  const { folder, server } = await serverOf(t);
  const store = storeAt(t, server.url());
  await server.stop();
  t.match(await words(store.check()), /does not answer: nothing listens there\.$/);
  const asked = storeAt(t, server.url(), { again: { firstMs: 2_000, maxMs: 2_000 } }).check();
  await server.start();
  await asked;
  t.pass('one that comes back meanwhile answers');
  t.match(
    await words(storeAt(t, 's3://objects?endpoint=http://nowhere.invalid').check()),
    /there is no host of this name|the name server does not answer/,
  );
  const silent = createServer(() => {}).listen(await freePort(), '127.0.0.1');
  t.teardown(() => silent.close());
  await until(() => silent.listening);
  const { port } = silent.address() as { port: number };
  const patient = storeAt(t, `s3://objects?endpoint=http://127.0.0.1:${port}`, { silenceMs: 300 });
  t.match(await words(patient.check()), /does not answer: it did not answer in time\.$/);
  t.same(readdirSync(folder).sort(), ['s3', 's3-users', 's3-versions']);
});

t.test(
  'an upload that breaks in the middle is made again whole, and never seen half',
  { skip: noS3Server },
  async (t) => {
    const { folder, server } = await serverOf(t);
    const line = await slowLine(() => server.port);
    t.teardown(() => line.close());
    const store = storeAt(t, server.url().replace(`:${server.port}`, `:${line.port}`));
    const bytes = randomBytes(4_000_000);
    const object = objectOf(bytes);
    line.holdAfter(1_500_000);
    const putting = store.put(object, given(folder, bytes));
    await until(() => line.sent() >= 1_500_000);
    const seen = storeAt(t, server.url());
    t.same(await listed(seen), []);
    line.holdAfter(Number.POSITIVE_INFINITY);
    line.cut();
    await putting;
    t.same(await listed(seen), [object]);
    await seen.fetch(object, join(folder, 'whole'));
  },
);

/** Of the bucket, as its owner would switch them on. */
async function versionsOn(port: number): Promise<void> {
  const { AwsV4Signer } = await import('aws4fetch');
  const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
  const keys = { accessKeyId: s3Keys.id, secretAccessKey: s3Keys.secret };
  const headers = { 'x-amz-content-sha256': objectOf(Buffer.from(body)).sha256 };
  const url = `http://127.0.0.1:${port}/objects?versioning=`;
  const signed = await new AwsV4Signer({
    ...keys,
    method: 'PUT',
    url,
    headers,
    body,
    service: 's3',
    region: 'us-east-1',
  }).sign();
  const response = await fetch(signed.url, { method: 'PUT', headers: signed.headers, body });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}
