// Explanations of a placement agree with placement itself, count every node once, and change nothing.

import assert from 'node:assert/strict';
import { type AgentSpec, faults, type NodeCapacity, type NodeModel, PlacementExplained } from '@blackroad/protocol';
import { whole } from '@blackroad/std/pace';
import fc from 'fast-check';
import t from 'tap';
import { SampleFleet } from '../../../../test/fixtures/coordinator/sample-fleet.ts';
import { GiB, modelOf } from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { place, snapshotOf } from '../../../../test/fixtures/coordinator/whole-plan.ts';
import type { NodeRow } from '../../state/rows.ts';
import type { View } from '../../state/view.ts';
import { explainingAgent } from './explain.ts';

function add(
  fleet: SampleFleet,
  id: string,
  row: Partial<NodeRow> = {},
  models: NodeModel[] = [modelOf('small')],
  capacity: Partial<NodeCapacity> = {},
) {
  fleet.addNode(id, row);
  fleet.online(id);
  const reported: NodeCapacity = {
    boot: fleet.node(id).boot,
    memoryTotalBytes: 8 * GiB,
    memoryFreeBytes: 4 * GiB,
    diskFreeBytes: 50 * GiB,
    models,
    defaultChat: models[0]?.name ?? null,
    embedder: null,
    ...capacity,
  };
  fleet.apply([{ type: 'capacity', node: id, capacity: reported }]);
}
function explain(fleet: SampleFleet, agent: string): PlacementExplained {
  const explained = whole(explainingAgent(fleet.view as View, agent, fleet.now, fleet.policy));
  assert(explained);
  assert.deepEqual(faults(PlacementExplained, explained), []);
  return explained;
}
const rules = (given: Partial<AgentSpec['placement']>) => ({
  placement: { class: [], site: [], labels: {}, nodes: [], avoidAgents: [], ...given },
});

t.test(
  'a placed agent: its node is judged without it, the others best first, each class by its first refusals',
  async (t) => {
    const fleet = new SampleFleet();
    for (const id of ['alice', 'aria', 'codex']) add(fleet, id);
    add(fleet, 'anvil', { class: 'gpu' }, [modelOf('large', { parametersB: 70 })]);
    add(fleet, 'paid', { class: 'cloud' }, [modelOf('small')], { pricePerMillionTokens: 3 });
    fleet.apply([{ type: 'node', row: { ...fleet.node('codex'), cordoned: true } }]);
    fleet.apply1('greeter');
    fleet.move(['greeter', 'aria']);
    const why = explain(fleet, 'greeter');
    t.match(why, { agent: 'greeter', node: 'aria', placedMs: fleet.now, pending: null, unplaced: null });
    t.match(why.here, { node: 'aria', model: 'small', isHere: true });
    t.match(why.here?.scores.find(({ name }) => name === 'load')?.text, /^0 other agents/);
    t.match(
      why.here?.scores.find(({ name }) => name === 'locality'),
      { value: 1, text: 'its memory is here' },
    );
    t.same(
      why.others.map(({ node }) => node),
      ['alice'],
    );
    t.equal(why.text, 'greeter is on aria with small, the best of 2 nodes that would take it');
    t.match(why.classes, [
      { class: 'cloud', nodes: 1, wouldTake: 0, refused: [{ filter: 'class', nodes: 1, text: /^paid: / }] },
      { class: 'gpu', nodes: 1, wouldTake: 0, refused: [{ filter: 'model', nodes: 1, text: /^anvil: / }] },
      { class: 'pi', nodes: 3, wouldTake: 2, refused: [{ filter: 'cordoned', nodes: 1, text: /^codex: / }] },
    ]);
  },
);

t.test(
  'a better place is named, and that it is no reason to move; so is a node that would not take it anew',
  async (t) => {
    const fleet = new SampleFleet();
    for (const id of ['alice', 'aria']) add(fleet, id);
    for (const name of ['greeter', 'echo', 'prism', 'cipher']) fleet.apply1(name);
    fleet.move(['greeter', 'alice'], ['echo', 'alice'], ['prism', 'alice'], ['cipher', 'alice']);
    const why = explain(fleet, 'greeter');
    t.match(why.here?.scores.find(({ name }) => name === 'load')?.text, /^3 other agents/);
    if ((why.others[0]?.score ?? 0) > (why.here?.score ?? 0)) t.match(why.text, /aria would be better by [\d.]+ now/);
    else t.match(why.text, /the best of 2 nodes/);
    fleet.apply([{ type: 'node', row: { ...fleet.node('alice'), cordoned: true } }]);
    const cordoned = explain(fleet, 'greeter');
    t.equal(
      cordoned.text,
      'greeter is on alice with small, which would refuse it now (cordoned: a person keeps new agents away from it)',
    );
    t.match(cordoned.here, { node: 'alice', isHere: true }, 'and still what it scores there');
    fleet.apply([{ type: 'node', row: { ...fleet.node('alice'), draining: true, cordoned: false } }]);
    t.match(explain(fleet, 'greeter').pending, /alice is draining/);
  },
);

