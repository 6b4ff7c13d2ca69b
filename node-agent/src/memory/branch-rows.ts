// Branches in the journal: entries that this node wrote while another one was the writer, to be brought to the coordinator. Part of journal.ts.
import type { MemoryEntry } from '@blackroad/protocol';
import type Database from 'better-sqlite3';

interface BranchGroup {
  group: number;
  epoch: number;
}

export const branchSchema = `
CREATE TABLE branches (
  log INTEGER NOT NULL, grp INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, entry TEXT NOT NULL,
  PRIMARY KEY (log, grp, seq));
`;

export function branchRows(sql: (text: string) => Database.Statement) {
  return {
    /** Stores entries as one branch to upload. */
    addBranch(logId: number, epoch: number, entries: readonly MemoryEntry[]): void {
      const group = 1 + (sql('SELECT coalesce(max(grp), 0) FROM branches WHERE log = ?').pluck().get(logId) as number);
      for (const entry of entries) {
        sql('INSERT INTO branches (log, grp, epoch, seq, entry) VALUES (?,?,?,?,?)').run(
          logId,
          group,
          epoch,
          entry.seq,
          JSON.stringify(entry),
        );
      }
    },
    firstBranch: (logId: number): BranchGroup | null =>
      (sql('SELECT grp AS "group", epoch FROM branches WHERE log = ? ORDER BY grp LIMIT 1').get(logId) as
        | BranchGroup
        | undefined) ?? null,
    branch: (logId: number, group: number, limit: number): MemoryEntry[] =>
      (
        sql('SELECT entry FROM branches WHERE log = ? AND grp = ? ORDER BY seq LIMIT ?')
          .pluck()
          .all(logId, group, limit) as string[]
      ).map((text) => JSON.parse(text)),
    /** Entries of a branch up to `uptoSeq`. */
    branchUpto: (logId: number, group: number, uptoSeq: number): MemoryEntry[] =>
      (
        sql('SELECT entry FROM branches WHERE log = ? AND grp = ? AND seq <= ? ORDER BY seq')
          .pluck()
          .all(logId, group, uptoSeq) as string[]
      ).map((text) => JSON.parse(text)),
    branchCount: (logId: number): number =>
      sql('SELECT count(*) FROM branches WHERE log = ?').pluck().get(logId) as number,
    removeBranch: (logId: number, group: number, uptoSeq: number): void =>
      void sql('DELETE FROM branches WHERE log = ? AND grp = ? AND seq <= ?').run(logId, group, uptoSeq),
    /** Deletes entries of a branch that the log contains after all. */
    unbranch: (logId: number, entry: MemoryEntry): void =>
      void sql("DELETE FROM branches WHERE log = ? AND seq = ? AND entry ->> 'hash' = ?").run(
        logId,
        entry.seq,
        entry.hash,
      ),
  };
}
