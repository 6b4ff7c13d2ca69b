import { RuntimeError } from '@blackroad/model-server/runtime-error';
import t from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import { createModelPulls, type OnProgress } from './model-pulls.ts';

const never = new AbortController().signal;
const ignore = () => {};

/** Fetches that end when the test decides. */
function rig() {
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const clock = new HandClock();
  const tells: OnProgress[] = [];
  let news = 0;
  const pulls = createModelPulls({
    fetchOne(model, onProgress, signal) {
      begun.push(model);
      tells.push(onProgress);
      onProgress({ status: 'pulling', completedBytes: 1, totalBytes: 2 });
      return new Promise<void>((resolve, reject) => {
        ends.set(model, (error) => (error ? reject(error) : resolve()));
        signal.addEventListener('abort', () => reject(new RuntimeError('aborted', 'stopped')));
      });
    },
    onNews: () => void news++,
    clock,
  });
  return { pulls, begun, ends, clock, tells, news: () => news };
}
const turn = () => new Promise(setImmediate);

t.test('one at a time, in the order asked; one fetch however many ask', async (t) => {
  const { pulls, begun, ends } = rig();
  const heard: number[] = [];
  const first = pulls.pull('a', ({ completedBytes }) => heard.push(completedBytes), never);
  const same = pulls.pull('a', ({ completedBytes }) => heard.push(completedBytes), never);
  const second = pulls.pull('b', ignore, never);
  await turn();
  t.strictSame(begun, ['a']);
  t.strictSame(heard, [1, 1], 'both hear of it');
  ends.get('a')!();
  await Promise.all([first, same]);
  await turn();
  t.strictSame(begun, ['a', 'b']);
  ends.get('b')!(new RuntimeError('unavailable', 'no such host'));
  await t.rejects(second, { message: 'no such host' });
  const again = pulls.pull('b', ignore, never);
  await turn();
  t.strictSame(begun, ['a', 'b', 'b'], 'a failure is not kept');
  ends.get('b')!();
  await again;
});

t.test('it goes on while one still wants it, ends with the last, and the next one starts', async (t) => {
  const { pulls, begun } = rig();
  const one = new AbortController();
  const two = new AbortController();
  const first = pulls.pull('a', ignore, one.signal);
  const second = pulls.pull('a', ignore, two.signal);
  const next = pulls.pull('b', ignore, never);
  await turn();
  one.abort();
  await t.rejects(first, { code: 'aborted' });
  await turn();
  t.strictSame(begun, ['a']);
  two.abort();
  await t.rejects(second, { code: 'aborted' });
  await turn();
  t.strictSame(begun, ['a', 'b']);
  pulls.close();
  await t.rejects(next, { code: 'aborted' });
});

t.test('only so many wait', async (t) => {
  const { pulls } = rig();
  const waiting = Array.from({ length: 16 }, (_, i) => pulls.pull(`m${i}`, ignore, never));
  await t.rejects(pulls.pull('one more', ignore, never), { code: 'overloaded', message: /16 models wait/ });
  pulls.close();
  for (const each of waiting) await t.rejects(each, { code: 'aborted' });
});

t.test('one fetch however the name is written', async (t) => {
  const { pulls, begun, ends } = rig();
  const both = [pulls.pull('Llama3.2', ignore, never), pulls.pull('llama3.2:latest', ignore, never)];
  await turn();
  t.strictSame(begun, ['Llama3.2']);
  ends.get('Llama3.2')!();
  await Promise.all(both);
});

t.test('people see how each fetch stands, not too often, and for a while why one failed', async (t) => {
  const { pulls, ends, clock, tells, news } = rig();
  const first = pulls.pull('a', ignore, never);
  const second = pulls.pull('b', ignore, never);
  await turn();
  t.match(pulls.board.list(), [
    { model: 'a', status: 'pulling', completedBytes: 1, totalBytes: 2 },
    { model: 'b', status: 'waiting', completedBytes: 0 },
  ]);
  const before = news();
  for (let i = 0; i < 10; i++) tells[0]!({ status: 'pulling', completedBytes: 1, totalBytes: 2 });
  t.equal(news(), before, 'ten steps at once are no news');
  await clock.advance(2000);
  tells[0]!({ status: 'pulling', completedBytes: 2, totalBytes: 2 });
  t.equal(news(), before + 1);
  ends.get('a')!();
  await first;
  t.match(pulls.board.list(), [{ model: 'b' }], 'what is here is no fetch any more');
  await turn();
  ends.get('b')!(new RuntimeError('unknown-model', 'no such model'));
  await t.rejects(second);
  t.match(pulls.board.list(), [{ model: 'b', problem: 'no such model' }]);
  await clock.advance(600_000);
  t.strictSame(pulls.board.list(), []);
});
