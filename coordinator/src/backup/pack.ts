// Makes the file of a backup of a copy of the database and the other files of the data folder. It runs in a process of its own, at a low
// priority. In: where they are. Out: a file that is whole and on the disk, or none.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { syncFolder } from '@blackroad/std/sync-folder';
import Sqlite from 'better-sqlite3';
import { writeArchive } from './archive.ts';
import { filesToKeep } from './content.ts';
import { objectsElsewhere } from './elsewhere.ts';
import { type BackedUpFile, databaseName, type Manifest, manifestName, manifestOf } from './manifest.ts';

export interface PackOrder {
  data: string;
  /** A folder with a copy of the database; the other files are copied there too. */
  staging: string;
  /** Folders within the data folder that are left out. */
  without: string[];
  /** Files from elsewhere, by their names in the backup; one that the data folder has of this name goes before it. */
  further: Record<string, string>;
  target: string;
  recipients: string[];
  fleet: string;
  version: string;
  atMs: number;
}

export async function pack(order: PackOrder): Promise<{ bytes: number; manifest: Manifest }> {
  const { data, staging, target, recipients } = order;
  const about = describe(join(staging, databaseName));
  const kept = await filesToKeep(data, order.without);
  const paths = [...kept.map((path) => [path, join(data, path)] as const)];
  for (const [name, path] of Object.entries(order.further)) if (!kept.includes(name)) paths.push([name, path]);
  const files = [await hashed(staging, databaseName)];
  for (const [name, path] of paths) {
    const copy = join(staging, name);
    await mkdir(dirname(copy), { recursive: true, mode: 0o700 });
    // A copy: it does not grow while it is hashed and packed.
    if (await copied(path, copy)) files.push(await hashed(staging, name));
  }
  const { fleet, version, atMs } = order;
  const elsewhere = await objectsElsewhere(staging, files);
  const manifest = manifestOf({ fleet, version, atMs, ...about, ...(elsewhere ? { elsewhere } : {}), files });
  await writeFile(join(staging, manifestName), `${JSON.stringify(manifest, null, 1)}\n`, { mode: 0o600 });
  const part = `${target}.part`;
  try {
    await writeArchive(staging, [manifestName, ...files.map(({ path }) => path)], part, recipients);
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  syncFolder(dirname(target));
  return { bytes: (await stat(target)).size, manifest };
}

/** False: the file was removed in the same moment. */
async function copied(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function hashed(folder: string, path: string): Promise<BackedUpFile> {
  const hash = createHash('sha256');
  const file = join(folder, path);
  await pipeline(createReadStream(file), hash);
  return { path, bytes: (await stat(file)).size, sha256: hash.digest('hex') };
}

/** Also makes the copy one file: that of a database in WAL mode would be opened with two beside it. */
function describe(path: string): Pick<Manifest, 'schema' | 'counts'> {
  const db = new Sqlite(path);
  try {
    db.pragma('journal_mode = DELETE');
    const count = (table: string) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
    return {
      schema: db.prepare('SELECT max(version) FROM schema_migration').pluck().get() as number,
      counts: {
        nodes: count('node'),
        agents: count('agent'),
        tasks: count('task'),
        memories: count('memory_entry'),
      },
    };
  } finally {
    db.close();
  }
}
