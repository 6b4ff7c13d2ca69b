// Conformance of values by key: what was set last holds, exactly and in searches, and what an erasure or a withdrawal takes away makes the one
// before it hold again.
import { encodeVector, type MemoryEntry, type MemoryPayload } from '@blackroad/protocol';
import type { Test } from 'tap';
import type { Store } from '../../../coordinator/src/store/store.ts';
import { memoryEntries } from '../../fixtures/coordinator/stored-rows.ts';
import type { OpenStore } from '../store.ts';

const agent = 'greeter';
/** A word of letters alone. */
const colour = (at: number) => `c${[...String(at)].map((digit) => 'abcdefghij'[Number(digit)]).join('')}c`;
const nearly = (at: number) => Float32Array.from([1, at / 1_000, 0, 0]);
const set = (key: string, text: string, more: Partial<MemoryPayload> = {}) => ({
  ...{ kind: 'value', key, text, source: 'tool:memory' },
  ...more,
});
type Said = Partial<MemoryPayload> & { kind: string };
/** Goes on with a log. */
function entries(said: readonly Said[], previous?: MemoryEntry, epoch = 1): MemoryEntry[] {
  const kinds = said.map(({ kind }) => kind);
  return memoryEntries(
    agent,
    said.map(({ kind: _, ...payload }) => payload),
    { kinds, previous, epoch },
  );
}
async function texts(store: Store, text: string, vector?: Float32Array): Promise<string[]> {
  const near = vector ? { vector: { model: 'm', values: vector } } : {};
  const hits = await store.searchMemory({ text, agent, limit: 10, ...near });
  return hits.map((hit) => hit.text).sort();
}
const memory = (list: MemoryEntry[]) => ({ type: 'memory' as const, space: 'default', agent, entries: list });
const erasure = (entry: MemoryEntry, number: number) => ({
  type: 'erasure' as const,
  row: { id: `${agent}.${number}`, agent, number, atMs: 1, by: 'admin', entries: 1, owed: [] },
  erased: [{ seq: entry.seq, hash: entry.hash, branch: null }],
});

