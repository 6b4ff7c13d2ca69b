import type { NodeHealth } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import type { View } from '../state/view.ts';
import { nodeConditions } from './conditions.ts';
import { nodeTroubles } from './troubles.ts';

t.test('a clock that is wrong is named on the page of its node, with how far', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  const says = (offMs: number) => {
    const health = { atMs: fleet.now + offMs, diskFreeBytes: 1e12 } as NodeHealth;
    fleet.apply([{ type: 'health', node: 'alice', health, atMs: fleet.now }]);
    return nodeConditions(fleet.view as View, 'alice');
  };
  const day = 86_400_000;
  t.match(says(800 * day), [
    { severity: 'warning', text: "its clock is wrong: 2 years ahead of the coordinator's", help: /time server/ },
  ]);
  t.match(says(-day), [{ text: "its clock is wrong: 1 day behind the coordinator's" }]);
  t.match(says(11 * 60_000), [{ text: "its clock is wrong: 11 minutes ahead of the coordinator's" }]);
  t.same(says(9 * 60_000), []);
  t.same(says(0), []);
});

t.test('triggers that cannot fire are named, and go when that is mended', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  const says = (triggerTroubles?: string[]) => {
    const health = { atMs: fleet.now, diskFreeBytes: 1e12, ...(triggerTroubles && { triggerTroubles }) } as NodeHealth;
    fleet.apply([{ type: 'health', node: 'alice', health, atMs: fleet.now }]);
    return nodeConditions(fleet.view as View, 'alice');
  };
  t.match(says(['"0 8 * * *" of echo never fires: no such zone']), [
    {
      severity: 'warning',
      text: 'triggers do not fire as they are meant: "0 8 * * *" of echo never fires: no such zone',
      help: /time zones/,
    },
  ]);
  t.match(says(['a', 'b', 'c', 'd', 'e']), [{ text: 'triggers do not fire as they are meant: a; b; c; and 2 more' }]);
  t.match(nodeTroubles(fleet.view as View, 'alice', fleet.now, 86_400_000), [
    { kind: 'node-condition', group: 'node-condition:home:triggers' },
  ]);
  t.same(says(), []);
});
