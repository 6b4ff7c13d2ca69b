// Backups of a store that works, as files: what is in them, who can read them, and what a damaged, a foreign or a newer one says.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetError, MemoryEntry } from '@blackroad/protocol';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import Sqlite from 'better-sqlite3';
import t from 'tap';
import { openBackupRig } from '../../../test/fixtures/coordinator/backup-rig.ts';
import { eventOf, memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { writeArchive } from './archive.ts';
import { databaseName, manifestName } from './manifest.ts';
import { unpack } from './unpack.ts';

t.setTimeout(240_000);

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'no refusal',
    (error: FleetError) => error.message,
  );

t.test('a backup while the store is written: one moment of it, whole; and what is in no backup', async (t) => {
  const { folder, data, store, backups, make } = await openBackupRig(t);
  const filler = 'x'.repeat(4000);
  for (let n = 1; n <= 40; n++)
    await store.commit(
      Array.from({ length: 50 }, (_, i) => ({ type: 'event', row: eventOf(`${n} ${i} ${filler}`) }) as const),
    );
  let isOver = false;
  let commits = 0;
  // Each commit is an event and a memory: a copy that is not of one moment has another number of each.
  const writing = (async () => {
    let [previous] = memoryEntries('greeter', [{ text: 'note 0' }]);
    await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: [previous as MemoryEntry] }]);
    while (!isOver) {
      commits++;
      const entries = memoryEntries('greeter', [{ text: `note ${commits}` }], { previous });
      [previous] = entries;
      await store.commit([
        { type: 'event', row: eventOf(`pair ${commits}`) },
        { type: 'memory', space: 'default', agent: 'greeter', entries },
      ]);
    }
  })();
  const ended = await make();
  isOver = true;
  await writing;
  t.match(ended, { backup: /^fleet-home-fleet-\d{8}T\d{6}Z\.tar\.zst$/, bytes: Number });
  t.ok(commits > 5, `${commits} commits went on meanwhile`);
  const { path } = backups.pathOf((ended as { backup: string }).backup);
  const into = join(folder, 'unpacked');
  mkdirSync(into);
  const manifest = await unpack(path, null, into);
  t.strictSame(
    manifest.files.map(({ path }) => path).sort(),
    ['admin.key', 'ca/ca.key', 'ca/ca.pem', 'files/file-a.data', databaseName, 'models.yaml'],
    'no model cache, no image, no address of a process that runs, no other backup',
  );
  const db = new Sqlite(join(into, databaseName), { readonly: true });
  t.teardown(() => db.close());
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok');
  const pairs = db.prepare("SELECT count(*) FROM event WHERE text LIKE 'pair %'").pluck().get();
  t.equal(
    db.prepare('SELECT count(*) FROM memory_entry').pluck().get(),
    (pairs as number) + 1,
    'no commit is there by half',
  );
  t.equal(manifest.counts.memories, (pairs as number) + 1);
  t.strictSame(readFileSync(join(into, 'ca/ca.key')), readFileSync(join(data, 'ca/ca.key')));
  t.strictSame(
    readdirSync(data).filter((name) => name.startsWith('backup-')),
    [],
    'nothing half-made is left',
  );
});

t.test('encrypted to a key of age: only its identity reads it', async (t) => {
  const { backups, make, folder } = await openBackupRig(t);
  const identity = await generateIdentity();
  const ended = (await make([await identityToRecipient(identity)])) as { backup: string };
  t.match(ended.backup, /\.age$/);
  const { path } = backups.pathOf(ended.backup);
  t.notOk(readFileSync(path).includes('manifest'), 'no word of it can be read');
  t.match(await refusal(unpack(path, null, null)), /is encrypted: give the file with the identity/);
  t.match(await refusal(unpack(path, `${await generateIdentity()}\n`, null)), /encrypted to another key/);
  t.match(await refusal(unpack(path, 'no identity\n', null)), /expected lines that begin with AGE-SECRET-KEY-/);
  t.match(await unpack(path, `# made today\n${identity}\n`, null), { fleet: 'Home Fleet', version: '1.2.3' });
  const bytes = readFileSync(path);
  bytes[bytes.length - 100]! ^= 1;
  writeFileSync(join(folder, 'tampered.age'), bytes);
  t.match(await refusal(unpack(join(folder, 'tampered.age'), identity, null)), /is damaged/);
  t.match(await refusal(backups.begin({ recipients: ['age1nonsense'] })), /expected public keys of age/);
});

