// What-if: on random fleets its plan is equal to that of placement once the same has happened, and the question changes nothing. The real
// fleet is changed by changes, a plan and its parts.

import assert from 'node:assert/strict';
import { type AgentSpec, faults, maxWhatIfRows, WhatIfPlan, type WhatIfRequest } from '@blackroad/protocol';
import { whole } from '@blackroad/std/pace';
import fc from 'fast-check';
import t from 'tap';
import { SampleFleet } from '../../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada, sampleSpec } from '../../../../test/fixtures/coordinator/sample-rows.ts';
import { GiB, modelOf } from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { place, snapshotOf } from '../../../../test/fixtures/coordinator/whole-plan.ts';
import { applyAgent } from '../../fleet/agents.ts';
import type { View } from '../../state/view.ts';
import { partsOf } from '../plan/moves.ts';
import { applyPlan } from '../plan/plan.ts';
import { supposing, whatIfFaults } from './what-if.ts';

interface Machine {
  site: string;
  class: string;
  models: string[];
  freeGiB: number;
}
const sizes: Record<string, number> = { small: 1, large: 4 };

function fleetOf(machines: readonly Machine[]): SampleFleet {
  const fleet = new SampleFleet();
  machines.forEach(({ site, class: name, models, freeGiB }, i) => {
    const id = `node-${i}`;
    fleet.addNode(id, { site, class: name, labels: { place: `${i}` } });
    fleet.online(id);
    const capacity = {
      boot: fleet.node(id).boot,
      memoryTotalBytes: 16 * GiB,
      memoryFreeBytes: freeGiB * GiB,
      diskFreeBytes: 50 * GiB,
      models: models.map((model) => modelOf(model, { sizeBytes: sizes[model]! * GiB })),
      defaultChat: models[0] ?? null,
      embedder: null,
    };
    fleet.apply([{ type: 'capacity', node: id, capacity }]);
  });
  return fleet;
}
/** Plans and carries out all parts without a pause, in place of the loop. */
function planNow(fleet: SampleFleet): void {
  const view = fleet.view as View;
  const snapped = snapshotOf(view, fleet.now, fleet.policy);
  if (snapped.snapshot.demands.length === 0) return;
  let ids = 0;
  for (const part of partsOf(view, snapped, place(snapped.snapshot), () => `c-${++ids}`))
    fleet.decide<'plan-apply'>(applyPlan, part);
}
const sorted = (map: ReadonlyMap<string, string | null>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
const same = (found: unknown, wanted: unknown, what: string) => assert.deepEqual(found, wanted, what);
const ask = (fleet: SampleFleet, request: Partial<WhatIfRequest>) =>
  whole(supposing(fleet.view as View, { add: [], lose: [], drain: [], ...request }, fleet.now, fleet.policy));
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    if (value instanceof Map) for (const each of value.values()) freeze(each);
    else if (!(value instanceof Set)) Object.values(value).forEach(freeze);
  }
  return value;
}
const home = (): Machine[] => [
  { site: 'home', class: 'pi', models: ['small'], freeGiB: 4 },
  { site: 'garage', class: 'pi', models: ['small'], freeGiB: 4 },
  { site: 'garage', class: 'gpu', models: ['large', 'small'], freeGiB: 12 },
];
const where = (fleet: SampleFleet) =>
  new Map([...fleet.view.agents.values()].map(({ id, placement }) => [id, placement?.node ?? null]));

t.test('agents added: numbered past the names that are taken, told apart from those that are there', async (t) => {
  const fleet = fleetOf(home());
  for (const name of ['worker', 'worker-2']) fleet.apply1(name);
  planNow(fleet);
  const plan = ask(fleet, { add: [{ spec: sampleSpec('worker'), count: 3 }] });
  t.same(faults(WhatIfPlan, plan), []);
  t.match(plan, { agentsAdded: 3, placed: 3, moved: 0, displaced: 0, unplaced: { length: 0 }, nodesLost: 0 });
  t.same(plan.moves.map(({ agent }) => agent).sort(), ['worker-1', 'worker-3', 'worker-4']);
  t.same(
    ask(fleet, {
      add: [
        { spec: sampleSpec('other'), count: 1 },
        { spec: sampleSpec('other'), count: 1 },
      ],
    })
      .moves.map(({ agent }) => agent)
      .sort(),
    ['other', 'other-1'],
    'one of a free name keeps it',
  );
  const long = 'a'.repeat(60);
  const [longest] = ask(fleet, { add: [{ spec: sampleSpec(`${long}-bc`), count: 12 }] }).moves.slice(-1);
  t.ok((longest?.agent.length ?? 99) <= 63, 'a numbered name is still a name');
});

