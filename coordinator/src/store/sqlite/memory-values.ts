// Values by key: the entry that sets a key last, exactly, by an index over the log itself; and which entries nobody looks for any more, as a later one
// sets their key. Those are noted by id, so that the indexes of words and vectors leave them out. In: entries that are stored or lose their
// content. Out: values, in pages by their keys. Part of the store.
import {
  indexedText,
  keySet,
  lastOfEach,
  type MemoryEntry,
  type MemoryPayload,
  type ValueEntry,
} from '@blackroad/protocol';
import type { StoredValue } from '../store.ts';
import type { Database } from './database.ts';
import { keyedSql } from './keyed-entries.ts';
import type { WordIndex } from './word-index.ts';

/** Keys that one page looks at: those that were unset are none of it. */
const maxLooked = 1_000;

interface Row {
  id: number;
  seq: number;
  epoch: number;
  hash: string;
  kind: string;
  actor: string;
  created_at: number;
  payload: string;
}

export function memoryValues(db: Database, words: WordIndex) {
  return { ...pastValues(db, words), ...valueReads(db) };
}

function aboutKeys(db: Database) {
  const about = db.prepare<[string, string, number], Row>(
    `SELECT id, seq, epoch, hash, kind, actor, created_at, payload FROM memory_entry
     WHERE agent = ? AND payload ->> 'key' = ? AND seq < ? AND ${keyedSql} ORDER BY seq DESC`,
  );
  /** The newest first, down to the one that sets the key. */
  return (
    agent: string,
    key: string,
    beforeSeq = Number.MAX_SAFE_INTEGER,
  ): (Row & { said: MemoryPayload; sets: boolean })[] => {
    const found: (Row & { said: MemoryPayload; sets: boolean })[] = [];
    for (const row of about.iterate(agent, key, beforeSeq)) {
      const said = JSON.parse(row.payload) as MemoryPayload;
      const sets = keySet({ kind: row.kind, payload: said }) !== null;
      found.push({ ...row, said, sets });
      if (sets) break;
    }
    return found;
  };
}

function pastValues(db: Database, words: WordIndex) {
  const aboutKey = aboutKeys(db);
  const put = db.prepare<[number | bigint]>('INSERT OR IGNORE INTO memory_past VALUES (?)');
  const drop = db.prepare<[number]>('DELETE FROM memory_past WHERE id = ?');
  const changed = db.prepare<[number]>('INSERT INTO vector_change (id) VALUES (?)');
  const keyAt = db
    .prepare<[string, number, string], string>(
      `SELECT payload ->> 'key' FROM memory_entry WHERE agent = ? AND seq = ? AND hash = ? AND ${keyedSql}`,
    )
    .pluck();
  const keysOf = db
    .prepare<[string, string], string>(
      `SELECT DISTINCT payload ->> 'key' FROM memory_entry WHERE document = ? AND agent = ? AND ${keyedSql}`,
    )
    .pluck();

  return {
    /** Called with an entry that was stored: what held of its key until then is not looked for any more. */
    supersede(entry: MemoryEntry): void {
      const key = keySet(entry);
      if (key === null) return;
      for (const { id, said } of aboutKey(entry.agentId, key, entry.seq)) {
        if (said.text === '') continue;
        put.run(id);
        words.remove(id);
        changed.run(id);
      }
    },
    /** What ends a key is looked for by nobody. */
    noteEnd: (id: number | bigint): void => void put.run(id),
    keyAt: (agent: string, seq: number, hash: string): string | undefined => keyAt.get(agent, seq, hash),
    keysOfDocument: (agent: string, document: string): string[] => keysOf.all(document, agent),
    /** Called when entries lost their content: what their keys had before holds again. */
    holdAgain(agent: string, keys: Iterable<string>): void {
      for (const key of new Set(keys))
        for (const { id, said } of aboutKey(agent, key)) {
          if (said.text === '' || drop.run(id).changes === 0) continue;
          words.add(id, agent, said);
          changed.run(id);
        }
    },
  };
}
/** Whether an entry is found by nobody because it ends a key. */
export const endsKey = ({ payload }: MemoryEntry): boolean => payload?.key !== undefined && indexedText(payload) === '';

function valueReads(db: Database) {
  const aboutKey = aboutKeys(db);
  const nextKey = db
    .prepare<[string, string], string>(
      `SELECT payload ->> 'key' FROM memory_entry WHERE agent = ? AND payload ->> 'key' > ? AND ${keyedSql}
       ORDER BY payload ->> 'key' LIMIT 1`,
    )
    .pluck();
  const value = (agent: string, key: string): StoredValue | null => {
    const about = aboutKey(agent, key);
    const last = about.at(-1);
    const holder = last?.sets && last.said.text !== '' ? last : null;
    const said = holder?.said.text ?? '';
    const beside = about.filter(({ sets }) => !sets);
    const others = lastOfEach(beside, (row) => row.said.source).filter((row) => row.said.text !== said);
    if (!holder && others.length === 0) return null;
    return { key, entry: holder && shown(holder), others: others.map(shown) };
  };
  return {
    value,
    values(agent: string, after: string, limit: number): { values: StoredValue[]; next: string | null } {
      const values: StoredValue[] = [];
      let last = after;
      for (let looked = 0; ; looked++) {
        const key = nextKey.get(agent, last);
        if (key === undefined) return { values, next: null };
        if (values.length >= limit || looked >= maxLooked) return { values, next: last };
        const found = value(agent, key);
        if (found) values.push(found);
        last = key;
      }
    },
  };
}
function shown({ seq, epoch, hash, kind, actor, created_at, said }: ReturnType<ReturnType<typeof aboutKeys>>[number]) {
  const entry: ValueEntry = {
    ...{ text: said.text === '' ? null : said.text, seq, epoch, hash, kind, actorId: actor },
    ...{ source: said.source, createdAt: created_at },
  };
  return entry;
}
