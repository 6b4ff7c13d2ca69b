// Agents that yield to others: always to a higher priority, never without need, never back and forth.

import t from 'tap';
import {
  demandOf,
  GiB,
  modelOf,
  nodeOf,
  snapshotWith,
  stayingOf,
} from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { place } from '../../../../test/fixtures/coordinator/whole-plan.ts';
import type { PlacementPlan, SupplyNode } from '../model/supply.ts';

const where = (plan: PlacementPlan, agent: string) => plan.placed.find((each) => each.agent === agent)?.node ?? null;
/** Models of which one at a time fits the node. */
const models = ['m', 'n', 'o'].map((name) => modelOf(name, { runtime: 'llama', sizeBytes: 3 * GiB }));
const low = (name: string, model: string, priority = 10, mayYield = true) =>
  stayingOf(name, model, { model: [model], priority }, mayYield);
const full = (id: string, ...agents: SupplyNode['agents']) => nodeOf(id, { models, memoryFreeBytes: 4 * GiB, agents });
const high = demandOf('boss', { model: ['n'], priority: 90 });

t.test('an agent of higher priority takes the place of one that may yield, which says so', async (t) => {
  const plan = place(snapshotWith([full('alice', low('ada', 'm'))], [high]));
  t.equal(where(plan, 'boss'), 'alice');
  t.same(plan.yielded, [{ agent: 'ada', node: 'alice', to: 'boss' }]);
  t.match(plan.unplaced, [
    {
      agent: 'ada',
      why: { text: /^it gave way on alice to boss \(priority 90, its own is 10\), and no node has memory/ },
    },
  ]);
});
t.test('who gives way is placed elsewhere where it can', async (t) => {
  const other = nodeOf('zoe', { models: [models[0]!], memoryFreeBytes: 4 * GiB });
  const plan = place(snapshotWith([full('alice', low('ada', 'm')), other], [high]));
  t.same([where(plan, 'boss'), where(plan, 'ada')], ['alice', 'zoe']);
  t.equal(plan.unplaced.length, 0);
});
t.test('nobody gives way who may not, to its equal, or for nothing', async (t) => {
  const stays = (...agents: SupplyNode['agents']) => place(snapshotWith([full('alice', ...agents)], [high]));
  for (const plan of [
    stays(low('ada', 'm', 10, false)),
    stays(low('ada', 'm', 90)),
    stays(low('ada', 'm', 10), low('eve', 'm', 10, false)),
  ]) {
    t.same([plan.yielded, plan.placed], [[], []]);
    t.match(plan.unplaced, [{ agent: 'boss' }]);
  }
  const free = place(snapshotWith([full('alice', low('ada', 'm')), full('zoe')], [high]));
  t.same([where(free, 'boss'), free.yielded], ['zoe', []], 'while there is room elsewhere');
  const hopeless = place(
    snapshotWith([full('alice', low('ada', 'm'))], [demandOf('boss', { model: ['x'], priority: 90 })]),
  );
  t.same(hopeless.yielded, []);
});
t.test('the lowest sum of priorities gives way, then the fewest', async (t) => {
  const plan = place(
    snapshotWith(
      [
        full('alice', low('ada', 'm', 40)),
        full('aria', low('bea', 'm', 10), low('eve', 'm', 15)),
        full('zoe', low('fay', 'm', 30)),
      ],
      [high],
    ),
  );
  t.equal(where(plan, 'boss'), 'aria');
  const equal = place(
    snapshotWith([full('alice', low('ada', 'm', 10), low('bea', 'm', 15)), full('zoe', low('fay', 'm', 25))], [high]),
  );
  t.equal(where(equal, 'boss'), 'zoe');
});
t.test('only those whose leaving helps give way', async (t) => {
  const roomy = nodeOf('alice', {
    models: [...models, modelOf('tiny', { runtime: 'llama', sizeBytes: 1024 })],
    memoryFreeBytes: 4 * GiB,
    agents: [low('ada', 'tiny', 1), low('bea', 'm', 20)],
  });
  const plan = place(snapshotWith([roomy], [high]));
  t.same(
    plan.yielded.map(({ agent }) => agent),
    ['bea'],
  );
});
t.test('one that gave way may take the place of a lower one, and so on down', async (t) => {
  const nodes = [
    full('alice', low('ada', 'm', 50)),
    nodeOf('zoe', { models: [models[0]!, models[2]!], memoryFreeBytes: 4 * GiB, agents: [low('eve', 'o', 20)] }),
  ];
  const plan = place(
    snapshotWith(nodes, [demandOf('boss', { model: ['n'], priority: 90, placement: { nodes: ['alice'] } })]),
  );
  t.same([where(plan, 'boss'), where(plan, 'ada'), where(plan, 'eve')], ['alice', 'zoe', null]);
  t.same(plan.yielded, [
    { agent: 'ada', node: 'alice', to: 'boss' },
    { agent: 'eve', node: 'zoe', to: 'ada' },
  ]);
});
t.test('room that is left over goes to those who had found none', async (t) => {
  // The large model is unloaded, the small one is loaded, and the other small one fits beside it.
  const few = [
    modelOf('large', { runtime: 'llama', sizeBytes: 5 * GiB }),
    modelOf('s', { runtime: 'llama', sizeBytes: 2 * GiB }),
  ];
  const tiny = modelOf('t', { runtime: 'llama', sizeBytes: 2 * GiB });
  const node = nodeOf('alice', { models: [...few, tiny], memoryFreeBytes: 6 * GiB, agents: [low('ada', 'large', 20)] });
  const equal = demandOf('c', { model: ['t'], priority: 20 });
  const plan = place(snapshotWith([node], [demandOf('boss', { model: ['s'], priority: 90 }), equal]));
  t.same([where(plan, 'boss'), where(plan, 'c')], ['alice', 'alice']);
});
t.test('a dedicated agent clears its node of those who may yield', async (t) => {
  const roomy = nodeOf('alice', { models: [modelOf('m'), modelOf('n')], agents: [low('ada', 'm')] });
  const plan = place(
    snapshotWith([roomy], [demandOf('boss', { model: ['n'], priority: 90, placement: { pool: 'dedicated' } })]),
  );
  t.equal(where(plan, 'boss'), 'alice');
  t.match(plan.unplaced, [{ agent: 'ada', why: { text: /gave way/, refused: [{ filter: 'pool' }] } }]);
});