t.test('what each node holds before and after, and the models it would load', async (t) => {
  const fleet = fleetOf(home());
  const only = { placement: { class: ['gpu'], site: [], labels: {}, nodes: [], avoidAgents: [] } };
  const plan = ask(fleet, { add: [{ spec: sampleSpec('thinker', { model: ['large'], ...only }), count: 2 }] });
  t.match(plan.nodes, [
    {
      node: 'node-2',
      class: 'gpu',
      site: 'garage',
      lost: false,
      before: { agents: 0, memoryBytes: 0, models: { length: 0 } },
    },
  ]);
  t.match(plan.nodes[0]?.after, { agents: 2, models: ['large'] });
  t.ok((plan.nodes[0]?.after.memoryBytes ?? 0) > 4 * GiB, 'weights and contexts');
  t.match(plan.models, [{ model: 'large', node: 'node-2', step: 'load', agents: 2 }]);
});

t.test('nodes lost: their agents find another place, or none, and each reason is said once', async (t) => {
  const fleet = fleetOf(home());
  const placed = (name: string, node: string, over: Partial<AgentSpec> = {}) => {
    fleet.apply1(name, over);
    fleet.move([name, node]);
  };
  placed('mover', 'node-1');
  placed('waiter', 'node-1', { onLoss: { policy: 'wait', afterSeconds: 0 } });
  placed('keeper', 'node-1', { onLoss: { policy: 'keep', afterSeconds: 0 } });
  placed('patient', 'node-1', { onLoss: { policy: 'replace', afterSeconds: 3600 } });
  placed('pinned', 'node-2', { placement: { class: ['gpu'], site: [], labels: {}, nodes: [], avoidAgents: [] } });
  const plan = ask(fleet, { lose: [{ site: 'garage' }] });
  t.match(plan, { nodesLost: 2, agentsAdded: 0, placed: 0, moved: 2, displaced: 3 });
  t.same(plan.moves.map(({ agent, to }) => [agent, to]).sort(), [
    ['keeper', null],
    ['mover', 'node-0'],
    ['patient', 'node-0'],
    ['pinned', null],
    ['waiter', null],
  ]);
  const reason = (example: string) => plan.unplaced.find((group) => group.example === example);
  t.match(reason('waiter'), {
    agents: 1,
    text: /onLoss.policy is wait/,
    fix: [[{ field: 'onLoss.policy', values: ['replace'] }]],
  });
  t.match(reason('keeper'), { agents: 1, text: /onLoss.policy is keep/ });
  t.match(reason('pinned'), { agents: 1, text: /gpu/, fix: [[{ verb: /\w/ }]] });
  t.equal(plan.unplaced.length, 3);
  const lost = plan.nodes.filter((node) => node.lost);
  t.same(lost.map(({ node }) => node).sort(), ['node-1', 'node-2']);
  t.ok(lost.every(({ after }) => after.agents === 0 && after.memoryBytes === 0 && after.models.length === 0));
  t.notOk(
    plan.models.some(({ node }) => node !== 'node-0'),
    'nothing is loaded on what is gone',
  );
});

t.test('nodes drained: agents move where others take them, tasks or not; the rest stays and says why', async (t) => {
  const fleet = fleetOf(home());
  fleet.runs('busy', 'node-0');
  fleet.submit('t-1', 'busy');
  fleet.runs('pinned', 'node-0', { placement: { class: [], site: ['home'], labels: {}, nodes: [], avoidAgents: [] } });
  const plan = ask(fleet, { drain: [{ node: 'node-0' }] });
  t.match(plan, { nodesLost: 0, moved: 1, displaced: 0, moves: [{ agent: 'busy', from: 'node-0' }] });
  t.match(plan.unplaced, [{ agents: 1, example: 'pinned', text: /^it stays on the draining node: / }]);
  t.same(plan.nodes.find(({ node }) => node === 'node-0')?.after.agents, 1);
});

