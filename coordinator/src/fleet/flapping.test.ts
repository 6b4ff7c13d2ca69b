import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import type { View } from '../state/view.ts';
import { nodeConditions } from './conditions.ts';

t.test('a connection that breaks again and again is named on the page of its node, until it holds', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice', 'bob');
  fleet.tick(11 * 60_000);
  const conditions = (node: string) => nodeConditions(fleet.view as View, node).map(({ text }) => text);
  const comesBack = (times: number) => {
    for (let i = 0; i < times; i++) {
      fleet.will('alice');
      fleet.birth('alice');
      fleet.tick(10_000);
    }
  };
  comesBack(20);
  t.same(conditions('alice'), [], 'some are no trouble');
  comesBack(5);
  t.same(conditions('alice'), ['its connection breaks again and again: it reconnected 25 times within ten minutes']);
  t.same(conditions('bob'), []);
  fleet.tick(6 * 60_000);
  t.same(conditions('alice'), []);
});
