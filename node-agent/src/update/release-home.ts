// The folders of an installation that updates itself, as the launcher reads them too (node-agent/launch). In the home, which the installer
// wrote:
//   current              a link to the release that it has put there: the base
//   updates              a folder, or a link to one, that belongs to the user of this process
// and there:
//   releases/<version>   unpacked and verified; never changed afterwards
//   current              a link to the one that is started, or to the base; none: the base is started
//   previous             a link to the one before, where the way back leads
//   trial                a link to the same as `current`, while that has not confirmed itself
//   trial-limit          seconds after which the launcher ends a release on trial
//   went-back            why the way back was taken, in words
// Each link is replaced by a rename, so that a power cut leaves the old one or the new one.
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { linkTarget, smallRecords } from '@blackroad/std/small-records';

const links = ['current', 'previous', 'trial'] as const;
type LinkName = (typeof links)[number];
type NoteName = 'trial-limit' | 'went-back' | 'trial-starts';

export interface ReleaseHome {
  /** Where this process may write. */
  dir: string;
  /** Where releases are that the coordinator has ordered, each in a folder of its version. */
  releasesDir: string;
  /** The version of the base. */
  base: string;
  /** Where a release of this version is: the base, unless it was ordered as well. */
  folderOf(version: string): string;
  /** Whether a program of this version in this folder is a release of this installation. */
  holds(version: string, folder: string): boolean;
  /** The names in `releasesDir` that links lead to. */
  inUse(): string[];
  /** The version that a link names; null: there is no such link. */
  linked(name: LinkName): string | null;
  point(name: LinkName, version: string): void;
  unlink(name: LinkName): void;
  note(name: NoteName): string | null;
  writeNote(name: NoteName, text: string): Promise<void>;
  removeNote(name: NoteName): void;
}

const releases = 'releases';

/** Null: there is no installation of that kind. */
export function openHome(home: string): ReleaseHome | null {
  const current = join(home, 'current');
  const [dir, baseDir] = [join(home, 'updates'), current].map(real);
  const target = linkTarget(current);
  return dir && baseDir && target ? homeOf(dir, baseDir, basename(target)) : null;
}
function real(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function homeOf(dir: string, baseDir: string, base: string): ReleaseHome {
  const at = (name: string) => join(dir, name);
  const isOrdered = (version: string) => existsSync(at(`${releases}/${version}`));
  const targetOf = (version: string) => (version === base && !isOrdered(version) ? baseDir : `${releases}/${version}`);
  const records = smallRecords<LinkName, NoteName>(dir);
  const read = (name: LinkName) => records.target(name) ?? '';
  const orderedIn = (target: string) => (dirname(target) === releases ? basename(target) : null);
  return {
    dir,
    releasesDir: at(releases),
    base,
    folderOf: (version) => resolve(dir, targetOf(version)),
    holds: (version, folder) => folder === at(`${releases}/${version}`) || (version === base && folder === baseDir),
    inUse: () => links.map((name) => orderedIn(read(name))).filter((version) => version !== null),
    linked(name) {
      const target = read(name);
      return target === baseDir ? base : orderedIn(target);
    },
    point: (name, version) => records.pointTo(name, targetOf(version)),
    unlink: records.unlink,
    note: records.note,
    writeNote: records.writeNote,
    removeNote: records.removeNote,
  };
}