t.test('every field of a selector must hold; any of several selectors will do', async (t) => {
  const fleet = fleetOf(home());
  const lost = (lose: WhatIfRequest['lose']) => ask(fleet, { lose }).nodes.map(({ node }) => node);
  t.same(lost([{ site: 'garage', class: 'gpu' }]), ['node-2']);
  t.same(lost([{ labels: { place: '0' } }]), ['node-0']);
  t.same(lost([{ node: 'node-0' }, { class: 'gpu' }]), ['node-0', 'node-2']);
  const view = fleet.view as View;
  const wrong = (request: Partial<WhatIfRequest>) =>
    whatIfFaults(view, { add: [], lose: [], drain: [], ...request }, 0, 'UTC');
  t.same(wrong({ lose: [{ site: 'garage' }] }), []);
  t.match(wrong({ lose: [{ site: 'garage', class: 'tpu' }], drain: [{ node: 'x' }] }), [
    { field: 'lose.0', got: 'none with site garage and class tpu' },
    { field: 'drain.0', got: 'none with node x' },
  ]);
  t.match(
    wrong({
      add: [
        { spec: sampleSpec('a'), count: 60_000 },
        { spec: sampleSpec('b'), count: 60_000 },
      ],
    }),
    [{ field: 'add', got: '120000' }],
  );
});

t.test('frozen moves and agents that were nowhere before do not count', async (t) => {
  const fleet = fleetOf(home());
  fleet.apply1('nowhere', { model: ['flux'] });
  fleet.apply1('mover');
  fleet.move(['mover', 'node-1']);
  planNow(fleet);
  fleet.apply([{ type: 'frozen', frozen: [{ site: null, sinceMs: fleet.now, reason: 'many nodes', released: [] }] }]);
  t.match(ask(fleet, { lose: [{ node: 'node-1' }] }), { moved: 1, displaced: 0, unplaced: { length: 0 } });
});

t.test(
  'an agent whose spec would change moves where its node does not fit any more, and stays where it does',
  async (t) => {
    const fleet = fleetOf([
      { site: 'home', class: 'pi', models: ['small'], freeGiB: 8 },
      { site: 'garage', class: 'pi', models: ['small'], freeGiB: 8 },
    ]);
    fleet.apply1('echo', { model: ['small'] });
    planNow(fleet);
    const stored = [...fleet.view.agents.values()][0];
    const at = stored?.placement?.node;
    const elsewhere = at === 'node-0' ? 'garage' : 'home';
    const spec = stored?.spec as AgentSpec;
    const asked = (change: AgentSpec[]) => ask(fleet, { change });
    const moved = asked([{ ...spec, placement: { ...spec.placement, site: [elsewhere] } }]);
    t.match(moved, { moved: 1, moves: [{ agent: 'echo', from: at }], unplaced: { length: 0 } });
    t.match(asked([{ ...spec, instructions: 'Be brief.' }]), { moved: 0, moves: { length: 0 } });
    const nowhere = asked([{ ...spec, placement: { ...spec.placement, site: ['attic'] } }]);
    t.match(nowhere, { displaced: 1, unplaced: [{ agents: 1, example: 'echo' }] });
    const faultsOf = (change: AgentSpec[]) =>
      whatIfFaults(fleet.view as View, { add: [], change, lose: [], drain: [] }, fleet.now, 'UTC');
    t.match(faultsOf([{ ...spec, name: 'nobody' }]), [{ field: 'change.0.name', expected: 'an agent of the fleet' }]);
  },
);

t.test('lists are cut, counts are whole', async (t) => {
  const fleet = fleetOf([{ site: 'home', class: 'gpu', models: ['small'], freeGiB: 12 }]);
  const plan = ask(fleet, { add: [{ spec: sampleSpec('worker'), count: maxWhatIfRows + 50 }] });
  t.equal(plan.placed + (plan.unplaced[0]?.agents ?? 0), maxWhatIfRows + 50);
  t.equal(plan.moves.length, Math.min(plan.placed, maxWhatIfRows));
});

const arbitraryMachine = fc.record({
  site: fc.constantFrom('home', 'garage', 'attic'),
  class: fc.constantFrom('pi', 'gpu'),
  models: fc.subarray(['small', 'large'], { minLength: 1 }),
  freeGiB: fc.constantFrom(1, 3, 6, 12),
});
const arbitrarySpec = fc.record({
  model: fc.constantFrom<string[]>(['small'], ['large'], ['large', 'small'], ['auto']),
  class: fc.constantFrom<string[]>([], [], ['pi'], ['gpu']),
  priority: fc.constantFrom(20, 50, 80),
  contextTokens: fc.constantFrom(2048, 16_384),
  policy: fc.constantFrom('replace' as const, 'replace' as const, 'wait' as const, 'keep' as const),
  avoid: fc.option(fc.nat(9), { freq: 4 }),
});
const specOf = (
  name: string,
  {
    model,
    class: classes,
    priority,
    contextTokens,
    policy,
    avoid,
  }: typeof arbitrarySpec extends fc.Arbitrary<infer S> ? S : never,
) =>
  sampleSpec(name, {
    model,
    priority,
    placement: {
      class: classes,
      site: [],
      labels: {},
      nodes: [],
      avoidAgents: avoid === null ? [] : [`agent-${avoid}`],
    },
    onLoss: { policy, afterSeconds: 0 },
    limits: { ...sampleSpec(name).limits, contextTokens },
  });
