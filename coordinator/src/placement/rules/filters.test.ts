// The texts of every filter: for each row of the table, a node that only this filter refuses, and the text for the agent. A filter without
// a case here fails.

import { FixSteps, faults, fixInWords, maxAgentsPerNode } from '@blackroad/protocol';
import t from 'tap';
import {
  demandOf,
  GiB,
  modelOf,
  nodeOf,
  snapshotWith,
  stayingOf,
} from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { place } from '../../../../test/fixtures/coordinator/whole-plan.ts';
import { closedNames, closedRow } from '../model/closed.ts';
import { openRoom, useOf } from '../model/room.ts';
import type { Demand, SupplyNode } from '../model/supply.ts';
import { allFilters, avoidAgents, filters, shortages } from './feasible.ts';
import type { Candidate } from './filter.ts';
import { nodeWith, rules } from './rules.ts';

const wants = {
  model: ['m'],
  load: { tokensPerMinute: 600 },
  tools: [{ tool: 'gpio' as const, pins: ['motion'] }],
  placement: { site: ['home'], labels: { room: 'kitchen' }, avoidAgents: ['bob'], maxPricePerMillionTokens: 1 },
};
const demand = demandOf('ada', wants);
const fast = { prefillTps: 0, decodeTps: 1000, samples: 1 };
const taking: Partial<SupplyNode> = {
  site: 'home',
  labels: { room: 'kitchen' },
  board: { pins: ['motion'], sensors: [], camera: false },
  models: [modelOf('m', { speed: fast }), modelOf('n', { speed: fast })],
};
/** The change of a suitable node that makes the filter refuse it; for `nodes` the agent is changed. */
const refusing: Record<string, Partial<SupplyNode>> = {
  nodes: {},
  class: { class: 'cloud' },
  site: { site: 'attic' },
  simulated: { simulated: true },
  labels: { labels: { room: 'bath' } },
  price: { pricePerMillionTokens: 3 },
  board: { board: { pins: ['lamp'], sensors: [], camera: false } },
  model: { models: [modelOf('n')] },
  failing: { failing: new Map([['m', 'm does not load: not enough memory']]) },
  pool: { agents: [stayingOf('carl', 'n', { placement: { pool: 'dedicated' } })] },
  memory: { models: [modelOf('m', { sizeBytes: 90 * GiB, speed: fast })] },
  throughput: { models: [modelOf('m', { speed: { ...fast, decodeTps: 1 } })] },
  agents: { agents: Array.from({ length: maxAgentsPerNode }, (_, i) => stayingOf(`a${i}`, 'm')) },
  avoidAgents: { agents: [stayingOf('bob', 'm')] },
  ...Object.fromEntries(closedNames.map((filter) => [filter, { closed: { filter, text: `by ${filter}` } }])),
};
const asking = (filter: string) =>
  filter === 'nodes' ? demandOf('ada', { ...wants, placement: { ...wants.placement, nodes: ['zoe'] } }) : demand;
const nodeRefusedBy = (filter: string) => nodeOf(`by-${filter}`, { ...taking, ...refusing[filter] });
const candidateOf = ({ spec }: Demand, node: SupplyNode): Candidate => ({
  spec,
  use: useOf(spec),
  room: openRoom(node),
  conflicts: new Map(node.agents.some(({ spec: { name } }) => name === 'bob') ? [[node.id, 'bob']] : []),
});

t.test('a node that nothing speaks against takes the agent', async (t) => {
  t.equal(place(snapshotWith([nodeOf('alice', taking)], [demand])).placed.length, 1);
});
t.test('the words and the fix of every filter are said of a node that it alone refuses', async (t) => {
  const fixes = new Set<string>();
  for (const filter of filters) {
    const { name } = filter;
    t.ok(refusing[name], `a case for ${name}`);
    const [asked, node] = [asking(name), nodeRefusedBy(name)];
    const candidate = candidateOf(asked, node);
    t.same(
      allFilters(candidate).map((each) => each.name),
      [name],
    );
    const [first] = place(snapshotWith([node], [asked])).unplaced;
    t.same(first?.why.refused, [{ filter: name, nodes: 1, text: `${node.id}: ${filter.words(candidate)}` }]);
    t.same(first?.why.fix, [filter.fix.ways(candidate)], name);
    t.same(faults(FixSteps, first?.why.fix), [], name);
    fixes.add(fixInWords(first?.why.fix ?? []));
  }
  t.equal(fixes.size, filters.length, 'no two filters ask for the same');
});
t.test('where one filter refuses every node, the sentence is that of its row', async (t) => {
  const said = (name: string) => place(snapshotWith([nodeRefusedBy(name)], [asking(name)])).unplaced[0]?.why.text;
  for (const { name } of rules) {
    if (name === 'class') t.match(said(name), /^only cloud nodes are there/);
    else t.equal(said(name), `there is no ${nodeWith(asking(name).spec)} (1 looked at)`);
  }
  for (const name of closedNames) {
    const { only } = closedRow(name);
    const words =
      'none' in only ? `no ${nodeWith(demand.spec)} ${only.none}` : `the only ${nodeWith(demand.spec)} ${only.one}`;
    t.equal(said(name), words);
  }
  for (const { name, only } of shortages) t.equal(said(name), only(nodeWith(demand.spec), demand.spec));
  t.equal(said('avoidAgents'), avoidAgents.only(['by-avoidAgents'], ['bob']));
});
t.test('where several refuse, each says how many in the words of its row', async (t) => {
  const fleetOf = (names: readonly string[]) => snapshotWith(names.map(nodeRefusedBy), [demand]);
  const closed = place(fleetOf(closedNames)).unplaced[0]?.why;
  t.match(closed?.text, closedNames.map((name) => `1 ${closedRow(name).lacking}`).join(', '));
  const others = filters.map(({ name }) => name).filter((name) => name !== 'nodes' && name !== 'avoidAgents');
  const all = place(fleetOf(others)).unplaced[0]?.why;
  t.match(all?.text, shortages.map(({ lacking }) => `1 ${lacking}`).join(', '));
  t.same(
    all?.refused.map(({ filter }) => filter),
    others,
    'in the order of the filters',
  );
});
t.test('every rule of a spec says which nodes it leaves', async (t) => {
  const { spec } = demandOf('ada', {
    placement: { nodes: ['alice'], class: ['pi'], site: ['attic'], simulated: true, labels: { room: 'bath' } },
  });
  for (const { name, asked } of rules) t.match(nodeWith(spec), asked(spec.placement) ?? `nothing of ${name}`);
  t.equal(nodeWith(demandOf('ada').spec), 'node');
});
