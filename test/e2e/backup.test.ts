// Backups by the CLI against a real coordinator: made, listed, fetched, encrypted, removed; the schedule; a coordinator that is killed while
// it makes one.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import t from 'tap';
import { startFleet, until } from '../fixtures/processes.ts';

const root = new URL('../..', import.meta.url).pathname;
t.setTimeout(240_000);

t.test('backups of a coordinator that works', async (t) => {
  const fleet = await startFleet(t, { args: ['--backup-schedule', 'none'] });
  const data = join(fleet.folder, 'coordinator');
  const cli = (...words: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      execFile(join(root, 'bin/fleet'), [...words, '--data', data], (error, stdout, stderr) =>
        resolve({ code: (error?.code as unknown as number) ?? 0, stdout, stderr }),
      );
    });
  t.match(await cli('backup', 'list'), { code: 0, stdout: /There is none yet/ });
  const made = await cli('backup');
  t.equal(made.stderr, '');
  t.match(made, { code: 0, stdout: /has the keys of the fleet in it and is not encrypted/ });
  const [plain] = (await fleet.client.call('backups')).backups;
  t.equal(statSync(join(data, 'backups', plain?.name as string)).mode & 0o077, 0, 'nobody else reads it');

  const identity = await generateIdentity();
  const identityFile = join(fleet.folder, 'identity.txt');
  writeFileSync(identityFile, `# of this test\n${identity}\n`);
  const to = join(fleet.folder, 'elsewhere.tar.zst.age');
  const encrypted = await cli('backup', '--age', await identityToRecipient(identity), '--to', to, '--json');
  t.equal(encrypted.stderr, '');
  t.match(JSON.parse(encrypted.stdout), { path: to, isEncrypted: true });
  t.match(await cli('backup', 'verify', to), { code: 2, stderr: /is encrypted: give the file/ });
  t.match(await cli('backup', 'verify', to, '--age-identity', identityFile), {
    code: 0,
    stdout: /every hash is right/,
  });
  t.match(await cli('backup', '--age', 'nonsense'), { code: 2, stderr: /age/ });
  t.match(await cli('backup', 'get', plain?.name as string, '--to', `${fleet.folder}/`), { code: 0 });
  t.ok(existsSync(join(fleet.folder, plain?.name as string)));
  t.match(await cli('backup', 'get', 'fleet-x-20260101T000000Z.tar.zst'), { code: 4 });
  t.match(await cli('backup', 'delete', plain?.name as string), { code: 0 });
  t.notOk(existsSync(join(data, 'backups', plain?.name as string)));
  const actions = (await fleet.client.call('audit', { query: { limit: 50 } })).map(({ action }) => action);
  for (const action of ['backup-create', 'backup-fetch', 'backup-delete'] as const)
    t.ok(actions.includes(action), action);
  const events = await fleet.client.call('events', { query: { type: 'backup-made', limit: 5 } });
  t.match(events[0], { severity: 'info', params: { backup: /^fleet-/ } });
  const metrics = await fleet.client.call('metrics');
  t.match(String(metrics), /blackroad_backup_last_success_seconds 1\d{9}/);
  t.match(String(metrics), /blackroad_backup_failed 0/);

  await t.test('killed while one is made: nothing half-made is left by the next start', async (t) => {
    await fleet.client.call('backupCreate', { body: {} });
    await until('it has begun', async () => existsSync(join(data, 'backup-staging')), 10_000).catch(() => {});
    await fleet.restartCoordinator('SIGKILL');
    t.notOk(existsSync(join(data, 'backup-staging')));
    t.strictSame(
      readdirSync(join(data, 'backups')).filter((name) => name.endsWith('.part')),
      [],
    );
    t.match(await cli('backup'), { code: 0 });
  });
});

t.test('the schedule makes them, and removes all but the newest of the day; those of a person stay', async (t) => {
  const args = ['--backup-schedule', '*/2 * * * * *', '--backup-keep-days', '1', '--backup-keep-weeks', '0'];
  const fleet = await startFleet(t, { args });
  const made = () => fleet.client.call('events', { query: { type: 'backup-made', limit: 50 } });
  const scheduled = async () => (await made()).filter(({ params }) => String(params.backup).includes('-scheduled'));
  await until('one was scheduled', async () => (await scheduled()).length >= 1, 60_000);
  await until(
    'a person makes one',
    () => fleet.client.call('backupCreate', { body: {} }).then(({ underWay }) => underWay !== null),
    60_000,
  );
  await until('three were scheduled', async () => (await scheduled()).length >= 3, 120_000);
  const { backups, nextMs } = await fleet.client.call('backups');
  t.ok(backups.filter(({ isScheduled }) => isScheduled).length <= 2, 'the newest, and one that is just made');
  t.ok(backups.some(({ isScheduled }) => !isScheduled));
  t.type(nextMs, 'number');
});
