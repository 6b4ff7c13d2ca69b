// The names of backup files, which say of which fleet and time they are and whether the schedule made them, and which of them the schedule
// removes again. Pure. In: names and a time. Out: rows, and those that go.
import type { BackupRow } from '@blackroad/protocol';

type Named = Pick<BackupRow, 'name' | 'atMs' | 'isScheduled' | 'isEncrypted'>;
const dayMs = 86_400_000;
/** 1 January 1970 was a Thursday: weeks begin on Monday. */
const weekShiftMs = 3 * dayMs;

export function backupName(
  fleet: string,
  atMs: number,
  { isScheduled, isEncrypted }: Pick<BackupRow, 'isScheduled' | 'isEncrypted'>,
): string {
  const name = fleet
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  const at = new Date(atMs)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '');
  return `fleet-${name || 'fleet'}-${at}${isScheduled ? '-scheduled' : ''}.tar.zst${isEncrypted ? '.age' : ''}`;
}

/** Null: not the name of a backup. */
export function readBackupName(name: string): Named | null {
  const found = /^fleet-[a-z0-9-]{1,40}-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(-scheduled)?\.tar\.zst(\.age)?$/.exec(
    name,
  );
  if (!found) return null;
  const [, year, month, day, hour, minute, second, scheduled, age] = found;
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(atMs)
    ? null
    : { name, atMs, isScheduled: scheduled !== undefined, isEncrypted: age !== undefined };
}

/**
 * The scheduled backups that are kept no longer: of the last `days` days with a backup and of the last `weeks` weeks with one the newest
 * stays, and always the newest of all. Backups that a person made stay until a person removes them.
 */
export function outdated<B extends Pick<BackupRow, 'atMs' | 'isScheduled'>>(
  backups: readonly B[],
  keep: { days: number; weeks: number },
): B[] {
  const scheduled = backups.filter(({ isScheduled }) => isScheduled).toSorted((a, b) => b.atMs - a.atMs);
  const kept = new Set<B>(scheduled.slice(0, 1));
  const keepNewest = (most: number, periodOf: (atMs: number) => number) => {
    const periods = new Set<number>();
    for (const backup of scheduled) {
      const period = periodOf(backup.atMs);
      if (periods.has(period)) continue;
      if (periods.size >= most) return;
      periods.add(period);
      kept.add(backup);
    }
  };
  keepNewest(keep.days, (atMs) => Math.floor(atMs / dayMs));
  keepNewest(keep.weeks, (atMs) => Math.floor((atMs + weekShiftMs) / (7 * dayMs)));
  return scheduled.filter((backup) => !kept.has(backup));
}
