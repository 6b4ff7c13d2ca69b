// Recomputes the claims of a batch of memory entries: digests, links, order. Trusts nothing in a message. [INV-chain]
import { entryBytes, entryFault, type MemoryEntry, maxMemoryEntryBytes } from '@blackroad/protocol';

/**
 * The fault of a run of entries by itself, in words; null: it is a correct part of a chain. `mayBeOlder`: after a restore the writer also
 * sends entries of earlier epochs, which the coordinator lost.
 */
export function runFault(
  agent: string,
  epoch: number,
  previousHash: string,
  entries: readonly MemoryEntry[],
  mayBeOlder = false,
): string | null {
  let previous: { seq: number; hash: string; epoch: number } | null = null;
  for (const entry of entries) {
    const at = `entry ${entry.seq}`;
    if (entry.agentId !== agent) return `${at} is of agent ${entry.agentId}`;
    const isOfEpoch = mayBeOlder
      ? entry.epoch <= epoch && entry.epoch >= (previous?.epoch ?? 0)
      : entry.epoch === epoch;
    if (!isOfEpoch) return `${at} is of epoch ${entry.epoch}, the message of ${epoch}`;
    if (entry.previousHash !== (previous?.hash ?? previousHash)) return `${at} does not link to what comes before it`;
    if (previous && entry.seq !== previous.seq + 1) return `${at} follows ${previous.seq}`;
    const bytes = entryBytes(entry);
    if (bytes > maxMemoryEntryBytes) return `${at} has ${bytes} bytes, ${maxMemoryEntryBytes} is the most`;
    const fault = entryFault(entry);
    if (fault) return `${at}: ${fault}`;
    previous = entry;
  }
  return null;
}

/** How a correct run relates to a log. Links are hashes: where one entry is equal, all earlier ones are. */
type Meeting =
  | { how: 'known' }
  | { how: 'next'; fresh: MemoryEntry[] }
  | { how: 'gap' }
  /** From about this entry on, the history differs. */
  | { how: 'fork'; fromSeq: number };

export function meet(
  head: { seq: number; hash: string },
  stored: ReadonlyMap<number, string>,
  previousHash: string,
  entries: readonly MemoryEntry[],
): Meeting {
  const first = entries[0];
  if (!first) return { how: 'known' };
  const hashAt = (seq: number) => (seq === head.seq ? head.hash : stored.get(seq));
  const known = entries.filter(({ seq }) => seq <= head.seq);
  const fresh = entries.slice(known.length);
  const last = known[known.length - 1];
  if (last) {
    const ours = hashAt(last.seq);
    // The log is longer than the entries that were read of it, so nothing can be compared: the node starts from our head.
    if (ours === undefined) return { how: 'gap' };
    if (ours !== last.hash) {
      const from = known.find(({ seq, hash }) => {
        const own = hashAt(seq);
        return own !== undefined && own !== hash;
      });
      return { how: 'fork', fromSeq: from?.seq ?? last.seq };
    }
    return fresh.length === 0 ? { how: 'known' } : { how: 'next', fresh };
  }
  if (first.seq !== head.seq + 1) return { how: 'gap' };
  return previousHash === head.hash ? { how: 'next', fresh } : { how: 'fork', fromSeq: first.seq };
}
