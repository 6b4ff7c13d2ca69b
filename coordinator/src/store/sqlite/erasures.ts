// Erased memories: where everything is that was made of one, the removal of its content, salt, vector and words, and what is left to remove
// in indexes and in the database's log. In: changes, and questions for entries. Freed pages are overwritten, as the connection that writes
// has `secure_delete`. Never touches a header: the chain must verify. [INV-erased]
import { globSync, rmSync } from 'node:fs';
import type { MemoryEntry, MemoryPayload } from '@blackroad/protocol';
import type { DurableChange } from '../../state/change.ts';
import type { ErasureRow } from '../../state/memory-rows.ts';
import type { Erasable } from '../store.ts';
import type { Database } from './database.ts';
import { emptiedEntry, scrubMark } from './emptied-entry.ts';
import type { memoryValues } from './memory-values.ts';
import { inPages } from './pages.ts';
import type { WordIndex } from './word-index.ts';

const pageRows = 1_000;
/** Of a text, for people who decide. */
const shownChars = 200;
/** Of the index of words, at one call: some ten milliseconds. */
const mergedPages = 200;

type Values = Pick<ReturnType<typeof memoryValues>, 'keyAt' | 'holdAgain'>;

interface StoredErasure {
  id: string;
  row: string;
}
/** An entry in the log, or (`branch`) in a branch. */
interface Place {
  agent: string;
  seq: number;
  branch: string;
}
interface Found extends Place {
  hash: string;
  kind: string;
  payload: string | null;
}

export function erasures(db: Database, words: WordIndex, values: Values) {
  return { ...erasureRows(db, words, values), ...erasableEntries(db), ...scrubbing(db, words) };
}

function erasureRows(db: Database, words: WordIndex, values: Values) {
  const putRow = db.prepare<[string, string]>('INSERT OR REPLACE INTO erasure (id, row) VALUES (?, ?)');
  const rows = db.prepare<[string], StoredErasure>(
    `SELECT id, row FROM erasure WHERE id > ? ORDER BY id LIMIT ${pageRows}`,
  );
  const note = db.prepare<[string, string, number]>(
    'INSERT OR IGNORE INTO erased_entry (hash, agent, number) VALUES (?, ?, ?)',
  );
  const emptyEntry = db
    .prepare<[string, number, string], number>(
      `UPDATE memory_entry SET salt = NULL, payload = NULL
       WHERE agent = ? AND seq = ? AND hash = ? AND payload IS NOT NULL RETURNING id`,
    )
    .pluck();
  const emptied = emptiedEntry(db, words);
  const emptyBranch = db.prepare<[string]>(
    `UPDATE branch_entry SET entry = json_set(entry, '$.salt', NULL, '$.payload', NULL) WHERE hash = ?`,
  );
  const mark = scrubMark(db);
  const hashes = db
    .prepare<[string, number], string>('SELECT hash FROM erased_entry WHERE agent = ? AND number = ? ORDER BY hash')
    .pluck();
  const among = db
    .prepare<[string], string>('SELECT hash FROM erased_entry WHERE hash IN (SELECT value FROM json_each(?))')
    .pluck();

  return {
    put({ row, erased = [] }: Extract<DurableChange, { type: 'erasure' }>) {
      putRow.run(row.id, JSON.stringify(row));
      const keys: string[] = [];
      for (const { hash, seq, branch } of erased) {
        note.run(hash, row.agent, row.number);
        if (branch === null) {
          const key = values.keyAt(row.agent, seq, hash);
          if (key !== undefined) keys.push(key);
          for (const id of emptyEntry.all(row.agent, seq, hash)) emptied(id);
        }
        // A spare copy of the same entry may be in a branch, too.
        emptyBranch.run(hash);
      }
      values.holdAgain(row.agent, keys);
      if (erased.length > 0) mark();
    },
    *load(): Generator<DurableChange> {
      for (const page of inPages<StoredErasure>(pageRows, (last) => rows.all(last?.id ?? '')))
        for (const { row } of page) yield { type: 'erasure', row: JSON.parse(row) as ErasureRow };
    },
    hashes: (agent: string, number: number): string[] => hashes.all(agent, number),
    among: (list: readonly string[]): string[] => among.all(JSON.stringify(list)),
  };
}

