// Links and notes in a folder that a program and its launcher, a page of shell, both read: which release is started, on what terms. A link or
// a note is replaced by a rename, so that a power cut leaves the old one or the new one.
import { readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from './sync-folder.ts';
import { saveWhole } from './whole-file.ts';

interface SmallRecords<Link extends string, Note extends string> {
  /** Where a link leads; null: there is none. */
  target(link: Link): string | null;
  pointTo(link: Link, to: string): void;
  unlink(link: Link): void;
  /** Its text; null: there is none. */
  note(name: Note): string | null;
  writeNote(name: Note, text: string): Promise<void>;
  removeNote(name: Note): void;
}

export function smallRecords<Link extends string, Note extends string>(dir: string): SmallRecords<Link, Note> {
  const at = (name: string) => join(dir, name);
  const remove = (name: string) => {
    rmSync(at(name), { force: true });
    syncFolder(dir);
  };
  return {
    target: (link) => linkTarget(at(link)),
    pointTo(link, to) {
      const beside = at(`${link}.new`);
      rmSync(beside, { force: true });
      symlinkSync(to, beside);
      renameSync(beside, at(link));
      syncFolder(dir);
    },
    unlink: remove,
    note(name) {
      try {
        return readFileSync(at(name), 'utf8').trim();
      } catch {
        return null;
      }
    },
    writeNote: (name, text) => saveWhole(at(name), `${text}\n`),
    removeNote: remove,
  };
}

/** Where a link leads; null: it is none. */
export function linkTarget(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
