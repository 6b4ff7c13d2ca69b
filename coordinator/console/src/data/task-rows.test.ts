// Pages of tasks joined with what the feed says.
import type { TaskLine, TaskView } from '@blackroad/protocol';
import t from 'tap';
import { joined } from './task-rows.ts';

const view = (id: string, state: TaskView['state'], more: object = {}) =>
  ({ id, state, agent: 'alice', node: 'pi', problem: null, ...more }) as TaskView;
const line = (id: string, state: TaskLine['state'], more: object = {}) =>
  ({ id, state, agent: 'alice', node: 'pi', problem: null, ...more }) as TaskLine;
const shown = (rows: TaskLine[]) => rows.map(({ id, state }) => `${id} ${state}`);

t.test('the feed is newer than the page; newest first', async (t) => {
  const rows = joined([view('t2', 'running'), view('t1', 'done')], [line('t3', 'queued'), line('t2', 'done')], {});
  t.same(shown(rows), ['t3 queued', 't2 done', 't1 done']);
});
t.test('what no longer fits the filter is left out', async (t) => {
  t.same(shown(joined([view('t2', 'running')], [line('t2', 'done')], { state: 'running' })), []);
  const letters = joined([view('t1', 'failed'), view('t2', 'expired')], [line('t3', 'done'), line('t4', 'failed')], {
    dead: true,
  });
  t.same(shown(letters), ['t4 failed', 't2 expired', 't1 failed']);
  t.same(shown(joined([], [line('t1', 'done', { agent: 'echo' })], { agent: 'alice' })), []);
});
t.test('a problem is its words', async (t) => {
  const [row] = joined([view('t1', 'failed', { problem: { code: 'x', text: 'no memory', retryable: false } })], [], {});
  t.equal(row?.problem, 'no memory');
});
t.test('a dead letter that is gone from the pages does not come back from the feed; a new one does', async (t) => {
  const live = [line('t1', 'failed', { endedMs: 100 }), line('t2', 'failed', { endedMs: 300 })];
  t.same(shown(joined([], live, { dead: true }, 200)), ['t2 failed']);
  t.same(shown(joined([view('t1', 'failed')], live, { dead: true }, 200)), ['t2 failed', 't1 failed']);
  t.same(shown(joined([], live, {}, 200)), ['t2 failed', 't1 failed'], 'the whole queue has its history');
});
