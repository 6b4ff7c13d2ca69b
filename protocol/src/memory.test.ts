// The bytes that memories are hashed by are the same on every machine, and every change of an entry is detected.
import fc from 'fast-check';
import t from 'tap';
import { canonicalJson } from './canonical-json.ts';
import { decode } from './codec.ts';
import {
  commitPayload,
  decodeVector,
  encodeVector,
  entryFault,
  hashHeader,
  type MemoryEntry,
  type MemoryHeader,
  type MemoryPayload,
} from './memory.ts';

const salt = '00112233445566778899aabbccddeeff';
const payload: MemoryPayload = {
  text: 'The user is Ada.',
  tags: ['turn'],
  importance: 0.5,
  source: 'task:t1',
  derivedFrom: [],
  embedding: { model: 'm', dimension: 2, vector: encodeVector(new Float32Array([1, 0])) },
};
function entryOf(header: Partial<MemoryHeader> = {}): MemoryEntry {
  const whole: MemoryHeader = {
    agentId: 'echo',
    epoch: 1,
    seq: 1,
    actorId: 'agent:echo',
    kind: 'turn',
    createdAt: 1_795_000_000_000,
    payloadCommitment: commitPayload(salt, payload),
    previousHash: 'genesis',
    ...header,
  };
  return { ...whole, hash: hashHeader(whole), salt, payload };
}

t.test('canonical JSON is JSON, and does not know the order of keys', async (t) => {
  const value = fc.jsonValue();
  const shuffled = (v: unknown): unknown => {
    if (Array.isArray(v)) return v.map(shuffled);
    if (typeof v !== 'object' || v === null) return v;
    return Object.fromEntries(
      Object.entries(v)
        .reverse()
        .map(([key, part]) => [key, shuffled(part)]),
    );
  };
  fc.assert(
    fc.property(value, (v) => {
      const text = canonicalJson(v);
      return canonicalJson(JSON.parse(text)) === text && JSON.stringify(JSON.parse(text)) !== undefined;
    }),
  );
  fc.assert(fc.property(value, (v) => canonicalJson(shuffled(v)) === canonicalJson(v)));
  fc.assert(
    fc.property(value, value, (a, b) => (canonicalJson(a) === canonicalJson(b)) === sameJson(a, b)),
    { numRuns: 500 },
  );
  t.equal(canonicalJson({ b: 1, a: [true, null, 'é\n'], c: undefined }), '{"a":[true,null,"é\\n"],"b":1}');
  t.equal(
    canonicalJson({ '\u{1F600}': 1, '\uFB33': 2 }),
    '{"\u{1F600}":1,"\uFB33":2}',
    'by UTF-16 units, RFC 8785 3.2.3',
  );
  t.equal(canonicalJson([-0, 1e21, 0.1]), '[0,1e+21,0.1]');
});
/** Equal as JSON values, keys in any order; -0 is 0. */
function sameJson(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) {
    return JSON.stringify(a) === JSON.stringify(b);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(x);
  return (
    keys.length === Object.keys(y).length && keys.every((key) => Object.hasOwn(y, key) && sameJson(x[key], y[key]))
  );
}

t.test('an honest entry has no fault, an erased one neither', async (t) => {
  t.equal(entryFault(entryOf()), null);
  t.equal(entryFault({ ...entryOf(), payload: null, salt: null }), null);
});

t.test('whatever is changed in an entry is seen', async (t) => {
  const honest = entryOf();
  const changes: Partial<MemoryEntry>[] = [
    { agentId: 'alice' },
    { epoch: 2 },
    { seq: 2 },
    { actorId: 'user:ada' },
    { kind: 'note' },
    { createdAt: honest.createdAt + 1 },
    { payloadCommitment: '0'.repeat(64) },
    { previousHash: '1'.repeat(64) },
    { hash: '2'.repeat(64) },
  ];
  for (const change of changes) t.equal(entryFault({ ...honest, ...change }), 'hash', JSON.stringify(change));
  t.equal(entryFault({ ...honest, salt: 'f'.repeat(32) }), 'commitment');
  t.equal(entryFault({ ...honest, salt: null }), 'payload-missing');
  t.equal(entryFault({ ...honest, payload: null }), 'payload-missing');
  const embedding = { model: 'm', dimension: 2, vector: encodeVector(new Float32Array([0, 1])) };
  for (const part of [
    { text: 'The user is Eve.' },
    { tags: [] },
    { importance: 0.6 },
    { embedding },
    { embedding: null },
  ]) {
    t.equal(
      entryFault({ ...honest, payload: { ...payload, ...part } }),
      'commitment',
      JSON.stringify(part).slice(0, 60),
    );
  }
  // A forger who recomputes the header's hash changes the chain: the next entry's previousHash no longer fits.
  const next = entryOf({ seq: 2, previousHash: honest.hash });
  const forged = entryOf({ actorId: 'user:eve' });
  t.equal(entryFault(forged), null);
  t.not(next.previousHash, forged.hash);
});

t.test('a random change of a random field is seen', async () => {
  const honest = entryOf();
  fc.assert(
    fc.property(
      fc.constantFrom('agentId', 'epoch', 'seq', 'actorId', 'kind', 'createdAt', 'payloadCommitment', 'previousHash'),
      fc.jsonValue(),
      (field, value) => {
        const changed = { ...honest, [field]: value } as MemoryEntry;
        const same = canonicalJson(value) === canonicalJson(honest[field as keyof MemoryEntry]);
        return (entryFault(changed) === null) === same;
      },
    ),
    { numRuns: 1_000 },
  );
});

t.test('vectors come back bit by bit', async (t) => {
  fc.assert(
    fc.property(fc.float32Array({ maxLength: 40 }), (vector) => {
      const back = decodeVector(encodeVector(vector));
      return Buffer.from(back.buffer).equals(Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength));
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => decodeVector(text).length >= 0));
  const part = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
  t.same([...decodeVector(encodeVector(part))], [2, 3], 'a view of a larger buffer');
});

t.test('an entry of a kind that only a newer node knows is taken as it is and blocks nothing', async (t) => {
  const batch = (kind: string) => {
    const message = { type: 'batch', epoch: 1, from: 0, previousHash: 'genesis', entries: [entryOf({ kind })] };
    return decode('blackroad/v1/node/alice/memory/echo', Buffer.from(JSON.stringify(message)));
  };
  t.match(batch('dream'), { name: 'memoryUp', message: { entries: [{ kind: 'dream' }] } });
  t.equal(entryFault(entryOf({ kind: 'dream' })), null);
  t.match(batch('A kind!'), { refused: 'invalid' });
});
