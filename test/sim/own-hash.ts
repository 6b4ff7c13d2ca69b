// A second implementation of BR-MEM/1, from docs/protocol.md and not from the checked code: the digests of a memory entry.
import { createHash } from 'node:crypto';
import type { MemoryEntry } from '@blackroad/protocol';

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const pairs = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]));
}
const digest = (...parts: (string | Buffer)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** The contradiction within an entry; null: none. An entry with an erased payload has only its header. */
export function faultOf(entry: MemoryEntry): string | null {
  const { hash, salt, payload, ...header } = entry;
  if (digest(JSON.stringify(sorted(header))) !== hash) return 'hash';
  if (salt === null || payload === null) return salt === null && payload === null ? null : 'payload';
  const commitment = digest(Buffer.from(salt, 'hex'), JSON.stringify(sorted(payload)));
  return commitment === entry.payloadCommitment ? null : 'commitment';
}
