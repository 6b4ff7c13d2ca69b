// Files that are kept in a folder by their SHA-256, each with what is known of it beside it. In: the folder after a start. Out: what is known of the
// files that are whole; what else a power cut has left of ours is removed.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { explain } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import type { Static, TSchema } from 'typebox';

export async function readKept<S extends TSchema>(dir: string, schema: S, log: Log): Promise<Map<string, Static<S>>> {
  const rows = new Map<string, Static<S>>();
  const names = await readdir(dir);
  for (const name of names) {
    const sha256 = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
    if (sha256 === undefined || !names.includes(sha256)) continue;
    try {
      const row: unknown = JSON.parse(await readFile(join(dir, name), 'utf8'));
      const fault = explain(schema, row);
      if (fault !== '' || (row as { sha256?: string }).sha256 !== sha256)
        throw new Error(fault || 'it is of another file');
      rows.set(sha256, row as Static<S>);
    } catch (error) {
      const file = join(dir, name);
      log.warn({ file, problem: (error as Error).message }, 'what is known of a kept file is damaged: it is removed');
    }
  }
  for (const name of names) {
    const isOurs = /^[0-9a-f]{64}(\.json(\.\d+\.new)?)?$|^coming-[0-9a-f-]+\.new$/.test(name);
    if (isOurs && (!rows.has(name.slice(0, 64)) || name.endsWith('.new'))) await rm(join(dir, name), { force: true });
  }
  return rows;
}