const arbitraryCase = fc.record({
  machines: fc.array(arbitraryMachine, { minLength: 1, maxLength: 6 }),
  agents: fc.array(arbitrarySpec, { maxLength: 10 }),
  add: fc.array(fc.record({ spec: arbitrarySpec, count: fc.integer({ min: 1, max: 5 }) }), { maxLength: 3 }),
  lose: fc.subarray([0, 1, 2, 3, 4, 5], { maxLength: 2 }),
  drain: fc.subarray([0, 1, 2, 3, 4, 5], { maxLength: 1 }),
});

t.test('the plan is what placement then really does; asking changes nothing', async (t) => {
  let [moves, displaced, placed] = [0, 0, 0];
  fc.assert(
    fc.property(arbitraryCase, ({ machines, agents, add, lose, drain }) => {
      const fleet = fleetOf(machines);
      agents.forEach((spec, i) => {
        fleet.decide(applyAgent, { by: ada, spec: specOf(`agent-${i}`, spec), newId: `agent-${i}` });
      });
      fleet.now += 120_000;
      planNow(fleet);
      const ids = (list: readonly number[]) => list.filter((i) => i < machines.length).map((i) => `node-${i}`);
      const request: WhatIfRequest = {
        add: add.map(({ spec, count }, i) => ({ spec: specOf(`new-${i}`, spec), count })),
        lose: ids(lose).map((node) => ({ node })),
        drain: ids(drain).map((node) => ({ node })),
      };
      const stored = structuredClone(fleet.view);
      freeze(fleet.view);
      const plan = ask(fleet, request);
      same(fleet.view, stored, 'the view is as it was');
      same(faults(WhatIfPlan, plan), [], 'the answer has its form');

      const real = fleetOf(machines);
      real.now = fleet.now;
      for (const row of stored.agents.values()) real.apply([{ type: 'agent', row }]);
      for (const id of ids(drain)) real.apply([{ type: 'node', row: { ...real.node(id), draining: true } }]);
      for (const id of ids(lose))
        real.apply([{ type: 'node', row: { ...real.node(id), presence: 'lost', presenceSinceMs: real.now } }]);
      for (const { spec, count } of request.add) {
        for (let i = 1; i <= count; i++) {
          const name = count === 1 ? spec.name : `${spec.name}-${i}`;
          real.apply1(name, { ...spec, name });
        }
      }
      const gone = new Set(ids(lose));
      const supposed = new Map([...stored.agents.values()].map(({ id, placement }) => [id, placement?.node ?? null]));
      for (const name of real.view.agents.keys()) if (!supposed.has(name)) supposed.set(name, null);
      for (const { agent, to } of plan.moves) supposed.set(agent, to);
      planNow(real);
      const really = new Map(
        [...where(real)].map(([name, node]) => [name, node !== null && gone.has(node) ? null : node]),
      );
      same(sorted(supposed), sorted(really), 'who is where');

      const before = (name: string) => stored.agents.get(name)?.placement?.node ?? null;
      const count = (holds: (name: string, node: string | null) => boolean) =>
        [...really].filter(([name, node]) => holds(name, node)).length;
      same(
        {
          nodesLost: plan.nodesLost,
          agentsAdded: plan.agentsAdded,
          placed: plan.placed,
          moved: plan.moved,
          displaced: plan.displaced,
        },
        {
          nodesLost: gone.size,
          agentsAdded: count((name) => !stored.agents.has(name)),
          placed: count((name, node) => !stored.agents.has(name) && node !== null),
          moved: count((name, node) => before(name) !== null && node !== null && before(name) !== node),
          displaced: count((name, node) => before(name) !== null && node === null),
        },
        'the counts',
      );
      for (const { node, lost, after } of plan.nodes)
        same(after.agents, lost ? 0 : count((_, at) => at === node), `agents on ${node}`);
      moves += plan.moved;
      displaced += plan.displaced;
      placed += plan.placed;
    }),
    { numRuns: 400, seed: 4 },
  );
  t.ok(moves > 30 && displaced > 60 && placed > 100, `${moves} moved, ${displaced} displaced, ${placed} placed`);
});
