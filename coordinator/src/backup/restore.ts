// Puts a backup into a data folder. Everything is unpacked and checked beside what is there; then one small file says that it is to be, and
// from that moment on it will: by this process, or by the next start of the coordinator after a crash. What was there is set aside, never
// deleted. In: a backup, a folder that no coordinator uses. Out: the data folder as it was when the backup was made, with a file that tells
// the coordinator so.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import { syncFolder } from '@blackroad/std/sync-folder';
import { saveWhole } from '@blackroad/std/whole-file';
import Sqlite from 'better-sqlite3';
import { load as loadVectors } from 'sqlite-vec';
import { holdFile } from '../store/sqlite/file-lock.ts';
import { damaged } from './archive.ts';
import { asidePrefix, restoredName, restoringName, staysInPlace } from './content.ts';
import { databaseName, type Manifest } from './manifest.ts';
import { unpack } from './unpack.ts';

/** Says which backup the coordinator was restored from, until it has taken that in. */
interface RestoredMark {
  /** Another one for each restore: nodes that hear of it bring what they have. */
  lineage: string;
  /** When the backup was made. */
  backupMs: number;
  restoredMs: number;
  version: string;
}
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

/** The two states of a restore that will be finished: what is there goes aside, and then the new comes in. */
const settingAside = 'setting-aside.json';
const movingIn = 'moving-in.json';

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
    const asideName = `${asidePrefix}${new Date(nowMs)
      .toISOString()
      .replace(/\.\d+Z$/, 'Z')
      .replace(/[-:]/g, '')}`;
    await saveWhole(join(staging, settingAside), JSON.stringify({ aside: asideName }));
    await finish(data);
    return { manifest, aside: before.length > 0 ? join(data, asideName) : null };
  } finally {
    lock.release();
  }
}

/**
 * Called at a start of the coordinator, before it opens anything: finishes a restore that a crash interrupted after its checks. Returns
 * whether there was one.
 */
export async function finishRestore(data: string): Promise<boolean> {
  const staging = join(data, restoringName);
  if (![settingAside, movingIn].some((name) => existsSync(join(staging, name)))) return false;
  const lock = holdData(data);
  try {
    await finish(data);
    return true;
  } finally {
    lock.release();
  }
}

/** Which backup the data folder was restored from since the last start of the coordinator; null: it was not. */
export function readRestored(data: string): RestoredMark | null {
  try {
    return JSON.parse(readFileSync(join(data, restoredName), 'utf8')) as RestoredMark;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
/** The coordinator has stored that it was restored. */
export function forgetRestored(data: string): void {
  rmSync(join(data, restoredName), { force: true });
}

function holdData(data: string): { release(): void } {
  try {
    return holdFile(join(data, databaseName));
  } catch (cause) {
    throw new FleetError(
      'conflict',
      { detail: `A coordinator, or another restore, uses ${data}. Stop it first.` },
      { cause },
    );
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

/** Each step may be done again: a crash at any moment leaves one of the two states, and the names that are not moved yet. */
async function finish(data: string): Promise<void> {
  const staging = join(data, restoringName);
  if (existsSync(join(staging, settingAside))) {
    const { aside } = JSON.parse(await readText(join(staging, settingAside))) as { aside: string };
    for (const name of await readdir(data)) {
      if (staysInPlace(name)) continue;
      await mkdir(join(data, aside), { recursive: true, mode: 0o700 });
      await rename(join(data, name), join(data, aside, name));
    }
    syncFolder(data);
    await rename(join(staging, settingAside), join(staging, movingIn));
    syncFolder(staging);
  }
  if (!existsSync(join(staging, movingIn))) return;
  // A folder that stays in place may be in a backup as well: what is there wins.
  for (const name of await readdir(join(staging, 'fresh')))
    if (!existsSync(join(data, name))) await rename(join(staging, 'fresh', name), join(data, name));
  syncFolder(data);
  await rm(staging, { recursive: true, force: true });
  syncFolder(data);
}

async function readText(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name));
  syncFolder(folder);
}
