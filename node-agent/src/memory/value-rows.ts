// The journal's look-ups of values by key: an index over the entries themselves, so nothing has to be kept in step, and a fork, an erasure or an
// import that is taken back is seen at once. In: keys. Out: the entry that sets a key last, and what branches say otherwise since. Part of
// journal.ts.
import { keySet, type MemoryPayload } from '@blackroad/protocol';
import type Database from 'better-sqlite3';

// An older node-agent keeps it in step too: it is SQLite's.
export const valueSchema = `
CREATE INDEX entries_key ON entries (log, payload ->> 'key', seq)
  WHERE kind IN ('value', 'merge', 'import') AND payload ->> 'key' IS NOT NULL;
`;
/** The condition of the index, word by word: without it SQLite does not use it. */
const keyed = `kind IN ('value', 'merge', 'import') AND payload ->> 'key' IS NOT NULL`;
const sets = `(kind <> 'merge' OR payload ->> 'holds' = 1)`;
/** Keys that one look at all of them returns. */
const maxKeys = 1_000;

export interface KeyedEntry {
  id: number;
  seq: number;
  epoch: number;
  kind: string;
  actorId: string;
  createdAt: number;
  payload: MemoryPayload;
}

export function valueRows(sql: (text: string) => Database.Statement) {
  const keysBy = (where: string) => `SELECT DISTINCT payload ->> 'key' FROM entries WHERE ${where} AND ${keyed}`;
  return {
    /** The newest first, down to the one that sets the key. */
    aboutKey(logId: number, key: string): KeyedEntry[] {
      const found: KeyedEntry[] = [];
      const rows = sql(
        `SELECT id, seq, epoch, kind, actor AS actorId, created_at AS createdAt, payload FROM entries
         WHERE log = ? AND payload ->> 'key' = ? AND ${keyed} ORDER BY seq DESC`,
      ).iterate(logId, key) as Iterable<Omit<KeyedEntry, 'payload'> & { payload: string }>;
      for (const row of rows) {
        const entry = { ...row, payload: JSON.parse(row.payload) as MemoryPayload };
        found.push(entry);
        if (keySet(entry) !== null) break;
      }
      return found;
    },
    /** Whether a later entry sets the key. */
    isKeySetAfter: (logId: number, key: string, seq: number): boolean =>
      sql(
        `SELECT 1 FROM entries WHERE log = ? AND payload ->> 'key' = ? AND seq > ? AND ${keyed} AND ${sets} LIMIT 1`,
      ).get(logId, key, seq) !== undefined,
    /** Whether an entry, but those of this source, sets the key in a later epoch, or in this one from this number on. */
    isKeySetBeside: (logId: number, key: string, from: { epoch: number; seq: number; source: string }): boolean =>
      sql(
        `SELECT 1 FROM entries WHERE log = ? AND payload ->> 'key' = ? AND ${keyed} AND ${sets}
         AND (epoch > ? OR (epoch = ? AND seq >= ?)) AND payload ->> 'source' <> ? LIMIT 1`,
      ).get(logId, key, from.epoch, from.epoch, from.seq, from.source) !== undefined,
    /** In their order, the first of them. */
    keys(logId: number): string[] {
      const next = sql(
        `SELECT payload ->> 'key' FROM entries WHERE log = ? AND payload ->> 'key' > ? AND ${keyed}
         ORDER BY payload ->> 'key' LIMIT 1`,
      ).pluck();
      const keys: string[] = [];
      for (let key = ''; keys.length < maxKeys; keys.push(key)) {
        const found = next.get(logId, key) as string | undefined;
        if (found === undefined) break;
        key = found;
      }
      return keys;
    },
    keysAfter: (logId: number, seq: number): string[] =>
      sql(keysBy('log = ? AND seq > ?')).pluck().all(logId, seq) as string[],
    /** Of entries whose origin begins so, which ends with a dot. */
    keysOfOrigins: (logId: number, prefix: string): string[] =>
      sql(keysBy('log = ? AND origin > ? AND origin < ?'))
        .pluck()
        .all(logId, prefix, `${prefix.slice(0, -1)}/`) as string[],
  };
}
