// Requests for vectors that wait for a slot go together, each gets its own, and none costs another its answer.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import { systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { createAdmission } from '../runtimes/admission.ts';
import { EmbedBatches } from './embed-batches.ts';

const never = new AbortController().signal;
const vectorOf = (text: string) => Float32Array.of(text.length, 1);

function rig(fails: (texts: string[]) => RuntimeError | null = () => null, queue = 4) {
  const calls: string[][] = [];
  const signals: AbortSignal[] = [];
  let release: (() => void)[] = [];
  const batches = new EmbedBatches({
    admission: createAdmission({ slots: 1, queue, clock: systemClock }),
    run: async (_, texts, signal) => {
      calls.push(texts);
      signals.push(signal);
      await new Promise<void>((resolve, reject) => {
        release.push(resolve);
        signal.addEventListener('abort', () => reject(new RuntimeError('aborted', 'aborted')));
      });
      const error = fails(texts);
      if (error) throw error;
      return texts.map(vectorOf);
    },
    clock: systemClock,
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const finish = async () => {
    await settled();
    const now = release;
    release = [];
    for (const run of now) run();
    await settled();
  };
  return { batches, calls, signals, finish, settled };
}
const lengths = ({ vectors }: { vectors: Float32Array[] }) => vectors.map((vector) => vector[0]);

t.test('the first goes alone, what waits meanwhile goes together, each gets its own vectors', async (t) => {
  const { batches, calls, finish, settled } = rig();
  const ask = (texts: string[]) => batches.embed('m', texts, never, 1_000);
  const first = ask(['a']);
  await settled();
  const all = [first, ...[['bb', 'ccc'], ['dddd'], ['e']].map(ask)];
  await finish();
  await finish();
  t.same(calls, [['a'], ['bb', 'ccc', 'dddd', 'e']]);
  t.same((await Promise.all(all)).map(lengths), [[1], [2, 3], [4], [1]]);
});

t.test(
  'what comes in one moment goes together; a call has a bound, and what does not fit is the next one',
  async (t) => {
    const { batches, calls, finish } = rig();
    const many = Array.from({ length: 200 }, () => 'x');
    const all = [['a'], many, many].map((texts) => batches.embed('m', texts, never, 1_000));
    await finish();
    await finish();
    t.same(
      calls.map(({ length }) => length),
      [201, 200],
    );
    await Promise.all(all);
  },
);

t.test('one that is wrong fails alone', async (t) => {
  const wrong = (texts: string[]) => (texts.includes('wrong') ? new RuntimeError('too-long', 'too long') : null);
  const { batches, finish, settled } = rig(wrong);
  const first = batches.embed('m', ['a'], never, 1_000);
  await settled();
  const bad = batches.embed('m', ['wrong'], never, 1_000);
  const good = batches.embed('m', ['good'], never, 1_000);
  const failed = t.rejects(bad, { code: 'too-long' });
  for (let i = 0; i < 4; i++) await finish();
  await first;
  await failed;
  t.same(lengths(await good), [4]);
});

t.test('a server that is away fails them all, once', async (t) => {
  const away = (texts: string[]) => (texts[0] === 'a' ? null : new RuntimeError('unavailable', 'away'));
  const { batches, calls, finish, settled } = rig(away);
  const first = batches.embed('m', ['a'], never, 1_000);
  await settled();
  const others = ['b', 'c'].map((text) => t.rejects(batches.embed('m', [text], never, 1_000), { code: 'unavailable' }));
  await finish();
  await finish();
  await Promise.all([first, ...others]);
  t.equal(calls.length, 2);
});

t.test('who leaves is not waited for; a call that nobody waits for is stopped', async (t) => {
  const { batches, calls, signals, finish, settled } = rig();
  const first = batches.embed('m', ['a'], never, 1_000);
  await settled();
  const [one, two] = [new AbortController(), new AbortController()];
  const left = t.rejects(batches.embed('m', ['b'], one.signal, 1_000), { code: 'aborted' });
  const last = t.rejects(batches.embed('m', ['c'], two.signal, 1_000), { code: 'aborted' });
  one.abort();
  await left;
  await finish();
  await first;
  t.same(calls[1], ['c']);
  two.abort();
  await last;
  await settled();
  t.ok(signals[1]?.aborted);
  const next = batches.embed('m', ['d'], never, 1_000);
  await finish();
  t.same(lengths(await next), [1], 'and the slot is free again');
});

t.test('a wait has its own end', async (t) => {
  // The clock's timers keep no process alive.
  const alive = setInterval(() => {}, 10);
  t.teardown(() => clearInterval(alive));
  const { batches, finish, settled } = rig();
  const first = batches.embed('m', ['a'], never, 1_000);
  await settled();
  const patient = batches.embed('m', ['b'], never, 60_000);
  await t.rejects(batches.embed('m', ['c'], never, 20), { code: 'overloaded' });
  await finish();
  await finish();
  await Promise.all([first, patient]);
});
