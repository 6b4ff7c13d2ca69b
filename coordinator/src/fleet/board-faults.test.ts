// A pin or sensor that no node has is refused by its field, unless a node is not heard yet, or the agent had it before.
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { sampleSpec } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { boardFaults } from './board-faults.ts';

const tools = [
  { tool: 'gpio' as const, pins: ['motion', 'lmap'] },
  { tool: 'sensor' as const, sensors: ['attic', 'roof'] },
];
const triggers = [
  { cron: '0 7 * * *', prompt: 'Morning.' },
  { pin: 'siren', edge: 'both' as const, prompt: 'Look.' },
];

t.test('each name that no node has, with those there are', async (t) => {
  const fleet = new SampleFleet();
  const faults = (name = 'porter') => boardFaults(fleet.view, sampleSpec(name, { tools, triggers }));
  t.same(faults(), [], 'a fleet without nodes knows nothing');
  fleet.online('alice', 'aria');
  fleet.capacity('alice', { board: { pins: ['motion', 'lamp'], sensors: ['attic'], camera: false } });
  fleet.addNode('codex');
  t.same(faults(), [], 'a node that was not heard yet may have them');
  fleet.online('codex');
  fleet.capacity('aria');
  fleet.capacity('codex');
  t.match(faults(), [
    { field: 'tools.0.pins.1', expected: /lists: lamp or motion \(did you mean lamp\?\)/, got: '"lmap"' },
    { field: 'tools.1.sensors.1', expected: /a sensor that the owner of a node lists: attic/, got: '"roof"' },
    { field: 'triggers.1.pin', got: '"siren"' },
  ]);
  t.same(boardFaults(fleet.view, sampleSpec('porter')), []);
  fleet.apply1('porter', { tools, triggers });
  t.same(faults(), [], 'what it had before stays');
  t.equal(faults('other').length, 3);
  fleet.capacity('alice', {});
  t.match(faults('other')[0], { expected: /and none has one \(docs\/gpio\.md\)/ });
});
