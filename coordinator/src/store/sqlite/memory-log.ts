// The logs of all agents: entries under (agent, seq), and the head of each log. Append-only:
// a known seq with the same hash is a no-op, with another hash the whole batch is refused [INV-one-log].
import { aboutTheLog, FleetError, type MemoryEntry } from '@blackroad/protocol';
import type { MemoryHead } from '../../state/memory-rows.ts';
import type { StoredHash } from '../store.ts';
import type { Database } from './database.ts';
import { type EntryRecord, entryColumns, splitPayload, toEntry } from './entry-record.ts';
import type { erasures } from './erasures.ts';
import { isLookedFor } from './keyed-entries.ts';
import type { memoryMarks } from './memory-marks.ts';
import { endsKey, type memoryValues } from './memory-values.ts';
import { inPages } from './pages.ts';
import type { WordIndex } from './word-index.ts';

/** Remembers what an entry was made of. */
export type Sources = Pick<ReturnType<typeof erasures>, 'noteSources'>;
type Marks = Pick<ReturnType<typeof memoryMarks>, 'note'>;
type Values = Pick<ReturnType<typeof memoryValues>, 'supersede' | 'noteEnd'>;

/** Memories that are compared by their importance. */
const mostWeighed = 1_000;

type StoredHead = MemoryHead & { agent: string };

export function memoryLog(db: Database, words: WordIndex, { noteSources }: Sources, marks: Marks, values: Values) {
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
  const heads = db.prepare<[string, number], StoredHead>(
    'SELECT agent, epoch, seq, hash, entries FROM memory_head WHERE agent > ? ORDER BY agent LIMIT ?',
  );
  const hashes = db.prepare<[string, number, number], StoredHash>(
    'SELECT seq, epoch, hash FROM memory_entry WHERE agent = ? AND seq BETWEEN ? AND ? ORDER BY seq',
  );
  const counted = db
    .prepare<[string, string], number>(
      `SELECT count(*) FROM memory_entry
       WHERE agent = ? AND payload IS NOT NULL AND kind NOT IN (SELECT value FROM json_each(?))`,
    )
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
        values.supersede(entry);
        if (vector) insertVector.run(lastInsertRowid, vector.model, vector.bytes);
        // A mark is no memory that anybody looks for.
        if (entry.kind === 'mark') marks.note(lastInsertRowid, entry);
        else if (endsKey(entry)) values.noteEnd(lastInsertRowid);
        else if (entry.payload) words.add(lastInsertRowid, agent, entry.payload);
        noteSources(entry);
        added++;
        if (!last || entry.seq > last.seq) last = entry;
      }
      if (last) putHead.run(agent, last.epoch, last.seq, last.hash, added);
    },
    *heads() {
      const pageRows = 1_000;
      for (const rows of inPages<StoredHead>(pageRows, (last) => heads.all(last?.agent ?? '', pageRows))) yield* rows;
    },
    count: (agent: string): number => counted.get(agent, JSON.stringify(aboutTheLog)) as number,
    hashes: (agent: string, fromSeq: number, uptoSeq: number): StoredHash[] => hashes.all(agent, fromSeq, uptoSeq),
    ...entryReads(db),
  };
}

function entryReads(db: Database) {
  const after = db.prepare<[string, number, number], EntryRecord>(
    `SELECT ${entryColumns} FROM memory_entry e LEFT JOIN memory_vector v ON v.id = e.id
     WHERE e.agent = ? AND e.seq > ? ORDER BY e.seq LIMIT ?`,
  );
  // The index of schema 35: its condition is repeated here word by word, without which SQLite does not use it.
  const important = db.prepare<[string, number, number], EntryRecord>(
    `SELECT ${entryColumns} FROM (
       SELECT id, payload ->> 'importance' AS importance FROM memory_entry
       WHERE agent = ? AND seq < ? AND kind IN ('note', 'fact', 'procedure', 'summary', 'merge', 'value') AND payload IS NOT NULL
         AND ${isLookedFor('id')}
       ORDER BY seq DESC LIMIT ${mostWeighed}
     ) w JOIN memory_entry e ON e.id = w.id LEFT JOIN memory_vector v ON v.id = e.id
     ORDER BY w.importance DESC, e.seq DESC LIMIT ?`,
  );

  return {
    important: (agent: string, before: number, limit: number): MemoryEntry[] =>
      important.all(agent, before, limit).map(toEntry),
    after: (agent: string, afterSeq: number, limit: number): MemoryEntry[] =>
      after.all(agent, afterSeq, limit).map(toEntry),
  };
}

/** Salt, payload, and the document, import or run whose part it is, for who erases that. */
const contentOf = ({ salt, kind, payload }: MemoryEntry, stored: string | null) =>
  [salt, stored, kind === 'withdraw' ? null : partOf(payload)] as const;
const partOf = (payload: MemoryEntry['payload']) =>
  payload?.document?.id ?? payload?.imported?.id ?? payload?.mark?.run ?? null;

export function sameOrBroken(stored: string | undefined, entry: MemoryEntry, where: string): void {
  if (stored === entry.hash) return;
  throw broken(`${where} holds another entry at seq ${entry.seq} (stored ${stored}, came ${entry.hash})`);
}
function broken(text: string): FleetError {
  return new FleetError('storage-failed', { detail: `[INV-one-log] ${text}; nothing of this batch was stored` });
}
