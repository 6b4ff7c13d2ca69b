// Conformance of the memory log: exact round trip (the commitments verify), heads, hashes, branches, refusal of a second truth.
import { encodeVector, entryFault, type MemoryEntry, type MemoryPayload } from '@blackroad/protocol';
import type { Test } from 'tap';
import type { BranchRow } from '../../../coordinator/src/state/rows.ts';
import { memoryEntries, refused, t0 } from '../../fixtures/coordinator/stored-rows.ts';
import type { OpenStore } from '../store.ts';
import { loadedView } from './commit.ts';

const vector = encodeVector(Float32Array.from([0.6, -0.8, 0, 1e-30]));

const vectorOf = (at: number) => ({
  embedding: { model: 'minilm', dimension: 4, vector: encodeVector(Float32Array.from([at, 1, 0, 0])) },
});

/** Payloads that are easily changed by a store that thinks it knows better. */
const awkward: Parameters<typeof memoryEntries>[1] = [
  { text: 'plain' },
  { text: 'vector', embedding: { model: 'minilm', dimension: 4, vector } },
  { text: 'dimension does not fit', embedding: { model: 'minilm', dimension: 3, vector } },
  { text: 'base64 without padding', embedding: { model: 'm', dimension: 1, vector: 'AACAPw' } },
  { text: 'base64 of the other alphabet', embedding: { model: 'm', dimension: 3, vector: '-_-_-_-_-_-_-_-_' } },
  { text: 'not base64 at all', embedding: { model: 'm', dimension: 4, vector: 'é "' } },
  {
    text: 'not a number',
    embedding: { model: 'm', dimension: 2, vector: encodeVector(Float32Array.from([Number.NaN, 1])) },
  },
  { text: '', tags: [] },
  { text: 'quotes " \' \\ \n\t, a zero \u0000, a lone surrogate \ud800, 🦊, \u2028' },
  { text: 'numbers', importance: 0.1 + 0.2 },
  { text: 'small', importance: 5e-324 },
  { text: 'tags', tags: ['a b', 'a b', '"', ''], derivedFrom: ['a'.repeat(64)] },
  { text: 'a field of a newer version', ...({ mood: { calm: [1, null, true] }, __proto__: null } as object) },
  null,
  { text: 'after an erased one' },
];

