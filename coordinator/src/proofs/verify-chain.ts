// Recomputes an agent's whole memory chain from the store. In: the log, its head, and how it stood at the newest checkpoint. Out: what it has, or the
// first thing that is wrong with it.
import { type ChainEnd, entryLeaf, type RouteAnswer, rootOf, withLeaf } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { AnchoredRow } from '../state/memory-rows.ts';
import type { Store } from '../store/store.ts';
import { readLog } from './read-log.ts';

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
  let peaks: string[] = [];
  const from = { agent, seq: 0, hash: 'genesis', epoch: 0 };
  const read = await readLog({ store, clock }, from, head?.seq ?? 0, (entry, at) => {
    if (entry.payload === null) redacted++;
    if (anchored && at < anchored.entries) peaks = withLeaf(peaks, at, entryLeaf(entry.hash));
  });
  const { end } = read;
  let { fault } = read;
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
