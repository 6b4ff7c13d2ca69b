// The screen of `fleet plan` shows the verdict, the changes and the unplaced agents, and fits the terminal.
import type { WhatIfPlan } from '@blackroad/protocol';
import t from 'tap';
import { planScreen } from './plan-screen.ts';
import { selectorOf } from './verbs/plan.ts';
import { paintFor } from './words.ts';

const GiB = 1024 ** 3;
const paint = paintFor(false);
const as = { fleet: (words: string) => `fleet ${words}`, fleetNode: (words: string) => `fleet-node ${words}` };
const nothing: WhatIfPlan = {
  nodesLost: 0,
  agentsAdded: 0,
  placed: 0,
  moved: 0,
  displaced: 0,
  staying: 0,
  unplaced: [],
  moves: [],
  models: [],
  nodes: [],
};
const plan: WhatIfPlan = {
  nodesLost: 1,
  agentsAdded: 500,
  placed: 498,
  moved: 2,
  displaced: 1,
  staying: 0,
  unplaced: [
    {
      agents: 2,
      example: 'worker-499',
      text: 'every open node is full',
      fix: [[{ verb: 'join-node', why: 'full', class: null, names: [] }]],
    },
    {
      agents: 1,
      example: 'cipher',
      text: 'its node is lost, and its onLoss.policy is wait',
      fix: [[{ verb: 'edit-agent', field: 'onLoss.policy', change: 'set', values: ['replace'] }]],
    },
  ],
  moves: [
    { agent: 'worker-1', from: null, to: 'anvil', model: 'llama3.1:8b' },
    { agent: 'greeter', from: 'alice', to: 'anvil', model: 'llama3.1:8b' },
    { agent: 'echo', from: 'alice', to: 'anvil', model: 'llama3.1:8b' },
    { agent: 'cipher', from: 'alice', to: null, model: null },
  ],
  models: [
    { model: 'llama3.1:8b', node: 'anvil', step: 'load', agents: 500 },
    { model: 'qwen2.5:3b', node: 'anvil', step: 'unload', agents: 0 },
  ],
  nodes: [
    {
      node: 'alice',
      class: 'pi',
      site: 'garage',
      memoryTotalBytes: 5 * GiB,
      lost: true,
      before: { agents: 3, memoryBytes: 2 * GiB, models: ['llama3.2:1b'] },
      after: { agents: 0, memoryBytes: 0, models: [] },
    },
    {
      node: 'anvil',
      class: 'edge-gpu',
      site: 'home',
      memoryTotalBytes: 20 * GiB,
      lost: false,
      before: { agents: 1, memoryBytes: 5 * GiB, models: ['qwen2.5:3b'] },
      after: { agents: 501, memoryBytes: 15 * GiB, models: ['llama3.1:8b'] },
    },
  ],
};

t.test('the verdict is the first line; what changes, what is loaded, who is left and who moves follow', async (t) => {
  const screen = planScreen(plan, { columns: 120, paint, as });
  const [first, second] = screen.split('\n');
  t.equal(first, '498 of 500 added agents find a place; 1 node is gone; 2 agents move; 1 agent loses its place.');
  t.match(second, /^Nothing was touched\./);
  t.match(screen, /A place is memory and the tokens a minute that the agents book, not how soon they answer/);
  t.match(screen, / {2}alice +pi +garage +3 → gone +×{20} 2\.0 GiB lost +llama3\.2:1b/);
  t.match(
    screen,
    / {2}anvil +edge-gpu +home +1 → 501 +█{5}▒{10}·{5} 5\.0 → 15\.0 of 20\.0 GiB +\+ llama3\.1:8b, - qwen2\.5:3b/,
  );
  t.match(screen, / {2}load +llama3\.1:8b +anvil +for 500 agents/);
  t.match(screen, / {2}2 agents \(worker-499, \.\.\.\): every open node is full\n {4}to fix it: add a node/);
  t.match(screen, / {2}cipher: its node is lost/);
  t.match(screen, / {2}cipher +alice +nowhere/);
  t.notMatch(screen, /worker-1 /, 'added agents are counted, not listed as moves');
  for (const columns of [80, 120]) {
    const lines = planScreen(plan, { columns, paint, as }).split('\n');
    t.same(
      lines.filter((line) => [...line].length > columns),
      [],
      `fits ${columns} columns`,
    );
  }
});

t.test('the verdict in words that fit the figures', async (t) => {
  const verdict = (given: Partial<WhatIfPlan>) =>
    planScreen({ ...nothing, ...given }, { columns: 200, paint, as }).split('\n')[0];
  t.equal(verdict({ agentsAdded: 1, placed: 1 }), 'The added agent finds a place; nobody moves.');
  t.equal(verdict({ agentsAdded: 3, placed: 3 }), 'All 3 added agents find a place; nobody moves.');
  t.equal(verdict({ agentsAdded: 3 }), 'None of the 3 added agents finds a place; nobody moves.');
  t.equal(verdict({ agentsAdded: 1 }), 'The added agent finds no place; nobody moves.');
  t.equal(verdict({ nodesLost: 2 }), '2 nodes are gone; no agent is touched.');
  t.equal(verdict({ staying: 1 }), '1 agent has no other place and stays.');
  t.equal(verdict({ moved: 1, staying: 2 }), '1 agent moves; 2 agents have no other place and stay.');
  t.equal(verdict({ moved: 1 }), '1 agent moves.');
  t.equal(verdict({ displaced: 2000 }), '2,000 agents lose their place.');
});

t.test('long lists are cut and say so', async (t) => {
  const nodes = Array.from({ length: 30 }, (_, i) => ({ ...plan.nodes[1]!, node: `n${i}` }));
  const screen = planScreen({ ...nothing, agentsAdded: 30, placed: 30, nodes }, { columns: 80, paint, as });
  t.match(screen, /n11 .*\n {2}\.\.\. and 18 more nodes \(--json prints them\)/);
  t.notMatch(screen, /n12 /);
});

t.test('which nodes, as people write them', async (t) => {
  t.same(selectorOf('lose', 'site=garage'), { site: 'garage' });
  t.same(selectorOf('lose', 'site=left, upstairs,class=pi'), { site: 'left, upstairs', class: 'pi' });
  t.same(selectorOf('drain', 'label=room=attic,label=floor=2,node=alice'), {
    node: 'alice',
    labels: { room: 'attic', floor: '2' },
  });
  for (const wrong of ['garage', 'site=', 'room=attic', 'label=room', '', 'label==x'])
    t.throws(
      () => selectorOf('lose', wrong),
      { code: 'invalid-request', message: /^--lose: expected node=<id>, .*got "/ },
      wrong,
    );
});
