// Builds entries and checks those that come from elsewhere. Pure: the caller passes the time and the salt, and stores the result.
// [INV-chain]
import {
  commitPayload,
  cutToBytes,
  encodeVector,
  entryFault,
  hashHeader,
  isVector,
  type MemoryEntry,
  type MemoryPayload,
  maxMemoryTextBytes,
  maxVectorDimension,
} from '@blackroad/protocol';
import type { Remembered } from './agent-memory.ts';
import type { Head } from './journal.ts';

/** The content that a caller wants to store, in the form and within the limits of the chain. */
export function payloadOf(
  entry: Omit<Remembered, 'kind' | 'actorId'> & { kind?: string; actorId?: string },
  embedding: { model: string; vector: Float32Array } | null,
): MemoryPayload {
  const fits = embedding !== null && isVector(embedding.vector) && embedding.vector.length <= maxVectorDimension;
  return {
    text: cutToBytes(entry.text, maxMemoryTextBytes),
    tags: (entry.tags ?? []).slice(0, 32).map((tag) => cutToBytes(tag, 60)),
    importance: Math.min(1, Math.max(0, Number.isFinite(entry.importance) ? entry.importance! : 0.5)),
    source: cutToBytes(entry.source, 200),
    derivedFrom: (entry.derivedFrom ?? []).slice(0, 64),
    embedding: fits
      ? {
          model: cutToBytes(embedding.model, 200),
          dimension: embedding.vector.length,
          vector: encodeVector(embedding.vector),
        }
      : null,
    ...(entry.key === undefined ? {} : { key: entry.key }),
  };
}

export interface NewEntry {
  kind: MemoryEntry['kind'];
  actorId: string;
  createdAt: number;
  payload: MemoryPayload;
}

export function nextEntry(agentId: string, epoch: number, head: Head, entry: NewEntry, salt: string): MemoryEntry {
  const header = {
    agentId,
    epoch,
    seq: head.seq + 1,
    actorId: cutToBytes(entry.actorId, 80),
    kind: entry.kind,
    createdAt: Math.max(0, entry.createdAt),
    payloadCommitment: commitPayload(salt, entry.payload),
    previousHash: head.hash,
  };
  return { ...header, hash: hashHeader(header), salt, payload: entry.payload };
}

export function plainEntry(kind: 'genesis' | 'migrate', node: string, createdAt: number, text: string): NewEntry {
  const payload = { text, tags: [], importance: 0, source: `node:${node}`, derivedFrom: [], embedding: null };
  return { kind, actorId: `node:${node}`, createdAt, payload };
}

type Admission =
  /** Entries to store behind the head, in order; `damaged` lists the seqs whose content does not match its commitment. */
  | { entries: MemoryEntry[]; damaged: number[] }
  /** The log of this node and that of the coordinator differ at `seq`. */
  | { fork: number }
  | { refused: string };

/** Checks entries that the coordinator sent: every link, every digest. `hashAt` returns the hashes of this node. */
export function admit(
  agent: string,
  head: Head,
  hashAt: (seq: number) => string | null,
  incoming: readonly MemoryEntry[],
  base: Head,
): Admission {
  const entries: MemoryEntry[] = [];
  const damaged: number[] = [];
  let last = head;
  for (const entry of [...incoming].sort((a, b) => a.seq - b.seq)) {
    if (entry.agentId !== agent) return { refused: `entry ${entry.seq} is of agent ${entry.agentId}` };
    if (entry.seq <= last.seq) {
      const known = entry.seq <= head.seq ? hashAt(entry.seq) : (entries[entry.seq - head.seq - 1]?.hash ?? null);
      if (known !== entry.hash)
        return entry.seq <= head.seq ? { fork: entry.seq } : { refused: `two entries ${entry.seq}` };
      continue;
    }
    if (entry.seq !== last.seq + 1) break;
    if (entry.previousHash !== last.hash) {
      return entries.length === 0
        ? { fork: head.seq }
        : { refused: `entry ${entry.seq} does not follow the one before` };
    }
    const fault = entryFault(entry);
    if (fault === 'hash') return { refused: `entry ${entry.seq} does not have the hash it claims` };
    if (entry.seq === base.seq && entry.hash !== base.hash) {
      return { refused: `entry ${entry.seq} is not the base this epoch was given` };
    }
    // The chain is right, the content is not: stored without content, so that one damaged entry blocks nothing.
    if (fault) damaged.push(entry.seq);
    entries.push(fault ? { ...entry, salt: null, payload: null } : entry);
    last = { seq: entry.seq, hash: entry.hash };
  }
  return { entries, damaged };
}

/**
 * What an entry was made from, by which it is written only once, on whatever node the log is: the order of a person, also where it came by a
 * branch; or the hash of the original of a merged entry.
 */
export function originOf(entry: MemoryEntry): string | null {
  const given = entry.payload?.given;
  if (given !== undefined) return originOfGiven(given);
  if (entry.kind !== 'merge' || !entry.payload?.source.startsWith('branch:')) return null;
  return entry.payload.derivedFrom[0] ?? null;
}
/** The parts of a document have its id and a dot before their numbers, so that they are a range of origins. */
export function originOfGiven(given: string): string {
  return `given:${given}`;
}
