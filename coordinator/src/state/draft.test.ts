import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { removedAgent, sampleNode } from '../../../test/fixtures/coordinator/sample-rows.ts';
import {
  addTask,
  allChanges,
  closeTask,
  dropAgent,
  leasedIn,
  openDraft,
  putNode,
  setTask,
  waitingIn,
} from './draft.ts';
import type { EndedTask, TaskRow } from './rows.ts';

t.test('a draft sees its own steps, the view does not', async (t) => {
  const fleet = new SampleFleet();
  fleet.apply1('greeter');
  for (const [id, priority] of [
    ['a', 50],
    ['b', 50],
    ['c', 10],
    ['d', 90],
  ] as const) {
    fleet.now++;
    fleet.submit(id, 'greeter', { priority });
  }
  const draft = openDraft(fleet.view, fleet.now);
  const waiting = () => [...waitingIn(draft, 'greeter')].map(({ id }) => id);
  t.same(waiting(), ['d', 'a', 'b', 'c']);
  const task = (id: string) => draft.tasks.get(id) as TaskRow;
  setTask(draft, { ...task('a'), state: 'leased', attempt: 1, node: 'alice' });
  closeTask(draft, {
    ...task('b'),
    state: 'cancelled',
    endedMs: 1,
    result: null,
    truncated: false,
    problem: null,
    usage: null,
  } as EndedTask);
  addTask(draft, { ...task('c'), id: 'e', priority: 60 });
  t.same(waiting(), ['d', 'e', 'c']);
  t.same(
    leasedIn(draft, 'greeter').map(({ id }) => id),
    ['a'],
  );
  setTask(draft, { ...task('a'), state: 'queued', node: null });
  t.same(waiting(), ['d', 'e', 'a', 'c'], 'back at its old place');
  t.same(leasedIn(draft, 'greeter'), []);
  t.equal(draft.tasks.get('b'), undefined);
  t.same(fleet.view.work.get('greeter')?.waiting, ['d', 'a', 'b', 'c']);
});

t.test('changes come in an order that can be applied: rows, what hangs on them, what is gone', async (t) => {
  const fleet = new SampleFleet();
  fleet.apply1('greeter');
  const draft = openDraft(fleet.view, fleet.now);
  draft.changes.push({ type: 'hello', node: 'alice', boot: 'boot-0001' });
  dropAgent(draft, removedAgent('greeter'));
  putNode(draft, sampleNode('alice'));
  t.same(
    allChanges(draft).map(({ type }) => type),
    ['node', 'hello', 'agent-gone'],
  );
});
