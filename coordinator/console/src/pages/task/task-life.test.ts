// The phases of tasks of every fate.
import type { TaskView } from '@blackroad/protocol';
import t from 'tap';
import { phasesOf } from './task-life.ts';

const task = (more: Partial<TaskView>) =>
  ({
    state: 'queued',
    createdMs: 1000,
    attempt: 0,
    node: null,
    leasedMs: null,
    endedMs: null,
    usage: null,
    problem: null,
    past: [],
    ...more,
  }) as TaskView;
const shown = (view: TaskView, now = 9000) =>
  phasesOf(view, now).map(
    ({ kind, fromMs, toMs, open, node, outcome }) =>
      `${kind} ${fromMs}-${toMs}${open ? ' open' : ''}${node ? ` on ${node}` : ''}${outcome ? ` ${outcome}` : ''}`,
  );

t.test('waiting in the queue', async (t) => {
  t.same(shown(task({})), ['wait 1000-9000 open']);
});
t.test('done at the first attempt, with its first token', async (t) => {
  const usage = { totalMs: 2500, firstTokenMs: 500 } as NonNullable<TaskView['usage']>;
  const done = task({ state: 'done', attempt: 1, node: 'pi', leasedMs: 2000, endedMs: 5000, usage });
  t.same(shown(done), ['wait 1000-2000', 'attempt 2000-5000 on pi done']);
  t.equal(phasesOf(done, 0).at(-1)?.firstTokenMs, 3000, 'what the node did not see of the lease was before it');
});
t.test('lost once, then at work', async (t) => {
  const past = [{ attempt: 1, node: 'pi', leasedMs: 1000, endedMs: 3000, outcome: 'lost' as const, text: 'gone' }];
  const running = task({ state: 'running', attempt: 2, node: 'gpu', leasedMs: 4000, past });
  t.same(shown(running), ['attempt 1000-3000 on pi lost', 'wait 3000-4000', 'attempt 4000-9000 open on gpu running']);
});
t.test('waiting after a lost attempt whose node the task still names', async (t) => {
  const past = [{ attempt: 1, node: 'pi', leasedMs: 2000, endedMs: 3000, outcome: 'lost' as const, text: 'gone' }];
  t.same(shown(task({ attempt: 1, leasedMs: null, past })), [
    'wait 1000-2000',
    'attempt 2000-3000 on pi lost',
    'wait 3000-9000 open',
  ]);
});
t.test('cancelled before anyone took it; a clock that was set back draws nothing backward', async (t) => {
  t.same(shown(task({ state: 'cancelled', endedMs: 4000 })), ['wait 1000-4000']);
  t.ok(phasesOf(task({}), 0).every(({ fromMs, toMs }) => toMs >= fromMs));
});
