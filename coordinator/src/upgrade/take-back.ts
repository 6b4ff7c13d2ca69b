// The way back of the database. Called at a start of the coordinator, after a restore was finished and before anything is opened: when this is
// the release of before an upgrade that did not stay, and the newer one has changed the schema, the copy of before comes back, by the road of a
// restore, which a crash may interrupt. In: the home of the upgrades. Out: the data folder as this release can read it.
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@blackroad/std/log';
import { syncFolder } from '@blackroad/std/sync-folder';
import { saveWhole } from '@blackroad/std/whole-file';
import Sqlite from 'better-sqlite3';
import { load as loadVectors } from 'sqlite-vec';
import { asideName, restoredName, restoringName } from '../backup/content.ts';
import { finish, holdData, type RestoredMark, settingAside } from '../backup/finish.ts';
import { databaseName } from '../backup/manifest.ts';
import { newestVersion, schemaVersion } from '../store/sqlite/migrations.ts';
import type { UpgradeHome } from './upgrade-home.ts';

/** Says whose the folder of a restore is: a restore by hand that was interrupted leaves such a folder, too. */
const ofUpgrade = 'of-upgrade';

interface TakeBack {
  data: string;
  home: UpgradeHome;
  version: string;
  lineage: string;
  nowMs: number;
  log: Log;
}

/** Returns whether the database is that of before the upgrade. */
export async function takeBackDatabase({ data, home, version, lineage, nowMs, log }: TakeBack): Promise<boolean> {
  const record = home.record(log);
  if (!record || record.from !== version || !['switching', 'soaking', 'going-back'].includes(record.state))
    return false;
  const lock = holdData(data);
  try {
    const staging = join(data, restoringName);
    const fresh = join(staging, 'fresh');
    const moved = join(fresh, databaseName);
    const isMoved = existsSync(join(staging, ofUpgrade)) && existsSync(moved);
    if (!isMoved && (!existsSync(home.copy) || schemaIn(join(data, databaseName)) <= newestVersion)) return false;
    if (!isMoved) await rm(staging, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    await saveWhole(join(staging, ofUpgrade), record.version);
    // Before it soaked, the newer release had spoken with nobody: the fleet stands as it did when the copy was made.
    if (record.state !== 'switching') {
      const mark: RestoredMark = { lineage, backupMs: record.copiedMs, restoredMs: nowMs, version };
      await saveWhole(join(fresh, restoredName), JSON.stringify(mark));
    }
    if (!isMoved) await rename(home.copy, moved);
    syncFolder(home.dir);
    syncFolder(fresh);
    const aside = asideName(nowMs);
    const only = [databaseName, `${databaseName}-wal`, `${databaseName}-shm`];
    await saveWhole(join(staging, settingAside), JSON.stringify({ aside, only }));
    await finish(data);
    log.warn({ version: record.version, aside }, 'the database is again that of before the upgrade');
    return true;
  } finally {
    lock.release();
  }
}

/** 0: it cannot be read, which the store says in its own words. */
function schemaIn(path: string): number {
  if (!existsSync(path)) return 0;
  try {
    const db = new Sqlite(path);
    try {
      loadVectors(db);
      return schemaVersion(db);
    } finally {
      db.close();
    }
  } catch {
    return 0;
  }
}