function erasableEntries(db: Database) {
  const columns = `agent, seq, '' AS branch, hash, kind, payload`;
  const some = db.prepare<[string, string], Found>(
    `SELECT ${columns} FROM memory_entry WHERE agent = ? AND seq IN (SELECT value FROM json_each(?)) ORDER BY seq`,
  );
  const all = db.prepare<[string, number], Found>(
    `SELECT ${columns} FROM memory_entry
     WHERE agent = ? AND payload IS NOT NULL AND kind NOT IN ('genesis', 'migrate') ORDER BY seq DESC LIMIT ?`,
  );
  const branchColumns = `json_extract(b.row, '$.agent') AS agent, e.seq, e.branch, e.hash,
    json_extract(e.entry, '$.kind') AS kind, json_extract(e.entry, '$.payload') AS payload`;
  const from = 'branch_entry e JOIN branch b ON b.id = e.branch';
  const allOfBranches = db.prepare<[string, number], Found>(
    `SELECT ${branchColumns} FROM ${from} WHERE json_extract(b.row, '$.agent') = ?
     AND json_extract(e.entry, '$.payload') IS NOT NULL AND json_extract(e.entry, '$.kind') NOT IN ('genesis', 'migrate') LIMIT ?`,
  );
  const madeOf = db.prepare<[string], Place>('SELECT agent, seq, branch FROM memory_source WHERE source = ?');
  const inLog = db.prepare<[string, number], Found>(`SELECT ${columns} FROM memory_entry WHERE agent = ? AND seq = ?`);
  const inBranch = db.prepare<[string, number], Found>(
    `SELECT ${branchColumns} FROM ${from} WHERE e.branch = ? AND e.seq = ?`,
  );
  const inAnyBranch = db.prepare<[string], Found>(`SELECT ${branchColumns} FROM ${from} WHERE e.hash = ?`);
  const noteSource = db.prepare<[string, string, number, string]>(
    'INSERT OR IGNORE INTO memory_source (source, agent, seq, branch) VALUES (?, ?, ?, ?)',
  );

  return {
    /** Remembers what an entry was made of. */
    noteSources({ agentId, seq, payload }: MemoryEntry, branch = '') {
      for (const source of payload?.derivedFrom ?? []) noteSource.run(source, agentId, seq, branch);
    },
    erasable({ agent, seqs, limit }: { agent: string; seqs?: readonly number[]; limit: number }): Erasable[] {
      const found = new Map<string, { entry: Found; why: Erasable['why'] }>();
      const waiting: string[] = [];
      const take = (entry: Found | undefined, why: Erasable['why']) => {
        if (!entry || found.has(entry.hash)) return;
        found.set(entry.hash, { entry, why });
        waiting.push(entry.hash);
      };
      const asked = seqs
        ? some.all(agent, JSON.stringify(seqs))
        : [...all.all(agent, limit), ...allOfBranches.all(agent, limit)];
      for (const entry of asked) take(entry, 'asked');
      for (let hash = waiting.pop(); hash !== undefined; hash = waiting.pop()) {
        // What was brought in from a branch is in that branch, too.
        const { entry } = found.get(hash) as { entry: Found };
        if (entry.kind === 'merge')
          for (const source of sourcesOf(entry)) for (const copy of inAnyBranch.all(source)) take(copy, 'copy');
        for (const { agent, seq, branch } of madeOf.all(hash)) {
          const made = branch === '' ? inLog.get(agent, seq) : inBranch.get(branch, seq);
          take(made, made?.kind === 'merge' ? 'copy' : 'derived');
        }
      }
      // Those that were found last were made of those before them.
      return [...found.values()]
        .reverse()
        .filter(({ entry }) => entry.payload !== null)
        .slice(0, limit)
        .map(({ entry, why }) => erasableOf(entry, why));
    },
  };
}
function sourcesOf({ payload }: Found): string[] {
  return payload === null ? [] : ((JSON.parse(payload) as MemoryPayload).derivedFrom ?? []);
}
function erasableOf({ agent, seq, branch, hash, kind, payload }: Found, why: Erasable['why']): Erasable {
  const { text, source } = JSON.parse(payload as string) as MemoryPayload;
  return {
    agent,
    seq,
    branch: branch === '' ? null : branch,
    hash,
    kind,
    source,
    text: text.slice(0, shownChars),
    why,
  };
}

function scrubbing(db: Database, words: WordIndex) {
  const isDue = db.prepare(`SELECT version FROM search_index WHERE name = 'scrub'`).pluck();
  const setStep = db.prepare<[number]>(`UPDATE search_index SET version = ? WHERE name = 'scrub'`);
  const done = db.prepare(`DELETE FROM search_index WHERE name = 'scrub'`);

  return {
    /** 1: the words are to be merged from the beginning; 2: some are; 3: only the log is left. */
    scrub(): boolean {
      const step = isDue.get() as number | undefined;
      if (step === undefined) return false;
      if (step < 3) {
        const isMore = words.merge(step === 1 ? -mergedPages : mergedPages);
        setStep.run(isMore ? 2 : 3);
        return true;
      }
      // Codes of vectors beside the database; whoever needs them makes them again.
      if (db.name !== ':memory:') for (const file of globSync(`${db.name}-vectors-*`)) rmSync(file, { force: true });
      done.run();
      const [{ busy }] = db.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
      if (busy === 0) return false;
      // A reader stands in its way: tried again.
      db.prepare(`INSERT OR REPLACE INTO search_index (name, version) VALUES ('scrub', 3)`).run();
      return true;
    },
  };
}
