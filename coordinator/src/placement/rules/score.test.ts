import t from 'tap';
import {
  demandOf,
  GiB,
  modelOf,
  nodeOf,
  snapshotWith,
  type specOf,
  stayingOf,
} from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { openRooms } from '../../../../test/fixtures/coordinator/whole-plan.ts';
import type { Placed, PlacedFacts, Strategy, SupplyNode } from '../model/supply.ts';
import { bestChoice, roomAt } from '../plan/choose.ts';
import { boundOf, scorers, whyOf } from './score.ts';

type Given = Parameters<typeof specOf>[1];
/** The placement of one agent on node alice, with other agents there. */
function placed(
  node: Partial<SupplyNode> = {},
  given: Given = {},
  {
    last = null,
    others = [],
    strategy = 'spread',
  }: { last?: string | null; others?: SupplyNode[]; strategy?: Strategy } = {},
): Placed {
  const fleet = openRooms(snapshotWith([nodeOf('alice', node), ...others], [demandOf('ada', given, last)], strategy));
  const choice = bestChoice(fleet, demandOf('ada', given, last), roomAt(fleet, fleet.indexOf.get('alice')!))!;
  return { agent: 'ada', node: 'alice', model: choice.offer.model.name, score: choice.score, facts: choice.facts };
}
function value(name: string, { facts }: Placed): number {
  return scorers.find((scorer) => scorer.name === name)!.value(facts);
}
function text(name: string, of: Placed): string {
  return whyOf(of).scores.find((score) => score.name === name)!.text;
}
const withModel = (given: Parameters<typeof modelOf>[1]) => ({ models: [modelOf('m', given)] });

t.test('never more is free than there is, whatever a node counts as free', async (t) => {
  const models = [modelOf('m', { resident: true, residentBytes: 1.2 * GiB })];
  const of = placed({ models, memoryTotalBytes: 5 * GiB, memoryFreeBytes: 5 * GiB });
  t.equal(text('fit', of), '5.0 GiB of 5.0 GiB are free');
  const unknown = placed({ models, memoryTotalBytes: 0, memoryFreeBytes: 0 });
  t.equal(text('fit', unknown), 'memory not known');
});

t.test('each score prefers what its line says, and says so', async (t) => {
  const [first, second] = [placed(), placed({}, { model: ['nope', 'small'] })];
  t.ok(value('preference', first) > value('preference', second));
  t.equal(text('preference', second), 'small is choice 2 of the agent');

  const far = nodeOf('zoe', { models: [modelOf('far')] });
  const [loaded, shared, onDisk, pull] = [
    placed(withModel({ resident: true })),
    placed({ ...withModel({}), agents: [stayingOf('b', 'm')] }),
    placed(withModel({})),
    placed({ pulls: ['ollama'] }, { model: ['far'] }, { others: [far] }),
  ];
  t.ok(value('residency', loaded) > value('residency', shared));
  t.ok(value('residency', shared) > value('residency', onDisk));
  t.ok(value('residency', onDisk) > value('residency', pull));
  t.equal(text('residency', onDisk), 'on disk');
  t.same(
    [loaded, shared, onDisk, pull].map((each) => value('present', each)),
    [1, 1, 1, 0],
  );
  t.equal(text('present', pull), 'has to be fetched');
  t.equal(pull.facts.decodeTps, 3e9 / GiB, 'a prior from the bandwidth of its class');

  const tps = (decodeTps: number, samples = 1) => placed(withModel({ speed: { prefillTps: 0, decodeTps, samples } }));
  t.ok(value('speed', tps(120)) > value('speed', tps(5)));
  t.equal(value('speed', tps(0)), 0);
  t.equal(value('speed', tps(9000)), 1);
  t.equal(text('speed', tps(5, 0)), '5 tokens/s estimated');

  const crowd = (agents: number, slots: number, waiting = 0) =>
    placed({
      ...withModel({ slots, speed: { prefillTps: 0, decodeTps: 0, samples: 0 } }),
      agents: Array.from({ length: agents }, (_, i) => stayingOf(`a${i}`, 'm')),
      waiting: new Map([['m', waiting]]),
    });
  t.ok(value('load', crowd(1, 1)) < value('load', crowd(0, 1)));
  t.equal(value('load', crowd(8, 4)), value('load', crowd(2, 1)), 'by the slot');
  t.equal(value('load', crowd(0, 1, 2)), value('load', crowd(8, 1)), 'a waiting task counts as four agents');
  t.ok(value('load', crowd(9999, 1)) > 0, 'never out of scale');
  t.equal(text('load', crowd(2, 4, 1)), '2 other agents and 1 waiting task on 4 slots');

  t.ok(value('fit', placed({ memoryFreeBytes: 2 * GiB })) > value('fit', placed({ memoryFreeBytes: 4 * GiB })));
  t.equal(value('fit', placed({ memoryTotalBytes: 0 })), 0.5);
  t.equal(value('locality', placed({}, {}, { last: 'alice' })), 1);
  t.equal(text('locality', placed({}, {}, { last: 'aria' })), 'its memory is on aria');
  t.ok(value('health', placed({ health: 1 })) > value('health', placed({ health: 0.5 })));
  t.equal(text('health', placed({ healthText: 'throttled now' })), 'throttled now');
  t.ok(value('price', placed()) > value('price', placed({ pricePerMillionTokens: 0.1 })));
  t.ok(value('price', placed({ pricePerMillionTokens: 0.1 })) > value('price', placed({ pricePerMillionTokens: 3 })));
});

