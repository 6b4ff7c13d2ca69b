// `upgrades` in the data folder of a coordinator that upgrades itself, as the launcher reads it too (coordinator/launch):
//   releases/<version>   unpacked and verified; never changed afterwards
//   current, previous    links to the release that is started and to the one before: `releases/<version>`, or `base`, the installed one
//   trial                the same as `current`, while that has not confirmed itself
//   database             the copy of the database of before the last upgrade, for the way back
//   upgrade.json         how the last upgrade stands
// Each link is replaced by a rename, so that a power cut leaves the old one or the new one.
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { explain, type Static, Type, UpgradeStand } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import { smallRecords } from '@blackroad/std/small-records';
import { saveWhole } from '@blackroad/std/whole-file';

type LinkName = 'current' | 'previous' | 'trial';
type NoteName = 'trial-limit' | 'trial-starts' | 'went-back' | 'base-version';

export const UpgradeRecord = Type.Object({
  ...UpgradeStand.properties,
  /** Of the database before the upgrade. */
  schema: Type.Integer(),
  copiedMs: Type.Integer(),
  nodes: Type.Integer({ description: 'That were online before the switch.' }),
});
export type UpgradeRecord = Static<typeof UpgradeRecord>;

export interface UpgradeHome {
  readonly dir: string;
  readonly copy: string;
  folderOf(version: string): string;
  /** The link's text; null: there is none. */
  linked(name: LinkName): string | null;
  point(name: LinkName, to: string): void;
  unlink(name: LinkName): void;
  note(name: NoteName): string | null;
  writeNote(name: NoteName, text: string): Promise<void>;
  removeNote(name: NoteName): void;
  record(log: Log): UpgradeRecord | null;
  saveRecord(record: UpgradeRecord): Promise<void>;
  /** How links name the release in this folder. */
  nameOf(folder: string, version: string): string;
  /** Whether the release in this folder is the one that has not confirmed itself yet. */
  isOnTrial(folder: string, version: string): boolean;
}

export const baseName = 'base';

export function openUpgradeHome(dir: string): UpgradeHome {
  const at = (name: string) => join(dir, name);
  const records = smallRecords<LinkName, NoteName>(dir);
  const recordFile = at('upgrade.json');
  mkdirSync(join(dir, 'releases'), { recursive: true, mode: 0o700 });
  const home: UpgradeHome = {
    dir,
    copy: at('database'),
    folderOf: (version) => join(dir, 'releases', version),
    linked: records.target,
    point: records.pointTo,
    unlink: records.unlink,
    note: records.note,
    writeNote: records.writeNote,
    removeNote: records.removeNote,
    record(log) {
      try {
        const value: unknown = JSON.parse(readFileSync(recordFile, 'utf8'));
        const fault = explain(UpgradeRecord, value);
        if (fault === '') return value as UpgradeRecord;
        throw new Error(fault);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          log.warn({ problem: (error as Error).message }, 'what is known of the last upgrade cannot be read');
        return null;
      }
    },
    saveRecord: (record) => saveWhole(recordFile, JSON.stringify(record)),
    nameOf: (folder, version) => (isSame(folder, home.folderOf(version)) ? `releases/${version}` : baseName),
    isOnTrial(folder, version) {
      const own = home.nameOf(folder, version);
      return home.linked('trial') === own && home.linked('current') === own;
    },
  };
  return home;
}

function isSame(folder: string, other: string): boolean {
  try {
    return realpathSync(folder) === realpathSync(other);
  } catch {
    return false;
  }
}

/**
 * What the process before left, for one that has opened its database and has spoken with nobody yet: the way back of a release that spoke
 * with nodes is another one.
 */
export async function enterUpgrade(home: UpgradeHome, here: string, version: string, log: Log): Promise<void> {
  if (home.isOnTrial(here, version)) {
    const record = home.record(log);
    if (record?.state === 'switching') await home.saveRecord({ ...record, state: 'soaking' });
    return;
  }
  const own = home.nameOf(here, version);
  // The launcher could not write its link, or what it leads to is not there any more.
  if (home.linked('current') !== null && home.linked('current') !== own) home.point('current', own);
  home.unlink('trial');
}
