// A message carries as many memory entries as its bytes and its bound allow, neither more nor fewer.
import fc from 'fast-check';
import t from 'tap';
import { encode } from './codec.ts';
import { maxMemoryBatchBytes, maxMemoryBatchEntries, maxMemoryEntryBytes } from './limits.ts';
import type { MemoryDown, MemoryEntry, MemoryUp } from './memory.ts';
import { entriesThatFit, entryBytes } from './memory-batch.ts';

const hash = 'a'.repeat(64);
function entryOf(seq: number, text: string): MemoryEntry {
  const payload = { text, tags: ['turn'], importance: 0.5, source: 'task:t', derivedFrom: [], embedding: null };
  const header = { agentId: 'echo', epoch: 1, seq, actorId: 'agent:echo', kind: 'turn', createdAt: 1 };
  return { ...header, payloadCommitment: hash, previousHash: hash, hash, salt: '00'.repeat(16), payload };
}
/** An entry of exactly this many bytes as JSON. */
const entryWith = (bytes: number) => entryOf(1, 'x'.repeat(bytes - entryBytes(entryOf(1, ''))));

type Carrier = Extract<MemoryUp | MemoryDown, { entries: MemoryEntry[] }>;
/** Each message that carries entries, at its shortest and at its longest. */
const messages: Carrier[] = ['a', 'a'.repeat(63)].flatMap((agent): Carrier[] => {
  const epoch = agent.length === 1 ? 1 : 1e12;
  return [
    { type: 'batch', epoch, from: epoch, previousHash: hash, entries: [] },
    { type: 'branch', epoch, from: epoch, previousHash: 'genesis', entries: [], last: false },
    { type: 'entries', agent, epoch, entries: [], headSeq: epoch, headHash: hash },
    { type: 'merge', agent, epoch, branch: agent.repeat(2).slice(0, 120), from: agent, entries: [] },
  ];
});
function sizeOf(message: Carrier): number {
  const { payload } =
    message.type === 'batch' || message.type === 'branch'
      ? encode('memoryUp', { node: 'alice', agent: 'echo' }, message)
      : encode('memoryDown', { node: 'alice' }, message);
  return Buffer.byteLength(payload);
}
const arbitraryText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.integer({ min: 0, max: maxMemoryEntryBytes - 1000 }).map((length) => 'x'.repeat(length)),
  fc.integer({ min: 0, max: 8000 }).map((length) => '\u0001'.repeat(length)),
  fc.integer({ min: 0, max: 20_000 }).map((length) => '😀'.repeat(length)),
);

t.test('what is taken fits as it is encoded, and one more entry would not', async (t) => {
  let full = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...messages),
      fc.array(arbitraryText, { maxLength: 80 }),
      fc.integer({ min: 1, max: maxMemoryBatchEntries }),
      (message, texts, most) => {
        const entries = texts.map((text, i) => entryOf(i + 1, text));
        const taken = entriesThatFit(message, entries, most);
        const sized = (count: number) => sizeOf({ ...message, entries: entries.slice(0, count) });
        if (!taken.every((entry, i) => entry === entries[i])) return false;
        if (taken.length > most || sized(taken.length) > maxMemoryBatchBytes) return false;
        if (taken.length === Math.min(most, entries.length)) return true;
        full++;
        return sized(taken.length + 1) > maxMemoryBatchBytes;
      },
    ),
    { numRuns: 300 },
  );
  t.ok(full > 30, `${full} messages were full`);
});
t.test('to the byte', async (t) => {
  for (const message of messages) {
    const room = maxMemoryBatchBytes - sizeOf(message);
    const [first, second] = [entryWith(40_000), entryWith(room - 40_000 - 1)];
    t.same(entriesThatFit(message, [first, second], 64), [first, second], `${message.type} is full`);
    t.equal(sizeOf({ ...message, entries: [first, second] }), maxMemoryBatchBytes);
    t.same(entriesThatFit(message, [first, entryWith(room - 40_000)], 64), [first], 'one byte more');
  }
});
t.test('the largest entry of a log fits every message; one that no message carries is not taken', async (t) => {
  for (const message of messages) {
    t.equal(entriesThatFit(message, [entryWith(maxMemoryEntryBytes)], 64).length, 1, message.type);
    t.same(entriesThatFit(message, [entryWith(maxMemoryBatchBytes)], 64), []);
  }
});
