// Files of the data folder that a power cut, a worn card or a person damaged: each is set aside under a name of its own, for a person
// to look at, and begun anew; what was in it comes from the coordinator, or is learned again. A folder in place of a file is nobody's
// damage (Docker makes one where a mounted file lacks): it is left alone and said in one sentence.
import { existsSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import type Database from 'better-sqlite3';

/** What became of a damaged file, in words: for the log, and as an event of the node. */
export type OnDamage = (text: string) => void;

/** All that a node keeps in its data folder under a fixed name, beside its identity. */
export const dataFiles = ['assignment.sqlite', 'journal.db', 'index.db', 'outbox.sqlite', 'learned.json'] as const;
const databaseParts = ['', '-wal', '-shm', '-journal'];
/** Up to this size a database is read whole at the start: half a second on an SD card. Of a larger one the tables alone. */
const maxReadBytes = 32 * 1024 * 1024;

/** Throws `storage-failed` where a folder stands in place of a file. */
export function refuseFolders(dir: string): void {
  for (const name of dataFiles) {
    for (const part of databaseParts) {
      const path = join(dir, `${name}${part}`);
      if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) continue;
      const detail = `${path} is a folder, and the node-agent keeps a file there. Move the folder away and start again.`;
      throw new FleetError('storage-failed', { detail });
    }
  }
}

/** Moves a file out of the way, with what SQLite keeps beside it. Returns its new name. */
export function setAside(path: string, nowMs: number): string {
  const aside = `${path}.damaged-${Math.floor(nowMs)}`;
  for (const part of databaseParts) if (existsSync(path + part)) renameSync(path + part, aside + part);
  return aside;
}

/** Throws what `isDamage` knows when the pages of the database do not fit together. */
export function checkDatabase(db: Database.Database): void {
  const count = db.pragma('page_count', { simple: true }) as number;
  const size = db.pragma('page_size', { simple: true }) as number;
  if (count * size > maxReadBytes) {
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return;
  }
  const said = db.pragma('quick_check(1)', { simple: true }) as string;
  if (said !== 'ok') throw new DamageError(said);
}
/** What a file holds makes no sense. */
export class DamageError extends Error {}
export function isDamage(error: unknown): boolean {
  return error instanceof DamageError || /^SQLITE_(CORRUPT|NOTADB)/.test((error as { code?: string }).code ?? '');
}

/** Opens a database with `open`; a damaged one is set aside and begun anew. */
export function openSound(
  path: string,
  { nowMs, onDamage }: { nowMs: number; onDamage: OnDamage },
  open: (path: string) => Database.Database,
  consequence: string,
): Database.Database {
  try {
    return open(path);
  } catch (error) {
    if (!isDamage(error)) throw storageError(path, error);
    const aside = setAside(path, nowMs);
    onDamage(`${path} was damaged (${(error as Error).message}) and is set aside as ${aside}; ${consequence}`);
    return open(path);
  }
}
function storageError(path: string, cause: unknown): FleetError {
  const { code = '', message } = cause as { code?: string; message: string };
  const hint = code === 'SQLITE_BUSY' ? ' Another node-agent works in this folder.' : '';
  return new FleetError('storage-failed', { detail: `${path} cannot be opened: ${message}.${hint}` }, { cause });
}