t.test('a damaged, cut, foreign or newer one is refused in words', async (t) => {
  const { backups, make, folder } = await openBackupRig(t);
  const { path } = backups.pathOf(((await make()) as { backup: string }).backup);
  const copy = join(folder, 'copy.tar.zst');
  const size = readFileSync(path).length;
  for (const at of [200, Math.floor(size / 2), size - 20]) {
    const bytes = readFileSync(path);
    bytes[at]! ^= 1;
    writeFileSync(copy, bytes);
    t.match(await refusal(unpack(copy, null, null)), /is damaged|is no backup/, `byte ${at}`);
  }
  for (const length of [10, Math.floor(size / 2), size - 1]) {
    copyFileSync(path, copy);
    truncateSync(copy, length);
    t.match(await refusal(unpack(copy, null, null)), /is damaged|is no backup/, `${length} bytes`);
  }
  writeFileSync(copy, 'a text file that somebody took for a backup');
  t.match(await refusal(unpack(copy, null, null)), /this is no backup of BlackRoad Fleet/);
  const into = join(folder, 'unpacked');
  mkdirSync(into);
  const manifest = await unpack(path, null, into);
  const again = async (changed: object, files = [manifestName, ...manifest.files.map(({ path }) => path)]) => {
    writeFileSync(join(into, manifestName), JSON.stringify({ ...manifest, ...changed }));
    const name = join(folder, `made-${Math.random()}.tar.zst`);
    await writeArchive(into, files, name, []);
    return refusal(unpack(name, null, null));
  };
  t.match(
    await again({ schema: 9999, version: '9.0.0' }),
    /newer than this program .*schema is 9999.*made by version 9\.0\.0.*install that version/,
  );
  t.match(await again({ format: 99 }), /newer form than this program knows/);
  t.match(await again({ product: 'another' }), /this is no backup/);
  t.match(
    await again({ files: [...manifest.files, { path: '../elsewhere', bytes: 1, sha256: '0'.repeat(64) }] }),
    /outside of the data folder/,
  );
  t.match(await again({}, [manifestName, databaseName]), /it ends before/);
  t.match(await again({ files: manifest.files.slice(0, 2) }), /which its manifest does not name/);
  const lied = manifest.files.map((file) => (file.path === 'admin.key' ? { ...file, sha256: '0'.repeat(64) } : file));
  t.match(await again({ files: lied }), /admin\.key is not what its manifest says/);
  t.equal(await again({}), 'no refusal');
});

t.test('a backup that cannot be made: said, nothing half-made is left, the next one succeeds', async (t) => {
  const { data, backups, make, told } = await openBackupRig(t);
  mkdirSync(join(data, 'backups'), { recursive: true });
  t.throws(() => backups.pathOf('fleet-a-20260101T000000Z.tar.zst'), { code: 'no-such-backup' });
  // The file of the copy cannot be written where a folder is.
  mkdirSync(join(data, 'backup-staging/fleet.sqlite'), { recursive: true });
  t.match(await make(), { problem: /copy the database/ });
  t.match(backups.view(), { failed: { problem: /copy the database/ }, last: null });
  t.match(told.at(-1)?.stand, { problem: /copy the database/ });
  t.notOk(existsSync(join(data, 'backup-staging')));
  t.match(await make(), { backup: String });
  t.match(backups.view(), { failed: null, last: { bytes: Number }, backups: [{ isScheduled: false }] });
});
