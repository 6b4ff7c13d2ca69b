// The folder of an installation that updates itself, as the launcher reads it too (node-agent/launch):
//   releases/<version>   unpacked and verified; never changed afterwards
//   current              a link to the one that is started
//   previous             a link to the one before, where the way back leads
//   trial                a link to the same as `current`, while that has not confirmed itself
//   trial-limit          seconds after which the launcher ends a release on trial
//   went-back            why the way back was taken, in words
// Each link is replaced by a rename, so that a power cut leaves the old one or the new one.
import { readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '@blackroad/std/sync-folder';
import { saveWhole } from '@blackroad/std/whole-file';

type LinkName = 'current' | 'previous' | 'trial';
type NoteName = 'trial-limit' | 'went-back' | 'trial-starts';

export interface ReleaseHome {
  readonly dir: string;
  /** The folder of a release. */
  folderOf(version: string): string;
  /** The version that a link names; null: there is no such link. */
  linked(name: LinkName): string | null;
  point(name: LinkName, version: string): void;
  unlink(name: LinkName): void;
  note(name: NoteName): string | null;
  writeNote(name: NoteName, text: string): Promise<void>;
  removeNote(name: NoteName): void;
}

const releases = 'releases';

export function openHome(dir: string): ReleaseHome {
  const at = (name: string) => join(dir, name);
  return {
    dir,
    folderOf: (version) => join(dir, releases, version),
    linked(name) {
      try {
        const target = readlinkSync(at(name));
        return target.startsWith(`${releases}/`) ? target.slice(releases.length + 1) : null;
      } catch {
        return null;
      }
    },
    point(name, version) {
      const beside = at(`${name}.new`);
      rmSync(beside, { force: true });
      symlinkSync(`${releases}/${version}`, beside);
      renameSync(beside, at(name));
      syncFolder(dir);
    },
    unlink(name) {
      rmSync(at(name), { force: true });
      syncFolder(dir);
    },
    note(name) {
      try {
        return readFileSync(at(name), 'utf8').trim();
      } catch {
        return null;
      }
    },
    writeNote: (name, text) => saveWhole(at(name), `${text}\n`),
    removeNote(name) {
      rmSync(at(name), { force: true });
      syncFolder(dir);
    },
  };
}
