// The branches of fenced nodes: what they wrote of an agent's memory while another node was its writer. Append-only, as the logs are [INV-one-log].
import type { MemoryEntry } from '@blackroad/protocol';
import type { DurableChange } from '../../state/change.ts';
import type { BranchRow } from '../../state/rows.ts';
import type { Database } from './database.ts';
import { type Sources, sameOrBroken } from './memory-log.ts';

export function memoryBranches(db: Database, { noteSources }: Sources) {
  const putBranch = db.prepare<[string, number, string]>(
    `INSERT INTO branch (id, merged, row) VALUES (?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET merged = excluded.merged, row = excluded.row`,
  );
  const unmergedRows = db.prepare<[], string>('SELECT row FROM branch WHERE merged = 0 ORDER BY id').pluck();
  const insertBranchEntry = db.prepare<[string, number, string, string]>(
    'INSERT INTO branch_entry (branch, seq, hash, entry) VALUES (?, ?, ?, ?) ON CONFLICT (branch, seq) DO NOTHING',
  );
  const branchHashAt = db
    .prepare<[string, number], string>('SELECT hash FROM branch_entry WHERE branch = ? AND seq = ?')
    .pluck();
  const entriesOf = db
    .prepare<[string], string>('SELECT entry FROM branch_entry WHERE branch = ? ORDER BY seq')
    .pluck();

  return {
    put(row: BranchRow, entries: readonly MemoryEntry[]) {
      putBranch.run(row.id, row.merged ? 1 : 0, JSON.stringify(row));
      for (const entry of entries) {
        if (insertBranchEntry.run(row.id, entry.seq, entry.hash, JSON.stringify(entry)).changes > 0) {
          noteSources(entry, row.id);
          continue;
        }
        sameOrBroken(branchHashAt.get(row.id, entry.seq), entry, `branch ${row.id}`);
      }
    },
    *unmerged(): Generator<DurableChange> {
      for (const row of unmergedRows.all()) yield { type: 'branch', row: JSON.parse(row) as BranchRow, entries: [] };
    },
    entries: (branch: string): MemoryEntry[] => entriesOf.all(branch).map((entry) => JSON.parse(entry) as MemoryEntry),
  };
}
