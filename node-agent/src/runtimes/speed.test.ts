import t from 'tap';
import { createSpeedBook } from './speed.ts';

const usage = { promptTokens: 100, completionTokens: 50, loadMs: 0, prefillMs: 1000, decodeMs: 500 };

t.test('learns from answers, newer ones weigh more', async (t) => {
  const book = createSpeedBook();
  t.equal(book.of('m'), undefined);
  book.learn('m', usage);
  t.strictSame(book.of('m'), { model: 'm', prefillTps: 100, decodeTps: 100, loadMs: 0, samples: 1 });
  for (let i = 0; i < 20; i++) book.learn('m', { ...usage, decodeMs: 1000, loadMs: 800 });
  t.ok(Math.abs(book.of('m')!.decodeTps - 50) < 1);
  t.equal(book.of('m')!.loadMs, 800);
});

t.test('what was in the cache was not read, what is too short says nothing', async (t) => {
  const book = createSpeedBook();
  book.learn('m', { ...usage, cachedTokens: 50 });
  t.equal(book.of('m')!.prefillTps, 50);
  book.learn('m', { ...usage, cachedTokens: 99, completionTokens: 2 });
  t.match(book.of('m'), { prefillTps: 50, decodeTps: 100, samples: 1 });
  book.learn('silent', { ...usage, prefillMs: 0, decodeMs: 0 });
  t.equal(book.of('silent'), undefined);
});

t.test('goes on where an earlier run ended', async (t) => {
  const book = createSpeedBook();
  book.learn('m', usage);
  const next = createSpeedBook();
  next.restore(book.all());
  t.strictSame(next.of('m'), book.of('m'));
});

t.test('a server that does not tell what it had cached is doubted', async (t) => {
  const book = createSpeedBook();
  const ollama = { promptTokens: 22, completionTokens: 11, loadMs: 0, decodeMs: 60 };
  book.learn('cached first', { ...ollama, prefillMs: 6 });
  book.learn('cached first', { ...ollama, prefillMs: 49 });
  book.learn('cached first', { ...ollama, prefillMs: 6 });
  t.equal(Math.round(book.of('cached first')!.prefillTps), 449);
});

t.test('one slow answer is not believed for ever', async (t) => {
  const book = createSpeedBook();
  const vllm = { promptTokens: 33, completionTokens: 11, loadMs: 0, decodeMs: 60 };
  book.learn('m', { ...vllm, prefillMs: 100 });
  // It built a kernel meanwhile.
  book.learn('m', { ...vllm, prefillMs: 24_000 });
  t.ok(book.of('m')!.prefillTps < 2);
  for (let answer = 0; answer < 7; answer++) book.learn('m', { ...vllm, prefillMs: 10 + 10 * answer });
  t.ok(book.of('m')!.prefillTps < 2, 'answers from the cache look like this, too');
  book.learn('m', { ...vllm, prefillMs: 100 });
  t.equal(Math.round(book.of('m')!.prefillTps), 330, 'the slowest of those that followed');
  book.learn('m', { ...vllm, prefillMs: 10 });
  t.equal(Math.round(book.of('m')!.prefillTps), 330);
});

t.test('figures that no machine can mean are no measure', async (t) => {
  const book = createSpeedBook();
  for (const odd of [{ completionTokens: 1e300 }, { promptTokens: 1e300 }, { loadMs: 1e300 }])
    book.learn('m', { ...usage, ...odd });
  t.equal(book.of('m'), undefined);
  book.restore([{ model: 'm', prefillTps: 1e300, decodeTps: 1, loadMs: 0, samples: 1 }]);
  t.equal(book.of('m'), undefined);
});
