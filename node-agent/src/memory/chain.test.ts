// Any memory that an agent stores becomes an entry that fits in a message.
import { entryBytes, faults, MemoryEntry, maxMemoryEntryBytes, maxVectorDimension } from '@blackroad/protocol';
import t from 'tap';
import { nextEntry, payloadOf } from './chain.ts';

t.test('the largest that can be asked for, in the characters that JSON writes longest', async (t) => {
  const long = '\u0001'.repeat(100_000);
  const vector = new Float32Array(maxVectorDimension).fill(1 / Math.sqrt(maxVectorDimension));
  const tags = new Array(100).fill(long);
  const derivedFrom = new Array(100).fill('a'.repeat(64));
  const payload = payloadOf(
    { kind: 'note', text: long, tags, source: long, derivedFrom, importance: 1, actorId: long },
    { model: long, vector },
  );
  const draft = { kind: 'note' as const, actorId: long, createdAt: 253_402_300_799_999, payload };
  const head = { seq: 1e12 - 1, hash: 'a'.repeat(64) };
  const entry = nextEntry('a'.repeat(63), 1e12, head, draft, '00'.repeat(16));
  t.same(faults(MemoryEntry, entry), []);
  const bytes = entryBytes(entry);
  t.ok(bytes <= maxMemoryEntryBytes && bytes > 85_000, `${bytes} bytes`);
});
