// Reads a stored log on from one place to another, page by page, and checks each entry against the one before, with pauses for the event loop every
// few milliseconds: a log of a million entries takes a minute to compute and must not delay other requests. In: the log, both places, and who
// is given each entry that holds. Out: where it ended, and the first thing that is wrong with it.
import { type ChainEnd, linkFault, type MemoryEntry, type RouteAnswer } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Store } from '../store/store.ts';
import { pacer } from './pacer.ts';

export type LogFault = NonNullable<RouteAnswer<'memoryVerify'>['fault']>;

const pageEntries = 100;

/** `take` gets each entry, and how many are before it. */
export async function readLog(
  { store, clock }: { store: Pick<Store, 'memoryLog'>; clock: Clock },
  from: ChainEnd,
  uptoSeq: number,
  take: (entry: MemoryEntry, before: number) => void,
): Promise<{ end: ChainEnd; fault: LogFault | null }> {
  const pause = pacer(clock);
  const { agent } = from;
  let end = from;
  while (end.seq < uptoSeq) {
    const page = await store.memoryLog(agent, end.seq, Math.min(pageEntries, uptoSeq - end.seq));
    if (page.length === 0) {
      const text = `the log ends at ${end.seq}, its head is at ${uptoSeq}`;
      return { end, fault: { seq: end.seq + 1, text } };
    }
    for (const entry of page) {
      const text = linkFault(entry, end);
      if (text !== null) return { end, fault: { seq: entry.seq, text } };
      take(entry, end.seq);
      const { seq, hash, epoch } = entry;
      end = { agent, seq, hash, epoch };
      await pause();
    }
  }
  return { end, fault: null };
}
