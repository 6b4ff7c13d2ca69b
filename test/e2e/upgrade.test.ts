// The coordinator upgrades itself, with real releases, the real launcher and a node: a good one stays and may be taken back; one that does not
// start, or is not well, is taken back by itself, with the database as it was; killed at any moment it ends on one of the two.
import { existsSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { newestVersion } from '../../coordinator/src/store/sqlite/migrations.ts';
import { type Edit, type Installed, openReleaseRig } from '../fixtures/coordinator/coordinator-release.ts';
import { startProcess, until } from '../fixtures/processes.ts';

t.setTimeout(600_000);
if (process.platform !== 'linux') {
  t.plan(0, 'there is no release for this system');
  process.exit();
}
const rig = openReleaseRig(t);
const migrated: Edit = {
  file: 'coordinator/src/store/sqlite/migrations.ts',
  find: '];\n\nexport const newestVersion',
  put: `  { version: ${newestVersion + 1}, name: 'of the future', sql: 'CREATE TABLE future (id TEXT)' },\n];\n\nexport const newestVersion`,
};
const main = 'coordinator/src/main.ts';
const endsAfterMigration: Edit = {
  file: main,
  find: '  if (home) await enterUpgrade(',
  put: '  process.exit(9);\n  if (home) await enterUpgrade(',
};
const refusesNodes: Edit = {
  file: main,
  find: '    const admitted = admit(',
  put: "    if (claim.kind === 'node') return { as: 'refused', reason: 'unknown-node' } as never;\n    const admitted = admit(",
};
const newer = newestVersion + 1;
const base = await rig.build('1.0.0');
const good = await rig.build('2.0.0', [migrated], newer);

let installations = 0;
async function installed(t: Test, soakSeconds = 2): Promise<Installed> {
  const here = await rig.installed(t, base, soakSeconds);
  installations++;
  t.equal(await here.version(), '1.0.0');
  return here;
}
async function withNode(t: Test, { client, data }: Installed): Promise<void> {
  const body = { uses: 1, expiresSeconds: 3600, address: '127.0.0.1' };
  const { token } = await client().call('joinTokenCreate', { body });
  const at = join(data, '..', `${installations}-nodes`);
  const words = `--data ${at} --simulate 1 --profile lab --seed 1`.split(' ');
  await startProcess(t, 'node-agent/src/main.ts', ['simulate', token, ...words]);
  await until('the node is online', async () =>
    (await client().call('nodes')).some(({ presence }) => presence === 'online'),
  );
}
const over = ['committed', 'rolled-back', 'failed'];
const agentNames = async (here: Installed) => (await here.client().call('agents')).map(({ name }) => name);
const apply = (here: Installed, name: string) =>
  here
    .client()
    .call('agentApply', { params: { agent: name }, body: { name, model: ['auto'], instructions: 'Echo.' } as never });

t.test('a good release, and the way back when it has stayed', async (t) => {
  const here = await installed(t);
  await withNode(t, here);
  await apply(here, 'before');
  t.match(await here.cli('upgrade', '--check'), {
    code: 0,
    stdout: /There is no release here that is newer than 1\.0\.0/,
  });
  t.match(await here.cli('upgrade'), { code: 4, stderr: /no release of blackroad-coordinator here that is newer/ });
  t.match(await here.cli('releases', 'add', good), { code: 0 });
  const check = await here.cli('upgrade', '--check');
  t.match(check, { code: 0, stdout: new RegExp(`1\\.0\\.0 -> 2\\.0\\.0[^]*schema ${newestVersion} -> ${newer}`) });
  t.equal(await here.version(), '1.0.0', 'a check changes nothing');
  const upgraded = await here.cli('upgrade');
  t.match(upgraded, { code: 0, stdout: /runs 2\.0\.0, which stays/ }, upgraded.stderr);
  t.equal(await here.version(), '2.0.0');
  t.equal(here.schema(), newer);
  t.ok(readdirSync(join(here.data, 'backups')).length === 1, 'a backup was made before');
  t.same(await agentNames(here), ['before']);
  await until('its node answers again', async () =>
    (await here.client().call('nodes')).some(({ presence }) => presence === 'online'),
  );
  const told = (await here.client().call('events', { query: { type: 'coordinator-upgrade', limit: 20 } })).map(
    ({ params }) => params.state,
  );
  t.same(told.reverse(), ['preparing', 'backing-up', 'switching', 'soaking', 'committed']);
  const audit = (await here.client().call('audit', { query: { limit: 50 } })).find(
    ({ action }) => action === 'upgrade-start',
  );
  t.match(audit, { subject: 'blackroad-coordinator 2.0.0' });
  await apply(here, 'since');

  t.match(await here.cli('upgrade', 'back'), { code: 1, stderr: /--lose/ });
  t.equal(await here.version(), '2.0.0');
  const back = await here.cli('upgrade', 'back', '--lose');
  t.match(back, { code: 0, stdout: /runs 1\.0\.0 again/ }, back.stderr);
  t.equal(await here.version(), '1.0.0');
  t.equal(here.schema(), newestVersion);
  t.same(await agentNames(here), ['before'], 'the database is that of before');
  const aside = readdirSync(here.data).find((name) => name.startsWith('before-restore-'));
  t.ok(aside && existsSync(join(here.data, aside, 'fleet.sqlite')), 'the newer one is set aside');
  t.ok(existsSync(join(here.data, 'ca')), 'and nothing else');
  t.ok((await here.client().call('restoreReport')).restored, 'nodes are told that it is older than they are');
  await until('its node comes back', async () =>
    (await here.client().call('nodes')).some(({ presence }) => presence === 'online'),
  );
  t.match(await here.cli('upgrade', 'back'), { code: 1, stderr: /no release to go back to/ });
});

const bad: Record<string, [edits: Edit[], why: RegExp, isMigrated: boolean]> = {
  'does not start': [
    [
      {
        file: main,
        find: 'async function main(',
        put: "if (process.argv[2] !== '--version') process.exit(7);\nasync function main(",
      },
    ],
    /it ended 3 times/,
    false,
  ],
  'ends after it has changed the database': [[migrated, endsAfterMigration], /it ended 3 times/, true],
  'does not let nodes in': [[migrated, refusesNodes], /0 of 1 nodes that were online before are online/, true],
};
for (const [name, [edits, why, isMigrated]] of Object.entries(bad))
  t.test(`one that ${name}`, async (t) => {
    const here = await installed(t, 1);
    if (name.includes('nodes')) await withNode(t, here);
    await apply(here, 'before');
    const archive = await rig.build('2.1.0', edits, isMigrated ? newer : newestVersion);
    const outcome = await here.cli('upgrade', archive);
    t.match(outcome, { code: 1, stderr: why }, outcome.stdout);
    t.equal(here.state(), 'rolled-back');
    t.equal(await here.version(), '1.0.0');
    t.equal(here.schema(), newestVersion);
    t.same(await agentNames(here), ['before']);
    const [event] = await here.client().call('events', { query: { type: 'coordinator-upgrade', limit: 1 } });
    t.match(event, { severity: 'error', text: why });
    const { restored } = await here.client().call('restoreReport');
    t.equal(restored !== null, name.includes('nodes'), 'only one that has spoken with nodes leaves them ahead');
  });

t.test('what is refused changes nothing', async (t) => {
  const here = await installed(t);
  const older = await rig.build('0.9.0');
  t.match(await here.cli('releases', 'add', older), { code: 0 });
  t.match(await here.cli('upgrade', '0.9.0'), { code: 1, stderr: /older than 1\.0\.0.*--older/ });
  const strange = await rig.build('2.2.0', [], newestVersion - 1);
  t.match(await here.cli('upgrade', strange), { code: 1, stderr: /cannot read this database/ });
  t.match(await here.cli('releases', 'add', good), { code: 0 });
  const row = (await here.client().call('releases')).releases.find(({ version }) => version === '2.0.0');
  const path = join(here.data, 'releases', row?.sha256 as string);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
  t.match(await here.cli('upgrade', '2.0.0'), { code: 1, stderr: /the file was changed/ });
  t.equal(here.state(), 'failed');
  t.equal(here.service.starts(), 1, 'it was not even restarted');
  t.notOk(existsSync(join(here.data, 'upgrades/releases/2.0.0')));
});

t.test('killed after each change of its folder it ends on one of the two', async (t) => {
  const ends = new Map<string, number>();
  // There are about forty; EVERY=1 kills after each.
  for (let change = 1; ; change += process.env.EVERY ? 1 : 12) {
    const here = await installed(t, 1);
    await apply(here, 'before');
    t.match(await here.cli('releases', 'add', good), { code: 0 });
    let seen = 0;
    let isKilled = false;
    // A name that came, went, or leads elsewhere now.
    const watcher = watch(join(here.data, 'upgrades'), (type) => {
      if (type !== 'rename' || ++seen !== change) return;
      isKilled = true;
      process.kill(here.service.pid() as number, 'SIGKILL');
    });
    await here
      .client()
      .call('upgradeStart', { body: {} })
      .catch(() => {});
    // Before the first change nothing is known of it.
    const isNone = () => here.state() === undefined && here.service.starts() > 1;
    const state = await until(
      'it is over',
      async () => (isNone() ? 'none' : over.includes(here.state() ?? '') && here.state()),
      60_000,
    );
    watcher.close();
    const version = await here.version();
    t.equal(version, state === 'committed' ? '2.0.0' : '1.0.0', `after change ${change}: ${state}`);
    t.equal(here.schema(), state === 'committed' ? newer : newestVersion);
    t.same(await agentNames(here), ['before']);
    ends.set(state as string, (ends.get(state as string) ?? 0) + 1);
    await here.service.stop();
    if (!isKilled) break;
  }
  t.comment(JSON.stringify([...ends]));
  t.ok((ends.get('committed') ?? 0) > 1 && (ends.get('failed') ?? 0) > 1, 'killed before the switch and after it');
});

t.test('a person installs another base', async (t) => {
  const here = await installed(t, 1);
  const outcome = await here.cli('upgrade', good);
  t.equal(await here.version(), '2.0.0', outcome.stderr);
  rig.install(await rig.build('3.0.0', [migrated], newer), here.base);
  process.kill(here.service.pid() as number, 'SIGTERM');
  await until('it is started', async () => (await here.client().call('fleet')).version === '3.0.0', 60_000);
  t.notOk(existsSync(join(here.data, 'upgrades/current')));
});
