import t from 'tap';
import { GiB, modelOf, nodeOf, stayingOf } from './fixture.ts';
import { findOffer, openRoom } from './room.ts';
import { type Choice, explainScores, scoreOf, scorers } from './score.ts';
import type { SupplyNode } from './supply.ts';

function choice(node: Partial<SupplyNode> = {}, given: Partial<Choice> = {}): Choice {
  const room = openRoom(nodeOf('alice', node));
  const offer = findOffer(room, 'auto')!;
  return { room, offer, use: { contextTokens: 2048, concurrency: 1 }, rank: 0, last: null, ...given };
}
function value(name: string, of: Choice): number {
  return scorers.find((scorer) => scorer.name === name)!.value(of);
}
function text(name: string, of: Choice): string {
  return scorers.find((scorer) => scorer.name === name)!.text(of);
}
const withModel = (given: Parameters<typeof modelOf>[1]) => ({ models: [modelOf('m', given)] });

t.test('each score prefers what its line says, and says so', async (t) => {
  t.ok(value('preference', choice()) > value('preference', choice({}, { rank: 1 })));
  t.equal(text('preference', choice({}, { rank: 1 })), 'small is choice 2 of the agent');

  const [loaded, shared, onDisk] = [
    choice(withModel({ resident: true })),
    choice({ ...withModel({}), agents: [stayingOf('b', 'm')] }),
    choice(withModel({})),
  ];
  t.ok(value('residency', loaded) > value('residency', shared));
  t.ok(value('residency', shared) > value('residency', onDisk));
  t.equal(text('residency', onDisk), 'on disk');

  const tps = (decodeTps: number, samples = 1) => choice(withModel({ speed: { prefillTps: 0, decodeTps, samples } }));
  t.ok(value('speed', tps(120)) > value('speed', tps(5)));
  t.equal(value('speed', tps(0)), 0);
  t.equal(value('speed', tps(9000)), 1);
  t.equal(text('speed', tps(5, 0)), '5 tokens/s estimated');

  const crowd = (agents: number, slots: number) =>
    choice({ ...withModel({ slots }), agents: Array.from({ length: agents }, (_, i) => stayingOf(`a${i}`, 'm')) });
  t.ok(value('load', crowd(1, 1)) < value('load', crowd(0, 1)));
  t.equal(value('load', crowd(8, 4)), value('load', crowd(2, 1)), 'by the slot');
  t.ok(value('load', crowd(9999, 1)) > 0, 'never out of scale');
  t.equal(text('load', crowd(2, 4)), '2 other agents on 4 slots');

  t.ok(value('fit', choice({ memoryFreeBytes: 2 * GiB })) > value('fit', choice({ memoryFreeBytes: 4 * GiB })));
  t.equal(value('fit', choice({ memoryTotalBytes: 0 })), 0.5);
  t.ok(value('locality', choice({}, { last: 'alice' })) > value('locality', choice({}, { last: 'aria' })));
  t.equal(text('locality', choice({}, { last: 'aria' })), 'its memory is on aria');
  t.ok(value('health', choice({ health: 1 })) > value('health', choice({ health: 0.5 })));
  t.equal(text('health', choice({ healthText: 'throttled now' })), 'throttled now');
  t.ok(value('price', choice()) > value('price', choice({ pricePerMillionTokens: 0.1 })));
  t.ok(value('price', choice({ pricePerMillionTokens: 0.1 })) > value('price', choice({ pricePerMillionTokens: 3 })));
});

t.test('every value is between 0 and 1, the sum is what is shown', async (t) => {
  for (const each of [choice(), choice({ memoryFreeBytes: 0, pricePerMillionTokens: 5, health: 0 }, { rank: 7 })]) {
    const parts = explainScores(each);
    t.ok(parts.every((part) => part.value >= 0 && part.value <= 1 && part.text !== ''));
    const sum = parts.reduce((all, part) => all + part.weight * part.value, 0);
    t.ok(Math.abs(sum - scoreOf(each)) < 0.5, 'but for rounding');
  }
});

t.test('weights rank: the order of models above everything, then money above every taste', async (t) => {
  const weight = (name: string) => scorers.find((scorer) => scorer.name === name)!.weight;
  const all = scorers.reduce((sum, scorer) => sum + scorer.weight, 0);
  const belowOrder = all - weight('preference');
  const tastes = belowOrder - weight('price');
  t.ok(weight('preference') / 8 > belowOrder);
  const gap = value('price', choice()) - value('price', choice({ pricePerMillionTokens: 0.000001 }));
  t.ok(weight('price') * gap > tastes);
});
