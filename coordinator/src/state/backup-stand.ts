// How backups stand, as the loop is told.

export type BackupEnded = { backup: string; bytes: number; seconds: number } | { problem: string };
/** What the alerts need to know. */
export interface BackupStand {
  /** The failure since the last success. */
  problem: string | null;
  failedMs: number | null;
  lastMs: number | null;
  /** The time after which a backup is missing; null: none is awaited. */
  missingFromMs: number | null;
}
