// How many memory entries one message carries, in both directions, decided only here. In: the message without its entries, and the entries
// in order. Out: the first entries, as many as fit.
import { maxMemoryBatchBytes } from './limits.ts';
import type { MemoryDown, MemoryEntry, MemoryUp } from './memory.ts';

type Carrier = Extract<MemoryUp | MemoryDown, { entries: MemoryEntry[] }>;
type WithoutEntries<M> = M extends Carrier ? Omit<M, 'entries'> : never;

/** Empty only where there is no entry or the first alone is too large, which `maxMemoryEntryBytes` prevents in a log. */
export function entriesThatFit(
  message: WithoutEntries<Carrier>,
  entries: readonly MemoryEntry[],
  mostEntries: number,
): MemoryEntry[] {
  const fitting: MemoryEntry[] = [];
  let bytes = jsonBytes({ ...message, entries: [] });
  for (const entry of entries) {
    if (fitting.length === mostEntries) break;
    // A comma separates two entries.
    bytes += entryBytes(entry) + (fitting.length > 0 ? 1 : 0);
    if (bytes > maxMemoryBatchBytes) break;
    fitting.push(entry);
  }
  return fitting;
}
/** How many bytes of a message the entry needs. */
export function entryBytes(entry: MemoryEntry): number {
  return jsonBytes(entry);
}
function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
