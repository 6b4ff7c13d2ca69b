// A plan that examines only the agents of the review list, and uses results of earlier plans, is equal to a plan that examines all agents and nodes, whatever
// happens in between.

import { whole } from '@blackroad/std/pace';
import fc from 'fast-check';
import t from 'tap';
import { SampleFleet } from '../../../../test/fixtures/coordinator/sample-fleet.ts';
import { removedAgent, sampleHealth, type sampleSpec } from '../../../../test/fixtures/coordinator/sample-rows.ts';
import { GiB, modelOf } from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { place } from '../../../../test/fixtures/coordinator/whole-plan.ts';
import { acceptObserved } from '../../fleet/presence.ts';
import type { Change } from '../../state/change.ts';
import { agentsToReview, nodesWithOtherAgents } from '../../state/change-table.ts';
import type { View } from '../../state/view.ts';
import { snapshotting } from '../model/snapshot.ts';
import { ReviewList } from './review-list.ts';
import { SupplyCache } from './supply-cache.ts';

class Watched extends SampleFleet {
  readonly review = new ReviewList();
  readonly cache = new SupplyCache();
  override apply(changes: readonly Change[]): void {
    for (const change of changes) {
      this.review?.note(agentsToReview(this.view as View, change));
      this.cache?.note(nodesWithOtherAgents(this.view as View, change));
      super.apply([change]);
    }
  }
}

t.test('property: nobody is missed', async (t) => {
  const id = fc.nat(3).map((i) => `n${i}`);
  const name = fc.nat(5).map((i) => `a${i}`);
  const event = fc.oneof(
    fc.record({
      do: fc.constantFrom(
        'online',
        'will',
        'forget',
        'drain',
        'cordon',
        'barn',
        'empty',
        'full',
        'hot',
        'hotter',
        'cool',
      ),
      id,
    }),
    fc.record({
      do: fc.constantFrom('apply', 'pin', 'avoid', 'patient', 'near', 'ask', 'fail', 'remove'),
      name,
      id,
      other: name,
    }),
    fc.record({ do: fc.constantFrom('freeze', 'thaw', 'wait', 'halt') }),
  );
  fc.assert(
    fc.property(fc.array(fc.array(event, { maxLength: 4 }), { maxLength: 8 }), (turns) => {
      const fleet = new Watched();
      fleet.policy = { ...fleet.policy, restartGraceMs: 0, lostAfterMs: 1000 };
      for (let i = 0; i < 4; i++) {
        fleet.online(`n${i}`);
        fleet.capacity(`n${i}`, { models: [modelOf('small')], memoryFreeBytes: 4 * GiB });
      }
      for (let i = 0; i < 6; i++) fleet.apply1(`a${i}`);
      for (const turn of turns) {
        for (const each of turn) happen(fleet, each as Happening);
        const view = fleet.view as View;
        const all = whole(snapshotting(view, fleet.now, fleet.policy));
        const some = whole(snapshotting(view, fleet.now, fleet.policy, fleet.review.take(), fleet.cache));
        fleet.review.keep(some.restless);
        const found = [[...some.needs.keys()].sort(), some.staying.toSorted()];
        const wanted = [[...all.needs.keys()].sort(), all.staying.toSorted()];
        if (JSON.stringify(found) !== JSON.stringify(wanted))
          throw new Error(`${JSON.stringify(found)} of ${JSON.stringify(wanted)}`);
        // The demands are the same in any order of names, and cached results change nothing.
        const plan = JSON.stringify(place(all.snapshot));
        const again = [1, 2].map(() => JSON.stringify(place(some.snapshot, fleet.cache)));
        for (const other of again) if (other !== plan) throw new Error(`${other} instead of ${plan}`);
        fleet.plan();
      }
    }),
    { numRuns: 400 },
  );
  t.pass();
});

interface Happening {
  do: string;
  id: string;
  name: string;
  other: string;
}
function happen(fleet: Watched, { do: what, id, name, other }: Happening): void {
  const row = fleet.view.nodes.get(id);
  const edit = (over: object) => row && fleet.apply([{ type: 'node', row: { ...row, ...over } }]);
  const beat = (temperatureC: number) =>
    row && fleet.apply([{ type: 'health', node: id, health: sampleHealth({ temperatureC }), atMs: fleet.now }]);
  const placement = { class: [], site: [], labels: {}, nodes: [], avoidAgents: [] };
  const apply = (over: Parameters<typeof sampleSpec>[1]) => fleet.apply1(name, over);
  const events: Record<string, () => void> = {
    online: () => fleet.online(id),
    will: () => row && fleet.will(id, row.boot),
    forget: () => row && fleet.apply([{ type: 'node-gone', id }]),
    drain: () => edit({ draining: !row?.draining }),
    cordon: () => edit({ cordoned: !row?.cordoned }),
    barn: () => edit({ site: row?.site === 'barn' ? 'home' : 'barn' }),
    empty: () => row && fleet.capacity(id, { models: [] }),
    full: () => row && fleet.capacity(id, { models: [modelOf('small'), modelOf('other')] }),
    hot: () => beat(85),
    hotter: () => beat(88),
    cool: () => beat(50),
    apply: () => apply({}),
    pin: () => apply({ placement: { ...placement, nodes: [id] } }),
    avoid: () => apply({ placement: { ...placement, avoidAgents: [other] } }),
    patient: () => apply({ onLoss: { policy: 'replace', afterSeconds: 5 } }),
    near: () => apply({ placement: { ...placement, nearAgents: [other] } }),
    ask: () => fleet.view.agents.has(name) && void fleet.submit(`t-${fleet.view.tasks.size}`, name),
    fail: () => {
      const placement = fleet.view.agents.get(name)?.placement;
      const boot = fleet.view.nodes.get(placement?.node ?? '')?.boot;
      if (!placement || boot === undefined) return;
      const { node, epoch, model } = placement;
      const message = { boot, agent: name, epoch, state: 'failed' as const, model, reason: 'no memory' };
      fleet.decide<'agent-observed'>(acceptObserved, { node, message });
    },
    remove: () => fleet.view.agents.has(name) && fleet.apply([{ type: 'agent-gone', row: removedAgent(name) }]),
    freeze: () =>
      fleet.apply([{ type: 'frozen', frozen: [{ site: 'barn', sinceMs: fleet.now, reason: 'x', released: [] }] }]),
    thaw: () => fleet.apply([{ type: 'frozen', frozen: [] }]),
    wait: () => fleet.pass(2000),
    halt: () => {
      fleet.now += 31_000;
    },
  };
  events[what]?.();
}