t.test('an agent that is nowhere: why, and the smallest change', async (t) => {
  const fleet = new SampleFleet();
  t.equal(whole(explainingAgent(fleet.view as View, 'nobody', fleet.now, fleet.policy)), null);
  fleet.apply1('painter', { model: ['flux'] });
  t.match(explain(fleet, 'painter'), {
    node: null,
    here: null,
    others: { length: 0 },
    classes: { length: 0 },
    unplaced: { text: /no node/ },
  });
  for (const id of ['alice', 'aria']) add(fleet, id);
  const why = explain(fleet, 'painter');
  t.match(why, { here: null, others: { length: 0 }, unplaced: { text: /flux/, fix: [[{ verb: /\w/ }]] } });
  t.equal(why.text, `painter is on no node: ${why.unplaced?.text}`);
  t.match(why.classes, [{ class: 'pi', nodes: 2, wouldTake: 0, refused: [{ filter: 'model', nodes: 2 }] }]);
  fleet.apply1('waiting');
  t.match(explain(fleet, 'waiting'), {
    unplaced: null,
    here: null,
    text: /^waiting is on no node yet: alice is the best of 2/,
  });
});

t.test('company counts: a node with an agent it avoids refuses it by that name', async (t) => {
  const fleet = new SampleFleet();
  for (const id of ['alice', 'aria']) add(fleet, id);
  fleet.apply1('cipher');
  fleet.move(['cipher', 'alice']);
  fleet.apply1('loner', rules({ avoidAgents: ['cipher'] }));
  const why = explain(fleet, 'loner');
  t.match(why.classes, [{ wouldTake: 1, refused: [{ filter: 'avoidAgents', nodes: 1, text: /cipher/ }] }]);
  t.same(
    why.others.map(({ node }) => node),
    ['aria'],
  );
});

const arbitraryFleet = fc.record({
  nodes: fc.array(
    fc.record({
      class: fc.constantFrom('pi', 'gpu', 'cloud'),
      site: fc.constantFrom('home', 'attic'),
      cordoned: fc.boolean(),
      models: fc.subarray(['small', 'large']),
      freeGiB: fc.constantFrom(1, 3, 8),
    }),
    { maxLength: 12 },
  ),
  class: fc.constantFrom<string[]>([], ['pi'], ['gpu', 'cloud']),
  site: fc.constantFrom<string[]>([], ['attic']),
  model: fc.constantFrom<string[]>(['small'], ['large', 'small'], ['auto']),
});

t.test('every node counts once in its class; the best that would take it is where placement puts it', async (t) => {
  let placed = 0;
  fc.assert(
    fc.property(arbitraryFleet, ({ nodes, class: classes, site, model }) => {
      const fleet = new SampleFleet();
      nodes.forEach((node, i) => {
        const models = node.models.map((name) => modelOf(name, { sizeBytes: (name === 'small' ? 1 : 4) * GiB }));
        const row = { class: node.class, site: node.site, cordoned: node.cordoned };
        add(fleet, `node-${i}`, row, models, { memoryFreeBytes: node.freeGiB * GiB });
      });
      fleet.apply1('greeter', { model, ...rules({ class: classes, site }) });
      const stored = structuredClone(fleet.view);
      const why = explain(fleet, 'greeter');
      assert.deepEqual(fleet.view, stored, 'the view is as it was');
      for (const each of why.classes) {
        const inClass = nodes.filter((node) => node.class === each.class).length;
        const refused = each.refused.reduce((sum, { nodes: count }) => sum + count, 0);
        assert.deepEqual([each.nodes, each.wouldTake + refused], [inClass, inClass], each.class);
      }
      assert.equal(new Set(nodes.map((node) => node.class)).size, why.classes.length);
      const { snapshot } = snapshotOf(fleet.view as View, fleet.now, fleet.policy);
      const [chosen] = place(snapshot).placed;
      assert.deepEqual(
        [why.others[0]?.node, why.others[0]?.model, why.others[0]?.score.toFixed(2)],
        [chosen?.node, chosen?.model, chosen?.score.toFixed(2)],
      );
      assert.equal(why.unplaced === null, chosen !== undefined);
      for (const [i, other] of why.others.entries()) assert(i === 0 || other.score <= why.others[i - 1]!.score);
      if (chosen) placed++;
    }),
    { numRuns: 200, seed: 4 },
  );
  t.ok(placed > 50, `${placed} were placed`);
});
