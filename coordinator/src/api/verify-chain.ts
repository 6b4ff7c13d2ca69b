// Recomputes an agent's whole memory chain from the store, page by page, with pauses for the event loop every few milliseconds: a log of a
// million entries takes a minute to compute and must not delay other requests.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { entryFault, type MemoryEntry, type RouteAnswer } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Store } from '../store/store.ts';

const pageEntries = 100;
const turnMs = 8;

export async function verifyChain(
  store: Pick<Store, 'memoryLog'>,
  head: { seq: number; hash: string } | null,
  agent: string,
  clock: Clock,
): Promise<RouteAnswer<'memoryVerify'>> {
  let redacted = 0;
  let seq = 0;
  let hash = 'genesis';
  let epoch = 0;
  let fault: { seq: number; text: string } | null = null;
  let turnBeganMs = clock.monotonicMs();
  walk: while (head !== null && seq < head.seq) {
    const page = await store.memoryLog(agent, seq, Math.min(pageEntries, head.seq - seq));
    if (page.length === 0) {
      fault = { seq: seq + 1, text: `the log ends at ${seq}, its head is at ${head.seq}` };
      break;
    }
    for (const entry of page) {
      const text = linkFault(entry, { agent, seq, hash, epoch });
      if (text !== null) {
        fault = { seq: entry.seq, text };
        break walk;
      }
      if (entry.payload === null) redacted++;
      ({ seq, hash, epoch } = entry);
      if (clock.monotonicMs() - turnBeganMs > turnMs) {
        await nextTurn();
        turnBeganMs = clock.monotonicMs();
      }
    }
  }
  if (!fault && head && hash !== head.hash)
    fault = { seq, text: `the hash of the head is ${head.hash}, that of the last entry is ${hash}` };
  return { agent, valid: fault === null, entries: seq, redacted, headSeq: seq, headHash: hash, fault };
}

function linkFault(
  entry: MemoryEntry,
  before: { agent: string; seq: number; hash: string; epoch: number },
): string | null {
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
