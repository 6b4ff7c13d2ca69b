// Finds memories by words and, where a vector is given, by meaning; fuses both. Exact, and bounded: other reads wait for a search.
// Vectors are compared only with vectors of the same model and length.
import type { MemoryHit, MemoryPayload } from '@blackroad/protocol';
import { maxPageRows } from '@blackroad/protocol';
import { fuseRanks, type Ranked, weigh } from '../fuse.ts';
import type { Store } from '../store.ts';
import type { Database } from './database.ts';
import { type EntryRecord, entryColumns } from './entry-record.ts';
import type { WordIndex } from './word-index.ts';

/** The newest vectors that one search compares. An exact scan of 20,000 x 384 takes about 50 ms; more would need an index. */
const maxScannedVectors = 20_000;
/** The least number of candidates from each list: enough that a hit of both lists is found in both. */
const minCandidates = 50;

export function memorySearch(db: Database, words: WordIndex, nowMs: () => number) {
  // The distance stands once in the query: SQLite computes an expression again for each place that names it.
  const nearest = (rows: string) =>
    db.prepare<unknown[], { item: number; value: number | null }>(
      `SELECT id AS item, vec_distance_cosine(vector, ?) AS value FROM (${rows}) ORDER BY value NULLS LAST LIMIT ?`,
    );
  // CROSS JOIN pins the order: an agent's newest entries from the covering index first, then their vectors.
  const nearestOfAgent = nearest(
    `SELECT v.id, v.vector FROM memory_entry e CROSS JOIN memory_vector v ON v.id = e.id
     WHERE e.agent = ? AND v.model = ? AND length(v.vector) = ? ORDER BY e.seq DESC LIMIT ${maxScannedVectors}`,
  );
  const nearestOfAll = nearest(
    `SELECT id, vector FROM memory_vector WHERE model = ? AND length(vector) = ? ORDER BY id DESC LIMIT ${maxScannedVectors}`,
  );
  const byId = db.prepare<[number], EntryRecord & { received_ms: number }>(
    `SELECT ${entryColumns}, e.received_ms FROM memory_entry e LEFT JOIN memory_vector v ON v.id = e.id WHERE e.id = ?`,
  );

  return ({ text, agent, vector, limit }: Parameters<Store['searchMemory']>[0]): MemoryHit[] => {
    const wanted = Math.max(0, Math.min(maxPageRows, Math.floor(limit) || 0));
    if (wanted === 0) return [];
    const candidates = Math.max(minCandidates, 4 * wanted);
    const lists = [words.find(text, agent, candidates)];
    if (vector && vector.values.length > 0) {
      const { buffer, byteOffset, byteLength } = vector.values;
      const bytes = Buffer.from(buffer, byteOffset, byteLength);
      const near =
        agent === undefined
          ? nearestOfAll.all(bytes, vector.model, byteLength, candidates)
          : nearestOfAgent.all(bytes, agent, vector.model, byteLength, candidates);
      // Without a distance: a vector of zeros or of no numbers is near to nothing.
      lists.push(near.filter((found): found is Ranked<number> => found.value !== null));
    }
    const now = nowMs();
    const hits: { id: number; hit: MemoryHit }[] = [];
    for (const [id, fused] of fuseRanks(lists)) {
      const record = byId.get(id);
      // The index may name entries that were erased from the log.
      if (record?.payload == null || (agent !== undefined && record.agent !== agent)) continue;
      const payload = JSON.parse(record.payload) as MemoryPayload;
      const score = weigh(fused, payload.importance, now - record.received_ms);
      hits.push({ id, hit: toHit(record, payload, score) });
    }
    hits.sort((a, b) => b.hit.score - a.hit.score || b.id - a.id);
    return hits.slice(0, wanted).map(({ hit }) => hit);
  };
}

function toHit(record: EntryRecord, payload: MemoryPayload, score: number): MemoryHit {
  const { agent, epoch, seq, hash, kind, actor, created_at } = record;
  const { text, tags, importance, source } = payload;
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
    score,
  };
}
