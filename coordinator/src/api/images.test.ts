// Images through the API: brought in parts and kept where a trusted key signed them, sent whole and in parts, sent with a person's file in them
// once, listed for Raspberry Pi Imager on this machine alone. What unpacks the answers is xz itself.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  type AuditEntry,
  type ImageList,
  imageFormat,
  type JoinTokenCreated,
  type JoinTokenText,
  maxImageReadersEach,
  maxPersonalFileBytes,
  maxPersonalImagesEach,
  type PersonalImage,
  personalImageMs,
  readJoinToken,
} from '@blackroad/protocol';
import { type Clock, sleep, systemClock } from '@blackroad/std/clock';
import { padded } from '@blackroad/std/padded';
import t, { type Test } from 'tap';
import { signatureOf } from '../../../release/src/secret-key.ts';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { bringImage, sendPart } from '../../../test/fixtures/coordinator/bring-image.ts';
import { until } from '../../../test/fixtures/processes.ts';
import { noProgram } from '../../../test/fixtures/programs.ts';
import { type SampleImage, sampleImage } from '../../../test/fixtures/sample-image.ts';
import { sampleKey } from '../../../test/fixtures/sample-release.ts';

const noXz = noProgram('xz');
if (noXz) t.plan(0, `SKIPPED: ${noXz}`);

const ours = sampleKey();
const stranger = sampleKey();

