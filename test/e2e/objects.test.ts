// Documents of a fleet whose owner sets an S3 store: what was on the disk is brought there though the coordinator is killed in the middle, parts wait
// while the store is away, are written, recalled and cited; a backup says where they are, a restore reads them, removing one empties the bucket, and
// all of it comes back to the disk. Real processes, a real S3 server.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t from 'tap';
import { runFleet, startFleet, until } from '../fixtures/processes.ts';
import { noS3Server, s3Keys, startS3 } from '../fixtures/s3-server.ts';
import { slowLine } from '../fixtures/slow-line.ts';
import { ask, namesIn, presence, ready } from '../fixtures/steps.ts';

const sections = 40;
const pages = Array.from(
  { length: sections },
  (_, at) =>
    `<h2>Valve ${at + 1}</h2><p>Valve ${at + 1} opens at ${at + 100} millibar and has the colour number ${at}.</p>`,
).join('\n');
/** Large, and quickly read. */
const manual = `<html><script>${randomBytes(3_000_000).toString('hex')}</script>${pages}</html>`;

t.setTimeout(240_000);
t.test('documents in an object store', { skip: noS3Server }, async (t) => {
  const args = ['--restart-grace', '6', '--backup-schedule', 'none'];
  const fleet = await startFleet(t, { args });
  const data = join(fleet.folder, 'coordinator');
  const server = await startS3(fleet.folder);
  t.teardown(() => server.stop());
  const line = await slowLine(() => server.port);
  t.teardown(() => line.close());
  const agent = 'keeper';
  const params = { agent };
  await fleet.apply({ name: agent, memory: { recall: 5, remember: 'turns' } });
  const cli = (...words: string[]) => runFleet([...words, '--data', data]);
  const objects = () => fleet.client.call('objects');
  const stand = async () => (await fleet.client.call('documents', { params }))[0];
  const isHash = (path: string) => /(^|\/)[0-9a-f]{64}$/.test(path);
  const inBucket = () => readdirSync(server.files, { recursive: true, encoding: 'utf8' }).filter(isHash);
  const onDisk = () => readdirSync(join(data, 'objects'), { recursive: true, encoding: 'utf8' }).filter(isHash);
  const content = async (id: string) => {
    const key = readFileSync(join(data, 'admin.key'), 'utf8').trim();
    const { url } = fleet.coordinator.ready as { url: string };
    const path = `/v1/agents/${agent}/documents/${id}`;
    return fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
  };

  const file = { name: 'manual.html', bytes: manual.length, fields: {}, content: () => Readable.from([manual]) };
  const { document } = await fleet.client.upload('documentAdd', file, { params });
  t.equal(document.chunks, sections);
  t.equal(onDisk().length, 2);
  t.match(await cli('objects'), { code: 0, stdout: /on disk +2 objects, 6 MiB\nin store +no object store is set/ });
  await fleet.stopCoordinator('SIGTERM');

  const secretFile = join(fleet.folder, 'secret');
  writeFileSync(secretFile, `${s3Keys.secret}\n`, { mode: 0o600 });
  const url = server.url().replace(`:${server.port}`, `:${line.port}`);
  args.push('--objects', url, '--objects-key-id', s3Keys.id, '--objects-secret-file', secretFile);

  await t.test('killed in the middle of an upload, and begun again', async (t) => {
    line.holdAfter(2_000_000);
    await fleet.startCoordinator();
    await until('it is being sent', async () => line.sent() >= 2_000_000, 60_000);
    await fleet.stopCoordinator('SIGKILL');
    t.ok(
      onDisk().some((path) => path.endsWith(document.sha256)),
      'it is here whole',
    );
    t.notOk(
      inBucket().some((path) => path.endsWith(document.sha256)),
      'and nothing half is there',
    );
    line.holdAfter(Number.POSITIVE_INFINITY);
    line.cut();
    await fleet.startCoordinator();
    await until('all is there', async () => (await objects()).onDisk.count === 0, 60_000);
    t.equal(inBucket().length, 2);
    // The file goes after its mark.
    await until('the disk has none', async () => onDisk().length === 0, 10_000);
    t.equal(await (await content(document.id)).text(), manual);
    t.notMatch(readFileSync(`/proc/${fleet.coordinator.child.pid}/cmdline`, 'utf8'), s3Keys.secret);
    t.notMatch(fleet.coordinator.log(), s3Keys.secret);
  });

  await t.test('its parts wait while the store is away, and are written when it is back', async (t) => {
    await server.stop();
    await fleet.restartCoordinator('SIGKILL');
    await fleet.simulate('one', { profile: 'home', seed: 1 });
    const [node] = namesIn(fleet, 'one') as [string];
    await presence(fleet, node, 'online');
    await ready(fleet, agent);
    await until('it says why it waits', async () => (await stand())?.waits === 'objects-away', 60_000);
    t.match(await cli('memory', 'documents', agent), {
      stdout: /its parts are in the object store, which cannot be used now/,
    });
    const refused = await content(document.id);
    t.match([refused.status, await refused.text()], [503, /nothing listens there|closed the connection/]);
    t.match(await cli('objects'), { stdout: /answers +no, .* ago: s3:\/\/objects\/fleet at / });
    t.equal((await ask(fleet, agent, 'Are you there?')).state, 'done', 'the fleet works on');
    await server.start();
    await until('all of it is written', async () => (await stand())?.written === sections, 60_000);
    t.match(await cli('objects'), { stdout: /answers +yes/ });
    const task = await ask(fleet, agent, 'At how many millibar does valve 17 open?');
    t.match(
      task.usage?.documents?.find(({ headings }) => headings === 'Valve 17'),
      { id: document.id, name: 'manual.html' },
    );
  });

  await t.test('a backup says where they are, and a restored coordinator reads them', async (t) => {
    const made = await cli('backup', '--to', `${fleet.folder}/`, '--json');
    const { path } = JSON.parse(made.stdout) as { path: string };
    const words =
      /2 files of documents \(6 MiB\) are not in it: they lie in s3:\/\/objects\/fleet at .*, which a restore needs too\./;
    t.match(await runFleet(['backup', 'verify', path]), { code: 0, stdout: words });
    await fleet.stopCoordinator('SIGTERM');
    t.match(await cli('restore', path, '--replace'), { code: 0, stdout: words });
    await fleet.startCoordinator();
    t.equal(await (await content(document.id)).text(), manual);
    await until('nothing is missing', async () => {
      const { inStore, faulty, trouble } = await objects();
      return inStore.count === 2 && faulty.count === 0 && trouble === null;
    });
  });

  await t.test('one that is taken back is removed there, and the others come back to the disk', async (t) => {
    const note = { name: 'note.md', bytes: 12, fields: {}, content: () => Readable.from(['# Stays\n\nOk.']) };
    const { document: stays } = await fleet.client.upload('documentAdd', note, { params });
    await until('it is there', async () => inBucket().length === 4, 60_000);
    await presence(fleet, (namesIn(fleet, 'one') as [string])[0], 'online');
    await fleet.client.call('documentRemove', { params: { agent, document: document.id } });
    await until('it is removed there', async () => inBucket().length === 2 && (await objects()).removals === 0, 60_000);
    t.notOk(inBucket().some((path) => path.endsWith(document.sha256)));
    args.push('--objects-home', 'disk');
    await fleet.restartCoordinator('SIGTERM');
    await until('all is here', async () => {
      const { inStore, removals } = await objects();
      return inStore.count === 0 && removals === 0;
    });
    t.same(inBucket(), []);
    args.splice(args.indexOf('--objects'));
    await fleet.restartCoordinator('SIGTERM');
    t.equal(await (await content(stays.id)).text(), '# Stays\n\nOk.');
    t.match(await objects(), { store: null, onDisk: { count: 2 }, faulty: { count: 0 } });
    t.notOk(existsSync(join(data, 'objects-fetched')));
  });
});
