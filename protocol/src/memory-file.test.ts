// A memory as a file, recomputed line by line: what is whole, what is found where something was changed, and which memories it has. Journals of
// other systems, hashed as their scripts hash.
import { createHash } from 'node:crypto';
import t from 'tap';
import { memoryEntries } from '../../test/fixtures/coordinator/stored-rows.ts';
import { canonicalJson } from './canonical-json.ts';
import type { MemoryEntry } from './memory.ts';
import { type MemoryFileHead, MemoryFileReader } from './memory-file.ts';

const headOf = (entries: readonly MemoryEntry[], over: Partial<MemoryFileHead> = {}): MemoryFileHead => ({
  ...{ format: 'blackroad-memory-export/1', agent: 'a1', name: 'echo', writtenMs: 1, anchor: null },
  ...{ entries: entries.at(-1)?.seq ?? 0, head: entries.at(-1)?.hash ?? 'genesis', ...over },
});
function read(lines: readonly unknown[]) {
  const reader = new MemoryFileReader();
  const each = lines.map((line) => reader.read(typeof line === 'string' ? line : JSON.stringify(line)));
  return {
    faults: each.flatMap(({ fault }, at) => (fault === null ? [] : [`${at + 1}: ${fault}`])),
    memories: each.flatMap(({ memory }) => memory ?? []),
    found: reader.end(),
  };
}
const log = memoryEntries('a1', [{ text: 'It begins.' }, { text: 'Tea at eight' }, null, { text: 'The key' }]);

t.test('an export that is whole', async (t) => {
  const { faults, memories, found } = read([headOf(log), ...log]);
  t.same(faults, []);
  t.match(found, { format: 'export', agent: 'echo', entries: 4, redacted: 1, headHash: log[3]?.hash, fault: null });
  t.match(memories, [
    {
      origin: log[1]?.hash,
      derivedFrom: [log[1]?.hash],
      text: 'Tea at eight',
      imported: { agent: 'echo', kind: 'turn', actorId: 'agent:a1', source: 'task:t1', isVerified: true },
    },
    { text: 'The key' },
  ]);
  t.equal(memories.length, 2, 'not what begins a log, and not what was erased');
  t.match(read([headOf([])]).found, { entries: 0, fault: null }, 'of an agent that remembers nothing');
});

t.test('what was changed in an export is found, and is no memory', async (t) => {
  const edited = structuredClone(log);
  edited[1]!.payload!.text = 'Tea at nine';
  const changed = read([headOf(log), ...edited]);
  t.same(changed.faults, ['3: entry 2: its content was changed: the commitment does not match']);
  t.same(
    changed.memories.map(({ text }) => text),
    ['The key'],
  );
  const gap = read([headOf(log), log[0], log[1], log[3]]);
  t.match(gap.faults, [/^4: entry 4: entry 3 is missing$/]);
  t.match(read([headOf(log), ...log.slice(0, 3)]).found, { fault: 'it ends at entry 3, its head says 4' });
  t.match(read([headOf(log, { head: 'ab'.repeat(32) }), ...log]).found.fault, /^its last entry has the hash/);
  const other = read([headOf(log, { agent: 'b2' }), ...log]);
  t.match(other.faults[0], /it belongs to a1/);
  t.same(other.memories, [], 'a log of another agent is none of its own');
  const odd = read([headOf(log), ...log.slice(0, 1), '{"no": "entry"}', '{', '['.repeat(200)]);
  t.match(odd.faults, [/^3: it is no entry: /, /^4: it is not JSON$/, /^5: it has more than 64 arrays/]);
  t.match(read([{ format: 'blackroad-memory-export/2' }]).faults, [/^1: it is not the head of such a file: /]);
  t.match(read([]).found, { format: null, fault: /nothing in it/ });
});

t.test('what was imported or merged before is the memory that it was', async (t) => {
  const imported = { id: '01x', agent: 'first', kind: 'note', actorId: 'agent:first', atMs: 5, isVerified: true };
  const [genesis, entry] = memoryEntries('a1', [
    { text: 'It begins.' },
    { text: 'Tea', derivedFrom: ['cd'.repeat(32)], imported },
  ]) as [MemoryEntry, MemoryEntry];
  const again = memoryEntries('a1', [{ ...entry.payload, text: 'Tea' }], { previous: genesis });
  const { memories } = read([headOf(again), genesis, { ...again[0], kind: 'import' }]);
  t.same(memories, [], 'its kind is under the hash');
  const turn = read([headOf([genesis, entry]), genesis, entry]).memories[0];
  t.match(turn, { origin: entry.hash, imported: { agent: 'first', kind: 'note' } });
  t.notOk('id' in (turn?.imported ?? {}), 'the import of another fleet is none here');
});

