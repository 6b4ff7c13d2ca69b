// One text that cannot be embedded must neither prevent the vectors of other texts nor be tried for ever.
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import type { Embedder } from './agent-memory.ts';
import { LateVectors } from './late-vectors.ts';

function rig(texts: string[], answer: (texts: string[]) => (Float32Array | null)[]) {
  const clock = new HandClock();
  const calls: string[][] = [];
  const embed: Embedder = async (list) => {
    calls.push(list);
    return { model: 'toy', vectors: answer(list) };
  };
  /** By id, from 1; null: the model has no vector for it. */
  const vectors = new Map<number, Float32Array | null>();
  const index = {
    withoutVector: (_: number, __: string, limit: number) =>
      texts
        .map((_, i) => i + 1)
        .filter((id) => !vectors.has(id))
        .reverse()
        .slice(0, limit),
    setVector: (id: number, _: string, values: Float32Array | null) => void vectors.set(id, values),
  };
  const late = new LateVectors({ index, embed, clock, log: silentLog, signal: new AbortController().signal });
  return {
    clock,
    calls,
    add: () => late.add(1, 'toy', (id) => texts[id - 1]),
    lacking: () => texts.filter((_, i) => !vectors.get(i + 1)),
    sent: (text: string) => calls.filter((call) => call.includes(text)).length,
  };
}
const good = Float32Array.of(1, 0);
const poison = 'poison text';
/** Like a server that cannot write NaN as JSON: any batch with such a text fails. */
const failing = (bad: string[]) => (texts: string[]) => {
  if (texts.some((text) => bad.includes(text))) throw new Error('json: unsupported value: NaN');
  return texts.map(() => good);
};

t.test('its neighbours have their vectors after one recall, and it is not sent again and again', async (t) => {
  const texts = [
    'the cat is Minou',
    'fact 0',
    'fact 1',
    poison,
    ...Array.from({ length: 12 }, (_, i) => `fact ${i + 2}`),
  ];
  const { clock, calls, add, lacking, sent } = rig(texts, failing([poison]));
  await add();
  t.same(lacking(), [poison]);
  t.ok(calls.length <= 9, `${calls.length} calls`);
  const first = sent(poison);
  for (let i = 0; i < 7; i++) await add();
  t.equal(sent(poison), first, 'not at every recall');
  for (let i = 0; i < 7; i++) {
    await clock.advance(3_600_000);
    await add();
  }
  t.equal(sent(poison), first + 2, 'three tries in all');
});

t.test('a vector that is none counts as one that failed', async (t) => {
  const { clock, add, lacking, sent } = rig(['a', poison, 'b'], (texts) =>
    texts.map((text) => (text === poison ? null : good)),
  );
  for (let i = 0; i < 9; i++) {
    await add();
    await clock.advance(3_600_000);
  }
  t.same(lacking(), [poison]);
  t.equal(sent(poison), 3);
});

t.test('more bad texts than one batch holds do not block the rest', async (t) => {
  const bad = Array.from({ length: 40 }, (_, i) => `bad ${i}`);
  const { add, lacking } = rig(['good one', ...bad], failing(bad));
  for (let i = 0; i < 40; i++) await add();
  t.notOk(lacking().includes('good one'));
});

t.test('a server that is down is no fault of a text, and is asked a bounded number of times', async (t) => {
  let works = false;
  const texts = Array.from({ length: 16 }, (_, i) => `fact ${i}`);
  const { calls, add, lacking } = rig(texts, (list) => {
    if (!works) throw new Error('connection refused');
    return list.map(() => good);
  });
  for (let i = 0; i < 5; i++) await add();
  t.ok(calls.length <= 5 * 13, `${calls.length} calls`);
  works = true;
  await add();
  t.same(lacking(), [], 'all are tried again at once');
});

t.test('texts that are gone do not stand in the way', async (t) => {
  const { add, lacking } = rig(['good one', ...Array.from({ length: 30 }, () => '')], failing([]));
  for (let i = 0; i < 3; i++) await add();
  t.notOk(lacking().includes('good one'));
});
