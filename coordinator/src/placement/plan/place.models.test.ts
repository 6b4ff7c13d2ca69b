// One plan for agents and models: models that are fetched, loaded, kept and unloaded, and requirements of agents other than a model.

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
import type { Demand, PlacementPlan, Staying, Strategy, SupplyNode } from '../model/supply.ts';
import { whyOf } from '../rules/score.ts';

const where = (plan: PlacementPlan, agent: string) => plan.placed.find((each) => each.agent === agent)?.node ?? null;
const planOf = (nodes: SupplyNode[], demands: Demand[], strategy?: Strategy) =>
  place(snapshotWith(nodes, demands, strategy));
const many = (count: number, given: Parameters<typeof demandOf>[1] = {}) =>
  Array.from({ length: count }, (_, i) => demandOf(`a${String(i).padStart(2, '0')}`, given));
const used = (plan: PlacementPlan) => new Set(plan.placed.map(({ node }) => node)).size;

t.test(
  'steps: load what is on disk, keep what is used, unload the largest idle model that is in the way',
  async (t) => {
    const models = [
      modelOf('idle', { sizeBytes: 2 * GiB, resident: true }),
      modelOf('vast', { sizeBytes: 3 * GiB, resident: true }),
      modelOf('busy', { resident: true }),
      modelOf('m', { sizeBytes: 2 * GiB, runtime: 'llama' }),
    ];
    const node = nodeOf('alice', {
      models,
      memoryTotalBytes: 9 * GiB,
      memoryFreeBytes: GiB,
      agents: [stayingOf('b', 'busy')],
    });
    t.same(planOf([node], [demandOf('a', { model: ['m'] })]).models, [
      { node: 'alice', model: 'busy', step: 'keep', agents: 1 },
      { node: 'alice', model: 'm', step: 'load', agents: 1 },
      { node: 'alice', model: 'vast', step: 'unload', agents: 0 },
    ]);
    const free = { ...node, memoryFreeBytes: 5 * GiB };
    t.notOk(
      planOf([free], [demandOf('a', { model: ['m'] })]).models.some(({ step }) => step === 'unload'),
      'nothing is unloaded without need',
    );
  },
);
t.test('a model whose weights wait for agents that are still there takes nobody more', async (t) => {
  // One agent changes from the loaded model to the larger one: the node counts it with both until it has left the first.
  const changing = (resident: boolean) =>
    nodeOf('alice', {
      models: [
        modelOf('m', { sizeBytes: 2 * GiB, resident: true }),
        modelOf('large', { sizeBytes: 3.5 * GiB, resident, runtime: 'llama' }),
      ],
      memoryFreeBytes: 3 * GiB,
      agents: [stayingOf('b', 'm'), stayingOf('b', 'large')],
    });
  const plan = planOf([changing(false)], [demandOf('a', { model: ['large'] })]);
  t.equal(where(plan, 'a'), null);
  t.match(JSON.stringify(plan), /large is not loaded, and agents that leave the node still have its memory/);
  t.equal(
    where(planOf([changing(true)], [demandOf('a', { model: ['large'] })]), 'a'),
    'alice',
    'one that is loaded does',
  );
});
t.test('a model is fetched only where no node that has it is left, and then shared', async (t) => {
  const has = nodeOf('zoe', { models: [modelOf('m', { sizeBytes: 3 * GiB })], health: 0.1 });
  const can = (id: string) => nodeOf(id, { models: [], pulls: ['ollama'], class: 'edge-gpu' });
  const one = planOf([has, can('alice'), can('aria')], many(30, { model: ['m'] }));
  t.equal(used(one), 1, 'a crowd on an unwell node is no reason to fetch');
  const heavy = many(6, { model: ['m'], load: { tokensPerMinute: 300 } });
  const plan = planOf([has, can('alice'), can('aria')], heavy);
  t.ok(where(plan, 'a02') !== 'zoe' && where(plan, 'a02') !== null, 'when it is booked out, another fetches');
  t.same(
    plan.models.filter(({ step }) => step === 'pull').map(({ model }) => model),
    ['m'],
    'once',
  );
  t.equal(plan.unplaced.length, 0);
  const text = whyOf(plan.placed[2]!).scores.find(({ name }) => name === 'present')?.text;
  t.equal(text, 'has to be fetched');
});
t.test('names of models are compared as their owners do', async (t) => {
  const has = nodeOf('zoe', { models: [modelOf('llama3.2:3b'), modelOf('tiny:latest', { aliases: ['SmolLM2.Q4'] })] });
  for (const [wanted, model] of [
    ['Llama3.2:3B', 'llama3.2:3b'],
    ['TINY', 'tiny:latest'],
    ['smollm2.q4', 'tiny:latest'],
  ] as const)
    t.match(planOf([has], [demandOf('a', { model: [wanted] })]).placed, [{ node: 'zoe', model }], wanted);
  const full = { ...has, closed: { filter: 'away' as const, text: 'it is lost' } };
  const can = nodeOf('alice', { models: [], pulls: ['ollama'], memoryTotalBytes: 32 * GiB, memoryFreeBytes: 30 * GiB });
  const fetched = planOf(
    [full, can],
    [demandOf('a', { model: ['Llama3.2:3B'] }), demandOf('b', { model: ['llama3.2:3b'] })],
  );
  t.match(
    fetched.models.filter(({ step }) => step === 'pull'),
    [{ model: 'llama3.2:3b', agents: 2 }],
    'one fetch for both',
  );
});
t.test('nothing is fetched that the node’s runtimes have no place for', async (t) => {
  const model = modelOf('my-own', { runtime: 'llama', sizeBytes: GiB });
  const away = nodeOf('zoe', { models: [model], closed: { filter: 'away', text: 'it is lost' } });
  const can = (fetchable: string[]) =>
    nodeOf('alice', { models: [], pulls: ['llama'], fetchable, memoryTotalBytes: 32 * GiB, memoryFreeBytes: 30 * GiB });
  const demands = [demandOf('a', { model: ['my-own'] })];
  t.equal(where(planOf([away, can(['qwen'])], demands), 'a'), null, 'a file that a person put there');
  t.equal(where(planOf([away, can(['qwen', 'my-own'])], demands), 'a'), 'alice');
});
t.test('fetching takes disk from the next', async (t) => {
  const has = (name: string) => modelOf(name, { sizeBytes: 4 * GiB, runtime: 'llama' });
  const away = nodeOf('zoe', { models: [has('m'), has('n')], closed: { filter: 'away', text: 'it is lost' } });
  const can = nodeOf('alice', {
    models: [],
    pulls: ['llama'],
    diskFreeBytes: 9 * GiB,
    memoryTotalBytes: 32 * GiB,
    memoryFreeBytes: 30 * GiB,
  });
  const plan = planOf([away, can], [demandOf('a', { model: ['m'] }), demandOf('b', { model: ['n'] })]);
  t.same([where(plan, 'a'), where(plan, 'b')], ['alice', null]);
  t.match(plan.unplaced[0]?.why.refused, [
    { filter: 'away' },
    { filter: 'model', text: /could fetch n, but that takes 5.4 GiB/ },
  ]);
  t.match(plan.unplaced[0]?.why.fix.flat(), [{ verb: 'free-disk', node: 'alice', model: 'n' }]);
});
t.test('pack leaves whole nodes free, spread shares the work', async (t) => {
  const nodes = Array.from({ length: 8 }, (_, i) =>
    nodeOf(`n${i}`, { models: [modelOf('small', { slots: 4, resident: true })] }),
  );
  t.equal(used(planOf(nodes, many(8))), 8);
  t.equal(used(planOf(nodes, many(8), 'pack')), 1);
});
t.test('throughput bounds a node; what finds none says so', async (t) => {
  const nodes = [nodeOf('alice'), nodeOf('aria')];
  const plan = planOf(nodes, many(5, { load: { tokensPerMinute: 300 } }));
  t.equal(plan.placed.length, 4);
  t.match(plan.unplaced, [
    {
      why: {
        text: 'no node has compute left for auto',
        fix: [
          [
            { field: 'load.tokensPerMinute', change: 'lower', values: [300] },
            { verb: 'join-node', why: 'booked-out' },
          ],
        ],
        refused: [{ filter: 'throughput', nodes: 2 }],
      },
    },
  ]);
});
t.test('spread: over sites, then over nodes, whatever the crowd', async (t) => {
  const crowd = (id: string, count: number): Staying[] =>
    Array.from({ length: count }, (_, i) => stayingOf(`${id}-${i}`, 'small'));
  const nodes = ['a', 'b', 'c'].flatMap((site) =>
    [1, 2].map((n) => nodeOf(`${site}${n}`, { site, agents: site === 'a' ? [] : crowd(`${site}${n}`, 3) })),
  );
  const group = (over: 'node' | 'site') => many(3, { placement: { spread: { group: 'g', over } } });
  const sites = planOf(nodes, group('site')).placed.map(({ node }) => node[0]);
  t.same(sites.sort(), ['a', 'b', 'c']);
  const onNodes = planOf(nodes, group('node')).placed.map(({ node }) => node);
  t.equal(new Set(onNodes).size, 3);
  t.same(
    planOf(nodes, many(3)).placed.map(({ node }) => node[0]),
    ['a', 'a', 'a'],
    'without it they go where it is empty',
  );
});
t.test('near: beside a friend that is placed in the same plan, else at its site', async (t) => {
  const nodes = ['a1', 'a2', 'b1', 'b2'].map((id) => nodeOf(id, { site: id[0]! }));
  const friend = demandOf('friend', { priority: 60, placement: { nodes: ['b1'] } });
  const shy = demandOf('shy', { placement: { nearAgents: ['friend'] } });
  t.equal(where(planOf(nodes, [shy, friend]), 'shy'), 'b1');
  const apart = demandOf('shy', { placement: { nearAgents: ['friend'], avoidAgents: ['friend'] } });
  t.equal(where(planOf(nodes, [apart, friend]), 'shy'), 'b2');
});
t.test('a dedicated agent and others keep out of each other, and share with their own', async (t) => {
  const models = () => [modelOf('m', { resident: true, slots: 8 }), modelOf('n', { resident: true, slots: 8 })];
  const nodes = [nodeOf('alice', { models: models() }), nodeOf('aria', { models: models() })];
  const dedicated = demandOf('d', { model: ['m'], priority: 60, placement: { pool: 'dedicated' } });
  const plan = planOf(nodes, [
    dedicated,
    ...many(3, { model: ['n'] }),
    demandOf('e', { model: ['m'], placement: { nodes: ['alice'] } }),
  ]);
  t.equal(where(plan, 'd'), 'alice');
  t.same(
    ['a00', 'a01', 'a02'].map((name) => where(plan, name)),
    ['aria', 'aria', 'aria'],
  );
  t.equal(where(plan, 'e'), 'alice', 'its own model is welcome');
});
t.test('a price cap is kept, and the fix names the price', async (t) => {
  const paid = nodeOf('paid', { class: 'cloud', pricePerMillionTokens: 3 });
  const asks = (maxPricePerMillionTokens: number) =>
    demandOf('a', { placement: { class: ['cloud'], maxPricePerMillionTokens } });
  t.equal(where(planOf([paid], [asks(3)]), 'a'), 'paid');
  t.match(planOf([paid], [asks(1)]).unplaced, [
    {
      why: {
        text: 'no node of class cloud is cheap enough',
        fix: [[{ field: 'placement.maxPricePerMillionTokens', change: 'set', values: [3], node: 'paid' }]],
      },
    },
  ]);
});

