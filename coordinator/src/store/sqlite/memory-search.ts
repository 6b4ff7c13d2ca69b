// Finds memories by words and, where a vector is given, by meaning; fuses both. Exact, and bounded: other reads wait for a search.
// Vectors are compared only with vectors of the same model and length (near-vectors.ts).
import type { MemoryHit, MemoryPayload } from '@blackroad/protocol';
import { maxPageRows } from '@blackroad/protocol';
import { fuseRanks, weigh } from '../fuse.ts';
import type { Store } from '../store.ts';
import type { Database } from './database.ts';
import { type EntryRecord, entryColumns } from './entry-record.ts';
import { type Nearest, nearestAmong } from './near-vectors.ts';
import type { WordIndex } from './word-index.ts';

/** The least number of candidates from each list: enough that a hit of both lists is found in both. */
const minCandidates = 50;

export function memorySearch(db: Database, words: WordIndex, nearest: Nearest, nowMs: () => number) {
  const byId = db.prepare<[number], EntryRecord & { received_ms: number }>(
    `SELECT ${entryColumns}, e.received_ms FROM memory_entry e LEFT JOIN memory_vector v ON v.id = e.id WHERE e.id = ?`,
  );

  const among = nearestAmong(db);

  return ({ text, vector, limit, ...filter }: Parameters<Store['searchMemory']>[0]): MemoryHit[] => {
    const wanted = Math.max(0, Math.min(maxPageRows, Math.floor(limit) || 0));
    if (wanted === 0) return [];
    const candidates = Math.max(minCandidates, 4 * wanted);
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
    const now = nowMs();
    const hits: { id: number; hit: MemoryHit }[] = [];
    for (const [id, fused] of fuseRanks([byWords, byMeaning])) {
      const record = byId.get(id);
      // The index may name entries that were erased from the log.
      if (record?.payload == null || (filter.agent !== undefined && record.agent !== filter.agent)) continue;
      const payload = JSON.parse(record.payload) as MemoryPayload;
      const score = weigh(fused, payload.importance, now - record.received_ms);
      const found: NonNullable<MemoryHit['found']> = [];
      if (withWords.has(id)) found.push('words');
      if (withMeaning.has(id)) found.push('meaning');
      hits.push({ id, hit: toHit(record, payload, { score, found }) });
    }
    hits.sort((a, b) => b.hit.score - a.hit.score || b.id - a.id);
    return hits.slice(0, wanted).map(({ hit }) => hit);
  };
}

function toHit(record: EntryRecord, payload: MemoryPayload, how: Pick<MemoryHit, 'score' | 'found'>): MemoryHit {
  const { agent, epoch, seq, hash, kind, actor, created_at } = record;
  const { text, tags, importance, source, document } = payload;
  return {
    agent,
    epoch,
    seq,
    hash,
    kind,
    actorId: actor,
    createdAt: created_at,
    text,
    tags,
    importance,
    source,
    ...(document ? { document } : {}),
    ...how,
  };
}
