// An agent whose model cannot be fetched or loaded on its node: it waits, moves once, and does not move back and forth.

import { whole } from '@blackroad/std/pace';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { GiB, modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { explainingAgent } from '../placement/why/explain.ts';
import type { View } from '../state/view.ts';
import { faultPatienceMs } from './model-faults.ts';
import { acceptObserved } from './presence.ts';

function pis(...ids: string[]): SampleFleet {
  const fleet = new SampleFleet();
  for (const id of ids) {
    fleet.online(id);
    fleet.capacity(id, { models: [modelOf('small'), modelOf('tiny')], memoryFreeBytes: 4 * GiB });
  }
  return fleet;
}
/** The agent reports that its model works, or why not. */
function says(fleet: SampleFleet, agent: string, reason: string | null): void {
  const { node, epoch, model } = fleet.agent(agent).placement!;
  const state = reason === null ? 'ready' : 'failed';
  const message = { boot: fleet.node(node).boot, agent, epoch, state, model, ...(reason ? { reason } : {}) } as const;
  fleet.decide<'agent-observed'>(acceptObserved, { node, message });
}
/** Advances the time with heartbeats and ticks, and runs placement. */
function later(fleet: SampleFleet, ms: number): void {
  for (const until = fleet.now + ms; fleet.now < until; ) {
    const now = Math.min(until, fleet.now + 10_000);
    fleet.apply([...fleet.view.nodes.keys()].map((node) => ({ type: 'seen', node, atMs: now })));
    fleet.tick(now - fleet.now);
    fleet.plan();
  }
}
const where = (fleet: SampleFleet, agent = 'greeter') => fleet.agent(agent).placement?.node;
const other = (node: string | undefined) => (node === 'alice' ? 'aria' : 'alice');

t.test('it moves after half a minute of failing, stays where it works, and nobody new comes meanwhile', async (t) => {
  const fleet = pis('alice', 'aria');
  fleet.apply1('greeter', { model: ['small'] });
  fleet.plan();
  const first = where(fleet) as string;
  says(fleet, 'greeter', 'small does not load: not enough memory');
  later(fleet, faultPatienceMs - 5_000);
  t.equal(where(fleet), first, 'most failures are over by then');
  const waiting = whole(explainingAgent(fleet.view as View, 'greeter', fleet.now, fleet.policy));
  t.equal(
    waiting?.pending,
    `it fails on ${first} (small does not load: not enough memory): placement looks for another node in 5 s unless it works by then`,
  );
  t.match(waiting?.classes[0]?.refused, [
    { filter: 'failing', text: `${first}: small does not load: not enough memory` },
  ]);
  later(fleet, 5_000);
  t.equal(where(fleet), other(first));
  says(fleet, 'greeter', null);
  for (let i = 0; i < 3; i++) fleet.apply1(`more-${i}`, { model: ['small'] });
  fleet.plan();
  for (let i = 0; i < 3; i++) t.equal(where(fleet, `more-${i}`), other(first));
  later(fleet, 3 * 3_600_000);
  t.equal(where(fleet), other(first), 'and it does not go back');
  t.equal(fleet.view.modelFaults.size, 0, 'which is forgotten');
});

t.test('what works again before that stays, and so does one that nobody else takes', async (t) => {
  const fleet = pis('alice');
  fleet.apply1('greeter', { model: ['small'] });
  fleet.plan();
  says(fleet, 'greeter', 'small could not be fetched: no such host');
  later(fleet, 60_000);
  t.equal(where(fleet), 'alice');
  t.match(fleet.agent('greeter').unplaced, {
    text: 'it fails on alice (small could not be fetched: no such host), and it stays there: small fails on every node that has it',
    fix: [
      [
        { verb: 'mend-model', node: 'alice' },
        { verb: 'wait', for: 'retry' },
      ],
    ],
  });
  says(fleet, 'greeter', null);
  fleet.plan();
  t.equal(fleet.agent('greeter').unplaced, null);
  t.equal(where(fleet), 'alice');
});

t.test('its next choice will do, on the same node too', async (t) => {
  const fleet = pis('alice');
  fleet.apply1('greeter', { model: ['small', 'tiny'] });
  fleet.plan();
  says(fleet, 'greeter', 'small does not load: no such file');
  later(fleet, faultPatienceMs);
  t.match(fleet.agent('greeter').placement, { node: 'alice', model: 'tiny', epoch: 2 });
});

t.test('where the model works for others it is not the model', async (t) => {
  const fleet = pis('alice', 'aria');
  fleet.runs('writer', 'alice', { model: ['small'] });
  fleet.apply1('greeter', { model: ['small'] });
  fleet.move(['greeter', 'alice']);
  const [writer, greeter] = [fleet.agent('writer'), fleet.agent('greeter')];
  t.equal(writer.placement?.model, greeter.placement?.model);
  says(fleet, 'greeter', 'another node writes its memory now');
  later(fleet, 300_000);
  t.equal(where(fleet), 'alice');
  t.equal(fleet.view.modelFaults.size, 0);
});

t.test('a model that fails everywhere moves its agents less and less', async (t) => {
  const fleet = pis('alice', 'aria', 'octavia');
  fleet.apply1('greeter', { model: ['small'] });
  fleet.plan();
  let moves = 0;
  for (let minute = 0; minute < 24 * 60; minute++) {
    const before = where(fleet);
    says(fleet, 'greeter', minute % 2 ? 'small does not load: not enough memory' : 'small does not load: no such file');
    later(fleet, 60_000);
    if (where(fleet) !== before) moves++;
  }
  t.ok(moves >= 2 && moves <= 24, `${moves} moves in a day`);
  fleet.apply([{ type: 'node-gone', id: 'octavia' }]);
  t.notOk(fleet.view.modelFaults.has('octavia'));
});
