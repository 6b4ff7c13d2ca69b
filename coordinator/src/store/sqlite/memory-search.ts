// Finds memories by words and, where a vector is given, by meaning; fuses both. Exact, and bounded: other reads wait for a search.
// Vectors are compared only with vectors of the same model and length (near-vectors.ts).
import { keyIn, type MemoryHit, type MemoryPayload, maxPageRows, rankMarked, shownText } from '@blackroad/protocol';
import { fuseRanks, weigh } from '../fuse.ts';
import type { Store } from '../store.ts';
import type { Database } from './database.ts';
import { type EntryRecord, textColumns } from './entry-record.ts';
import { asked, passes } from './memory-filter.ts';
import type { FoundMark, memoryMarks } from './memory-marks.ts';
import { type Nearest, nearestAmong } from './near-vectors.ts';
import type { WordIndex } from './word-index.ts';

/** The least number of candidates from each list: enough that a hit of both lists is found in both. */
const minCandidates = 50;
const wantedOf = (limit: number): number => Math.max(0, Math.min(maxPageRows, Math.floor(limit) || 0));
/** Of each list, for so many hits. */
export const candidatesOf = (limit: number): number => Math.max(minCandidates, 4 * wantedOf(limit));
/** Hits that marks are looked up of, for each that is wanted. */
const markedTimes = 3;

interface SearchParts {
  marks: Pick<ReturnType<typeof memoryMarks>, 'of'>;
  nowMs: () => number;
}

export function memorySearch(db: Database, words: WordIndex, nearest: Nearest, { marks, nowMs }: SearchParts) {
  const byId = db.prepare<[number], Omit<EntryRecord, 'vector'> & { received_ms: number }>(
    `SELECT ${textColumns}, e.received_ms FROM memory_entry e WHERE e.id = ?`,
  );

  const isAsked = db.prepare<[object], number>(`SELECT 1 FROM memory_entry e WHERE e.id = @id AND ${passes}`).pluck();
  const isPast = db.prepare<[number], number>('SELECT 1 FROM memory_past WHERE id = ?').pluck();
  const among = nearestAmong(db);

  return ({ text, vector, limit, ...filter }: Parameters<Store['searchMemory']>[0]): MemoryHit[] => {
    const wanted = wantedOf(limit);
    if (wanted === 0) return [];
    const candidates = candidatesOf(limit);
    const byWords = words.find(text, filter, candidates);
    // Few memories have a tag: the nearest of all need not be among them.
    const tagged = vector && filter.tag !== undefined ? words.tagged(filter) : null;
    const near = (of: NonNullable<typeof vector>) =>
      tagged ? among(of, filter, candidates, tagged) : nearest(of, filter, candidates);
    const byMeaning = vector && vector.values.length > 0 ? near(vector) : [];
    const [withWords, withMeaning] = [byWords, byMeaning].map((list) => new Set(list.map(({ item }) => item))) as [
      Set<number>,
      Set<number>,
    ];
    const isOf = agentTest(filter);
    const now = nowMs();
    const read = (id: number) => {
      const record = byId.get(id);
      // The index may name entries that were erased from the log, or that a later value took the place of.
      if (record?.payload == null || isPast.get(id) !== undefined || !isOf(record.agent)) return null;
      return { record, payload: JSON.parse(record.payload) as MemoryPayload };
    };
    const ranked: { id: number; score: number }[] = [];
    for (const [id, fused] of fuseRanks([byWords, byMeaning])) {
      const found = read(id);
      if (!found) continue;
      const { record, payload } = found;
      ranked.push({ id, score: weigh(fused, payload.importance, now - record.received_ms) });
    }
    ranked.sort((a, b) => b.score - a.score || b.id - a.id);
    const known = new Map<number, FoundMark[]>();
    const marksOf = (id: number) => {
      const found = known.get(id) ?? marks.of(id);
      known.set(id, found);
      return found;
    };
    const hits: MemoryHit[] = [];
    for (const { id, score } of rankMarked(ranked.slice(0, markedTimes * wanted), marksOf)) {
      if (hits.length === wanted) break;
      const isFound = withWords.has(id) || withMeaning.has(id);
      // What replaced a hit has to be of the kind, the tag and the time that were asked for, too.
      const entry = isFound || isAsked.get({ ...asked(filter), id }) ? read(id) : null;
      if (!entry) continue;
      const found: NonNullable<MemoryHit['found']> = [];
      if (withWords.has(id)) found.push('words');
      if (withMeaning.has(id)) found.push('meaning');
      const marked = marksOf(id).map(({ how, seq }) => ({ how, by: seq }));
      const how = { score, found, ...(marked.length > 0 ? { marked } : {}) };
      hits.push(toHit(entry.record, entry.payload, how));
    }
    return hits;
  };
}

function agentTest({ agent, agents }: Pick<Parameters<Store['searchMemory']>[0], 'agent' | 'agents'>) {
  const some = agents && new Set(agents);
  return (of: string) => (agent === undefined || of === agent) && (some?.has(of) ?? true);
}

function toHit(
  record: Omit<EntryRecord, 'vector'>,
  payload: MemoryPayload,
  how: Pick<MemoryHit, 'score' | 'found' | 'marked'>,
): MemoryHit {
  const { agent, epoch, seq, hash, kind, actor, created_at } = record;
  const { tags, importance, source, document } = payload;
  const key = keyIn({ kind, payload });
  return {
    agent,
    epoch,
    seq,
    hash,
    kind,
    actorId: actor,
    createdAt: created_at,
    text: shownText({ kind, payload, actorId: actor }),
    tags,
    importance,
    source,
    ...(document ? { document } : {}),
    ...(key === null ? {} : { key }),
    ...how,
  };
}