export async function valuesConformance(t: Test, open: OpenStore): Promise<void> {
  await t.test('what was set last holds, and is the only one that is found', async (t) => {
    const { store } = await open(t);
    const log = entries([
      { kind: 'note', text: 'The door was painted.' },
      ...Array.from({ length: 300 }, (_, at) => {
        const embedding = { model: 'm', dimension: 4, vector: encodeVector(nearly(at)) };
        return set('door', colour(at), { embedding });
      }),
      set('gate', '1234'),
      set('gate', ''),
      { kind: 'turn', text: 'x' },
      { kind: 'merge', text: 'red', key: 'door', source: 'branch:greeter.alice.1' },
      { kind: 'merge', text: 'loud', key: 'bell', holds: true, source: 'branch:greeter.alice.1' },
    ]);
    for (let from = 0; from < log.length; from += 64) await store.commit([memory(log.slice(from, from + 64))]);
    // A batch that comes again changes nothing.
    await store.commit([memory(log.slice(0, 10))]);
    t.match(await store.memoryValue(agent, 'door'), {
      key: 'door',
      entry: { text: colour(299), seq: 301, kind: 'value', source: 'tool:memory', hash: log[300]?.hash },
      others: [{ text: 'red', seq: 305, kind: 'merge' }],
    });
    for (const key of ['gate', 'doo', 'door ', 'Door']) t.equal(await store.memoryValue(agent, key), null, key);
    t.equal(await store.memoryValue('other', 'door'), null);
    t.match(await store.memoryValue(agent, 'bell'), { entry: { text: 'loud' }, others: { length: 0 } });
    const all = [
      'The door was painted.',
      `door: ${colour(299)}`,
      `door: red (set on agent:${agent} while it was away)`,
    ];
    t.strictSame(await texts(store, 'door'), all);
    t.strictSame(await texts(store, colour(5)), []);
    t.strictSame(await texts(store, 'zzz', nearly(0)), [`door: ${colour(299)}`], 'by meaning, too');
    t.match(await store.searchMemory({ text: 'bell', limit: 1 }), [{ key: 'bell', text: 'bell: loud' }]);
    t.strictSame(await texts(store, 'gate 1234'), []);
    const important = await store.importantMemories(agent, 1_000, 100);
    t.strictSame(
      important.filter(({ kind }) => kind === 'value').map(({ seq }) => seq),
      [301],
      'an agent that moves gets what holds, and nothing that did',
    );
    t.same(
      (await store.textsToEmbed({ model: 'other', above: 0, upto: 1e9, limit: 1_000 })).map(({ text }) => text).sort(),
      ['The door was painted.', 'bell: loud', `door: ${colour(299)}`, 'door: red', 'x'],
    );
    const compared = await store.memoriesToConsolidate({ agent, model: null, limit: 1_000 });
    t.same(
      compared.map(({ text }) => text),
      ['The door was painted.', 'x'],
    );
  });

  await t.test('an erased value, and an import that was taken back, were never set', async (t) => {
    const { store, reopen } = await open(t);
    const imported = { id: 'i1', agent: 'eve', kind: 'value', actorId: 'agent:eve', atMs: 1, isVerified: true };
    const first = entries([
      { kind: 'genesis', text: 'begins' },
      set('door', 'blue', { embedding: { model: 'm', dimension: 4, vector: encodeVector(nearly(1)) } }),
      set('door', 'green'),
      { kind: 'import', key: 'door', text: 'red', imported },
      { kind: 'import', key: 'bell', text: 'loud', imported },
    ]);
    await store.commit([memory(first)]);
    t.strictSame(await texts(store, 'door bell'), ['bell: loud', 'door: red']);
    const document = { id: 'i1', name: 'eve.jsonl' };
    const back = entries([{ kind: 'withdraw', text: 'back', document, given: 'i1w' }], first.at(-1));
    await store.commit([memory(back)]);
    t.match(await store.memoryValue(agent, 'door'), { entry: { text: 'green' } });
    t.equal(await store.memoryValue(agent, 'bell'), null);
    t.strictSame(await texts(store, 'door bell'), ['door: green']);
    await store.commit([erasure(first[2] as MemoryEntry, 1)]);
    t.match(await store.memoryValue(agent, 'door'), { entry: { text: 'blue' } });
    t.strictSame(await texts(store, 'door'), ['door: blue']);
    t.strictSame(await texts(store, 'zzz', nearly(1)), ['door: blue']);
    const ended = entries([set('door', '')], back[0]);
    await store.commit([memory(ended)]);
    t.equal(await store.memoryValue(agent, 'door'), null);
    t.strictSame(await texts(store, 'door', nearly(1)), []);
    await store.commit([erasure(ended[0] as MemoryEntry, 2)]);
    if (reopen) await store.close();
    const again = reopen ? await reopen() : store;
    t.match(await again.memoryValue(agent, 'door'), { entry: { text: 'blue' } });
    t.strictSame(await texts(again, 'door'), ['door: blue']);
  });

  await t.test('values in pages, in the order of their keys, without those that were unset', async (t) => {
    const { store } = await open(t);
    const keys = Array.from({ length: 25 }, (_, at) => `k${String(at).padStart(2, '0')}`);
    const said = [...keys.map((key) => set(key, key)), ...keys.slice(0, 10).map((key) => set(key, ''))];
    await store.commit([memory(entries([...said, set('é/%?#', 'x'), set('Ä', 'y')]))]);
    const pages: string[][] = [];
    let after = '';
    for (let next: string | null = ''; next !== null; ) {
      const page = await store.memoryValues(agent, after, 10);
      pages.push(page.values.map(({ key }) => key));
      next = page.next;
      after = next ?? '';
    }
    t.same(pages, [keys.slice(10, 20), [...keys.slice(20), 'Ä', 'é/%?#']]);
    t.same(await store.memoryValues('nobody', '', 10), { values: [], next: null });
  });
}
