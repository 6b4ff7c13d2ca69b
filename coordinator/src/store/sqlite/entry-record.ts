// A memory entry as rows and back, to the bit: the commitment is recomputed over what comes out, so nothing may be lost on the way.
// The vector leaves the JSON as float32 bytes (a third smaller, and what the scan reads); where its text is not the canonical base64
// of `dimension` floats it stays in the JSON: kept exactly, not searched by meaning.
import type { MemoryEntry, MemoryPayload } from '@blackroad/protocol';

export interface EntryRecord {
  id: number;
  agent: string;
  seq: number;
  epoch: number;
  hash: string;
  previous_hash: string;
  payload_commitment: string;
  actor: string;
  kind: MemoryEntry['kind'];
  created_at: number;
  salt: string | null;
  payload: string | null;
  vector: Buffer | null;
}
/** Without the vector, which lies in a table of its own. */
export const textColumns = `e.id, e.agent, e.seq, e.epoch, e.hash, e.previous_hash, e.payload_commitment, e.actor, e.kind,
  e.created_at, e.salt, e.payload`;
export const entryColumns = `${textColumns}, v.vector`;

interface SplitPayload {
  payload: string | null;
  vector: { model: string; bytes: Buffer } | null;
}
export function splitPayload(payload: MemoryPayload | null): SplitPayload {
  if (payload === null) return { payload: null, vector: null };
  const { embedding } = payload;
  if (embedding) {
    const bytes = Buffer.from(embedding.vector, 'base64');
    if (bytes.length === 4 * embedding.dimension && bytes.toString('base64') === embedding.vector) {
      const rest = { ...payload, embedding: { ...embedding, vector: undefined } };
      return { payload: JSON.stringify(rest), vector: { model: embedding.model, bytes } };
    }
  }
  return { payload: JSON.stringify(payload), vector: null };
}

export function toEntry(record: EntryRecord): MemoryEntry {
  const payload = record.payload === null ? null : (JSON.parse(record.payload) as MemoryPayload);
  if (payload?.embedding && record.vector) payload.embedding.vector = record.vector.toString('base64');
  return {
    agentId: record.agent,
    epoch: record.epoch,
    seq: record.seq,
    actorId: record.actor,
    kind: record.kind,
    createdAt: record.created_at,
    payloadCommitment: record.payload_commitment,
    previousHash: record.previous_hash,
    hash: record.hash,
    salt: record.salt,
    payload,
  };
}
