// The journal's rows of erasures: which hashes were erased, of whatever agent, and up to which erasure each log was carried out. In and out:
// values. Content, salt and vector of an erased entry leave its row; its header stays. Commits nothing by itself. [INV-erased]
import type Database from 'better-sqlite3';

export const erasedSchema = `
CREATE TABLE erased (agent TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (agent, hash)) WITHOUT ROWID;
CREATE TABLE erased_upto (agent TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
`;

export function erasedRows(sql: (text: string) => Database.Statement) {
  return {
    erasedUpto: (agent: string): number =>
      (sql('SELECT number FROM erased_upto WHERE agent = ?').pluck().get(agent) as number | undefined) ?? 0,
    setErasedUpto(agent: string, number: number): void {
      sql('INSERT OR REPLACE INTO erased_upto (agent, number) VALUES (?,?)').run(agent, number);
    },
    isErased: (agent: string, hash: string): boolean =>
      sql('SELECT 1 FROM erased WHERE agent = ? AND hash = ?').get(agent, hash) !== undefined,
    /**
     * Empties the entries of a log, and of its branches, that have these hashes; memories that are not chained yet and were made of them go
     * as a whole. Returns the ids for the index; pending memories have negative ones.
     */
    erase(agent: string, logId: number, hashes: readonly string[]): number[] {
      for (const hash of hashes) sql('INSERT OR IGNORE INTO erased (agent, hash) VALUES (?,?)').run(agent, hash);
      const list = JSON.stringify(hashes);
      const among = 'IN (SELECT value FROM json_each(?))';
      const ids = sql(
        `UPDATE entries SET salt = NULL, payload = NULL WHERE log = ? AND hash ${among} AND payload IS NOT NULL RETURNING id`,
      )
        .pluck()
        .all(logId, list) as number[];
      sql(
        `UPDATE branches SET entry = json_set(entry, '$.salt', NULL, '$.payload', NULL) WHERE log = ? AND entry ->> 'hash' ${among}`,
      ).run(logId, list);
      const pending = sql(
        `DELETE FROM pending WHERE log = ? AND EXISTS
         (SELECT 1 FROM json_each(payload, '$.derivedFrom') WHERE value ${among}) RETURNING id`,
      )
        .pluck()
        .all(logId, list) as number[];
      return [...ids, ...pending.map((id) => -id)];
    },
    /** Empties the write-ahead log, which still has the erased pages as they were. */
    emptyWal(): void {
      sql('PRAGMA wal_checkpoint(TRUNCATE)').all();
    },
  };
}
