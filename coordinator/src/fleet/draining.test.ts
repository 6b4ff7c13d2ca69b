// Whether a machine may be switched off: only when its last heartbeat, under its present assignment, reports that nothing is left.
import type { NodeHealth } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import type { View } from '../state/view.ts';
import { onlyOn } from './draining.ts';

t.test('what is on a node alone', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  const view = fleet.view as View;
  const { boot, generation } = view.nodes.get('alice')!;
  const told = { boot, generation, tasksRunning: 0, outboxDepth: 2, memoriesUnacked: 3 };
  const says = (health: Partial<NodeHealth>) => {
    fleet.apply([{ type: 'health', node: 'alice', health: health as NodeHealth, atMs: fleet.now }]);
    return onlyOn(view, 'alice');
  };
  t.equal(onlyOn(view, 'alice'), null, 'no heartbeat yet');
  t.equal(says(told), 5);
  t.equal(says({ ...told, outboxDepth: 0, memoriesUnacked: 0 }), 0);
  t.equal(says({ ...told, tasksRunning: 1 }), null, 'a turn may still remember something');
  t.equal(says({ ...told, generation: generation - 1 }), null, 'it does not know yet what it no longer runs');
  t.equal(says({ ...told, boot: 'another-boot-1' }), null);
  const { memoriesUnacked: _, ...older } = told;
  t.equal(says(older), null);
  says({ ...told, outboxDepth: 0, memoriesUnacked: 0 });
  fleet.apply([{ type: 'node', row: { ...view.nodes.get('alice')!, presence: 'suspect' } as never }]);
  t.equal(onlyOn(view, 'alice'), null, 'what it did since is not known');
  t.equal(onlyOn(view, 'nobody'), null);
});
