// Documents of a fleet whose objects are in an S3 store, over HTTP: read from there, what is said while it is away, and taken back. Real S3 server; the
// node is a scripted one.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Alert, DocumentAdded, DocumentView, ObjectsView, Problem } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { noS3Server, s3Keys, startS3 } from '../../../test/fixtures/s3-server.ts';
import { until } from '../../../test/fixtures/until.ts';
import { readS3Address, type S3Address } from '../objects/s3/s3-address.ts';
import { S3Store } from '../objects/s3/s3-store.ts';

// The timers of the product keep no process alive.
const alive = setInterval(() => {}, 1_000);
t.teardown(() => clearInterval(alive));

t.test('documents in an object store', { skip: noS3Server }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'objects-'));
  const server = await startS3(folder);
  const address = readS3Address(server.url(), '') as S3Address;
  const again = { firstMs: 5, maxMs: 5 };
  const store = new S3Store(
    { address, keys: s3Keys, ca: '', clock: systemClock, random: systemRandom, again },
    'a-fleet',
  );
  const fleet = await openApiFleet({
    objectStore: { store, home: 'store' },
    every: (ms, run) => systemClock.every(Math.min(ms, 50), run),
  });
  t.teardown(async () => {
    await fleet.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await fleet.call('PUT', '/v1/agents/echo', { body: { name: 'echo', instructions: 'x', model: ['tiny'] } });
  const path = '/v1/agents/echo/documents';
  const upload = async (name: string, content: string) => {
    const form = new FormData();
    form.append('file', new Blob([content]), name);
    const headers = { authorization: `Bearer ${fleet.keys.operator}` };
    const response = await fetch(`${fleet.base}${path}`, { method: 'POST', headers, body: form });
    return ((await response.json()) as DocumentAdded).document;
  };
  const objects = async () => (await fleet.call<ObjectsView>('GET', '/v1/objects')).body;
  const alerts = async () =>
    (await fleet.call<Alert[]>('GET', '/v1/alerts')).body.filter(({ kind }) => kind.startsWith('objects-'));
  const metric = async (name: string) =>
    (await fleet.call<string>('GET', '/metrics')).body
      .split('\n')
      .filter((line) => line.startsWith(`blackroad_${name}`));
  const files = () =>
    readdirSync(server.files, { recursive: true, encoding: 'utf8' }).filter((each) => /[0-9a-f]{64}$/.test(each));

  const text = '# Pump\n\nPress both buttons for ten seconds.';
  const pump = await upload('pump.md', text);
  await until(async () => (await objects()).inStore.count === 2);
  t.equal(files().length, 2, 'the file and its parts');
  t.match(await objects(), { store: /^s3:/, home: 'store', onDisk: { count: 0 }, trouble: null, removals: 0 });
  t.same(await metric('object_store_up'), ['blackroad_object_store_up 1']);
  t.same(await metric('objects{'), ['blackroad_objects{place="disk"} 0', 'blackroad_objects{place="store"} 2']);
  const got = await fetch(`${fleet.base}${path}/${pump.id}`, {
    headers: { authorization: `Bearer ${fleet.keys.viewer}` },
  });
  t.same([got.status, await got.text()], [200, text]);
  t.same((await upload('again.md', text)).id, pump.id, 'the same file is known by its hash');
  t.equal((await fleet.call('GET', '/v1/objects', { key: fleet.keys.operator })).status, 403);
  t.same(await alerts(), []);

  await server.stop();
  const waits = await upload('later.md', '# Later\n\nTaken while the store is away.');
  await until(async () => (await objects()).trouble !== null);
  t.match(await objects(), { trouble: { text: /nothing listens there/ }, onDisk: { count: Number } });
  await until(async () => (await alerts()).length > 0);
  t.match(await alerts(), [
    {
      kind: 'objects-away',
      severity: 'error',
      title: /^The object store cannot be used: s3:\/\/objects\/fleet at .* nothing listens there\.$/,
      text: /wait on the disk of the coordinator/,
      actions: [{ verb: 'open-objects' }],
    },
  ]);
  t.same(await metric('object_store_up'), ['blackroad_object_store_up 0']);
  t.match(await metric('objects_waiting'), [/what="move"} [23]$/, /what="remove"} 0$/]);
  const second = await fetch(`${fleet.base}${path}/${waits.id}`, {
    headers: { authorization: `Bearer ${fleet.keys.viewer}` },
  });
  t.match(await second.text(), /Taken while/, 'what waits is read from the disk');

  await fleet.call('DELETE', `${path}/${pump.id}`);
  t.match(await fleet.call<DocumentView[]>('GET', path), {
    body: [{ name: 'later.md' }, { name: 'pump.md', removing: true }],
  });
  await until(async () => (await objects()).removals === 2);
  t.equal(files().length, 2);
  await server.start();
  await until(async () => (await objects()).removals === 0 && (await objects()).onDisk.count === 0);
  t.equal(files().length, 2, 'those of the other document');
  await until(async () => (await alerts()).length === 0);

  await server.stop();
  const away = await fetch(`${fleet.base}${path}/${waits.id}`, {
    headers: { authorization: `Bearer ${fleet.keys.viewer}` },
  });
  t.equal(away.status, 503);
  t.match(await away.json(), {
    code: 'unavailable',
    detail:
      /^s3:\/\/objects\/fleet at .* does not answer: nothing listens there\. What is kept there can be read when that is over\.$/,
  });
  t.same([away.headers.get('content-disposition'), away.headers.get('etag')], [null, null], 'a fault is no file');
  await server.start();
  await until(async () => (await objects()).trouble === null);
  for (const file of files()) writeFileSync(join(server.files, file), 'something else');
  const damaged = await fleet.problem('GET', `${path}/${waits.id}`);
  t.match(damaged satisfies Problem, {
    code: 'object-damaged',
    status: 500,
    detail: /its bytes are not those of its hash/,
  });
  await until(async () => (await alerts()).some(({ kind }) => kind === 'objects-faulty'));
  t.notMatch(JSON.stringify([await objects(), await alerts()]), s3Keys.secret);
  t.ok(existsSync(server.files));
});
