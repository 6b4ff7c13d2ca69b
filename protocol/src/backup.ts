// Backups of the coordinator, as people see and make them. The files themselves are described in docs/backup.md.
import { TimeMs } from './ids.ts';
import { maxAgeRecipientChars, maxAgeRecipients, maxShownBackups } from './limits.ts';
import { type Static, Type } from './typebox.ts';

const { Nullable, Optional } = Type;

export const BackupName = Type.String({
  pattern: '^fleet-[a-z0-9-]{1,40}-\\d{8}T\\d{6}Z(-scheduled)?\\.tar\\.zst(\\.age)?$',
  description: 'Of the file: fleet, name of the fleet, UTC time.',
});

const AgeRecipient = Type.String({
  pattern: '^age1[a-z0-9]+$',
  maxLength: maxAgeRecipientChars,
  description: 'A public key of age; the file can then be read only with its identity.',
});

export const BackupRow = Type.Object({
  name: BackupName,
  bytes: Type.Integer(),
  atMs: TimeMs,
  isScheduled: Type.Boolean({ description: 'Made by the schedule: old ones of these are removed.' }),
  isEncrypted: Type.Boolean(),
});
export type BackupRow = Static<typeof BackupRow>;

export const BackupsView = Type.Object({
  folder: Type.String({ description: 'On the machine of the coordinator.' }),
  schedule: Nullable(Type.String({ description: 'A cron expression; null: none are made by themselves.' })),
  nextMs: Nullable(TimeMs),
  keepDays: Type.Integer(),
  keepWeeks: Type.Integer(),
  recipients: Type.Integer({
    description: 'Public keys of age that scheduled backups are encrypted to; 0: they are not.',
  }),
  underWay: Nullable(Type.Object({ name: BackupName, sinceMs: TimeMs })),
  last: Nullable(Type.Object({ name: BackupName, atMs: TimeMs, bytes: Type.Integer(), seconds: Type.Number() }), {
    description: 'The last one that this coordinator made since its start, or found in the folder.',
  }),
  failed: Nullable(Type.Object({ atMs: TimeMs, problem: Type.String() }), {
    description: 'The failure since the last success; null: none.',
  }),
  backups: Type.Array(BackupRow, { maxItems: maxShownBackups, description: 'Newest first.' }),
});
export type BackupsView = Static<typeof BackupsView>;

export const BackupRequest = Type.Object(
  { age: Optional(Type.Array(AgeRecipient, { minItems: 1, maxItems: maxAgeRecipients })) },
  { additionalProperties: false, default: {} },
);