export async function memoryConformance(t: Test, open: OpenStore): Promise<void> {
  await t.test('entries come back to the bit: hash and commitment verify', async (t) => {
    const { store, reopen } = await open(t);
    const log = memoryEntries('greeter', awkward);
    t.strictSame(
      log.map(entryFault),
      log.map(() => null),
      'valid before',
    );
    await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: log }]);
    const stores = [store];
    const check = async () => {
      const read = await stores.at(-1)?.memoryLog('greeter', 0, 100);
      t.strictSame(
        read?.map(entryFault),
        log.map(() => null),
      );
      t.strictSame(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(log)));
    };
    await check();
    if (!reopen) return;
    await store.close();
    stores.push(await reopen());
    await check();
  });

  const imported = { agent: 'echo', kind: 'note', actorId: 'agent:echo', atMs: null, isVerified: true };
  const places: Record<string, (id: string, chunk: number) => Partial<MemoryPayload>> = {
    'a document': (id, chunk) => ({ document: { id, name: 'a.pdf', chunk } }),
    'an import': (id) => ({ imported: { ...imported, id } }),
  };
  for (const [what, placeOf] of Object.entries(places))
    await t.test(
      `what people give is kept, and ${what} that is withdrawn is erased in the log and in branches`,
      async (t) => {
        const { store, reopen } = await open(t);
        const of = (id: string, chunk: number) => ({ given: `${id}.${chunk}`, ...placeOf(id, chunk) });
        const embedding = { model: 'minilm', dimension: 4, vector };
        const log = memoryEntries('greeter', [
          { text: 'quokka one', ...of('gone', 1), embedding },
          { text: 'quokka two', ...of('kept', 1), embedding },
          { text: 'quokka three' },
        ]);
        const row: BranchRow = {
          ...{ id: 'greeter.alice.1', space: 'default', agent: 'greeter', node: 'alice', epoch: 1 },
          ...{ fromSeq: 1, uptoSeq: 2, uptoHash: log[1]?.hash, complete: true, merged: false, receivedMs: t0 },
        };
        const given = {
          id: 'g1',
          space: 'default',
          agent: 'greeter',
          kind: 'fact',
          text: 'x',
          tags: [],
          importance: 0.7,
        };
        const document = {
          ...{
            id: 'kept',
            space: 'default',
            agent: 'greeter',
            name: 'a.pdf',
            type: 'pdf' as const,
            sha256: 'ab'.repeat(32),
            bytes: 9,
          },
          ...{
            pages: 1,
            emptyPages: 0,
            by: 'ada',
            addedMs: t0,
            chunks: 2,
            parts: 'cd'.repeat(32),
            written: 1,
            replaces: null,
          },
        } as const;
        await store.commit([
          { type: 'memory', space: 'default', agent: 'greeter', entries: log },
          // The same under another agent: a document is of one.
          {
            type: 'memory',
            space: 'default',
            agent: 'other',
            entries: memoryEntries('other', [{ text: 'x', ...of('gone', 1) }]),
          },
          { type: 'branch', row, entries: log.slice(0, 2) },
          { type: 'given', row: { ...given, kind: 'fact', by: 'ada', givenMs: t0 } },
          { type: 'given', row: { ...given, id: 'g2', kind: 'fact', by: 'ada', givenMs: t0 } },
          { type: 'document', row: document },
          { type: 'document', row: { ...document, id: 'gone' } },
        ]);
        const search = async () =>
          (await store.searchMemory({ text: 'quokka', agent: 'greeter', limit: 9 })).map(({ text }) => text).sort();
        t.same(await search(), ['quokka one', 'quokka three', 'quokka two']);
        const [withdrawal] = memoryEntries(
          'greeter',
          [{ text: 'a.pdf was taken back', document: { id: 'gone', name: 'a.pdf' } }],
          {
            previous: log.at(-1),
          },
        ).map((entry) => ({ ...entry, kind: 'withdraw' })) as [MemoryEntry];
        await store.commit([
          { type: 'memory', space: 'default', agent: 'greeter', entries: [withdrawal] },
          { type: 'given-gone', id: 'g1' },
          { type: 'document-gone', id: 'gone' },
        ]);
        t.same(await search(), ['quokka three', 'quokka two']);
        const texts = (entries: readonly MemoryEntry[]) =>
          entries.map(({ payload, salt }) => [payload?.text, salt === null]);
        t.same(texts(await store.memoryLog('greeter', 0, 9)), [
          [undefined, true],
          ['quokka two', false],
          ['quokka three', false],
          ['a.pdf was taken back', false],
        ]);
        t.same(texts(await store.branchEntries(row.id)), [
          [undefined, true],
          ['quokka two', false],
        ]);
        t.same(texts(await store.memoryLog('other', 0, 9)), [['x', false]]);
        const stores = [store];
        if (reopen) {
          await store.close();
          stores.push(await reopen());
        }
        const view = await loadedView(stores.at(-1) as typeof store);
        t.same([...view.given.keys()], ['g2']);
        t.same([...view.documents.values()], [document]);
        t.same([...(view.unwritten.get('greeter') ?? [])], ['kept']);
      },
    );

  await t.test(
    'marks change the order of a search; a run that is taken back, or an erased entry, ends them',
    async (t) => {
      const { store, reopen } = await open(t);
      const log = memoryEntries('greeter', [
        { text: 'quokka in Oslo' },
        { text: 'It is Cork now' },
        { text: 'quokka tea' },
        { text: 'Quokka, tea!' },
        { text: 'It is Bergen now', ...vectorOf(3) },
      ]);
      const place = (at: number) => ({ seq: log[at]?.seq as number, hash: log[at]?.hash as string });
      const marked = (run: string, how: 'same' | 'replaced' | 'contradicts', of: number, by: number) => ({
        text: 'a quokka mark',
        derivedFrom: [place(of).hash, place(by).hash],
        mark: { run, how, model: null, of: place(of), by: place(by) },
      });
      const marks = memoryEntries(
        'greeter',
        [
          marked('r1', 'replaced', 0, 1),
          marked('r1', 'same', 2, 3),
          marked('r2', 'contradicts', 1, 4),
          marked('r2', 'replaced', 3, 1),
        ],
        { previous: log.at(-1) },
      ).map((entry) => ({ ...entry, kind: 'mark' }));
      const change = { type: 'memory', space: 'default', agent: 'greeter' } as const;
      await store.commit([{ ...change, entries: [...log, ...marks] }]);
      const search = async () =>
        (await store.searchMemory({ text: 'quokka', agent: 'greeter', limit: 9 })).map(({ seq }) => seq);
      const left = async () =>
        (await store.memoriesToConsolidate({ agent: 'greeter', model: 'minilm', limit: 9 })).map(({ seq, vector }) => [
          seq,
          vector?.length ?? 0,
        ]);
      t.same((await search()).slice().sort(), [1, 2, 4], 'the tea once, and what replaced the first');
      const hits = await store.searchMemory({ text: 'quokka', agent: 'greeter', limit: 9 });
      t.ok(hits.findIndex(({ seq }) => seq === 2) < hits.findIndex(({ seq }) => seq === 1), 'which comes before it');
      t.match(hits.find(({ seq }) => seq === 1)?.marked, [{ how: 'replaced', by: 2 }]);
      t.match(hits.find(({ seq }) => seq === 2)?.marked, [{ how: 'contradicts', by: 5 }]);
      t.same(
        await left(),
        [
          [2, 0],
          [4, 0],
          [5, 4],
        ],
        'what is marked is not looked at again; a mark the wrong way round is none',
      );
      t.equal(await store.memoryCount('greeter'), 4, 'its beginning and marks are no memories');
      t.equal(await store.memoryCount('nobody'), 0);
      t.same(await store.memoryTexts('greeter', [2, 5, 99]), [
        { seq: 2, text: 'It is Cork now' },
        { seq: 5, text: 'It is Bergen now' },
      ]);

      const row = {
        ...{ id: 'r1', space: 'default', agent: 'greeter', by: 'ada', atMs: t0, model: null, entries: 5, tokens: 0 },
        ...{ refused: 0, counts: { same: 1, replaced: 1, contradicts: 0, summary: 0 }, results: 2, written: 2 },
        parts: 'ab'.repeat(32),
      };
      await store.commit([
        { type: 'memory-run', row },
        { type: 'memory-run', row: { ...row, id: 'gone' } },
        { type: 'memory-run-gone', id: 'gone' },
      ]);
      t.same((await search()).length, 3, 'a run that stands changes nothing');
      await store.commit([{ type: 'memory-run', row: { ...row, undo: 'asked' } }]);
      t.same((await search()).sort(), [1, 3, 4], 'before its node has erased them');
      const [withdrawal] = memoryEntries(
        'greeter',
        [{ text: 'taken back', document: { id: 'r1', name: 'consolidation' } }],
        { previous: marks.at(-1) },
      ).map((entry) => ({ ...entry, kind: 'withdraw' })) as [MemoryEntry];
      await store.commit([{ ...change, entries: [withdrawal] }]);
      t.same(
        (await store.memoryLog('greeter', 5, 9)).map(({ payload }) => payload !== null),
        [false, false, true, true, true],
        'its marks are erased, those of the other run are not',
      );
      const stores = [store];
      if (reopen) {
        await store.close();
        stores.push(await reopen());
      }
      const view = await loadedView(stores.at(-1) as typeof store);
      t.same([...view.runs.values()], [{ ...row, undo: 'asked' }]);
      t.same([...(view.runsByAgent.get('greeter') ?? [])], ['r1']);
      t.notOk(view.unwritten.has('greeter'));
    },
  );

  await t.test('the same entries again change nothing, whole or overlapping', async (t) => {
    const { store } = await open(t);
    const log = memoryEntries('greeter', [{ text: 'a' }, { text: 'b' }, { text: 'c' }]);
    await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: log.slice(0, 2) }]);
    await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: log }]);
    await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries: log.slice(0, 1) }]);
    t.strictSame(await store.memoryLog('greeter', 0, 10), log);
    const { hash } = log[2] as MemoryEntry;
    t.strictSame((await loadedView(store)).heads.get('greeter'), { epoch: 1, seq: 3, hash, entries: 3 });
    t.equal((await store.searchMemory({ text: 'b', limit: 10 })).length, 1);
  });

  await t.test('an entry of another agent in a log is refused', async (t) => {
    const { store } = await open(t);
    const work = store.commit([
      { type: 'memory', space: 'default', agent: 'prism', entries: memoryEntries('greeter', [{ text: 'a' }]) },
    ]);
    t.equal((await refused(work)).code, 'storage-failed');
    t.equal((await loadedView(store)).heads.size, 0);
  });

  await t.test('hashes of a range and pages of a log are in order and only of that agent', async (t) => {
    const { store } = await open(t);
    const log = memoryEntries(
      'greeter',
      Array.from({ length: 10 }, (_, n) => ({ text: `note ${n}` })),
    );
    const later = memoryEntries('greeter', [{ text: 'on another node' }], { previous: log[9], epoch: 2 });
    const all = [...log, ...later];
    await store.commit([
      { type: 'memory', space: 'default', agent: 'greeter', entries: log },
      { type: 'memory', space: 'default', agent: 'greeter', entries: later },
      { type: 'memory', space: 'default', agent: 'greeter-2', entries: memoryEntries('greeter-2', [{ text: 'x' }]) },
    ]);
    const hashes = all.map(({ seq, epoch, hash }) => ({ seq, epoch, hash }));
    t.strictSame(await store.memoryHashes('greeter', 0, 1e9), hashes);
    t.strictSame(await store.memoryHashes('greeter', 9, 11), hashes.slice(8));
    t.strictSame(await store.memoryHashes('greeter', 12, 20), []);
    t.strictSame(await store.memoryLog('greeter', 0, 4), all.slice(0, 4));
    t.strictSame(await store.memoryLog('greeter', 9, 100), all.slice(9));
    t.strictSame(await store.memoryLog('greeter', 11, 100), []);
    t.equal((await loadedView(store)).heads.get('greeter')?.epoch, 2);
  });

  await t.test('what is worth keeping before a place of a log, the most important first', async (t) => {
    const { store } = await open(t);
    const kinds = ['turn', 'note', 'fact', 'fact', 'procedure', 'note', 'fact'];
    const log = memoryEntries(
      'greeter',
      [
        { text: 'an exchange', importance: 0.9 },
        { text: 'rarely', importance: 0.2 },
        { text: 'erased', importance: 0.9 },
        { text: 'the gate', importance: 0.7 },
        { text: 'how to', importance: 0.8 },
        { text: 'too', importance: 0.8 },
        { text: 'after it', importance: 0.9 },
      ],
      { kinds },
    );
    const other = memoryEntries('other', [{ text: 'x', importance: 0.9 }], { kinds: ['fact'] });
    await store.commit([
      { type: 'memory', space: 'default', agent: 'greeter', entries: log },
      { type: 'memory', space: 'default', agent: 'other', entries: other },
    ]);
    const erased = [{ seq: 3, hash: log[2]?.hash ?? '', branch: null }];
    const row = { id: 'greeter.1', agent: 'greeter', number: 1, atMs: 1, by: 'admin', entries: 1, owed: [] };
    await store.commit([{ type: 'erasure', row, erased }]);
    const read = async (before: number, limit: number) =>
      (await store.importantMemories('greeter', before, limit)).map(({ payload }) => payload?.text);
    t.same(await read(7, 10), ['too', 'how to', 'the gate', 'rarely']);
    t.same(await read(7, 2), ['too', 'how to']);
    t.same(await read(5, 10), ['the gate', 'rarely']);
    t.strictSame(await store.importantMemories('greeter', 5, 1), log.slice(3, 4), 'whole');
    t.same(await read(1, 10), []);
  });

  await t.test('a branch: its entries apart from the log, in order, seen until it is merged', async (t) => {
    const { store } = await open(t);
    const tail = memoryEntries('greeter', [
      { text: 'alone' },
      { text: 'still alone', embedding: { model: 'm', dimension: 4, vector } },
    ]);
    const row: BranchRow = {
      id: 'greeter.alice.1',
      space: 'default',
      agent: 'greeter',
      node: 'alice',
      epoch: 1,
      fromSeq: 1,
      uptoSeq: 1,
      complete: false,
      merged: false,
      receivedMs: t0,
    };
    const whole = { ...row, uptoSeq: 2, complete: true };
    await store.commit([{ type: 'branch', row, entries: tail.slice(0, 1) }]);
    await store.commit([{ type: 'branch', row: whole, entries: tail }]);
    t.strictSame(await store.branchEntries(row.id), tail);
    t.strictSame(await store.memoryLog('greeter', 0, 10), []);
    t.strictSame((await loadedView(store)).branches.get(row.id), whole);
    const forked = memoryEntries('greeter', [{ text: 'another' }]);
    t.equal((await refused(store.commit([{ type: 'branch', row, entries: forked }]))).code, 'storage-failed');
    t.strictSame((await loadedView(store)).branches.get(row.id), whole, 'and its row is as before');
    await store.commit([{ type: 'branch', row: { ...whole, merged: true }, entries: [] }]);
    t.equal((await loadedView(store)).branches.size, 0);
    t.strictSame(await store.branchEntries(row.id), tail, 'what it said is kept');
  });
}
