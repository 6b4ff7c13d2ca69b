// Damaged files of the data folder (by a power cut, a worn card or a person): each is renamed for a person to inspect, and a new one is
// begun; the coordinator sends its content again, or the node learns it again. A folder in place of a file is not damage (Docker creates
// one where a mounted file is missing): it is left unchanged and reported in one sentence.
import { existsSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import type Database from 'better-sqlite3';

/** Called with words on a damaged file: for the log, and as an event of the node. */
export type OnDamage = (text: string) => void;

/** All files that a node keeps in its data folder under a fixed name, except its identity. */
export const dataFiles = [
  'assignment.sqlite',
  'journal.db',
  'index.db',
  'outbox.sqlite',
  'learned.json',
  'kept.json',
] as const;
const databaseParts = ['', '-wal', '-shm', '-journal', '-unfinished'];
/** A database of at most this size is read completely at the start: half a second on an SD card. Of a larger one only the tables are. */
const maxReadBytes = 32 * 1024 * 1024;

/** Throws `storage-failed` where a folder is in place of a file. */
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

/** Renames a file, with those that SQLite keeps beside it. Returns its new name. */
export function setAside(path: string, nowMs: number): string {
  const aside = `${path}.damaged-${Math.floor(nowMs)}`;
  for (const part of databaseParts) if (existsSync(path + part)) renameSync(path + part, aside + part);
  return aside;
}

/** Throws an error that `isDamage` recognises when the pages of the database do not fit together. */
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
/** The content of a file makes no sense. */
export class DamageError extends Error {}
export function isDamage(error: unknown): boolean {
  return error instanceof DamageError || /^SQLITE_(CORRUPT|NOTADB)/.test((error as { code?: string }).code ?? '');
}

/** Opens a database with `open`; a damaged one is set aside and a new one begun. */
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
