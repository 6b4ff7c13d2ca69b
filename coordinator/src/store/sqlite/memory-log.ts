// The logs of all agents: entries under (agent, seq), the head of each log, and the branches of fenced nodes. Append-only:
// a known seq with the same hash is a no-op, with another hash the whole batch is refused [INV-one-log].
import { FleetError, type MemoryEntry } from '@blackroad/protocol';
import type { DurableChange } from '../../state/change.ts';
import type { MemoryHead } from '../../state/memory-rows.ts';
import type { BranchRow } from '../../state/rows.ts';
import type { StoredHash } from '../store.ts';
import type { Database } from './database.ts';
import { type EntryRecord, entryColumns, splitPayload, toEntry } from './entry-record.ts';
import type { erasures } from './erasures.ts';
import type { memoryMarks } from './memory-marks.ts';
import type { WordIndex } from './word-index.ts';

/** Remembers what an entry was made of. */
type Sources = Pick<ReturnType<typeof erasures>, 'noteSources'>;
type Marks = Pick<ReturnType<typeof memoryMarks>, 'note'>;

export function memoryLog(db: Database, words: WordIndex, { noteSources }: Sources, marks: Marks) {
  const insert = db.prepare(
    `INSERT INTO memory_entry (space, agent, seq, epoch, hash, previous_hash, payload_commitment, actor, kind, created_at, received_ms, salt, payload, document)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (agent, seq) DO NOTHING`,
  );
  const insertVector = db.prepare<[number | bigint, string, Buffer]>(
    'INSERT INTO memory_vector (id, model, vector) VALUES (?, ?, ?)',
  );
  const hashAt = db
    .prepare<[string, number], string>('SELECT hash FROM memory_entry WHERE agent = ? AND seq = ?')
    .pluck();
  const putHead = db.prepare(
    `INSERT INTO memory_head (agent, epoch, seq, hash, entries) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (agent) DO UPDATE SET entries = entries + excluded.entries,
       epoch = iif(excluded.seq > seq, excluded.epoch, epoch),
       hash = iif(excluded.seq > seq, excluded.hash, hash),
       seq = max(seq, excluded.seq)`,
  );
  const heads = db.prepare<[string, number], MemoryHead & { agent: string }>(
    'SELECT agent, epoch, seq, hash, entries FROM memory_head WHERE agent > ? ORDER BY agent LIMIT ?',
  );
  const hashes = db.prepare<[string, number, number], StoredHash>(
    'SELECT seq, epoch, hash FROM memory_entry WHERE agent = ? AND seq BETWEEN ? AND ? ORDER BY seq',
  );
  const after = db.prepare<[string, number, number], EntryRecord>(
    `SELECT ${entryColumns} FROM memory_entry e LEFT JOIN memory_vector v ON v.id = e.id
     WHERE e.agent = ? AND e.seq > ? ORDER BY e.seq LIMIT ?`,
  );
  const putBranch = db.prepare<[string, number, string]>(
    `INSERT INTO branch (id, merged, row) VALUES (?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET merged = excluded.merged, row = excluded.row`,
  );
  const unmerged = db.prepare<[], string>('SELECT row FROM branch WHERE merged = 0 ORDER BY id').pluck();
  const insertBranchEntry = db.prepare<[string, number, string, string]>(
    'INSERT INTO branch_entry (branch, seq, hash, entry) VALUES (?, ?, ?, ?) ON CONFLICT (branch, seq) DO NOTHING',
  );
  const branchHashAt = db
    .prepare<[string, number], string>('SELECT hash FROM branch_entry WHERE branch = ? AND seq = ?')
    .pluck();
  const branchEntries = db
    .prepare<[string], string>('SELECT entry FROM branch_entry WHERE branch = ? ORDER BY seq')
    .pluck();

  return {
    append({ agent, space }: { agent: string; space: string }, entries: readonly MemoryEntry[], nowMs: number) {
      let added = 0;
      let last: MemoryEntry | undefined;
      for (const entry of entries) {
        if (entry.agentId !== agent) throw broken(`an entry of agent ${entry.agentId} came in the log of ${agent}`);
        const { payload, vector } = splitPayload(entry.payload);
        const { changes, lastInsertRowid } = insert.run(
          space,
          agent,
          entry.seq,
          entry.epoch,
          entry.hash,
          entry.previousHash,
          entry.payloadCommitment,
          entry.actorId,
          entry.kind,
          entry.createdAt,
          nowMs,
          ...contentOf(entry, payload),
        );
        if (changes === 0) {
          sameOrBroken(hashAt.get(agent, entry.seq), entry, `the log of ${agent}`);
          continue;
        }
        if (vector) insertVector.run(lastInsertRowid, vector.model, vector.bytes);
        // A mark is no memory that anybody looks for.
        if (entry.kind === 'mark') marks.note(lastInsertRowid, entry);
        else if (entry.payload) words.add(lastInsertRowid, agent, entry.payload);
        noteSources(entry);
        added++;
        if (!last || entry.seq > last.seq) last = entry;
      }
      if (last) putHead.run(agent, last.epoch, last.seq, last.hash, added);
    },
    putBranch(row: BranchRow, entries: readonly MemoryEntry[]) {
      putBranch.run(row.id, row.merged ? 1 : 0, JSON.stringify(row));
      for (const entry of entries) {
        if (insertBranchEntry.run(row.id, entry.seq, entry.hash, JSON.stringify(entry)).changes > 0) {
          noteSources(entry, row.id);
          continue;
        }
        sameOrBroken(branchHashAt.get(row.id, entry.seq), entry, `branch ${row.id}`);
      }
    },
    *heads() {
      const pageRows = 1_000;
      for (let from = '', full = true; full; ) {
        const rows = heads.all(from, pageRows);
        from = rows.at(-1)?.agent ?? from;
        yield* rows;
        full = rows.length === pageRows;
      }
    },
    *branches(): Generator<DurableChange> {
      for (const row of unmerged.all()) yield { type: 'branch', row: JSON.parse(row) as BranchRow, entries: [] };
    },
    hashes: (agent: string, fromSeq: number, uptoSeq: number): StoredHash[] => hashes.all(agent, fromSeq, uptoSeq),
    after: (agent: string, afterSeq: number, limit: number): MemoryEntry[] =>
      after.all(agent, afterSeq, limit).map(toEntry),
    branchEntries: (branch: string): MemoryEntry[] =>
      branchEntries.all(branch).map((entry) => JSON.parse(entry) as MemoryEntry),
  };
}

/** Salt, payload, and the document or run whose part it is, for who erases that. */
const contentOf = ({ salt, kind, payload }: MemoryEntry, stored: string | null) =>
  [salt, stored, kind === 'withdraw' ? null : (payload?.document?.id ?? payload?.mark?.run ?? null)] as const;

function sameOrBroken(stored: string | undefined, entry: MemoryEntry, where: string): void {
  if (stored === entry.hash) return;
  throw broken(`${where} holds another entry at seq ${entry.seq} (stored ${stored}, came ${entry.hash})`);
}
function broken(text: string): FleetError {
  return new FleetError('storage-failed', { detail: `[INV-one-log] ${text}; nothing of this batch was stored` });
}
