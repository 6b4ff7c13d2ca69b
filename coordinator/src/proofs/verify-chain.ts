// Recomputes an agent's whole memory chain from the store, page by page, with pauses for the event loop every few milliseconds: a log of a
// million entries takes a minute to compute and must not delay other requests. In: the log, its head, and how it stood at the newest
// checkpoint. Out: what it has, or the first thing that is wrong with it.
import { type ChainEnd, entryLeaf, linkFault, type RouteAnswer, rootOf, withLeaf } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { AnchoredRow } from '../state/memory-rows.ts';
import type { Store } from '../store/store.ts';
import { pacer } from './pacer.ts';

const pageEntries = 100;

interface Log {
  agent: string;
  head: { seq: number; hash: string } | null;
  anchored: AnchoredRow | null;
}

export async function verifyChain(
  store: Pick<Store, 'memoryLog'>,
  { agent, head, anchored }: Log,
  clock: Clock,
): Promise<RouteAnswer<'memoryVerify'>> {
  let redacted = 0;
  let end: ChainEnd = { agent, seq: 0, hash: 'genesis', epoch: 0 };
  let peaks: string[] = [];
  let fault: { seq: number; text: string } | null = null;
  const pause = pacer(clock);
  walk: while (head !== null && end.seq < head.seq) {
    const page = await store.memoryLog(agent, end.seq, Math.min(pageEntries, head.seq - end.seq));
    if (page.length === 0) {
      fault = { seq: end.seq + 1, text: `the log ends at ${end.seq}, its head is at ${head.seq}` };
      break;
    }
    for (const entry of page) {
      const text = linkFault(entry, end);
      if (text !== null) {
        fault = { seq: entry.seq, text };
        break walk;
      }
      if (entry.payload === null) redacted++;
      if (anchored && end.seq < anchored.entries) peaks = withLeaf(peaks, end.seq, entryLeaf(entry.hash));
      const { seq, hash, epoch } = entry;
      end = { agent, seq, hash, epoch };
      await pause();
    }
  }
  if (!fault && head && end.hash !== head.hash)
    fault = { seq: end.seq, text: `the hash of the head is ${head.hash}, that of the last entry is ${end.hash}` };
  fault ??= anchorFault(anchored, end, peaks);
  const { seq: headSeq, hash: headHash } = end;
  return { agent, valid: fault === null, entries: headSeq, redacted, headSeq, headHash, fault };
}

function anchorFault(anchored: AnchoredRow | null, end: ChainEnd, peaks: readonly string[]) {
  if (anchored === null) return null;
  const { entries, root } = anchored;
  if (end.seq < entries)
    return { seq: end.seq + 1, text: `the log ends at ${end.seq}, the signed checkpoint has ${entries} entries of it` };
  if (rootOf(peaks) === root) return null;
  return { seq: entries, text: `the first ${entries} entries do not have the root that was signed` };
}
