// Signed checkpoints, the newest of them, and each log as it stood at the last one that changed it. In and out: changes, in pages.
import { maxCheckpoints, type SignedCheckpoint } from '@blackroad/protocol';
import type { DurableChange } from '../../state/change.ts';
import type { AnchoredRow } from '../../state/memory-rows.ts';
import type { Database } from './database.ts';
import { inPages } from './pages.ts';

const pageRows = 1_000;
interface StoredLog {
  agent: string;
  row: string;
}

export function checkpointRows(db: Database) {
  const put = db.prepare<[number, string]>('INSERT OR REPLACE INTO checkpoint (number, row) VALUES (?, ?)');
  const dropOld = db.prepare<[number]>('DELETE FROM checkpoint WHERE number <= ?');
  const putLog = db.prepare<[string, string]>('INSERT OR REPLACE INTO anchored_log (agent, row) VALUES (?, ?)');
  const newest = db.prepare<[number], string>('SELECT row FROM checkpoint ORDER BY number DESC LIMIT ?').pluck();
  const logs = db.prepare<[string], StoredLog>(
    `SELECT agent, row FROM anchored_log WHERE agent > ? ORDER BY agent LIMIT ${pageRows}`,
  );

  return {
    put({ row, logs }: Extract<DurableChange, { type: 'checkpoint' }>) {
      put.run(row.number, JSON.stringify(row));
      dropOld.run(row.number - maxCheckpoints);
      for (const log of logs) putLog.run(log.agent, JSON.stringify(log));
    },
    /** The newest first. */
    newest: (limit: number): SignedCheckpoint[] => newest.all(limit).map((row) => JSON.parse(row) as SignedCheckpoint),
    *load(): Generator<DurableChange> {
      const [last] = newest.all(1);
      if (last === undefined) return;
      const row = JSON.parse(last) as SignedCheckpoint;
      for (const page of inPages<StoredLog>(pageRows, (before) => logs.all(before?.agent ?? '')))
        yield { type: 'checkpoint', row, logs: page.map(({ row }) => JSON.parse(row) as AnchoredRow) };
    },
  };
}