t.test('near: the node of one it names, else the site', async (t) => {
  const near = { placement: { nearAgents: ['nobody', 'bob'] } };
  const at = (site: string) => ({ others: [nodeOf('zoe', { site, agents: [stayingOf('bob', 'small')] })] });
  const here = placed({ agents: [stayingOf('bob', 'small')] }, near);
  t.same([value('near', here), text('near', here)], [1, 'bob is on this node']);
  const beside = placed({}, near, at('home'));
  t.same([value('near', beside), text('near', beside)], [0.5, 'bob is at this site']);
  t.equal(value('near', placed({}, near, at('attic'))), 0);
  t.equal(text('near', placed()), 'its list of near agents is empty');
});
t.test('spread: the fewer of the group the better, by node or by site', async (t) => {
  const spread = (over: 'node' | 'site') => ({ placement: { spread: { group: 'g', over } } });
  const member = (name: string) => stayingOf(name, 'small', spread('site'));
  const others = [nodeOf('zoe', { agents: [member('b')] })];
  t.equal(value('spread', placed({}, spread('node'), { others })), 1);
  t.equal(value('spread', placed({}, spread('site'), { others })), 0.5);
  const two = placed({ agents: [member('c'), member('d')] }, spread('node'), { others });
  t.equal(value('spread', two), 1 / 3);
  t.equal(text('spread', two), '2 of group g on this node');
  t.equal(value('spread', placed()), 0);
});

t.test('every value is between 0 and 1, the sum is what is shown, no score exceeds its bound', async (t) => {
  for (const strategy of ['spread', 'pack'] as const) {
    for (const each of [
      placed({}, {}, { strategy }),
      placed(
        { memoryFreeBytes: GiB * 1.5, pricePerMillionTokens: 5, health: 0 },
        { model: ['x', 'auto'] },
        { strategy },
      ),
    ]) {
      const { scores, score } = whyOf(each);
      t.ok(scores.every((part) => part.value >= 0 && part.value <= 1 && part.text !== ''));
      const sum = scores.reduce((all, part) => all + part.weight * part.value, 0);
      t.ok(Math.abs(sum - score) < 1, 'but for rounding');
      t.ok(each.score <= boundOf(strategy, each.facts.rank, false));
    }
  }
});

t.test('weights rank: order of models, then money, then what need not be fetched, then tastes', async (t) => {
  for (const strategy of ['spread', 'pack'] as const) {
    const weight = (name: string) => scorers.find((scorer) => scorer.name === name)!.weights[strategy];
    const all = scorers.reduce((sum, { weights }) => sum + weights[strategy], 0);
    const belowOrder = all - weight('preference');
    t.ok(weight('preference') / 8 > belowOrder);
    const tastesAndFetching = belowOrder - weight('price');
    const gap = value('price', placed()) - value('price', placed({ pricePerMillionTokens: 0.000001 }));
    t.ok(weight('price') * gap > tastesAndFetching, 'a free node before a priced one');
    t.ok(weight('present') > tastesAndFetching - weight('present'), 'present before fetched');
  }
});
t.test('strategies: spread minds the crowd, pack the space', async (t) => {
  const sum = (facts: PlacedFacts) => {
    let all = 0;
    for (const { weights, value: of } of scorers) all += weights[facts.strategy] * of(facts);
    return all;
  };
  const crowd = Array.from({ length: 6 }, (_, i) => stayingOf(`a${i}`, 'small'));
  for (const [strategy, better] of [
    ['spread', 'empty'],
    ['pack', 'crowded'],
  ] as const) {
    const [empty, crowded] = [placed({}, {}, { strategy }), placed({ agents: crowd }, {}, { strategy })];
    t.equal(sum(empty.facts) > sum(crowded.facts) ? 'empty' : 'crowded', better);
  }
});
