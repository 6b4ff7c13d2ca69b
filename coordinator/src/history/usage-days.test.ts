// Ends of tasks are rows of a day, each end once, whenever they are taken.
import t from 'tap';
import type { EndedTask } from '../state/rows.ts';
import { createUsageDays, hasOddTokens } from './usage-days.ts';

const day = 20_000;
const t0 = day * 86_400_000;
const free = { own: null, cloud: null };
const paid = { own: { read: 2, written: 2 }, cloud: null };
const ended = (endedMs: number, over: Partial<EndedTask> = {}) =>
  ({
    endedMs,
    state: 'done',
    agent: 'echo',
    node: 'alice',
    usage: { model: 'tiny', promptTokens: 10, completionTokens: 20 },
    ...over,
  }) as EndedTask;

t.test('a millisecond that may bring more waits', async (t) => {
  const days = createUsageDays();
  t.equal(days.take(t0), null);
  days.add(ended(t0), free);
  days.add(ended(t0 + 5), free);
  const first = days.take(t0 + 5);
  t.match(first, { uptoMs: t0 + 5, rows: [{ day, tasks: 1 }] });
  days.add(ended(t0 + 5), free);
  t.match(days.take(t0 + 2000), { uptoMs: t0 + 6, rows: [{ tasks: 2, promptTokens: 20, completionTokens: 40 }] });
  t.equal(days.take(t0 + 9000), null, 'nothing new');
});

t.test('a row a day, agent, model and node; cancelled ones are no use', async (t) => {
  const days = createUsageDays();
  days.add(ended(t0 - 1), paid);
  days.add(ended(t0), paid);
  days.add(ended(t0, { state: 'failed', usage: null, node: null }), paid);
  days.add(ended(t0, { state: 'cancelled' }), paid);
  t.equal(days.size(), 3);
  const rows = days.take(t0 + 5000)?.rows.sort((a, b) => a.day - b.day || a.failed - b.failed);
  t.match(rows, [
    { day: day - 1, tasks: 1, costUsd: 6e-5 },
    { day, tasks: 1, failed: 0 },
    { day, tasks: 1, failed: 1, model: '', node: '', costUsd: 0 },
  ]);
});

t.test('a clock that was set back', async (t) => {
  const days = createUsageDays();
  days.add(ended(t0 + 1000), free);
  days.add(ended(t0), free);
  t.equal(days.take(t0)?.rows[0]?.tasks, 1, 'the later one waits');
  days.add(ended(t0 + 1), free);
  t.equal(days.take(t0 + 5000)?.rows[0]?.tasks, 2);
});

t.test('tokens that no model can have made are not counted, the task is', async (t) => {
  const usage = { model: 'tiny', recalled: 0, toolCalls: 0, firstTokenMs: 0, totalMs: 0 };
  for (const promptTokens of [1.7e308, Number.POSITIVE_INFINITY, Number.NaN, -1, 0.5, 2 ** 60]) {
    const days = createUsageDays();
    const odd = ended(t0, { usage: { ...usage, promptTokens, completionTokens: 20 } });
    t.ok(hasOddTokens(odd), `${promptTokens}`);
    days.add(odd, paid);
    days.add(ended(t0 + 1), paid);
    t.match(days.take(t0 + 9000)?.rows, [{ tasks: 2, promptTokens: 10, completionTokens: 40 }]);
  }
  t.notOk(hasOddTokens(ended(t0)));
});

t.test(
  'tokens read, read again and written are counted at their own prices, and those that cost nothing at those of the cloud',
  async (t) => {
    const days = createUsageDays();
    const price = { read: 2, written: 10, cached: 0.2 };
    const usage = { model: 'm', promptTokens: 1_000_000, cachedTokens: 500_000, completionTokens: 100_000 };
    const cloud = { read: 4, written: 20 };
    days.add(ended(t0, { usage: usage as EndedTask['usage'] }), { own: price, cloud });
    days.addRequest({ atMs: t0, key: 'k', node: 'paid', ...usage }, { own: price, cloud });
    days.addRequest({ atMs: t0, key: 'k', node: 'own', ...usage }, { own: null, cloud });
    const costs = days.take(t0 + 5000)?.rows.map(({ key, node, costUsd, cloudUsd }) => [key, node, costUsd, cloudUsd]);
    t.same(
      new Set(costs?.map(String)),
      new Set(
        [
          ['k', 'paid', 2.1, 0],
          ['k', 'own', 0, 6],
          ['', 'alice', 2.1, 0],
        ].map(String),
      ),
    );
  },
);

t.test('a task is counted at the cost that it ended with, whatever the price is by now', async (t) => {
  const days = createUsageDays();
  const usage = { model: 'm', promptTokens: 1000, completionTokens: 100, costUsd: 0.7 };
  days.add(ended(t0, { usage: usage as EndedTask['usage'] }), { own: null, cloud: { read: 1, written: 1 } });
  t.match(days.take(t0 + 5000)?.rows, [{ costUsd: 0.7, cloudUsd: 0 }]);
});
