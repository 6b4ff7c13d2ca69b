import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { sampleSpec, startMs } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { classFaults, specFaults } from './spec-faults.ts';

const prompt = 'Good morning.';

t.test('each fault is named, and none of what is right', async (t) => {
  const { view } = new SampleFleet();
  const faultsOf = (over: Parameters<typeof sampleSpec>[1]) =>
    specFaults(view, sampleSpec('greeter', over), startMs, 'UTC').map(({ field }) => field);
  t.same(faultsOf({ triggers: [{ cron: '0 8 * * 1-5', prompt, timeZone: 'Europe/Berlin' }] }), []);
  const triggers = [
    { cron: '0 8 * * *', prompt },
    { cron: '0 0 31 4 *', prompt },
    { cron: '61 * * * *', prompt, timeZone: 'Mars/Base' },
  ];
  t.same(faultsOf({ triggers }), ['triggers.1.cron', 'triggers.2.timeZone', 'triggers.2.cron']);
});

t.test('classes are those of the table, of nodes and of join tokens', async (t) => {
  const fleet = new SampleFleet();
  for (const name of ['micro', 'pi', 'edge-gpu', 'cpu', 'gpu', 'cloud'])
    t.same(classFaults(fleet.view, name, 'class'), []);
  t.match(classFaults(fleet.view, 'shelf', 'class'), [
    { field: 'class', expected: 'micro, pi, gpu, edge-gpu, cpu or cloud', got: '"shelf"' },
  ]);
  fleet.addNode('alice', { class: 'shelf' });
  t.same(classFaults(fleet.view, 'shelf', 'class'), []);
  t.match(classFaults(fleet.view, 'shelv', 'class'), [{ expected: /did you mean shelf\?/ }]);
});
