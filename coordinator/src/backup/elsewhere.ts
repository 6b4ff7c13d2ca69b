// What a backup says of objects that are in an object store: they are not in it, and a restore needs that store. In: the files of the backup, among
// them the marks of the objects. Out: how many are there, and where.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readObjectMark } from '../state/object-mark.ts';
import type { BackedUpFile, Manifest } from './manifest.ts';

/** `folder`: with copies of the files. Null: none is elsewhere. */
export async function objectsElsewhere(
  folder: string,
  files: readonly Pick<BackedUpFile, 'path'>[],
): Promise<NonNullable<Manifest['elsewhere']> | null> {
  const objects = files.filter(({ path }) => path.startsWith('objects/'));
  const here = new Set(objects.map(({ path }) => basename(path)));
  let [count, bytes] = [0, 0];
  for (const { path } of objects) {
    const found = readObjectMark(basename(path));
    if (found?.mark !== 'there' || here.has(found.sha256)) continue;
    count++;
    bytes += found.bytes;
  }
  return count === 0 ? null : { where: await whereIn(folder), count, bytes };
}

async function whereIn(folder: string): Promise<string> {
  try {
    const { where } = JSON.parse(await readFile(join(folder, 'objects/store.json'), 'utf8')) as { where?: unknown };
    return typeof where === 'string' ? where.slice(0, 500) : 'an object store';
  } catch {
    return 'an object store';
  }
}
