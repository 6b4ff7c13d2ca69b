// What the configuration says of backups, as their maker takes it.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { OptionError } from '@blackroad/std/options';
import type { BackupSettings } from './backup/backups.ts';
import { isRecipient } from './backup/recipient.ts';
import type { CoordinatorConfig } from './config.ts';

/** @throws OptionError */
export async function backupSettingsOf(
  {
    backupFolder,
    backupSchedule,
    backupKeepDays,
    backupKeepWeeks,
    backupAge,
    cacheDir,
    models,
    name,
  }: CoordinatorConfig,
  own: Pick<BackupSettings, 'data' | 'version' | 'timeZone'>,
): Promise<BackupSettings> {
  const recipients = backupAge.split(',').flatMap((key) => key.trim() || []);
  for (const key of recipients)
    if (!(await isRecipient(key)))
      throw new OptionError(
        `--backup-age: expected public keys of age (age1...) with commas between them, got ${JSON.stringify(key)}.`,
      );
  return {
    ...own,
    folder: backupFolder ? resolve(backupFolder) : join(own.data, 'backups'),
    without: cacheDir ? [resolve(cacheDir)] : [],
    further: models && existsSync(resolve(models)) ? { 'models.yaml': resolve(models) } : {},
    schedule: backupSchedule === 'none' ? null : backupSchedule,
    keep: { days: backupKeepDays, weeks: backupKeepWeeks },
    recipients,
    fleet: name,
  };
}