const rules: Record<string, (line: Record<string, unknown>) => string> = {
  canonical: (line) => canonicalJson(line),
  joined: ({ actorId, actionType, timestamp, payload, previousHash }) =>
    `${previousHash}${actorId}${actionType}${timestamp}${JSON.stringify(payload)}`,
  python: ({ actorId, actionType, timestamp, payload, previousHash }) =>
    `{"actionType": "${actionType}", "actorId": "${actorId}", "payload": {"text": "${(payload as { text: string }).text}"}, "previousHash": "${previousHash}", "timestamp": "${timestamp}"}`,
};
function journal(rule: keyof typeof rules, texts: readonly string[], algorithm = 'sha256') {
  let previousHash = 'genesis';
  return texts.map((text, at) => {
    const timestamp = `2026-03-0${at + 1}T08:00:00Z`;
    const line = { actorId: 'lucidia', actionType: 'remember', timestamp, payload: { text }, previousHash };
    const hash = createHash(algorithm).update(rules[rule]!(line)).digest('hex');
    previousHash = hash;
    return { ...line, hash };
  });
}

t.test('a journal is recomputed where its rule is known', async (t) => {
  for (const [rule, algorithm, shown] of [
    ['canonical', 'sha256', 'SHA-256 over canonical JSON without the hash'],
    ['joined', 'sha256', /^SHA-256 over previousHash, actorId/],
    ['python', 'sha3-256', /^SHA3-256 over sorted JSON with spaces/],
  ] as const) {
    const lines = journal(rule, ['Tea at eight', 'The key', 'Rain'], algorithm);
    const { faults, memories, found } = read(lines);
    t.same(faults, [], rule);
    t.match(found, { format: 'journal', agent: 'lucidia', entries: 3, fault: null, rule: shown });
    t.match(memories[0], {
      text: 'Tea at eight',
      derivedFrom: [lines[0]?.hash],
      imported: { kind: 'remember', atMs: Date.UTC(2026, 2, 1, 8), isVerified: true },
    });
  }
});

t.test('what does not verify in a journal is said by its line, and still remembered', async (t) => {
  const lines = journal('canonical', ['one', 'two', 'three', 'four']);
  const edited = lines.map((line, at) => (at === 1 ? { ...line, payload: { text: 'TWO' } } : line));
  const changed = read(edited);
  t.same(changed.faults, ['2: its hash is not that of its content']);
  t.match(changed.memories[1], { text: 'TWO', derivedFrom: { length: 0 }, imported: { isVerified: false } });
  const cut = read([...lines.slice(0, 1), ...lines.slice(2)]);
  t.match(cut.faults, [/^2: it follows [0-9a-f]{16}, the line before has [0-9a-f]{16}$/]);
  const first = read(edited.slice(1));
  t.match(first.found, { fault: 'the hashes of its first 1 lines are not those of their content' });
  const unknown = lines.map((line) => ({ ...line, hash: `x${line.hash}`.slice(0, 64) }));
  t.match(read(unknown).found, { rule: null, fault: /no rule that is known here/ });
  t.equal(new Set(read([...lines, ...lines]).memories.map(({ origin }) => origin)).size, 4, 'each by its content');
  t.match(read([{ actorId: 'x' }]).faults, [/^1: it is no line of a journal: /]);
});

t.test(
  'values of an export: every edit in its order, and that a key ended; what does not hold is a memory',
  async (t) => {
    const entries = memoryEntries(
      'a1',
      [
        { text: '' },
        { text: 'blue', key: 'door' },
        { text: '', key: 'door' },
        { text: '', tags: ['nothing'] },
        { text: 'red', key: 'door', holds: true },
        { text: 'loud', key: 'bell', holds: false },
      ],
      { kinds: ['genesis', 'value', 'value', 'note', 'merge', 'merge'] },
    );
    const { memories, found } = read([headOf(entries), ...entries]);
    t.equal(found.fault, null);
    t.same(
      memories.map(({ key, text }) => [key, text]),
      [
        ['door', 'blue'],
        ['door', ''],
        ['door', 'red'],
        [undefined, 'bell: loud (set on agent:a1 while it was away)'],
      ],
    );
  },
);
