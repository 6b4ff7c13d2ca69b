// Ends of tasks are rows of a day, each end once, whenever they are taken.
import t from 'tap';
import type { EndedTask } from '../state/rows.ts';
import { createUsageDays, hasOddTokens } from './usage-days.ts';

const day = 20_000;
const t0 = day * 86_400_000;
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
  days.add(ended(t0), 0);
  days.add(ended(t0 + 5), 0);
  const first = days.take(t0 + 5);
  t.match(first, { uptoMs: t0 + 5, rows: [{ day, tasks: 1 }] });
  days.add(ended(t0 + 5), 0);
  t.match(days.take(t0 + 2000), { uptoMs: t0 + 6, rows: [{ tasks: 2, promptTokens: 20, completionTokens: 40 }] });
  t.equal(days.take(t0 + 9000), null, 'nothing new');
});

t.test('a row a day, agent, model and node; cancelled ones are no use', async (t) => {
  const days = createUsageDays();
  days.add(ended(t0 - 1), 2);
  days.add(ended(t0), 2);
  days.add(ended(t0, { state: 'failed', usage: null, node: null }), 2);
  days.add(ended(t0, { state: 'cancelled' }), 2);
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
  days.add(ended(t0 + 1000), 0);
  days.add(ended(t0), 0);
  t.equal(days.take(t0)?.rows[0]?.tasks, 1, 'the later one waits');
  days.add(ended(t0 + 1), 0);
  t.equal(days.take(t0 + 5000)?.rows[0]?.tasks, 2);
});

t.test('tokens that no model can have made are not counted, the task is', async (t) => {
  const usage = { model: 'tiny', recalled: 0, toolCalls: 0, firstTokenMs: 0, totalMs: 0 };
  for (const promptTokens of [1.7e308, Number.POSITIVE_INFINITY, Number.NaN, -1, 0.5, 2 ** 60]) {
    const days = createUsageDays();
    const odd = ended(t0, { usage: { ...usage, promptTokens, completionTokens: 20 } });
    t.ok(hasOddTokens(odd), `${promptTokens}`);
    days.add(odd, 2);
    days.add(ended(t0 + 1), 2);
    t.match(days.take(t0 + 9000)?.rows, [{ tasks: 2, promptTokens: 10, completionTokens: 40 }]);
  }
  t.notOk(hasOddTokens(ended(t0)));
});
