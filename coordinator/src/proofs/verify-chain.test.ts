// The verification of the chain: a correct log passes, every kind of change is named, and a long log does not block the event loop.
import { commitPayload, entryLeaf, hashHeader, type MemoryEntry, rootOf, withLeaf } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import type { AnchoredRow } from '../state/memory-rows.ts';
import { verifyChain } from './verify-chain.ts';

function chainOf(length: number): MemoryEntry[] {
  const entries: MemoryEntry[] = [];
  let previousHash = 'genesis';
  for (let seq = 1; seq <= length; seq++) {
    const salt = seq.toString(16).padStart(32, '0');
    const payload = {
      text: `memory ${seq}`,
      tags: [],
      importance: 0.5,
      source: 'test',
      derivedFrom: [],
      embedding: null,
    };
    const header = {
      agentId: 'ada',
      epoch: seq < length / 2 ? 1 : 2,
      seq,
      actorId: 'agent:ada',
      kind: 'turn' as const,
      createdAt: seq,
      payloadCommitment: commitPayload(salt, payload),
      previousHash,
    };
    previousHash = hashHeader(header);
    entries.push({ ...header, hash: previousHash, salt, payload });
  }
  return entries;
}
const storeOf = (entries: MemoryEntry[]) => ({
  memoryLog: async (_agent: string, after: number, limit: number) =>
    entries.filter(({ seq }) => seq > after).slice(0, limit),
});
function verify(
  entries: MemoryEntry[],
  head: { seq: number; hash: string } | null = entries.at(-1) ?? null,
  anchored: AnchoredRow | null = null,
) {
  return verifyChain(storeOf(entries), { agent: 'ada', head, anchored }, systemClock);
}

t.test('a whole log, an erased entry, an empty log', async (t) => {
  const entries = chainOf(250);
  t.match(await verify(entries), { valid: true, entries: 250, redacted: 0, headHash: entries[249]?.hash, fault: null });
  entries[7] = { ...(entries[7] as MemoryEntry), payload: null, salt: null };
  t.match(await verify(entries), { valid: true, redacted: 1 });
  t.match(await verify([]), { valid: true, entries: 0, headHash: 'genesis' });
});

t.test('tampering is named with its place', async (t) => {
  const change = (at: number, patch: (entry: MemoryEntry) => Partial<MemoryEntry>) => {
    const entries = chainOf(120);
    const entry = entries[at] as MemoryEntry;
    entries[at] = { ...entry, ...patch(entry) };
    return verify(entries, chainOf(120).at(-1));
  };
  const text = (words: string) => ({ payload: { ...(chainOf(1)[0] as MemoryEntry).payload, text: words } }) as never;
  t.match(await change(110, () => text('forged')), { valid: false, fault: { seq: 111, text: /content was changed/ } });
  t.match(await change(5, () => ({ createdAt: 9 })), { fault: { seq: 6, text: /header was changed/ } });
  t.match(await change(5, () => ({ salt: null })), { fault: { seq: 6, text: /partly erased/ } });
  t.match(await change(5, () => ({ agentId: 'bob' })), { fault: { seq: 6, text: 'it belongs to bob' } });
  t.match(await change(100, () => ({ epoch: 1 })), { fault: { seq: 101, text: /epoch 1 is older/ } });
  const cut = chainOf(120);
  t.match(await verify(cut.slice(0, 90), cut.at(-1)), { fault: { seq: 91, text: /ends at 90/ } });
  t.match(await verify(cut.toSpliced(40, 1), cut.at(-1)), { fault: { seq: 42, text: 'entry 41 is missing' } });
  t.match(await verify(cut, { seq: 120, hash: 'a'.repeat(64) }), {
    fault: { seq: 120, text: /the hash of the head is/ },
  });
});

t.test('a log that was written anew as a whole does not have the root that was signed', async (t) => {
  const entries = chainOf(30);
  const peaks = entries.reduce<string[]>((all, { hash }, i) => withLeaf(all, i, entryLeaf(hash)), []);
  const head = entries.at(-1) as MemoryEntry;
  const anchored: AnchoredRow = { agent: 'ada', entries: 30, head: head.hash, root: rootOf(peaks), epoch: 2, peaks };
  t.match(await verify(entries, head, anchored), { valid: true });
  const longer = chainOf(40).slice(0, 30);
  t.match(await verify(longer, longer.at(-1), anchored), {
    valid: false,
    fault: { seq: 30, text: 'the first 30 entries do not have the root that was signed' },
  });
  t.match(await verify(entries.slice(0, 20), entries[19], anchored), { fault: { seq: 21, text: /ends at 20/ } });
});

t.test('others get their turn while a long log is verified', async (t) => {
  const entries = chainOf(3000);
  // Each reading of the clock adds 5 ms, so a slice ends at every second entry.
  let ms = 0;
  let turns = 0;
  let done = false;
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const log = { agent: 'ada', head: entries.at(-1) as MemoryEntry, anchored: null };
  const result = await verifyChain(storeOf(entries), log, {
    ...systemClock,
    monotonicMs: () => {
      ms += 5;
      return ms;
    },
  });
  done = true;
  t.equal(result.valid, true);
  t.ok(turns > 900, `${turns} turns of the event loop`);
});
