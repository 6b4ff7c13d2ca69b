import { maxModelRows, maxModelRowsSummed } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { sampleHealth, sampleNode } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { modelRows } from './model-rows.ts';

const load = { name: 'small', busy: 2, waiting: 3, slots: 2 };
function fleetOf(count: number, modelsOf: (at: number) => (typeof load)[] | undefined) {
  const fleet = new SampleFleet();
  for (let at = 0; at < count; at++) {
    const models = modelsOf(at);
    const health = sampleHealth(models ? { models } : {});
    fleet.apply([
      { type: 'node', row: sampleNode(`n${at}`, { presence: 'online' }) },
      { type: 'health', node: `n${at}`, health, atMs: 1 },
    ]);
  }
  return fleet;
}

t.test('a row a model of a node that is online and says it', async (t) => {
  const fleet = fleetOf(4, (at) => (at === 1 ? undefined : [load, { ...load, name: 'e', others: 7 }]));
  fleet.apply([
    { type: 'node', row: sampleNode('n2', { presence: 'lost' }) },
    { type: 'node', row: sampleNode('n3', { presence: 'online', status: 'quarantined' }) },
  ]);
  t.same(modelRows(fleet.view), [
    { node: 'n0', model: 'small', busy: 2, waiting: 3, slots: 2, others: 0 },
    { node: 'n0', model: 'e', busy: 2, waiting: 3, slots: 2, others: 7 },
  ]);
});

t.test('the rows of a large fleet are bounded, and their sums are true', async (t) => {
  const few = modelRows(fleetOf(maxModelRows + 50, () => [load]).view);
  t.equal(few.length, maxModelRows + 1);
  t.same(few.at(-1), { node: '*', model: 'small', busy: 100, waiting: 150, slots: 100, others: 0 });
  const each = (at: number) => [load, { ...load, name: `own-${at}` }];
  const many = modelRows(fleetOf(3000, each).view);
  t.ok(many.length <= maxModelRows + maxModelRowsSummed + 1, `${many.length} rows`);
  t.equal(
    many.reduce((sum, { busy }) => sum + busy, 0),
    3000 * 2 * load.busy,
  );
  t.ok(many.some(({ node, model }) => node === '*' && model === '*'));
});
