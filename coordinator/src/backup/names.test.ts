// The names of backups, and which scheduled ones are kept.
import t from 'tap';
import { backupName, outdated, readBackupName } from './names.ts';

const dayMs = 86_400_000;
/** A Wednesday. */
const today = Date.UTC(2026, 10, 25, 3, 30);

t.test('a name says the fleet, the time, who made it, and whether it is encrypted', async (t) => {
  const name = backupName('Küche & Garage!', today, { isScheduled: true, isEncrypted: true });
  t.equal(name, 'fleet-ku-che-garage-20261125T033000Z-scheduled.tar.zst.age');
  t.match(readBackupName(name), { atMs: today, isScheduled: true, isEncrypted: true });
  t.equal(
    backupName('車庫', today, { isScheduled: false, isEncrypted: false }),
    'fleet-fleet-20261125T033000Z.tar.zst',
  );
  for (const other of [
    'fleet.sqlite',
    `${name}.part`,
    '../fleet-a-20261125T033000Z.tar.zst',
    'fleet-a-20261325T033000Z.tar.zst',
  ])
    t.equal(readBackupName(other), null, other);
});

t.test('the newest of so many days and weeks stay, and all that a person made', async (t) => {
  const backups = [];
  for (let day = 0; day < 60; day++)
    for (const hours of [0, 6]) backups.push({ atMs: today - day * dayMs - hours * 3_600_000, isScheduled: true });
  const manual = { atMs: today - 50 * dayMs, isScheduled: false };
  const gone = new Set<object>(outdated([...backups, manual], { days: 3, weeks: 4 }));
  const left = backups.filter((backup) => !gone.has(backup)).map(({ atMs }) => (today - atMs) / dayMs);
  t.strictSame(
    left,
    [0, 0.25, 1.25, 2.25, 9.25, 16.25],
    'three days, and the Sundays of the three weeks before this one',
  );
  t.notOk(gone.has(manual));
  t.strictSame(outdated([{ atMs: 0, isScheduled: true }], { days: 1, weeks: 0 }), [], 'the newest of all stays');
});
