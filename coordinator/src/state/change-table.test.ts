// The table of changes: the kinds that are stored, the rows that a batch touched, and the agents that a plan must examine again.
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { boot1, removedAgent, sampleNode } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { endedTask, taskRow } from '../../../test/fixtures/coordinator/stored-rows.ts';
import type { Change } from './change.ts';
import { agentsToReview, changeTable, isDurable, nodesWithOtherAgents, touch, urgencyOf } from './change-table.ts';
import { nothingTouched } from './touched.ts';

function fleetOfTwo(): SampleFleet {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.online('bob');
  return fleet;
}
const about = (fleet: SampleFleet, change: Change) => {
  const touched = nothingTouched();
  touch(touched, change, fleet.view);
  const review = agentsToReview(fleet.view, change);
  return {
    plan: urgencyOf(fleet.view, change, fleet.policy),
    review: review === 'everyone' ? review : [...review],
    others: [...nodesWithOtherAgents(fleet.view, change)],
    nodes: [...touched.nodes],
    agents: [...touched.agents],
    tasks: [...touched.tasks],
    ended: touched.ended.map(({ id }) => id),
    dismissed: touched.dismissed,
  };
};
const nothing = { plan: null, review: [], others: [], nodes: [], agents: [], tasks: [], ended: [], dismissed: [] };

t.test('a node', async (t) => {
  const fleet = fleetOfTwo();
  const row = fleet.node('alice');
  t.same(about(fleet, { type: 'node', row: { ...row, generation: 9 } }), { ...nothing, nodes: ['alice'] });
  const lost = about(fleet, { type: 'node', row: { ...row, presence: 'lost' } });
  t.match(lost, { plan: 'urgent', review: ['greeter'], others: { length: 0 }, nodes: ['alice'] });
  t.match(about(fleet, { type: 'node', row: { ...row, cordoned: true } }), { plan: 'ordinary', review: { length: 0 } });
  t.match(about(fleet, { type: 'node', row: sampleNode('new') }), { plan: 'ordinary', nodes: ['new'] });
  const gone = about(fleet, { type: 'node-gone', id: 'alice' });
  t.match(gone, { plan: 'urgent', review: ['greeter'], others: ['alice'], nodes: ['alice'] });
});

t.test('an agent', async (t) => {
  const fleet = fleetOfTwo();
  const row = fleet.agent('greeter');
  const moved = { ...row, placement: { ...row.placement!, node: 'bob' } };
  const still = about(fleet, { type: 'agent', row: { ...row, why: null } });
  t.same(still, {
    ...nothing,
    review: ['greeter'],
    others: ['alice', 'alice'],
    nodes: ['alice'],
    agents: ['greeter'],
  });
  t.match(
    about(fleet, { type: 'agent', row: moved }),
    { plan: 'ordinary', others: ['alice', 'bob'], nodes: ['alice', 'bob'] },
    'it leaves room',
  );
  t.match(about(fleet, { type: 'agent', row: { ...row, placement: null } }), { plan: 'urgent', others: ['alice'] });
  t.match(about(fleet, { type: 'agent-gone', row: removedAgent('greeter') }), {
    plan: 'urgent',
    review: { length: 0 },
    others: ['alice'],
    nodes: ['alice'],
    agents: ['greeter'],
  });
});

t.test('work', async (t) => {
  const fleet = fleetOfTwo();
  const row = taskRow(1);
  const [id, agent] = [row.id, row.agent];
  t.same(about(fleet, { type: 'task-new', row }), { ...nothing, tasks: [id], agents: [agent] });
  t.same(about(fleet, { type: 'task-end', row: endedTask(row) }), {
    ...nothing,
    tasks: [id],
    agents: [agent],
    ended: [id],
  });
  t.same(about(fleet, { type: 'task-dismissed', id, atMs: 1 }), { ...nothing, dismissed: [id] });
  fleet.submit('t1', 'greeter');
  t.match(about(fleet, { type: 'tasks-moved', byMs: 5 }), { tasks: ['t1'] });
});

t.test('what nodes say of themselves', async (t) => {
  const fleet = fleetOfTwo();
  const model = { ...fleet.view.live.get('alice')?.capacity?.models[0] };
  t.same(model, {}, 'it has not said what it has');
  fleet.capacity('alice');
  const { capacity } = fleet.view.live.get('alice')!;
  const same = about(fleet, { type: 'capacity', node: 'alice', capacity: { ...capacity!, memoryFreeBytes: 1 } });
  t.match(same, { plan: null, review: ['greeter'], nodes: ['alice'] }, 'memory alone is no reason to plan');
  const less = about(fleet, { type: 'capacity', node: 'alice', capacity: { ...capacity!, defaultChat: 'other' } });
  t.match(less, { plan: 'ordinary' });
  t.match(about(fleet, { type: 'hello', node: 'alice', boot: boot1 }), { plan: null, review: ['greeter'] });
  t.match(about(fleet, { type: 'frozen', frozen: [] }), { plan: 'urgent', review: 'everyone' });
  t.match(about(fleet, { type: 'model-fault', node: 'alice', model: 'm', fault: null }), {
    plan: 'ordinary',
    review: ['greeter'],
  });
  t.same(about(fleet, { type: 'seen', node: 'alice', atMs: 1 }), nothing);
  t.match(about(fleet, { type: 'ticked', atMs: fleet.view.startedMs + 1, resumed: false }), { plan: null });
  const graceMs = fleet.view.startedMs + fleet.policy.restartGraceMs;
  t.match(about(fleet, { type: 'ticked', atMs: graceMs, resumed: false }), { plan: 'urgent' });
});

t.test('every kind says whether it is stored, and the loop asks the table', async (t) => {
  const stored = Object.entries(changeTable).flatMap(([type, { durable }]) => (durable ? [type] : []));
  t.ok(stored.includes('task-end') && stored.includes('branch'));
  t.notOk(stored.includes('health') || stored.includes('ticked'));
  t.ok(isDurable({ type: 'token-gone', id: 'x' }));
  t.notOk(isDurable({ type: 'seen', node: 'x', atMs: 1 }));
});
