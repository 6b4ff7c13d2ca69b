// The journal's rows of signed checkpoints: the newest few of each log, and the key that signed the first one. In and out: values. Commits
// nothing by itself, as the rest of the journal.
import { maxHeldCheckpoints } from '@blackroad/protocol';
import type Database from 'better-sqlite3';
import type { HeldAnchor } from './anchors.ts';

export const anchorSchema = `
CREATE TABLE anchors (
  log INTEGER NOT NULL, number INTEGER NOT NULL, anchor TEXT NOT NULL, PRIMARY KEY (log, number)) WITHOUT ROWID;
`;

export function anchorRows(sql: (text: string) => Database.Statement) {
  return {
    /** The newest first. */
    anchors: (logId: number): HeldAnchor[] =>
      (sql('SELECT anchor FROM anchors WHERE log = ? ORDER BY number DESC').pluck().all(logId) as string[]).map(
        (text) => JSON.parse(text) as HeldAnchor,
      ),
    addAnchor(logId: number, anchor: HeldAnchor): void {
      const { number, key } = anchor.checkpoint;
      sql('INSERT OR IGNORE INTO anchors (log, number, anchor) VALUES (?,?,?)').run(
        logId,
        number,
        JSON.stringify(anchor),
      );
      sql(
        'DELETE FROM anchors WHERE log = ? AND number NOT IN (SELECT number FROM anchors WHERE log = ? ORDER BY number DESC LIMIT ?)',
      ).run(logId, logId, maxHeldCheckpoints);
      sql("INSERT OR IGNORE INTO meta VALUES ('checkpoint-key', ?)").run(key);
    },
    checkpointKey: (): string | null =>
      (sql("SELECT value FROM meta WHERE key = 'checkpoint-key'").pluck().get() as string | undefined) ?? null,
    dropAnchors: (logId: number): void => void sql('DELETE FROM anchors WHERE log = ?').run(logId),
    /** After a restore of the coordinator from a backup: its history goes on from an earlier point, and that was said. */
    forgetAnchors(): void {
      sql('DELETE FROM anchors').run();
    },
  };
}
