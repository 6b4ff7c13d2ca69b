// Puts a backup into a data folder. Everything is unpacked and checked beside what is there; then one small file says that it is to be, and
// from that moment on it will: by this process, or by the next start of the coordinator after a crash. What was there is set aside, never
// deleted. In: a backup, a folder that no coordinator uses. Out: the data folder as it was when the backup was made, with a file that tells
// the coordinator so.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import { syncFolder } from '@blackroad/std/sync-folder';
import { saveWhole } from '@blackroad/std/whole-file';
import Sqlite from 'better-sqlite3';
import { load as loadVectors } from 'sqlite-vec';
import { damaged } from './archive.ts';
import { asideName, restoredName, restoringName, staysInPlace } from './content.ts';
import { finish, holdData, type RestoredMark, settingAside } from './finish.ts';
import { databaseName, type Manifest } from './manifest.ts';
import { unpack } from './unpack.ts';

interface RestoreOrder {
  archive: string;
  identities: string | null;
  data: string;
  /** Whether a data folder that is in use may be replaced. */
  replace: boolean;
  lineage: string;
  nowMs: number;
}
interface Restored {
  manifest: Manifest;
  /** The folder with what was there before; null: there was nothing. */
  aside: string | null;
}

/** @throws FleetError in words for people; nothing of the data folder was touched then */
export async function restore(order: RestoreOrder): Promise<Restored> {
  const { archive, identities, data, replace, nowMs } = order;
  await mkdir(data, { recursive: true, mode: 0o700 });
  const lock = holdData(data);
  try {
    await finish(data);
    const before = (await readdir(data)).filter((name) => !staysInPlace(name));
    if (before.length > 0 && !replace)
      throw new FleetError('conflict', {
        detail: `${data} is not empty. Restore into another folder, or replace it: with --replace what is there is set aside, not deleted.`,
      });
    const staging = join(data, restoringName);
    // What an earlier try left, which was not through with its checks.
    await rm(staging, { recursive: true, force: true });
    const fresh = join(staging, 'fresh');
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    const manifest = await checked(archive, identities, fresh).catch(async (error) => {
      await rm(staging, { recursive: true, force: true });
      throw error;
    });
    const mark: RestoredMark = {
      lineage: order.lineage,
      backupMs: manifest.atMs,
      restoredMs: nowMs,
      version: manifest.version,
    };
    await saveWhole(join(fresh, restoredName), JSON.stringify(mark));
    await syncFolders(fresh);
    const aside = asideName(nowMs);
    await saveWhole(join(staging, settingAside), JSON.stringify({ aside }));
    await finish(data);
    return { manifest, aside: before.length > 0 ? join(data, aside) : null };
  } finally {
    lock.release();
  }
}

async function checked(archive: string, identities: string | null, fresh: string): Promise<Manifest> {
  const manifest = await unpack(archive, identities, fresh);
  const db = new Sqlite(join(fresh, databaseName), { readonly: true });
  try {
    loadVectors(db);
    const verdict = db.pragma('integrity_check(1)', { simple: true });
    if (verdict !== 'ok') throw damaged(archive, `its database fails the check of SQLite: ${String(verdict)}`);
  } finally {
    db.close();
  }
  return manifest;
}

async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name));
  syncFolder(folder);
}
