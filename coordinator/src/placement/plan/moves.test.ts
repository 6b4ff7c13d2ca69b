// The agents that move and the agents that stay, on a real view built from changes; a plan that was carried out leaves nothing to plan, and
// a plan made from an older view does no harm.

import { defaultSpace, type NodeCapacity, type NodeHealth, type NodeModel } from '@blackroad/protocol';
import fc from 'fast-check';
import t from 'tap';
import { paramsOf } from '../../../../test/fixtures/coordinator/sample-fleet.ts';
import {
  ada,
  removedAgent,
  sampleHealth,
  sampleNode,
  samplePolicy,
} from '../../../../test/fixtures/coordinator/sample-rows.ts';
import { GiB, modelOf, specOf } from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { place, snapshotOf } from '../../../../test/fixtures/coordinator/whole-plan.ts';
import { apply } from '../../state/apply.ts';
import type { Change, Outgoing } from '../../state/change.ts';
import { urgencyOf } from '../../state/change-table.ts';
import type { Policy } from '../../state/input.ts';
import type { AgentRow, NodeRow, TaskRow } from '../../state/rows.ts';
import { emptyView, type MutableView } from '../../state/view.ts';
import { frozenCount, pendingOf, planDueMs } from '../model/need.ts';
import { partsOf } from './moves.ts';
import { applyPlan, releaseMoves } from './plan.ts';
import type { PlanPart, PlanStep } from './plan-parts.ts';

const startedMs = 1_000_000;
const now = startedMs + 600_000;
const policy: Policy = { ...samplePolicy, lostAfterMs: 10_000, restartGraceMs: 60_000 };

const uncordon = (node: string) => [[{ verb: 'uncordon-node', node }]];
function taskOf(id: string, agent: string, node: string): TaskRow {
  const lease = { attempt: 1, attempts: 3, node, epoch: 1, leasedMs: now, idempotencyKey: null, notBeforeMs: 0 };
  return {
    id,
    space: defaultSpace,
    agent,
    state: 'leased',
    prompt: '',
    priority: 50,
    origin: 'api',
    createdMs: now,
    deadlineMs: now + 60_000,
    ...lease,
  };
}
function addNode(
  view: MutableView,
  id: string,
  given: Partial<NodeRow> = {},
  capacity: Partial<NodeCapacity> | null = {},
): void {
  const well = { presence: 'online', presenceSinceMs: now - 30_000, presenceReason: '', boot: `boot-${id}` } as const;
  const row = sampleNode(id, { ...well, ...given });
  apply(view, { type: 'node', row });
  if (!capacity) return;
  apply(view, { type: 'hello', node: id, boot: row.boot });
  apply(view, {
    type: 'capacity',
    node: id,
    capacity: {
      boot: row.boot,
      memoryTotalBytes: 5 * GiB,
      memoryFreeBytes: 4 * GiB,
      diskFreeBytes: 50 * GiB,
      models: [modelOf('small')],
      defaultChat: 'small',
      embedder: null,
      ...capacity,
    },
  });
}
function editNode(view: MutableView, id: string, given: Partial<NodeRow>): void {
  apply(view, { type: 'node', row: { ...view.nodes.get(id)!, ...given } });
}
function addAgent(view: MutableView, name: string, node: string | null, spec: Parameters<typeof specOf>[1] = {}): void {
  const row: AgentRow = {
    id: name,
    space: defaultSpace,
    spec: specOf(name, spec),
    version: 1,
    epoch: node ? 1 : 0,
    placement:
      node === null
        ? null
        : {
            node,
            epoch: 1,
            model: 'small',
            placedMs: startedMs,
            baseSeq: 0,
            baseHash: 'genesis',
            from: null,
          },
    why: null,
    unplaced: null,
    createdMs: startedMs,
    updatedMs: startedMs,
  };
  apply(view, { type: 'agent', row });
}
function fleet(nodes: string[] = ['alice', 'aria']): MutableView {
  const view = emptyView('c', startedMs);
  for (const id of nodes) addNode(view, id);
  return view;
}
function parts(view: MutableView, atMs = now): PlanPart[] {
  const asked = snapshotOf(view, atMs, policy);
  let commands = 0;
  return [...partsOf(view, asked, place(asked.snapshot), () => `command-${++commands}`)];
}
function steps(view: MutableView, atMs = now): PlanStep[] {
  return parts(view, atMs).flatMap((part) => part.steps);
}
/** The moves of a plan as `agent>node`, by name. */
function moved(view: MutableView, atMs = now): string[] {
  return steps(view, atMs)
    .flatMap(({ agent, step }) => ('words' in step ? [] : [`${agent}>${'to' in step ? step.to.node : 'nowhere'}`]))
    .sort();
}
/** Makes a plan and carries it out part by part, like the loop. */
function settle(view: MutableView, atMs = now) {
  const changes: Change[] = [];
  const messages: Outgoing[] = [];
  for (const part of parts(view, atMs)) {
    const decision = applyPlan(view, part, atMs, policy);
    for (const change of decision.changes) apply(view, change);
    changes.push(...decision.changes);
    messages.push(...decision.messages);
  }
  return { changes, messages };
}

