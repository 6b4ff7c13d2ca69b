// Conformance of searching memories: words, meaning, both; one agent or all; whatever a person types.
import { encodeVector, type MemoryPayload } from '@blackroad/protocol';
import { seededRandom } from '@blackroad/std/random';
import type { Test } from 'tap';
import type { Store } from '../../../coordinator/src/store/store.ts';
import { memoryEntries } from '../../fixtures/coordinator/stored-rows.ts';
import type { OpenStore } from '../store.ts';

const embedding = (model: string, ...values: number[]): MemoryPayload['embedding'] => {
  const vector = encodeVector(Float32Array.from(values));
  return { model, dimension: values.length, vector };
};
const meaning = (model: string, ...values: number[]) => ({ model, values: Float32Array.from(values) });

/** What a person may paste into a search box. */
const hostile = [
  '', ' ', '"', '""', '" OR "', "'", "'; DROP TABLE memory_entry; --", 'AND', 'OR', 'NOT', 'NEAR', 'NEAR(door, 5)', 'door AND', 'NOT door',
  'door*', '*', '^door', 'text:door', 'agent:prism', 'tags : door', '{text} : door', '- text : door', '(door', 'door)', '((((', '+', 'door + garage',
  '\\', '%', '_', '\u0000', 'door\u0000garage', '\ud800', '🦊', '::', ';', '--', '/*', 'þ', 'ß', '日本語', 'é́', '\u0301', ' ', 'a'.repeat(100_000), 'door '.repeat(10_000),
  Array.from({ length: 500 }, (_, n) => `word${n}`).join(' '),
]; // biome-ignore format: a list to be read at a glance

