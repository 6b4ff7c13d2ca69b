// How an entry of a log follows the one before it, recomputed: for whoever reads a log, in the coordinator, in a file, or as a stranger.
// [INV-chain]
import { entryFault, type MemoryEntry } from './memory.ts';

/** Kinds of entries that say something about the log or its entries, and are no memories. */
export const aboutTheLog: readonly string[] = ['genesis', 'migrate', 'withdraw', 'mark'];

/** Where a log was read up to. */
export interface ChainEnd {
  agent: string;
  seq: number;
  hash: string;
  epoch: number;
}
/** What is wrong with the next entry of a stored log, in words; null: it follows, and is what it was. */
export function linkFault(entry: MemoryEntry, before: ChainEnd): string | null {
  if (entry.agentId !== before.agent) return `it belongs to ${entry.agentId}`;
  if (entry.seq !== before.seq + 1) return `entry ${before.seq + 1} is missing`;
  if (entry.previousHash !== before.hash) return `it follows ${entry.previousHash}, the entry before is ${before.hash}`;
  if (entry.epoch < before.epoch) return `its epoch ${entry.epoch} is older than ${before.epoch} before it`;
  const fault = entryFault(entry);
  if (fault === 'hash') return 'its header was changed: the hash does not match';
  if (fault === 'commitment') return 'its content was changed: the commitment does not match';
  if (fault === 'payload-missing') return 'its content is only partly erased';
  return null;
}
