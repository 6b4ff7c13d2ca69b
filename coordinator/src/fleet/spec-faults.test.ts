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

t.test('an event that may not wake an agent says which was meant', async (t) => {
  const { view } = new SampleFleet();
  const faultOf = (event: string) =>
    specFaults(view, sampleSpec('greeter', { triggers: [{ event, prompt }] }), startMs, 'UTC');
  t.same(faultOf('node-lost'), []);
  t.match(faultOf('node-lots'), [
    { field: 'triggers.0.event', expected: /did you mean node-lost/, got: '"node-lots"' },
  ]);
  t.match(faultOf('budget-low'), [{ field: 'triggers.0.event' }], 'what its own work writes');
});

t.test('a team is named where it is shared with, and nowhere else', async (t) => {
  const { view } = new SampleFleet();
  const faultsOf = (memory: object) => {
    const spec = sampleSpec('greeter');
    return specFaults(view, { ...spec, memory: { ...spec.memory, ...memory } }, startMs, 'UTC');
  };
  for (const right of [{}, { scope: 'own' }, { scope: 'fleet' }, { scope: 'team', team: 'house' }])
    t.same(faultsOf(right), []);
  t.match(faultsOf({ scope: 'team' }), [{ field: 'memory.team', expected: /the name of the team/ }]);
  t.match(faultsOf({ team: 'house' }), [{ field: 'memory.scope', expected: /team/, got: '"own"' }]);
  t.match(faultsOf({ scope: 'fleet', team: 'house' }), [{ field: 'memory.scope' }]);
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
