// Planned moves of an agent whose node is there: the epoch grows when the node has brought its last memories, at a deadline, or never,
// where the place of the agent is gone meanwhile.
import type { MemoryUp, MoveCause } from '@blackroad/protocol';
import t from 'tap';
import { paramsOf, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { sampleWhy } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { agentState, showAgent } from '../live/show.ts';
import { acceptMemory } from '../memory/accept.ts';
import { needOf, pendingOf } from '../placement/model/need.ts';
import { allChanges, openDraft } from '../state/draft.ts';
import type { View } from '../state/view.ts';
import { makeMoves } from './assignment.ts';
import { leaveMs } from './leaving.ts';

const head = { seq: 3, hash: 'ab'.repeat(32) };
/** The agent echo works on alice, whose node-agent can bring its last memories, and is to go to bob. */
function fleetOfTwo(over: { drains?: true } = { drains: true }): SampleFleet {
  const fleet = new SampleFleet();
  fleet.online('bob');
  fleet.runs('echo', 'alice');
  fleet.hello('alice', over);
  fleet.capacity('bob', { models: [modelOf('small')] });
  fleet.view.heads.set('echo', { epoch: 1, ...head, entries: 3 });
  return fleet;
}
function move(fleet: SampleFleet, to: string | null, cause: MoveCause = 'rebalance', model = 'small') {
  const draft = openDraft(fleet.view as View, fleet.now);
  const place = to === null ? null : { node: to, model, why: sampleWhy(to) };
  makeMoves(draft, [{ agent: 'echo', cause, to: place }], []);
  const made = { changes: allChanges(draft), messages: draft.messages };
  fleet.apply(made.changes);
  return made;
}
function drained(fleet: SampleFleet, over: Partial<Extract<MemoryUp, { type: 'drained' }>> = {}, node = 'alice') {
  const leaving = fleet.agent('echo').placement?.leaving?.sinceMs;
  const message = { type: 'drained' as const, epoch: 1, durableSeq: head.seq, hash: head.hash };
  return fleet.decide<'memory-up'>(acceptMemory, {
    node,
    agent: 'echo',
    message: { ...message, ...(leaving === undefined ? {} : { leaving }), ...over },
    stored: [],
    missing: [],
    branch: null,
  });
}
const where = (fleet: SampleFleet) => {
  const { placement } = fleet.agent('echo');
  return `${placement?.node} ${placement?.epoch}${placement?.leaving ? ' leaving' : ''}`;
};

t.test('the epoch grows when its node has brought everything, and the next one begins there', async (t) => {
  const fleet = fleetOfTwo();
  const asked = move(fleet, 'bob');
  t.equal(where(fleet), 'alice 1 leaving');
  t.match(said(asked.messages, 'assign'), [
    { params: { node: 'alice' }, message: { put: [{ epoch: 1, leaving: fleet.now }] } },
  ]);
  t.equal(asked.messages.length, 1, 'bob hears nothing yet');
  fleet.submit('t1', 'echo');
  t.equal(fleet.task('t1')?.state, 'queued', 'no turn begins meanwhile');
  const gone = drained(fleet);
  t.equal(where(fleet), 'bob 2');
  t.match(fleet.agent('echo').placement, { baseSeq: 3, baseHash: head.hash, from: 'alice' });
  t.match(paramsOf(gone.changes, 'agent-moved'), [{ agent: 'echo', from: 'alice', node: 'bob', cause: 'rebalance' }]);
  t.match(
    said(gone.messages, 'assign')
      .map(({ params }) => params.node)
      .sort(),
    ['alice', 'bob'],
  );
  t.equal(fleet.view.leaving.size, 0);
});

t.test('only the answer to this question, of the writer, that names the end of the log counts', async (t) => {
  const fleet = fleetOfTwo();
  move(fleet, 'bob');
  drained(fleet, { leaving: fleet.now - 1 });
  drained(fleet, { durableSeq: 2 });
  drained(fleet, { durableSeq: 4 });
  drained(fleet, { hash: 'cd'.repeat(32) });
  drained(fleet, { epoch: 2 });
  drained(fleet, {}, 'bob');
  t.equal(where(fleet), 'alice 1 leaving');
  const unasked = fleetOfTwo();
  t.same(drained(unasked).changes, [], 'of a node that nobody asked');
});

t.test('the end of a task may come after the word that everything is brought', async (t) => {
  const fleet = fleetOfTwo();
  fleet.ready('echo');
  fleet.submit('t1', 'echo');
  t.equal(fleet.task('t1')?.state, 'leased');
  move(fleet, 'bob');
  drained(fleet);
  fleet.tick();
  t.equal(where(fleet), 'alice 1 leaving');
  fleet.report('t1', 'alice', 'done', { agent: 'echo', result: 'Yes.' });
  t.equal(fleet.ends.get('t1'), 1);
  fleet.tick();
  t.equal(where(fleet), 'bob 2');
});

t.test('after the deadline the move is made all the same', async (t) => {
  const fleet = fleetOfTwo();
  move(fleet, 'bob');
  fleet.apply([{ type: 'seen', node: 'alice', atMs: fleet.now + leaveMs }]);
  fleet.apply([{ type: 'seen', node: 'bob', atMs: fleet.now + leaveMs }]);
  fleet.now += leaveMs - 1_000;
  fleet.apply([{ type: 'ticked', atMs: fleet.now, resumed: false }]);
  fleet.tick();
  t.equal(where(fleet), 'alice 1 leaving');
  fleet.tick(1_000);
  t.equal(where(fleet), 'bob 2');
});

t.test('a pause of the coordinator takes nothing of the time', async (t) => {
  const fleet = fleetOfTwo();
  fleet.tick();
  move(fleet, 'bob');
  fleet.tick(leaveMs + 60_000);
  fleet.tick();
  t.equal(where(fleet), 'alice 1 leaving');
});

t.test('at once: an older node, a node that is away, a place that another agent needs', async (t) => {
  const older = fleetOfTwo({});
  move(older, 'bob');
  t.equal(where(older), 'bob 2');
  const away = fleetOfTwo();
  away.will('alice');
  move(away, 'bob', 'drain');
  t.equal(where(away), 'bob 2');
  for (const cause of ['lost', 'preempt'] as const) {
    const fleet = fleetOfTwo();
    move(fleet, 'bob', cause);
    t.equal(where(fleet), 'bob 2', cause);
  }
});

t.test('its node dies in the middle: it stays with it, and its own policy moves it', async (t) => {
  const fleet = fleetOfTwo();
  move(fleet, 'bob');
  fleet.will('alice');
  fleet.pass(leaveMs + 2_000);
  t.match(where(fleet), /^alice 1$/, 'nothing is forced on the word of a node that is away');
  t.notOk(fleet.view.leaving.size);
});
t.test('a node that is lost in the middle is left as any lost node is', async (t) => {
  const fleet = fleetOfTwo();
  move(fleet, 'bob');
  fleet.apply([{ type: 'node', row: { ...fleet.node('alice'), presence: 'lost', presenceSinceMs: fleet.now } }]);
  t.match(
    needOf(fleet.view as View, fleet.agent('echo'), fleet.now + 120_000, { ...fleet.policy, restartGraceMs: 0 }),
    {
      reason: 'lost',
    },
  );
  move(fleet, 'bob', 'lost');
  t.equal(where(fleet), 'bob 2');
});

t.test('its place is gone meanwhile: it stays and goes on', async (t) => {
  const fleet = fleetOfTwo();
  fleet.ready('echo');
  move(fleet, 'bob');
  fleet.submit('t1', 'echo');
  fleet.apply([{ type: 'node', row: { ...fleet.node('bob'), cordoned: true } }]);
  const stays = drained(fleet);
  t.equal(where(fleet), 'alice 1');
  const [{ message } = { message: { put: [{}] } }] = said(stays.messages, 'assign');
  t.notOk('leaving' in (message.put[0] as object), 'alice hears that it stays');
  t.match(fleet.task('t1'), { state: 'leased', node: 'alice' });
});

t.test('taken off its node', async (t) => {
  const fleet = fleetOfTwo();
  move(fleet, null, 'rules');
  t.equal(where(fleet), 'alice 1 leaving');
  drained(fleet);
  t.match(fleet.agent('echo'), { placement: null, last: 'alice', epoch: 1 });
});

t.test('its room on the next node is taken meanwhile, and it is asked for no other', async (t) => {
  const fleet = fleetOfTwo();
  fleet.now += 600_000;
  fleet.apply([{ type: 'node', row: { ...fleet.node('alice'), draining: true } }]);
  fleet.capacity('alice', { models: [modelOf('small')] });
  t.match(needOf(fleet.view as View, fleet.agent('echo'), fleet.now, fleet.policy), { reason: 'draining' });
  fleet.plan();
  t.equal(where(fleet), 'alice 1 leaving');
  t.equal(needOf(fleet.view as View, fleet.agent('echo'), fleet.now, fleet.policy), null);
  fleet.apply1('second', { model: ['small'], concurrency: 16, limits: { ...fleet.agent('echo').spec.limits } });
  const before = fleet.agent('echo').placement?.leaving;
  fleet.plan();
  t.equal(fleet.agent('echo').placement?.leaving, before);
});

t.test('people see what it waits for', async (t) => {
  const fleet = fleetOfTwo();
  move(fleet, 'bob');
  const view = fleet.view as View;
  const text = () => showAgent(view, 'echo')?.leaving?.text;
  t.equal(text(), 'leaving alice for bob: alice is asked for its last memories');
  const observed = { boot: fleet.node('alice').boot, agent: 'echo', epoch: 1, state: 'ready' as const, model: 'small' };
  const says = { ...observed, code: 'memory-leaving', reason: 'waits for 3 entries' };
  fleet.apply([{ type: 'observed', agent: 'echo', node: 'alice', observed: says }]);
  t.equal(text(), 'leaving alice for bob: waits for 3 entries');
  t.match(agentState(view, fleet.agent('echo')), { state: 'ready', reason: text(), reasonCode: 'memory-leaving' });
  t.equal(pendingOf(view, fleet.agent('echo'), fleet.now, fleet.policy), text());
  t.match(showAgent(view, 'echo')?.leaving, { to: 'bob', sinceMs: fleet.now });
  drained(fleet);
  t.equal(text(), undefined);
});

t.test(
  'it stays where the memory of its next node was taken meanwhile, and goes where the model needs none',
  async (t) => {
    const gigabyte = 1_000_000_000;
    const small = modelOf('small');
    const other = modelOf('other');
    const loaded = { resident: true, residentBytes: 4 * gigabyte };
    const rest = { memoryTotalBytes: 8 * gigabyte, memoryFreeBytes: 0 };
    for (const [what, capacity, goes] of [
      ['another program has it', { models: [small] }, false],
      ['its model is loaded', { models: [{ ...small, ...loaded }] }, true],
      ['an idle model is put down for it', { models: [small, { ...other, ...loaded }] }, true],
      ['there is enough', { models: [small], memoryFreeBytes: small.sizeBytes }, true],
      ['it cannot be measured', { models: [small], memoryTotalBytes: 0 }, true],
    ] as const) {
      const fleet = fleetOfTwo();
      move(fleet, 'bob');
      fleet.capacity('bob', { ...rest, ...capacity, models: [...capacity.models] });
      drained(fleet);
      t.equal(where(fleet), goes ? 'bob 2' : 'alice 1', what);
    }
    const fleet = fleetOfTwo();
    fleet.runs('foxtrot', 'bob');
    fleet.capacity('bob', { ...rest, models: [other, { ...small, ...loaded }] });
    move(fleet, 'bob', 'rebalance', 'other');
    drained(fleet);
    t.equal(where(fleet), 'alice 1', 'a model that an agent uses is not put down');
  },
);