export async function searchConformance(t: Test, open: OpenStore): Promise<void> {
  const filled = async (t: Test) => {
    const { store } = await open(t);
    await store.commit([
      {
        type: 'memory',
        space: 'default',
        agent: 'greeter',
        entries: memoryEntries('greeter', [
          { text: 'The garage door is open.', embedding: embedding('minilm', 1, 0, 0), tags: ['garage'] },
          { text: 'Ada likes tea in the morning.', embedding: embedding('minilm', 0, 1, 0), tags: ['Ada', 'drinks'] },
          { text: 'A fence was painted.', embedding: embedding('minilm', 0.9, 0.1, 0) },
          { text: 'Of another model', embedding: embedding('bge', 1, 0, 0) },
          { text: 'Of another length', embedding: embedding('minilm', 1, 0) },
          { text: 'A vector of nothing', embedding: embedding('minilm', 0, 0, 0) },
          { text: 'A vector of no numbers', embedding: embedding('minilm', Number.NaN, 1, 0) },
          null,
        ]),
      },
      {
        type: 'memory',
        space: 'default',
        agent: 'greeter-2',
        entries: memoryEntries('greeter-2', [
          { text: 'Another garage, another door.', embedding: embedding('minilm', 0.8, 0.2, 0) },
        ]),
      },
    ]);
    return store;
  };
  const found = async (store: Store, query: Omit<Parameters<Store['searchMemory']>[0], 'limit'>) =>
    (await store.searchMemory({ limit: 10, ...query })).map(({ agent, seq }) => `${agent}/${seq}`);

  await t.test('of some agents, few or more than the index of words narrows to', async (t) => {
    const store = await filled(t);
    const vector = meaning('minilm', 1, 0, 0);
    const others = Array.from({ length: 100 }, (_, at) => `other-${at}`);
    for (const more of [[], others]) {
      const only = (...agents: string[]) => [...agents, ...more];
      t.strictSame(await found(store, { text: 'garage', agents: only('greeter-2') }), ['greeter-2/1']);
      t.strictSame(await found(store, { text: 'nothing like it', agents: only('greeter-2'), vector }), ['greeter-2/1']);
      const both = await found(store, { text: 'garage', agents: only('greeter', 'greeter-2'), vector });
      t.ok(both.includes('greeter/1') && both.includes('greeter-2/1'));
      t.strictSame(await found(store, { text: 'garage', agents: only('nobody'), vector }), []);
    }
    t.strictSame(await found(store, { text: 'garage', agents: [], vector }), []);
  });

  await t.test('words: any of them, in any case and form, in text and tags', async (t) => {
    const store = await filled(t);
    t.strictSame((await found(store, { text: 'garage' })).sort(), ['greeter-2/1', 'greeter/1']);
    t.strictSame(await found(store, { text: 'What does ADA drink?', agent: 'greeter' }), ['greeter/2']);
    t.strictSame(await found(store, { text: 'doors', agent: 'greeter' }), ['greeter/1'], 'an English plural');
    t.strictSame(await found(store, { text: 'drinks' }), ['greeter/2'], 'a tag');
    t.strictSame(await found(store, { text: 'nowhere' }), []);
  });

  await t.test('words of every script, as they were typed or otherwise', async (t) => {
    const { store } = await open(t);
    const rows: [text: string, question: string][] = [
      ['İstanbul ofisi pazartesi kapalı', 'İSTANBUL'],
      ['Zu\u0308rich is cold', 'Zürich'],
      ['今日は車庫のドアを閉めました', '車庫'],
      ['用户服务器部署在腾讯云国内节点', '腾讯云'],
      ['ร้านอยู่ที่กรุงเทพ', 'กรุงเทพ'],
      [`image digest ${'a1b2c3d4'.repeat(16)}`, 'a1b2c3d4'.repeat(16)],
    ];
    const entries = memoryEntries(
      'greeter',
      rows.map(([text]) => ({ text, tags: ['Köln'] })),
    );
    await store.commit([{ type: 'memory', space: 'default', agent: 'greeter', entries }]);
    for (const [i, [, question]] of rows.entries())
      t.strictSame(await found(store, { text: question }), [`greeter/${i + 1}`], question.slice(0, 20));
    t.equal((await found(store, { text: 'ko\u0308ln' })).length, rows.length, 'tags too');
  });

  await t.test('one agent: not one whose name begins alike', async (t) => {
    const store = await filled(t);
    t.strictSame(await found(store, { text: 'garage', agent: 'greeter' }), ['greeter/1']);
    t.strictSame(await found(store, { text: 'garage', agent: 'greeter-2' }), ['greeter-2/1']);
    t.strictSame(await found(store, { text: 'greeter' }), [], 'names of agents are not words of memories');
    t.strictSame(await found(store, { text: 'garage', agent: '" OR "' }), []);
    t.strictSame(await found(store, { text: '', agent: 'greeter-2', vector: meaning('minilm', 1, 0, 0) }), [
      'greeter-2/1',
    ]);
  });

  await t.test('only of a kind, a tag, a time: by words and by meaning, of one agent and of all', async (t) => {
    const store = await filled(t);
    const near = meaning('minilm', 1, 0, 0);
    const [first] = await store.memoryLog('greeter', 0, 1);
    const atMs = first?.createdAt ?? 0;
    const only = async (query: Partial<Parameters<Store['searchMemory']>[0]>) => {
      const byWords = await found(store, { text: 'garage door tea', ...query });
      const byMeaning = await found(store, { text: '', vector: near, ...query });
      return [byWords.sort(), byMeaning.sort()];
    };
    const both = (...words: string[]) => [words, words];
    t.strictSame(await only({ kind: 'genesis' }), both('greeter-2/1', 'greeter/1'), 'the first of each');
    t.strictSame(await only({ kind: 'genesis', agent: 'greeter' }), both('greeter/1'));
    t.strictSame(await only({ kind: 'turn' }), [['greeter/2'], ['greeter/2', 'greeter/3']]);
    t.strictSame(await only({ kind: 'of-a-newer-node' }), both());
    t.strictSame(await only({ tag: 'garage' }), both('greeter/1'));
    t.strictSame(await only({ tag: 'Ada', agent: 'greeter' }), both('greeter/2'));
    t.strictSame(await only({ tag: 'ada' }), both(), 'as it was written');
    t.strictSame(await only({ tag: 'drinks', agent: 'greeter-2' }), both());
    t.strictSame(await only({ tag: '!?' }), both(), 'a tag without words');
    for (const text of hostile.filter((each) => each.length > 0 && each.length < 100))
      t.strictSame(await found(store, { text: 'garage', tag: text }), [], text);
    t.strictSame(await only({ sinceMs: atMs + 1 }), [['greeter/2'], ['greeter/2', 'greeter/3']]);
    t.strictSame(await only({ sinceMs: atMs, untilMs: atMs + 1 }), both('greeter-2/1', 'greeter/1'));
    t.strictSame(await only({ untilMs: atMs }), both(), 'until is before it');
    t.strictSame(await only({ kind: 'turn', tag: 'drinks', sinceMs: 0, untilMs: atMs + 1_000 }), both('greeter/2'));
  });

  await t.test('meaning: nearest first, only vectors of that model and length', async (t) => {
    const store = await filled(t);
    const near = meaning('minilm', 1, 0, 0);
    t.strictSame(await found(store, { text: '', agent: 'greeter', vector: near }), [
      'greeter/1',
      'greeter/3',
      'greeter/2',
    ]);
    t.strictSame(await found(store, { text: '', vector: near }), [
      'greeter/1',
      'greeter/3',
      'greeter-2/1',
      'greeter/2',
    ]);
    t.strictSame(await found(store, { text: '', vector: meaning('bge', 0, 1, 0) }), ['greeter/4']);
    const close = { ...near, atLeast: 0.5 };
    t.strictSame(await found(store, { text: '', agent: 'greeter', vector: close }), ['greeter/1', 'greeter/3']);
    t.strictSame(
      await found(store, { text: 'tea', agent: 'greeter', vector: { ...near, atLeast: 1.5 } }),
      ['greeter/2'],
      'words find what is far',
    );
    t.strictSame(await store.vectorModels(), { searched: null, newest: 'minilm' }, 'the model of most of the newest');
    const how = await store.searchMemory({ text: 'fence', agent: 'greeter', vector: near, limit: 3 });
    t.strictSame(
      how.map(({ seq, found }) => [seq, found]),
      [
        [3, ['words', 'meaning']],
        [1, ['meaning']],
        [2, ['meaning']],
      ],
    );
    t.strictSame(await found(store, { text: '', vector: meaning('unknown', 1, 0, 0) }), []);
    t.strictSame(await found(store, { text: '', vector: meaning('minilm') }), []);
    t.strictSame(await found(store, { text: '', vector: meaning('minilm', 0, 0, 0) }), []);
    t.strictSame(await found(store, { text: '', vector: meaning('minilm', Number.NaN, 0, 0) }), []);
  });

  await t.test('vectors that were made for memories without one of the model', async (t) => {
    const store = await filled(t);
    const all = { model: 'minilm', above: 0, upto: await store.lastMemory() };
    const lacking = await store.textsToEmbed({ ...all, limit: 10 });
    t.strictSame(
      lacking.map(({ text }) => text),
      ['Of another model'],
      'what was erased and what has one are not among them',
    );
    t.equal((await store.textsToEmbed({ ...all, model: 'new', limit: 3 })).length, 3);
    const samples = await store.vectorSamples('bge');
    t.strictSame(
      samples,
      [{ text: 'Of another model', values: Float32Array.from([1, 0, 0]) }],
      'what its node made of it',
    );
    t.equal((await store.vectorSamples('minilm')).length, 3, 'a few');
    t.strictSame(await store.vectorSamples('unknown'), []);
    const id = lacking[0]?.id ?? 0;
    const gone = id + 4;
    await store.putVectors('minilm', [
      { id, values: Float32Array.from([0.95, 0.05, 0]) },
      { id: gone, values: Float32Array.from([1, 0, 0]) },
      { id: 1_000_000, values: Float32Array.from([1, 0, 0]) },
    ]);
    t.strictSame(await store.textsToEmbed({ ...all, limit: 10 }), []);
    const near = { text: '', agent: 'greeter', vector: meaning('minilm', 1, 0, 0) };
    t.strictSame(await found(store, near), ['greeter/1', 'greeter/4', 'greeter/3', 'greeter/2']);
    t.strictSame((await found(store, { ...near, agent: undefined } as never)).slice(0, 2), ['greeter/1', 'greeter/4']);
    t.strictSame(await found(store, { text: '', vector: meaning('bge', 0, 1, 0) }), ['greeter/4'], 'its own stays');
    const [, , , entry] = await store.memoryLog('greeter', 0, 4);
    t.equal(entry?.payload?.embedding?.model, 'bge', 'the content is as its node wrote it');

    await store.putVectors('new', [{ id, values: null }]);
    t.notOk(
      (await store.textsToEmbed({ ...all, model: 'new', limit: 20 })).some((each) => each.id === id),
      'not again',
    );
    t.strictSame(await found(store, { text: '', vector: meaning('new', 1, 0, 0) }), []);
    await store.setSearchedModel('minilm');
    await store.setSearchedModel('new');
    t.strictSame(await store.vectorModels(), { searched: 'new', newest: 'minilm' });
    t.equal(await store.dropVectorsBut('new', 10), 1);
    t.equal(await store.dropVectorsBut('new', 10), 0);
    t.strictSame(await found(store, near), ['greeter/1', 'greeter/3', 'greeter/2']);
  });

  await t.test('both: what both lists name comes before what one names', async (t) => {
    const store = await filled(t);
    const hits = await found(store, { text: 'painted', agent: 'greeter', vector: meaning('minilm', 1, 0, 0) });
    t.equal(hits[0], 'greeter/3', 'second in meaning and first in words');
    t.ok(hits.includes('greeter/1') && hits.includes('greeter/2'));
    t.equal(new Set(hits).size, hits.length, 'each once');
  });

  await t.test('importance and age part equals only', async (t) => {
    const { store } = await open(t);
    const texts = [0.9, 0.1, 0.5].map((importance) => ({ text: 'the same words', importance }));
    await store.commit([
      {
        type: 'memory',
        space: 'default',
        agent: 'greeter',
        entries: memoryEntries('greeter', [...texts, { text: 'words' }]),
      },
    ]);
    const hits = await store.searchMemory({ text: 'same', limit: 10 });
    t.strictSame(
      hits.map(({ importance }) => importance),
      [0.9, 0.5, 0.1],
    );
    const scores = hits.map(({ score }) => score);
    t.strictSame(
      scores,
      scores.toSorted((a, b) => b - a),
      'in the order of their scores',
    );
  });

  await t.test('a hit says all that people see, and limits hold', async (t) => {
    const store = await filled(t);
    const [hit] = await store.searchMemory({ text: 'tea', limit: 1 });
    const [, entry] = await store.memoryLog('greeter', 0, 2);
    const { score, ...shown } = hit as NonNullable<typeof hit>;
    t.ok(score > 0);
    t.strictSame(shown, {
      agent: 'greeter',
      epoch: 1,
      seq: 2,
      hash: entry?.hash,
      kind: 'turn',
      actorId: 'agent:greeter',
      createdAt: entry?.createdAt,
      text: 'Ada likes tea in the morning.',
      tags: ['Ada', 'drinks'],
      importance: 0.5,
      source: 'task:t1',
      found: ['words'],
    });
    t.equal((await store.searchMemory({ text: 'garage', limit: 1 })).length, 1);
    t.strictSame(await store.searchMemory({ text: 'garage', limit: 0 }), []);
  });

  await t.test('a rare word is found among thousands that share the common ones', async (t) => {
    const { store } = await open(t);
    const notes = Array.from({ length: 12_000 }, (_, n) => ({
      text: n === 7 ? 'the code is 4711' : 'the door is shut',
    }));
    await store.commit([
      { type: 'memory', space: 'default', agent: 'greeter', entries: memoryEntries('greeter', notes) },
    ]);
    const [hit] = await store.searchMemory({ text: 'what is the code', limit: 3 });
    t.equal(hit?.seq, 8);
    t.equal((await store.searchMemory({ text: 'the', limit: 3 })).length, 3);
  });

  await t.test('nothing a person types is an error', async (t) => {
    const store = await filled(t);
    const random = seededRandom(11);
    const glyphs = [...'"\'*^:(){}+-.,;\\ \u0000\n', 'AND', 'OR', 'NOT', 'NEAR', 'door', 'é', '日', '\ud800', '🦊'];
    const fuzz = Array.from({ length: 300 }, () =>
      Array.from({ length: 12 }, () => glyphs[Math.floor(random.next() * glyphs.length)]).join(''),
    );
    for (const text of [...hostile, ...fuzz]) {
      for (const agent of [undefined, 'greeter']) {
        await store.searchMemory({ text, limit: 5, ...(agent && { agent }) }).catch((error) => {
          t.fail(`${JSON.stringify(text.slice(0, 80))}: ${error}`);
        });
      }
    }
    t.strictSame(
      await found(store, { text: 'NOT (door* OR "', agent: 'greeter' }),
      ['greeter/1'],
      'its words still count',
    );
  });
}