t.test('a new agent is placed; told again, nothing changes', async (t) => {
  const view = fleet();
  addAgent(view, 'a', null);
  const { messages } = settle(view);
  t.equal(view.agents.get('a')?.placement?.node, 'alice');
  t.equal(view.agents.get('a')?.why?.node, 'alice');
  t.ok(messages.length > 0, 'the node is told');
  const again = settle(view);
  t.same([again.changes, again.messages], [[], []]);
});
t.test('an unplaced agent is explained once, anew when the reason changes, and placed when it is gone', async (t) => {
  const view = fleet(['alice']);
  editNode(view, 'alice', { cordoned: true });
  addAgent(view, 'a', null);
  settle(view);
  t.match(view.agents.get('a')?.unplaced, { text: 'the only node is cordoned', fix: uncordon('alice') });
  t.same(settle(view).changes, [], 'no churn');
  const row = view.agents.get('a') as AgentRow;
  apply(view, { type: 'agent', row: { ...row, unplaced: row.unplaced && { ...row.unplaced, fix: [] } } });
  settle(view);
  t.match(view.agents.get('a')?.unplaced?.fix, uncordon('alice'), 'of an older store it is said anew');
  apply(view, {
    type: 'capacity',
    node: 'alice',
    capacity: { ...view.live.get('alice')!.capacity!, memoryFreeBytes: 3 * GiB },
  });
  t.same(settle(view).changes, [], 'nor with the figures of a node that is closed anyway');
  editNode(view, 'alice', { cordoned: false, presence: 'lost' });
  settle(view);
  t.match(view.agents.get('a')?.unplaced?.text, /no node is online/);
  editNode(view, 'alice', { presence: 'online' });
  settle(view);
  t.match(view.agents.get('a'), { placement: { node: 'alice' }, unplaced: null });
});
t.test('everything else stays: no rebalancing', async (t) => {
  const view = fleet(['alice', 'aria']);
  for (let i = 0; i < 10; i++) addAgent(view, `a${i}`, 'alice');
  t.same(moved(view), []);
  editNode(view, 'alice', { cordoned: true });
  t.same(moved(view), [], 'a cordon moves nobody');
  editNode(view, 'alice', { cordoned: false, presence: 'suspect' });
  t.same(moved(view), [], 'nor does a suspicion');
  editNode(view, 'alice', { presence: 'online' });
  const capacity = view.live.get('alice')!.capacity!;
  apply(view, {
    type: 'capacity',
    node: 'alice',
    capacity: { ...capacity, models: [modelOf('new'), ...capacity.models], defaultChat: 'new' },
  });
  t.same(moved(view), [], 'nor does a new default model');
});
t.test('a lost node: the policy of each agent', async (t) => {
  const view = fleet();
  addAgent(view, 'now', 'alice');
  addAgent(view, 'soon', 'alice', { onLoss: { policy: 'replace', afterSeconds: 60 } });
  addAgent(view, 'waits', 'alice', { onLoss: { policy: 'wait' } });
  addAgent(view, 'alone', 'alice', { onLoss: { policy: 'keep' } });
  editNode(view, 'alice', { presence: 'lost', presenceSinceMs: now });
  t.same(moved(view), ['now>aria']);
  t.equal(planDueMs(view, now, policy), now + 60_000, 'the loop knows when to plan again');
  t.same(moved(view, now + 59_999), ['now>aria']);
  t.same(moved(view, now + 60_000), ['now>aria', 'soon>aria']);
  t.equal(planDueMs(view, now + 60_000, policy), null);
});
t.test('a lost node and nowhere to go: it stays, says so, and is quiet again when the node is back', async (t) => {
  const view = fleet(['alice']);
  addAgent(view, 'a', 'alice');
  editNode(view, 'alice', { presence: 'lost' });
  settle(view);
  t.equal(view.agents.get('a')?.placement?.epoch, 1, 'no new epoch');
  t.match(view.agents.get('a')?.unplaced?.text, /^alice is lost, and it stays there: no node is online/);
  t.same(settle(view).changes, []);
  editNode(view, 'alice', { presence: 'online' });
  settle(view);
  t.equal(view.agents.get('a')?.unplaced, null);
  t.equal(view.agents.get('a')?.placement?.epoch, 1);
});
t.test('a restart of the coordinator moves nobody', async (t) => {
  const view = emptyView('c', startedMs);
  addNode(view, 'aria');
  for (const presence of ['online', 'suspect', 'lost'] as const) {
    addNode(view, `node-${presence}`, { presence, presenceSinceMs: 0 }, null);
    addAgent(view, `on-${presence}`, `node-${presence}`);
  }
  t.same(moved(view, startedMs + 1), []);
  t.same(moved(view, startedMs + policy.restartGraceMs - 1), []);
  t.equal(planDueMs(view, startedMs + 1, policy), startedMs + policy.restartGraceMs);
  const overMs = startedMs + policy.restartGraceMs;
  t.same(moved(view, overMs), [], 'nobody has counted yet who is away: the valve may be about to hold');
  apply(view, { type: 'ticked', atMs: overMs, resumed: false });
  t.same(moved(view, overMs), ['on-lost>aria'], 'what was lost before may still be lost');
  t.same(moved(view, now), ['on-lost>aria'], 'the others are for presence to judge');
});
t.test('a node not heard of, or without a capacity report, gets nothing', async (t) => {
  const view = emptyView('c', startedMs);
  addNode(view, 'alice', {}, null);
  addAgent(view, 'a', null);
  settle(view);
  t.match(view.agents.get('a')?.unplaced?.text, /not been heard of since the coordinator started/);
  apply(view, { type: 'hello', node: 'alice', boot: 'b' });
  settle(view);
  t.match(view.agents.get('a')?.unplaced?.refused, [{ text: 'alice: has not reported its capacity yet' }]);
});
t.test('frozen moves: lost and draining nodes keep their agents until a person releases them', async (t) => {
  const view = fleet(['alice', 'aria', 'codex']);
  addAgent(view, 'a', 'alice');
  addAgent(view, 'b', 'aria');
  addAgent(view, 'new', null);
  editNode(view, 'alice', { presence: 'lost' });
  editNode(view, 'aria', { draining: true });
  apply(view, {
    type: 'frozen',
    frozen: [{ site: null, sinceMs: now, reason: '2 of 3 nodes went at once', released: [] }],
  });
  t.same(moved(view), ['new>codex'], 'an agent without a node waits for nothing');
  const { changes, outcome } = releaseMoves(view, { by: ada }, now, policy);
  t.ok(outcome.ok);
  for (const change of changes) apply(view, change);
  t.same(view.frozen, []);
  settle(view);
  t.same(
    ['a', 'b'].map((name) => view.agents.get(name)?.placement?.node),
    ['codex', 'codex'],
  );
  t.ok(changes.some((change) => change.type === 'audit' && /2 of 3 nodes/.test(change.row.text)));
  t.same(releaseMoves(view, { by: ada }, now, policy).changes, [], 'nothing to release');
});
t.test('draining: handed off where there is a place, else it stays and says why', async (t) => {
  const view = fleet();
  addAgent(view, 'a', 'alice');
  addAgent(view, 'pinned', 'alice', { placement: { nodes: ['alice'] } });
  editNode(view, 'alice', { draining: true });
  settle(view);
  t.equal(view.agents.get('a')?.placement?.node, 'aria');
  t.match(view.agents.get('pinned'), {
    placement: { node: 'alice' },
    unplaced: { fix: [[{ verb: 'end-drain', node: 'alice' }]] },
  });
  t.match(view.agents.get('pinned')?.unplaced?.text, /alice is draining, and it stays there/);
  t.same(settle(view).changes, []);
});
t.test('draining: a busy agent finishes first, and the end of its last work is a reason to plan', async (t) => {
  const view = fleet();
  addAgent(view, 'a', 'alice');
  const [first, second] = [taskOf('t1', 'a', 'alice'), taskOf('t2', 'a', 'alice')];
  for (const row of [first, second]) apply(view, { type: 'task-new', row });
  const end = { endedMs: now, result: '', truncated: false, problem: null, usage: null };
  const ending = (row: TaskRow): Change => ({ type: 'task-end', row: { ...row, ...end, state: 'done' } });
  t.equal(urgencyOf(view, ending(first), policy), null, 'nothing drains');
  editNode(view, 'alice', { draining: true });
  t.same(settle(view).changes, []);
  t.equal(urgencyOf(view, ending(first), policy), null, 'it works on another one');
  apply(view, ending(first));
  const { attempt, attempts, notBeforeMs, deadlineMs } = second;
  const state = { id: 't2', attempt, attempts, notBeforeMs, deadlineMs, node: null, epoch: null, leasedMs: null };
  t.equal(urgencyOf(view, { type: 'task-state', ...state, state: 'running' }, policy), null);
  t.equal(urgencyOf(view, { type: 'task-state', ...state, state: 'queued' }, policy), 'ordinary');
  t.equal(urgencyOf(view, ending(second), policy), 'ordinary');
  apply(view, ending(second));
  t.same(moved(view), ['a>aria']);
});
t.test('a sign that kept agents away: its end is a reason to plan, its begin is none', async (t) => {
  const view = fleet(['alice']);
  const heartbeat = (readOnlyDisk: boolean): Change => ({
    type: 'health',
    node: 'alice',
    health: sampleHealth({ readOnlyDisk }),
    atMs: now,
  });
  t.equal(urgencyOf(view, heartbeat(true), policy), null);
  apply(view, heartbeat(true));
  addAgent(view, 'a', null);
  settle(view);
  t.match(view.agents.get('a'), { placement: null, unplaced: { text: 'the only node has a read-only disk' } });
  t.equal(urgencyOf(view, heartbeat(true), policy), null, 'it lasts');
  t.equal(urgencyOf(view, heartbeat(false), policy), 'ordinary');
  apply(view, heartbeat(false));
  t.same(moved(view), ['a>alice']);
  t.equal(urgencyOf(view, heartbeat(false), policy), null, 'it has ended already');
});
t.test('an agent that leaves its node, or whose spec changes, may leave room: that is a reason to plan', async (t) => {
  const view = fleet();
  addAgent(view, 'a', 'alice');
  const row = view.agents.get('a') as AgentRow;
  const placement = row.placement as NonNullable<AgentRow['placement']>;
  const urgency = (changed: Partial<AgentRow>) =>
    urgencyOf(view, { type: 'agent', row: { ...row, ...changed } }, policy);
  t.equal(urgency({ placement: { ...placement, node: 'aria', epoch: 2 } }), 'ordinary');
  t.equal(urgency({ version: 2 }), 'ordinary', 'it may need less now');
  t.equal(urgency({ placement: null }), 'urgent', 'it needs a node itself');
  t.equal(urgency({ why: null }), null);
});
t.test(
  'a capacity is a reason to plan where more could be placed for good, not for what changes all the time',
  async (t) => {
    const view = fleet(['alice']);
    const capacity = view.live.get('alice')?.capacity as NodeCapacity;
    const urgency = (changed: Partial<NodeCapacity>) =>
      urgencyOf(view, { type: 'capacity', node: 'alice', capacity: { ...capacity, ...changed } }, policy);
    const [small] = capacity.models as [NodeModel];
    t.equal(urgency({}), null);
    t.equal(urgency({ memoryFreeBytes: GiB, diskFreeBytes: GiB, embedder: 'mini' }), null);
    t.equal(
      urgency({ models: [{ ...small, slots: 9, residentBytes: GiB, speed: { ...small.speed, samples: 9 } }] }),
      null,
    );
    t.equal(urgency({ models: [{ ...small, aliases: ['other'] }] }), 'ordinary');
    t.equal(urgency({ models: [{ ...small, resident: !small.resident }] }), 'ordinary');
    t.equal(urgency({ pulls: ['ollama'] }), 'ordinary');
    t.equal(urgency({ fetchable: ['new'] }), 'ordinary');
    t.equal(urgency({ pricePerMillionTokens: 1 }), 'ordinary');
  },
);
t.test('an agent that waits for a model that failed is planned for when it may be tried again', async (t) => {
  const view = fleet(['alice']);
  const fault = { sinceMs: now, untilMs: now + 600_000, strikes: 1, reason: 'no room' };
  apply(view, { type: 'model-fault', node: 'alice', model: 'small', fault });
  addAgent(view, 'a', null);
  settle(view);
  t.match(view.agents.get('a'), { placement: null, unplaced: { text: /fails on every node/ } });
  t.equal(planDueMs(view, now, policy), now + 30_000, 'an agent there would leave then');
  t.equal(planDueMs(view, now + 30_000, policy), now + 600_000);
  t.same(moved(view, now + 599_999), []);
  t.same(moved(view, now + 600_000), ['a>alice']);
  t.equal(planDueMs(view, now + 600_000, policy), null);
});
t.test('a forgotten or quarantined node holds nobody, target or not', async (t) => {
  const view = fleet(['alice', 'aria', 'codex']);
  addAgent(view, 'a', 'alice');
  addAgent(view, 'b', 'aria');
  addAgent(view, 'c', 'aria', { placement: { nodes: ['aria'] } });
  apply(view, { type: 'node-gone', id: 'alice' });
  editNode(view, 'aria', { status: 'quarantined' });
  t.same(moved(view).sort(), ['a>codex', 'b>codex', 'c>nowhere']);
});
t.test('a changed spec that rules its node out', async (t) => {
  const view = fleet();
  addAgent(view, 'a', 'alice', { placement: { nodes: ['aria'] } });
  addAgent(view, 'b', 'alice', { placement: { class: ['gpu'] } });
  addAgent(view, 'c', 'alice', { placement: { avoidAgents: ['d'] } });
  addAgent(view, 'd', 'alice');
  t.same(moved(view).sort(), ['a>aria', 'b>nowhere', 'c>aria']);
  t.match(steps(view).find(({ agent }) => agent === 'b')?.step, {
    nowhere: { text: 'there is no node of class gpu (2 looked at)' },
  });
});
t.test('two that avoid each other: one of them moves', async (t) => {
  const view = fleet();
  addAgent(view, 'a', 'alice', { placement: { avoidAgents: ['b'] } });
  addAgent(view, 'b', 'alice', { placement: { avoidAgents: ['a'] } });
  t.same(moved(view), ['b>aria']);
});
t.test('the model vanished from its node', async (t) => {
  const view = fleet();
  addAgent(view, 'a', 'alice');
  const capacity = view.live.get('alice')!.capacity!;
  apply(view, { type: 'capacity', node: 'alice', capacity: { ...capacity, models: [], defaultChat: null } });
  t.same(moved(view), ['a>aria']);
  editNode(view, 'aria', { cordoned: true });
  settle(view);
  t.match(view.agents.get('a'), { placement: { node: 'alice', epoch: 1 }, unplaced: { fix: uncordon('aria') } });
  apply(view, { type: 'capacity', node: 'alice', capacity });
  settle(view);
  t.match(
    view.agents.get('a'),
    { placement: { node: 'alice', epoch: 1 }, unplaced: null },
    'a runtime that restarts moves nobody',
  );
});
t.test('a spec that no longer names its model: the same node with another one', async (t) => {
  const view = emptyView('c', startedMs);
  addNode(view, 'alice', {}, { models: [modelOf('small'), modelOf('other')] });
  addAgent(view, 'a', 'alice', { model: ['other'] });
  settle(view);
  t.match(view.agents.get('a')?.placement, { node: 'alice', model: 'other', epoch: 2 });
});
t.test('a spec that writes its model in another way moves nobody', async (t) => {
  const view = emptyView('c', startedMs);
  addNode(view, 'alice', {}, { models: [modelOf('small'), modelOf('other')] });
  addAgent(view, 'a', 'alice', { model: ['SMALL:latest', 'other'] });
  settle(view);
  t.match(view.agents.get('a')?.placement, { node: 'alice', model: 'small', epoch: 1 });
});
t.test('who may stay holds its room meanwhile', async (t) => {
  const view = emptyView('c', startedMs);
  addNode(view, 'alice', {}, { memoryFreeBytes: 2.5 * GiB, models: [modelOf('small'), modelOf('other')] });
  addAgent(view, 'a', 'alice', { model: ['missing'] });
  addAgent(view, 'b', null, { model: ['other'] });
  settle(view);
  t.match(view.agents.get('a'), { placement: { node: 'alice', epoch: 1 }, unplaced: { text: /and it stays there/ } });
  t.equal(view.agents.get('b')?.placement?.node, 'alice');
  addAgent(view, 'a', 'alice', { model: ['missing'], limits: { contextTokens: 8192 } });
  apply(view, {
    type: 'capacity',
    node: 'alice',
    capacity: { ...view.live.get('alice')!.capacity!, memoryFreeBytes: 2 * GiB },
  });
  addAgent(view, 'b', null, { model: ['other'] });
  settle(view);
  t.match(view.agents.get('b'), { placement: null, unplaced: { text: 'no node has memory free for other' } });
});
t.test('an agent whose pin is gone follows it to another node, or stays and says what is missing', async (t) => {
  const view = emptyView('c', startedMs);
  const motion = { board: { pins: ['motion'], sensors: [], camera: false } };
  const without = { board: { pins: [], sensors: [], camera: false } };
  addNode(view, 'alice', {}, motion);
  addNode(view, 'aria');
  addAgent(view, 'a', null, { triggers: [{ pin: 'motion', edge: 'rising', prompt: 'Look.' }] });
  settle(view);
  t.equal(view.agents.get('a')?.placement?.node, 'alice');
  const tell = (node: string, more: Partial<NodeCapacity>) =>
    apply(view, { type: 'capacity', node, capacity: { ...view.live.get(node)!.capacity!, ...more } });
  tell('alice', without);
  settle(view);
  t.match(view.agents.get('a'), {
    placement: { node: 'alice' },
    unplaced: { text: /^alice lacks pin motion, and it stays there: no node has pin motion/ },
  });
  tell('aria', motion);
  settle(view);
  t.equal(view.agents.get('a')?.placement?.node, 'aria');
});
t.test('a node whose disk is read-only gets nothing', async (t) => {
  const view = fleet(['alice']);
  addAgent(view, 'a', null);
  const health = { readOnlyDisk: true, diskFreeBytes: 50 * GiB } as NodeHealth;
  apply(view, { type: 'health', node: 'alice', health, atMs: now });
  settle(view);
  t.match(view.agents.get('a')?.unplaced, {
    text: 'the only node has a read-only disk',
    fix: [[{ verb: 'mend-disk', node: 'alice' }]],
  });
});
t.test('a node whose GPU is lost or does not answer gets nothing', async (t) => {
  const health = { diskFreeBytes: 50 * GiB } as NodeHealth;
  for (const kind of ['silent', 'lost'] as const) {
    const view = fleet(['alice']);
    addAgent(view, 'a', null);
    const ill = { ...health, gpuTroubles: [{ kind, text: 'RTX 3090' }] };
    apply(view, { type: 'health', node: 'alice', health: ill, atMs: now });
    settle(view);
    t.match(view.agents.get('a')?.unplaced, {
      text: 'the only node has no GPU that works',
      fix: [[{ verb: 'mend-gpu', node: 'alice' }]],
    });
  }
});
t.test('property: planned once, nobody moves again; who may stay stays', async (t) => {
  const arbitraryFleet = fc.record({
    nodes: fc.array(
      fc.record({
        presence: fc.constantFrom('online', 'online', 'suspect', 'lost', 'never') as fc.Arbitrary<NodeRow['presence']>,
        cordoned: fc.boolean(),
        draining: fc.boolean(),
        status: fc.constantFrom('active', 'active', 'active', 'quarantined') as fc.Arbitrary<NodeRow['status']>,
        isHeard: fc.boolean(),
        free: fc.integer({ min: 0, max: 4 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    agents: fc.array(
      fc.record({
        node: fc.option(fc.nat(6)),
        policy: fc.constantFrom('replace', 'wait', 'keep') as fc.Arbitrary<'replace' | 'wait' | 'keep'>,
        afterSeconds: fc.constantFrom(0, 10, 100),
        pinned: fc.option(fc.nat(6), { freq: 4 }),
      }),
      { maxLength: 12 },
    ),
    isFrozen: fc.boolean(),
  });
  fc.assert(
    fc.property(arbitraryFleet, ({ nodes, agents, isFrozen }) => {
      const view = emptyView('c', startedMs);
      nodes.forEach(({ isHeard, free, ...row }, i) => {
        addNode(view, `node-${i}`, row, isHeard ? { memoryFreeBytes: free * GiB } : null);
      });
      agents.forEach(({ node, pinned, ...onLoss }, i) => {
        const placement = { nodes: pinned === null ? [] : [`node-${pinned}`] };
        addAgent(view, `agent-${i}`, node === null ? null : `node-${node}`, { onLoss, placement });
      });
      if (isFrozen)
        apply(view, { type: 'frozen', frozen: [{ site: null, sinceMs: now, reason: 'test', released: [] }] });
      const before = new Map(view.agents);
      settle(view);
      for (const [name, row] of view.agents) {
        const old = before.get(name)!.placement;
        if (row.placement?.epoch === old?.epoch) {
          if (!row.placement && !row.unplaced?.fix.length) throw new Error(`${name} is nowhere without a fix`);
          continue;
        }
        const target = row.placement && view.nodes.get(row.placement.node)!;
        if (
          target &&
          (target.presence !== 'online' || target.cordoned || target.draining || target.status !== 'active')
        )
          throw new Error(`${name} went to a closed node`);
        const from = old && view.nodes.get(old.node);
        if (!old || !from || from.status === 'quarantined') continue;
        const isRuledOut = row.spec.placement.nodes.length > 0 && !row.spec.placement.nodes.includes(old.node);
        const isDue =
          from.presence === 'lost' && row.spec.onLoss.policy === 'replace' && row.spec.onLoss.afterSeconds <= 30;
        const isDrained = from.presence === 'online' && from.draining;
        if (!isRuledOut && (isFrozen || !(isDue || isDrained))) throw new Error(`${name} moved though it may stay`);
      }
      // The moved agents left room, so the texts of unplaced agents may change once; no agent moves again.
      const placed = new Map([...view.agents].map(([name, { placement }]) => [name, placement]));
      settle(view);
      for (const [name, { placement }] of view.agents)
        if (placement?.epoch !== placed.get(name)?.epoch) throw new Error(`${name} moved again`);
      if (settle(view).changes.length > 0) throw new Error('the third plan changed something');
    }),
    { numRuns: 500 },
  );
  t.pass();
});

/** Makes a plan, then calls `happens`, then carries the plan out. */
function lateFor(view: MutableView, happens: () => void) {
  const made = parts(view);
  happens();
  let stale = 0;
  for (const part of made) {
    const { changes, outcome } = applyPlan(view, part, now, policy);
    for (const change of changes) apply(view, change);
    if (outcome.ok) stale += outcome.value.stale;
  }
  return stale;
}
t.test('a plan that comes late: what no longer fits is left out', async (t) => {
  const late = (happens: (view: MutableView) => void) => {
    const view = fleet(['alice']);
    addAgent(view, 'a', null);
    const stale = lateFor(view, () => happens(view));
    return [stale, view.agents.get('a')?.placement?.node ?? null];
  };
  t.same(
    late(() => {}),
    [0, 'alice'],
  );
  t.same(
    late((view) => editNode(view, 'alice', { cordoned: true })),
    [1, null],
    'closed meanwhile',
  );
  t.same(
    late((view) => editNode(view, 'alice', { presence: 'lost' })),
    [1, null],
  );
  t.same(
    late((view) => apply(view, { type: 'node-gone', id: 'alice' })),
    [1, null],
  );
  t.same(
    late((view) => {
      const capacity = view.live.get('alice')!.capacity!;
      apply(view, { type: 'capacity', node: 'alice', capacity: { ...capacity, memoryFreeBytes: GiB } });
    }),
    [1, null],
    'less memory than it was planned with',
  );
  t.same(
    late((view) => {
      const capacity = view.live.get('alice')!.capacity!;
      const models = [modelOf('small', { resident: true, residentBytes: 1.2 * GiB })];
      apply(view, { type: 'capacity', node: 'alice', capacity: { ...capacity, models, memoryFreeBytes: 2.8 * GiB } });
    }),
    [0, 'alice'],
    'the model was loaded meanwhile: the memory is where the plan has it',
  );
  t.same(
    late((view) => {
      const row = view.agents.get('a')!;
      apply(view, { type: 'agent', row: { ...row, version: 2, spec: specOf('a', { placement: { class: ['gpu'] } }) } });
    }),
    [1, null],
    'another version of the agent',
  );
  t.same(
    late((view) => apply(view, { type: 'agent-gone', row: removedAgent('a') })),
    [1, null],
  );
  t.same(
    late((view) => editNode(view, 'alice', { labels: { gone: 'x' }, class: 'cloud' })),
    [1, null],
    'it may not be there any more',
  );
});
t.test('a node that came back while its agents were planned away keeps them', async (t) => {
  const view = fleet();
  addAgent(view, 'a', 'alice');
  editNode(view, 'alice', { presence: 'lost' });
  t.equal(
    lateFor(view, () => editNode(view, 'alice', { presence: 'online' })),
    1,
  );
  t.match(view.agents.get('a')?.placement, { node: 'alice', epoch: 1 });
  editNode(view, 'alice', { presence: 'lost' });
  t.equal(
    lateFor(view, () =>
      apply(view, { type: 'frozen', frozen: [{ site: 'home', sinceMs: now, reason: 'a switch', released: [] }] }),
    ),
    1,
    'nor is anybody moved by a valve that closed meanwhile',
  );
});
t.test('large plans are carried out in parts, each complete in itself', async (t) => {
  const view = fleet(['alice', 'aria', 'codex']);
  for (let i = 0; i < 200; i++) addAgent(view, `a${i}`, null, { limits: { contextTokens: 256 } });
  const made = parts(view);
  t.equal(made.length, 3);
  t.ok(made.every(({ steps }) => steps.length <= 96));
  for (const part of made) {
    const { changes, messages } = applyPlan(view, part, now, policy);
    const told = new Set(messages.map(({ params }) => params.node));
    const targets = new Set(changes.flatMap((change) => (change.type === 'agent' ? [change.row.placement?.node] : [])));
    t.same([...told].sort(), [...targets].sort(), 'who is placed in it is told in it');
    for (const change of changes) apply(view, change);
  }
  t.equal([...view.agents.values()].filter(({ placement }) => placement).length, 200);
});
t.test('an agent that was taken off remembers where its memory is', async (t) => {
  const view = fleet(['alice']);
  addAgent(view, 'a', 'alice', { placement: { nodes: ['aria'] } });
  settle(view);
  t.match(view.agents.get('a'), { placement: null, last: 'alice' });
  t.equal(snapshotOf(view, now, policy).snapshot.demands[0]?.last, 'alice');
  addNode(view, 'aria');
  settle(view);
  t.match(view.agents.get('a'), { placement: { node: 'aria', from: 'alice' }, last: null });
});
t.test(
  'who gives way says to whom, its model is put down, and what it worked on is not counted against it',
  async (t) => {
    const view = emptyView('c', startedMs);
    const small = modelOf('small', { resident: true, residentBytes: 1.1 * GiB });
    addNode(view, 'alice', {}, { memoryFreeBytes: 0.6 * GiB, models: [small, modelOf('other')] });
    addAgent(view, 'low', 'alice', { priority: 20 });
    addAgent(view, 'high', null, { model: ['other'], priority: 80 });
    apply(view, { type: 'task-new', row: { ...taskOf('t1', 'low', 'alice'), state: 'running', attempts: 1 } });
    apply(view, { type: 'hello', node: 'alice', boot: 'boot-alice' });
    const [part] = parts(view);
    t.same(
      part?.steps.map(({ agent, cause }) => [agent, cause]),
      [
        ['low', 'preempt'],
        ['high', 'new'],
      ],
    );
    const { changes, messages } = settle(view);
    t.match(view.agents.get('high')?.placement, { node: 'alice', model: 'other' });
    t.match(view.agents.get('low'), { placement: null, last: 'alice' });
    t.match(paramsOf(changes, 'agent-unplaced'), [
      { agent: 'low', node: 'alice', cause: 'preempt', because: /^it gave way to high \(priority 80 over 20\)/ },
    ]);
    t.match(view.tasks.get('t1'), { state: 'queued', attempts: 2 }, 'its one attempt is still to come');
    t.same(
      messages.map(({ name }) => name),
      ['cancel', 'assign', 'unload', 'assign'],
      'who goes, what to put down, who comes',
    );
    t.match(messages[2], { message: { model: 'small', command: 'command-1' } });
  },
);
t.test('nobody moves in where someone has not left', async (t) => {
  const view = emptyView('c', startedMs);
  const small = modelOf('small', { resident: true, residentBytes: 1.1 * GiB });
  addNode(view, 'alice', {}, { memoryFreeBytes: 0.6 * GiB, models: [small, modelOf('other')] });
  addAgent(view, 'low', 'alice', { priority: 20 });
  addAgent(view, 'high', null, { model: ['other'], priority: 80 });
  const stale = lateFor(view, () => {
    const row = view.agents.get('low')!;
    apply(view, { type: 'agent', row: { ...row, version: 2 } });
  });
  t.equal(stale, 2, 'another version of it may be worth more');
  t.equal(view.agents.get('high')?.placement, null);
});
t.test(
  'two agents that trade places leave in one commit; one that cannot leave holds back who waits for it',
  async (t) => {
    const view = emptyView('c', startedMs);
    addNode(view, 'alice');
    addNode(view, 'bob');
    const [model] = view.live.get('alice')?.capacity?.models.map(({ name }) => name) ?? [];
    for (const [agent, node] of [
      ['a', 'alice'],
      ['b', 'bob'],
    ] as const)
      addAgent(view, agent, node, { onLoss: { policy: 'replace', afterSeconds: 0 } });
    const capacityOf = (id: string) => view.live.get(id)?.capacity ?? null;
    const step = (agent: string, from: string, to: string): PlanStep => ({
      agent,
      version: view.agents.get(agent)?.version ?? 1,
      epoch: view.agents.get(agent)?.epoch ?? 1,
      node: from,
      cause: 'preempt',
      because: 'it gave way',
      step: {
        to: { node: to, model: model as string, why: { node: to, model: model as string, score: 1, scores: [] } },
      },
    });
    const part = (steps: PlanStep[]): PlanPart => ({
      steps,
      targets: new Map([
        [
          'alice',
          {
            capacity: capacityOf('alice'),
            leaving: [{ agent: 'a', model: model as string, isChanging: false }],
            unloads: [],
          },
        ],
        [
          'bob',
          {
            capacity: capacityOf('bob'),
            leaving: [{ agent: 'b', model: model as string, isChanging: false }],
            unloads: [],
          },
        ],
      ]),
      unloads: [],
    });
    const held = applyPlan(
      view,
      part([step('a', 'alice', 'bob'), { ...step('b', 'bob', 'alice'), version: 7 }]),
      now,
      policy,
    );
    t.match(held.outcome, { ok: true, value: { stale: 2 } }, 'b is another by now: nobody moves');
    const traded = applyPlan(view, part([step('a', 'alice', 'bob'), step('b', 'bob', 'alice')]), now, policy);
    t.match(traded.outcome, { ok: true, value: { stale: 0 } });
    for (const change of traded.changes) apply(view, change);
    t.match([view.agents.get('a')?.placement?.node, view.agents.get('b')?.placement?.node], ['bob', 'alice']);
  },
);
t.test('who gives way by taking another model of the same node does not wait for itself to leave', async (t) => {
  const view = emptyView('c', startedMs);
  const models = [modelOf('small'), modelOf('large', { sizeBytes: 4 * GiB })];
  addNode(view, 'alice', {}, { memoryTotalBytes: 16 * GiB, memoryFreeBytes: 6 * GiB, models });
  addAgent(view, 'low', 'alice', { model: ['large', 'small'], priority: 20 });
  addAgent(view, 'other', 'alice', { model: ['small'] });
  addAgent(view, 'high', null, { model: ['large'], priority: 80 });
  settle(view);
  t.match(view.agents.get('high')?.placement, { node: 'alice', model: 'large' });
  t.match(view.agents.get('low')?.placement, { node: 'alice', model: 'large' });
  t.same(steps(view), [], 'and nothing is left to plan');
});
t.test('frozen: company moves nobody, a person who changes an agent does', async (t) => {
  const view = fleet(['alice', 'aria']);
  editNode(view, 'alice', { presence: 'lost' });
  addAgent(view, 'a', 'alice', { placement: { avoidAgents: ['b'] } });
  addAgent(view, 'b', 'alice', { onLoss: { policy: 'wait' } });
  apply(view, { type: 'frozen', frozen: [{ site: null, sinceMs: now, reason: 'test', released: [] }] });
  t.same(moved(view), []);
  addAgent(view, 'a', 'alice', { placement: { nodes: ['aria'] } });
  t.same(moved(view), ['a>aria']);
});
t.test('frozen at one site: others move, a person may let it go', async (t) => {
  const view = fleet(['alice', 'aria', 'codex']);
  editNode(view, 'alice', { site: 'barn', presence: 'lost' });
  editNode(view, 'aria', { presence: 'lost' });
  addAgent(view, 'a', 'alice');
  addAgent(view, 'b', 'aria');
  const freeze = (site: string | null) => ({ site, sinceMs: now, reason: `${site} went`, released: [] });
  apply(view, { type: 'frozen', frozen: [freeze('barn')] });
  t.same(moved(view), ['b>codex']);
  t.equal(frozenCount(view, now, policy), 1);
  t.match(pendingOf(view, view.agents.get('a')!, now, policy), /^alice is lost, but moves are frozen: barn went$/);
  const refused = releaseMoves(view, { by: ada, site: 'home' }, now, policy);
  t.match(refused.outcome, { ok: false, details: { detail: /got "home"; frozen: site barn/ } });
  apply(view, { type: 'frozen', frozen: [freeze(null)] });
  t.same(moved(view), []);
  for (const change of releaseMoves(view, { by: ada, site: 'barn' }, now, policy).changes) apply(view, change);
  t.match(view.frozen, [{ site: null, released: ['barn'] }]);
  t.same(moved(view), ['a>codex'], 'one site of a frozen fleet');
  t.same([...view.excused.keys()], ['alice']);
});
t.test('what an agent waits for, in words', async (t) => {
  const view = fleet();
  const pending = (name: string, atMs = now) => pendingOf(view, view.agents.get(name)!, atMs, policy);
  addAgent(view, 'a', 'alice', { onLoss: { policy: 'replace', afterSeconds: 60 } });
  addAgent(view, 'waits', 'alice', { onLoss: { policy: 'wait' } });
  addAgent(view, 'alone', 'alice', { onLoss: { policy: 'keep' } });
  t.equal(pending('a'), null);
  editNode(view, 'alice', { presence: 'suspect', presenceReason: 'silent' });
  t.equal(pending('a'), 'alice is suspect (silent): it moves only when alice is lost');
  editNode(view, 'alice', { presence: 'lost', presenceSinceMs: now });
  t.equal(pending('a'), 'alice is lost: it moves in 60 s unless its node comes back');
  t.equal(pending('a', now + 60_000), 'alice is lost: a place is being looked for');
  t.match(pending('waits'), /waits for its node/);
  t.match(pending('alone'), /still be running there/);
  editNode(view, 'alice', { presence: 'online', draining: true });
  apply(view, { type: 'task-new', row: taskOf('t1', 'a', 'alice') });
  t.equal(pending('a'), 'alice is draining: it moves when the task it works on has ended');
});