t.test(
  'local small, local large, cloud: a paid model is the last of the list, not the small one of its node',
  async (t) => {
    const price = { read: 0.1, written: 0.5 };
    const luna = modelOf('luna', { runtime: 'cloud', sizeBytes: 0, tier: 'small', resident: true, price });
    const paid = nodeOf('paid', { class: 'cloud', models: [luna], defaultChat: 'luna', pricePerMillionTokens: 0.2 });
    const pi = nodeOf('pi', { class: 'pi', models: [modelOf('llama', { parametersB: 1 })] });
    const box = nodeOf('box', { class: 'gpu', models: [modelOf('vast', { parametersB: 70 })] });
    for (const last of ['luna', 'auto']) {
      const agent = demandOf('a', { model: ['small', 'large', last], placement: { class: ['pi', 'gpu', 'cloud'] } });
      t.equal(where(planOf([pi, box, paid], [agent]), 'a'), 'pi');
      t.equal(where(planOf([box, paid], [agent]), 'a'), 'box');
      t.match(planOf([paid], [agent]).placed, [{ node: 'paid', model: 'luna' }]);
    }
    t.same(planOf([paid], [demandOf('a', { model: ['luna'] })]).placed, [], 'class cloud is named, or nothing is paid');
    const small = demandOf('a', { model: ['small'], placement: { class: ['cloud'] } });
    t.same(planOf([paid], [small]).placed, []);
  },
);