async function open(t: Test, dataDir = mkdtempSync(join(tmpdir(), 'fleet-images-'))) {
  const fleet = await openApiFleet({ dataDir });
  t.teardown(async () => {
    await fleet.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  writeFileSync(join(dataDir, 'release-keys/ours.pub'), ours.pub);
  return { fleet, dataDir, kept: () => readdirSync(join(dataDir, 'images')) };
}
/** Of one image. */
function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'image-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
const list = async (fleet: ApiFleet, key = fleet.keys.viewer) =>
  (await fleet.call<ImageList>('GET', '/v1/images', { key })).body;
const unpacked = (packed: Uint8Array) => execFileSync('xz', ['-dc'], { input: packed, maxBuffer: 1e8 });
async function get(fleet: ApiFleet, path: string, headers: Record<string, string> = {}, key = fleet.keys.admin) {
  const response = await fetch(fleet.base + path, { headers: { authorization: `Bearer ${key}`, ...headers } });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}
const order = (fleet: ApiFleet, { about }: SampleImage, file: string, key = fleet.keys.admin) =>
  fleet.call<PersonalImage>('POST', `/v1/images/${about.download.sha256}/personal`, { key, body: { file } });
const audit = async (fleet: ApiFleet) =>
  (await fleet.call<AuditEntry[]>('GET', '/v1/audit')).body.filter(({ action }) => action.startsWith('image-'));

t.test('a signed image is brought in parts, kept, sent and removed', async (t) => {
  const { fleet, dataDir, kept } = await open(t);
  const image = sampleImage(folderOf(t), ours);
  const packed = readFileSync(image.download);
  const { sha256 } = image.about.download;
  const made = await bringImage(fleet, image, { partBytes: 50_000 });
  t.match(made, { status: 200, body: { image: { sha256, keyId: ours.secret.name, addedBy: 'key:operator' } } });
  t.same(kept().sort(), [sha256, `${sha256}.json`]);
  t.same((await bringImage(fleet, image)).body.image, made.body.image, 'the same again changes nothing');
  t.match(await list(fleet), {
    images: [{ sha256, manifest: image.about }],
    imager: `${fleet.base}/imager/os_list.json`,
  });

  const whole = await get(fleet, `/v1/images/${sha256}`, {}, fleet.keys.viewer);
  t.ok(whole.bytes.equals(packed));
  t.match(whole.headers.get('content-disposition'), `attachment; filename="${image.about.download.file}"`);
  t.equal(whole.headers.get('content-length'), String(packed.length));
  const part = await get(fleet, `/v1/images/${sha256}`, { range: 'bytes=1000-1999' });
  t.equal(part.status, 206);
  t.ok(part.bytes.equals(packed.subarray(1000, 2000)));

  const again = await openApiFleet({ dataDir });
  t.teardown(() => again.close());
  t.match(await list(again), { images: [{ sha256 }] }, 'after a start, too');

  t.equal((await fleet.call('DELETE', `/v1/images/${sha256}`, { key: fleet.keys.viewer })).status, 403);
  t.equal((await fleet.call('DELETE', `/v1/images/${sha256}`)).status, 204);
  t.match(await fleet.problem('GET', `/v1/images/${sha256}`), { code: 'no-such-image' });
  t.same(kept(), []);
  t.match(await audit(fleet), [
    { action: 'image-remove', subject: 'blackroad-pi-image 0.2.0' },
    { action: 'image-add', text: `${sha256}, signed by ${ours.secret.name}` },
  ]);
});

t.test('what is not signed, not whole or not of the format is refused with the reason', async (t) => {
  const { fleet, kept } = await open(t);
  const refused = async (image: SampleImage, how: Parameters<typeof bringImage>[2], detail: RegExp) =>
    t.match(await bringImage(fleet, image, how), { status: 400, body: { code: 'image-refused', detail } });
  const plain = sampleImage(folderOf(t), null, { version: '1.0.0' });
  await refused(plain, {}, /got nothing: send it, or say that you take it unsigned/);
  const strange = sampleImage(folderOf(t), stranger, { version: '2.0.0' });
  await refused(strange, {}, /expected one by a trusted key .* put its \.pub file into .*release-keys/);
  const signed = sampleImage(folderOf(t), ours, { version: '3.0.0' });
  writeFileSync(signed.manifest, readFileSync(signed.manifest, 'utf8').replace('trixie', 'bookworm'));
  await refused(signed, {}, /it is of another file, or the file was changed/);
  await refused(signed, { unsigned: true }, /the file was changed/);
  const old = sampleImage(folderOf(t), ours, { version: '4.0.0', format: 1 as never });
  await refused(old, {}, new RegExp(`expected one of the format ${imageFormat}, got 1: build the image again`));
  const elsewhere = sampleImage(folderOf(t), ours, { version: '5.0.0' });
  const changed = readFileSync(elsewhere.download);
  changed[200] = (changed[200] as number) ^ 1;
  await refused(elsewhere, { content: changed }, /expected the SHA-256/);
  const { offset, bytes } = elsewhere.about.personalStream;
  const moved = sampleImage(folderOf(t), ours, {
    version: '6.0.0',
    personalStream: { offset: offset + 4, bytes },
  });
  await refused(moved, {}, /expected the stream of blackroad\.yaml at \d+, got something else/);
  const other = sampleImage(folderOf(t), ours, {
    version: '7.0.0',
    personalStream: { offset, bytes: bytes + 4 },
  });
  await refused(other, {}, /personalStream: expected 65592 bytes within the download/);
  t.same(kept(), [], 'nothing of them stays');

  t.equal((await bringImage(fleet, plain, { unsigned: true })).body.image?.keyId, undefined);
  const text = readFileSync(plain.manifest);
  writeFileSync(plain.signature, signatureOf(text, ours.secret, 'file:x.json'));
  t.equal((await bringImage(fleet, plain)).body.image?.keyId, ours.secret.name, 'one that is signed later is');
  t.equal((await list(fleet)).images[0]?.keyId, ours.secret.name);
  t.match((await audit(fleet))[0], { action: 'image-add', params: { keyId: ours.secret.name } });
  t.equal((await bringImage(fleet, strange, { unsigned: true })).status, 200);
  const twin = sampleImage(folderOf(t), ours, { version: '1.0.0', tailBytes: 1024 });
  await refused(twin, {}, /1\.0\.0 is here already, with other content/);
});

t.test('a part that breaks off or is another one leaves what was there', async (t) => {
  const { fleet } = await open(t);
  const image = sampleImage(folderOf(t), ours);
  const packed = readFileSync(image.download);
  const { sha256 } = image.about.download;
  t.match(await sendPart(fleet, sha256, 0, packed), { status: 404, body: { detail: /begin with its manifest/ } });
  const body = { manifest: readFileSync(image.manifest, 'utf8'), signature: readFileSync(image.signature, 'utf8') };
  await fleet.call('POST', '/v1/images', { body });
  t.match(await sendPart(fleet, sha256, 0, packed.subarray(0, 70_000)), { status: 200, body: { heldBytes: 70_000 } });
  t.match(await sendPart(fleet, sha256, 0, packed.subarray(0, 10)), {
    status: 409,
    body: { detail: /expected 70000, got 0/ },
  });
  await new Promise<void>((resolve) => {
    const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n';
    const headers = {
      authorization: `Bearer ${fleet.keys.operator}`,
      'content-type': 'multipart/form-data; boundary=b',
      'content-length': 100_000,
    };
    const path = `/v1/images/${sha256}/parts?offset=70000`;
    const broken = request({ port: fleet.port, method: 'POST', path, headers });
    broken.on('error', () => resolve()).on('close', () => resolve());
    broken.write(head);
    broken.write('y'.repeat(40_000), () => setTimeout(() => broken.destroy(), 100));
  });
  const isFree = async () =>
    (await sendPart(fleet, sha256, 1, Buffer.from('x'))).body.detail?.includes('expected 70000');
  await until('the broken part is given up', isFree);
  t.equal((await fleet.call<{ heldBytes: number }>('POST', '/v1/images', { body })).body.heldBytes, 70_000);
  const { status } = await sendPart(fleet, sha256, 70_000, Buffer.concat([packed.subarray(70_000), Buffer.alloc(9)]));
  t.equal(status, 400, 'more than the manifest names');
  t.match(await bringImage(fleet, image), { status: 200, body: { image: { sha256 } } });
  t.ok((await get(fleet, `/v1/images/${sha256}`)).bytes.equals(packed));
});

t.test('an image with a personal file in it is sent once, to who asked for it', async (t) => {
  const { fleet, kept } = await open(t);
  const image = sampleImage(folderOf(t), ours);
  await bringImage(fleet, image);
  const { personalFile, download } = image.about;
  const { body: token } = await fleet.call<JoinTokenCreated>('POST', '/v1/join-tokens', { body: {} });
  const tokenId = (readJoinToken(token.token) as JoinTokenText).id;
  const file = `name: kitchen\r\njoin: ${token.token}\r\n`;
  const made = await order(fleet, image, file);
  t.match(made, { status: 201, body: { ticket: /^[0-9a-f]{32}$/, file: download.file, bytes: download.bytes } });
  const path = `/v1/images/${download.sha256}/personal/${made.body.ticket}`;
  const second = await fleet.call<{ key: string }>('POST', '/v1/keys', { body: { name: 'eve', role: 'admin' } });
  t.equal((await get(fleet, path, {}, second.body.key)).status, 404, 'not for another key');
  t.equal((await get(fleet, path, {}, fleet.keys.operator)).status, 403);

  const sent = await get(fleet, path);
  t.equal(sent.status, 200);
  t.equal(sent.headers.get('content-length'), String(download.bytes));
  t.equal(sent.headers.get('content-disposition'), `attachment; filename="${download.file}"`);
  t.equal(sent.bytes.length, download.bytes);
  const expected = Buffer.from(image.raw);
  padded(file, personalFile.bytes).copy(expected, personalFile.offset);
  t.ok(unpacked(sent.bytes).equals(expected), 'the image, with the file at its place');
  t.equal((await get(fleet, path)).status, 404, 'once');
  t.same(kept().length, 2, 'no copy of it is kept');
  const counted = async (line: string) =>
    (await fleet.call<string>('GET', '/metrics')).body.includes(`\nblackroad_${line}\n`);
  // A download is counted once its file is closed.
  for (const line of ['images 1', `images_bytes ${download.bytes}`, 'images_sent_total{settings="with"} 1'])
    await until(line, () => counted(line));

  const over = await order(fleet, image, file);
  t.match((await audit(fleet))[0], {
    action: 'image-personal',
    text: `for kitchen, join token ${tokenId}`,
  });
  t.notMatch(JSON.stringify(await audit(fleet)), token.token);
  await fleet.call('DELETE', `/v1/join-tokens/${tokenId}`);
  t.match(await order(fleet, image, file), { status: 403, body: { code: 'token-revoked' } });
  t.equal((await get(fleet, path.replace(made.body.ticket, over.body.ticket))).status, 200);

  const wrong = async (text: string, detail: RegExp) =>
    t.match(await order(fleet, image, text), { status: 400, body: { code: 'invalid-request', detail } });
  await wrong('name: Kitchen Pi\n', /^file: line 1, name: expected a name of lower-case letters/);
  await wrong('join: brj1.abc\n', /file: line 1, join: expected text matching .*, got 8 characters/);
  await wrong(`# ${'x'.repeat(maxPersonalFileBytes - 2)}`, /expected less than 65536 bytes/);
  t.equal((await order(fleet, image, '', fleet.keys.operator)).status, 403);
});

t.test('tickets and downloads are few, and end', async (t) => {
  const due: (() => void)[] = [];
  const dataDir = mkdtempSync(join(tmpdir(), 'fleet-images-'));
  const after: Clock['after'] = (ms, run, hold) => {
    if (ms !== personalImageMs) return systemClock.after(ms, run, hold);
    due.push(run);
    return { cancel() {} };
  };
  const fleet = await openApiFleet({ dataDir, after });
  t.teardown(async () => {
    await fleet.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  // More than sockets hold.
  const image = sampleImage(folderOf(t), null, { storedBytes: 24 * 1024 * 1024 });
  await bringImage(fleet, image, { unsigned: true });
  const { sha256 } = image.about.download;
  const pathOf = async () => `/v1/images/${sha256}/personal/${(await order(fleet, image, 'name: a\n')).body.ticket}`;
  const first = await pathOf();
  for (let i = 0; i < maxPersonalImagesEach; i++) await pathOf();
  t.equal((await get(fleet, first)).status, 404, 'the oldest of one key makes room');
  const expired = await pathOf();
  for (const run of due.splice(0)) run();
  t.equal((await get(fleet, expired)).status, 404, 'after a minute it is over');

  const streams: Readable[] = [];
  const { images } = fleet.context;
  const own = images.readPersonal.bind(images);
  images.readPersonal = (...given) => {
    const stream = own(...given);
    streams.push(stream);
    return stream;
  };
  const headers = { authorization: `Bearer ${fleet.keys.admin}` };
  const slow = await Promise.all(
    Array.from({ length: maxImageReadersEach }, async () => {
      const path = await pathOf();
      return new Promise<{ destroy(): void }>((resolve) => {
        request({ port: fleet.port, path, headers, agent: false }, (answer) => {
          answer.pause();
          resolve({ destroy: () => answer.destroy() });
        }).end();
      });
    }),
  );
  const waiting = await pathOf();
  t.match(await fleet.problem('GET', waiting), { code: 'unavailable', retryAfterSeconds: 10 });
  await sleep(systemClock, 500);
  for (const stream of streams) t.notOk(stream.readableEnded, 'who takes nothing is not read for');
  for (const each of slow) each.destroy();
  const isSent = async () => (await get(fleet, waiting)).status === 200;
  await until('a download that was left makes room', isSent);
  for (const stream of streams.slice(0, maxImageReadersEach)) t.ok(stream.destroyed, 'and is read no further');

  const last = await pathOf();
  const begun = await fetch(fleet.base + last, { headers });
  await fleet.call('DELETE', `/v1/images/${sha256}`);
  t.equal(
    (await begun.arrayBuffer()).byteLength,
    image.about.download.bytes,
    'who reads a removed image gets all of it',
  );
});

t.test("Raspberry Pi Imager's list is there for this machine alone", async (t) => {
  const { fleet } = await open(t);
  const image = sampleImage(folderOf(t), ours);
  await bringImage(fleet, image);
  const path = '/imager/os_list.json';
  const answer = await fetch(fleet.base + path);
  const { os_list: [found] = [] } = (await answer.json()) as { os_list: { url: string; extract_sha256: string }[] };
  t.equal(found?.extract_sha256, image.about.image.sha256);
  const sent = Buffer.from(await (await fetch(found?.url as string)).arrayBuffer());
  t.ok(unpacked(sent).equals(image.raw));
  for (const headers of [{ forwarded: 'for=192.0.2.1' }, { 'x-forwarded-for': '192.0.2.1' }])
    t.match(await fleet.problem('GET', path, { key: null, headers: headers as unknown as Record<string, string> }), {
      code: 'not-allowed',
    });
  const image2 = new URL(found?.url as string).pathname;
  t.match(await fleet.problem('GET', image2, { key: null, headers: { forwarded: 'x' } }), { code: 'not-allowed' });
});
