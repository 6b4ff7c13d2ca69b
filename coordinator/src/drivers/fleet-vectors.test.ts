// Vectors of the fleet's model for every memory: a real store, a real search, and machines that make vectors, fail, or are away.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeVector, FleetError, type MemoryPayload } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t, { type Test } from 'tap';
import { claimed } from '../../../test/fixtures/coordinator/claimed-store.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { until } from '../../../test/fixtures/until.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { FleetVectors } from './fleet-vectors.ts';

const embedding = (model: string, ...values: number[]): MemoryPayload['embedding'] => ({
  model,
  dimension: values.length,
  vector: encodeVector(Float32Array.from(values)),
});
/** Waits of the loop last hardly at all; their length is another test's matter. */
const hasty = { ...systemClock, after: (_: number, run: () => void) => systemClock.after(1, run) };

async function opened(t: Test, parts: { chosen?: string; embed: (model: string, text: string) => number[] }) {
  const path = join(mkdtempSync(join(tmpdir(), 'fleet-vectors-')), 'fleet.sqlite');
  const store = await claimed(await openSqliteStore({ path, log: silentLog, clock: systemClock }));
  const asked: string[][] = [];
  const machines = new Set(['minilm', 'nomic']);
  const vectors = new FleetVectors({
    store,
    has: (model) => machines.has(model),
    nobody: (model) => `No machine has ${model} now.`,
    async embed(model, texts) {
      asked.push([...texts]);
      return texts.map((text) => Float32Array.from(parts.embed(model, text)));
    },
    chosen: parts.chosen ?? null,
    clock: hasty,
    random: { next: () => 0, hex: () => '' } as never,
    log: silentLog,
  });
  t.teardown(() => vectors.stop());
  t.teardown(() => store.close());
  const remember = (agent: string, payloads: readonly (Partial<MemoryPayload> | null)[]) =>
    store.commit([{ type: 'memory', space: 'default', agent, entries: memoryEntries(agent, payloads as never) }]);
  const near = async (model: string, ...values: number[]) =>
    (await store.searchMemory({ text: '', vector: { model, values: Float32Array.from(values) }, limit: 20 })).map(
      ({ text }) => text,
    );
  const complete = (model: string) => until(async () => (await store.vectorModels()).searched === model);
  return { store, vectors, asked, machines, remember, near, complete };
}

t.test('memories that came without a vector of the model get one, newest first, and are found by it', async (t) => {
  const { vectors, asked, remember, near, complete } = await opened(t, { embed: (_, text) => [text.length, 1] });
  await remember('ada', [
    { text: 'one', embedding: embedding('minilm', 3, 1) },
    { text: 'three' },
    { text: 'a much longer text' },
    null,
  ]);
  await remember('bob', [{ text: 'of another', embedding: embedding('bge', 1, 2, 3) }, { text: '' }]);
  await remember('eve', [{ text: 'two', embedding: embedding('minilm', 3, 1) }]);
  vectors.start();
  await complete('minilm');
  t.strictSame(asked, [['of another', 'a much longer text', 'three']]);
  t.strictSame((await near('minilm', 18, 1)).toSorted(), ['a much longer text', 'of another', 'one', 'three', 'two']);
  t.match(vectors.stand(), { model: 'minilm', isChosen: false, searched: 'minilm', made: 3, refused: 0, why: null });
  t.equal(vectors.stand().looked, vectors.stand().memories);

  await remember('fay', [{ text: 'later' }]);
  await until(async () => (await near('minilm', 5, 1)).includes('later'));
  t.same(asked.at(-1), ['later']);
});

t.test('another model is searched when it is complete, and what was made with the one before then goes', async (t) => {
  const made: string[] = [];
  const { store, vectors, machines, remember, near, complete } = await opened(t, {
    chosen: 'nomic',
    embed(model, text) {
      made.push(`${model}: ${text}`);
      return [text.length, 1, 1];
    },
  });
  await remember('ada', [{ text: 'one', embedding: embedding('minilm', 3, 1) }, { text: 'two' }]);
  const id = (await store.textsToEmbed({ model: 'minilm', above: 0, upto: 99, limit: 1 }))[0]?.id ?? 0;
  await store.putVectors('minilm', [{ id, values: Float32Array.from([3, 1]) }]);
  await store.setSearchedModel('minilm');
  machines.delete('nomic');
  vectors.start();
  await until(() => vectors.stand().why !== null);
  t.match(vectors.stand(), { model: 'nomic', isChosen: true, searched: 'minilm', why: /No machine has nomic now/ });
  t.strictSame(await vectors.searched(), ['minilm']);
  t.equal((await near('minilm', 3, 1)).length, 2, 'meanwhile all are found by the old one');
  machines.add('nomic');
  await complete('nomic');
  t.strictSame(made.toSorted(), ['nomic: one', 'nomic: two']);
  await until(async () => (await near('minilm', 3, 1)).length === 1);
  t.strictSame(await near('minilm', 3, 1), ['one'], 'that its node made is part of the memory');
  t.equal((await near('nomic', 3, 1, 1)).length, 2);
  t.equal(vectors.stand().why, null);
});

t.test(
  'a text that the model does not take keeps no other from its vector, and a model that fails is asked again',
  async (t) => {
    let isBroken = true;
    const { vectors, asked, remember, near, complete } = await opened(t, {
      embed(_, text) {
        if (isBroken || text === 'bad') throw new FleetError('model-failed', { detail: 'no vector' });
        if (text === 'long') throw new FleetError('prompt-too-long', {});
        return [text.length, 1];
      },
    });
    const texts = ['a', 'bad', 'b', 'c', 'long', 'd'].map((text) => ({ text }));
    await remember('ada', [{ text: 'first', embedding: embedding('minilm', 3, 1) }, ...texts]);
    vectors.start();
    await until(() => asked.length > 20);
    t.match(vectors.stand(), { refused: 0, why: /no vector/ }, 'all fail: that is not their texts');
    isBroken = false;
    await complete('minilm');
    t.match(vectors.stand(), { made: 4, refused: 2, why: null });
    t.strictSame((await near('minilm', 1, 1)).toSorted(), ['a', 'b', 'c', 'd', 'first']);
  },
);
