// Restores into real folders: what is refused, what is set aside, and that a kill at any moment leaves the old folder or the new one.
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetError } from '@blackroad/protocol';
import Sqlite from 'better-sqlite3';
import t from 'tap';
import { openBackupRig } from '../../../test/fixtures/coordinator/backup-rig.ts';
import { eventOf, nodeRow } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { programOf } from '../../../test/fixtures/processes.ts';
import { holdFile } from '../store/sqlite/file-lock.ts';
import { finishRestore } from './finish.ts';
import { restore } from './restore.ts';

t.setTimeout(240_000);
const entry = programOf('coordinator/src/main.ts');

const rig = await openBackupRig(t);
const { folder, store, backups } = rig;
await store.commit([{ type: 'node', row: nodeRow('alice') }]);
for (let n = 0; n < 300; n++) await store.commit([{ type: 'event', row: eventOf(`${n} ${'x'.repeat(20_000)}`) }]);
const { path: archive } = backups.pathOf(((await rig.make()) as { backup: string }).backup);
const order = (data: string, replace = false) => ({
  ...{ archive, identities: null, data, replace, lineage: 'a'.repeat(32), nowMs: 1_790_000_000_000 },
});
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'no refusal',
    (error: FleetError) => error.message,
  );

/** A folder in use by another fleet, with a model cache and backups of its own. */
function otherFleet(name: string): string {
  const data = join(folder, name);
  for (const sub of ['ca', 'model-cache', 'backups', 'images']) mkdirSync(join(data, sub), { recursive: true });
  const db = new Sqlite(join(data, 'fleet.sqlite'));
  db.exec('CREATE TABLE other (x)');
  db.close();
  writeFileSync(join(data, 'ca/ca.key'), 'another key');
  writeFileSync(join(data, 'only-here'), 'a file that no backup has');
  writeFileSync(join(data, 'model-cache/blob'), 'weights');
  writeFileSync(join(data, 'images/one'), 'image');
  return data;
}
function stateOf(data: string): 'old' | 'new' | string {
  const key = readFileSync(join(data, 'ca/ca.key'), 'utf8');
  const db = new Sqlite(join(data, 'fleet.sqlite'), { readonly: true });
  const tables = new Set(db.prepare('SELECT name FROM sqlite_master').pluck().all());
  const isWhole = db.pragma('integrity_check', { simple: true }) === 'ok';
  db.close();
  const isNew = key === 'the key of the CA' && tables.has('node') && !existsSync(join(data, 'only-here'));
  const isOld = key === 'another key' && tables.has('other') && existsSync(join(data, 'only-here'));
  const isClean = !existsSync(join(data, 'restoring'));
  if (isNew && isWhole && isClean && existsSync(join(data, 'restored.json'))) return 'new';
  return isOld && isWhole && !existsSync(join(data, 'restored.json'))
    ? 'old'
    : `${key}, ${[...tables]}, ${readdirSync(data)}`;
}

t.test('into an empty folder; what is refused', async (t) => {
  const data = join(folder, 'empty');
  const { manifest, aside } = await restore(order(data));
  t.equal(aside, null);
  t.equal(manifest.counts.nodes, 1);
  t.match(JSON.parse(readFileSync(join(data, 'restored.json'), 'utf8')), {
    lineage: 'a'.repeat(32),
    backupMs: manifest.atMs,
  });
  t.match(await refusal(restore(order(data))), /is not empty.*with --replace what is there is set aside, not deleted/);
  const lock = holdFile(join(data, 'fleet.sqlite'));
  t.match(await refusal(restore(order(data, true))), /A coordinator, or another restore, uses .*Stop it first/);
  lock.release();
  const other = otherFleet('refuses');
  const cut = join(folder, 'cut.tar.zst');
  writeFileSync(cut, readFileSync(archive).subarray(0, -20));
  t.match(await refusal(restore({ ...order(other, true), archive: cut })), /is damaged/);
  t.equal(stateOf(other), 'old', 'nothing was touched');
  t.notOk(existsSync(join(other, 'restoring')), 'and nothing is left of the try');
});

t.test('in place of another fleet: that one is set aside, the model cache and the backups stay', async (t) => {
  const data = otherFleet('replaced');
  const { aside } = await restore(order(data, true));
  t.equal(stateOf(data), 'new');
  t.equal(readFileSync(join(data, 'model-cache/blob'), 'utf8'), 'weights');
  t.equal(readFileSync(join(data, 'images/one'), 'utf8'), 'image');
  t.equal(readFileSync(join(aside as string, 'ca/ca.key'), 'utf8'), 'another key');
  t.strictSame(readdirSync(aside as string).sort(), ['ca', 'fleet.sqlite', 'only-here']);
});

t.test('a crash between any two of its steps is finished by the next start', async (t) => {
  // The folder as it is when the checks are through: every name that moves later is one more step.
  const ready = otherFleet('ready');
  const staged = join(folder, 'staged');
  await restore(order(staged));
  mkdirSync(join(ready, 'restoring'), { recursive: true });
  cpSync(staged, join(ready, 'restoring/fresh'), { recursive: true });
  rmSync(join(ready, 'restoring/fresh/fleet.sqlite-lock'), { force: true });
  writeFileSync(join(ready, 'restoring/setting-aside.json'), '{"aside":"before-restore-x"}');
  const old = ['ca', 'fleet.sqlite', 'only-here'];
  const fresh = readdirSync(join(ready, 'restoring/fresh'));
  for (let steps = 0; steps <= old.length + 1 + fresh.length; steps++) {
    const data = join(folder, `crash-${steps}`);
    cpSync(ready, data, { recursive: true });
    mkdirSync(join(data, 'before-restore-x'), { recursive: true });
    for (const name of old.slice(0, steps)) renameSync(join(data, name), join(data, 'before-restore-x', name));
    if (steps > old.length)
      renameSync(join(data, 'restoring/setting-aside.json'), join(data, 'restoring/moving-in.json'));
    for (const name of fresh.slice(0, Math.max(0, steps - old.length - 1)))
      renameSync(join(data, 'restoring/fresh', name), join(data, name));
    t.equal(await finishRestore(data), true);
    t.equal(stateOf(data), 'new', `after ${steps} steps`);
    t.strictSame(readdirSync(join(data, 'before-restore-x')).sort(), old);
    t.equal(await finishRestore(data), false);
    rmSync(data, { recursive: true });
  }
});

t.test('killed at moments of the whole run', async (t) => {
  const seen = new Map<string, number>();
  for (let tries = 0; tries < 8; tries++) {
    const data = otherFleet(`killed-${tries}`);
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', entry, 'restore', archive, '--data', data, '--replace', '--json'],
      { stdio: 'ignore' },
    );
    const ended = new Promise((resolve) => child.once('close', resolve));
    // Its start takes most of the time; from the first sign of its work on it is killed later and later.
    while (!existsSync(join(data, 'restoring')) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 2));
    await new Promise((resolve) => setTimeout(resolve, tries * 60));
    child.kill('SIGKILL');
    await ended;
    await finishRestore(data);
    const state = stateOf(data);
    seen.set(state, (seen.get(state) ?? 0) + 1);
    t.ok(state === 'old' || state === 'new', state);
    await restore(order(data, true));
    t.equal(stateOf(data), 'new', 'the next restore succeeds');
    rmSync(data, { recursive: true });
  }
  t.comment(JSON.stringify([...seen]));
});
