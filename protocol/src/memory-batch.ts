// How many memory entries, or memories, one message carries, in both directions, decided only here. In: the message without them, and them in
// order. Out: the first ones, as many as fit.
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
  return itemsThatFit({ ...message, entries: [] }, entries, mostEntries);
}
/** The same for another list of a message about memories, which is empty in `message`. */
export function itemsThatFit<T>(message: object, items: readonly T[], mostItems: number): T[] {
  const fitting: T[] = [];
  let bytes = jsonBytes(message);
  for (const item of items) {
    if (fitting.length === mostItems) break;
    // A comma separates two items.
    bytes += jsonBytes(item) + (fitting.length > 0 ? 1 : 0);
    if (bytes > maxMemoryBatchBytes) break;
    fitting.push(item);
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
