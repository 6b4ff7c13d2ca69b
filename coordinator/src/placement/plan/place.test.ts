import { fixInWords } from '@blackroad/protocol';
import t from 'tap';
import {
  demandOf,
  GiB,
  homeFleet,
  modelOf,
  nodeOf,
  snapshotWith,
  stayingOf,
} from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { place as placeSnapshot } from '../../../../test/fixtures/coordinator/whole-plan.ts';
import type { ClosedReason } from '../model/closed.ts';
import type { Demand, PlacementPlan, Strategy, SupplyNode } from '../model/supply.ts';
import { whyOf } from '../rules/score.ts';

function place(given: { nodes: SupplyNode[]; demands: Demand[]; strategy?: Strategy }): PlacementPlan {
  return placeSnapshot(snapshotWith(given.nodes, given.demands, given.strategy));
}

const where = (plan: PlacementPlan, agent: string) => plan.placed.find((each) => each.agent === agent)?.node ?? null;
function why(plan: PlacementPlan, agent: string) {
  const found = plan.unplaced.find((each) => each.agent === agent)?.why;
  return found && { ...found, fix: fixInWords(found.fix) };
}
function count(plan: PlacementPlan): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { node } of plan.placed) counts[node] = (counts[node] ?? 0) + 1;
  return counts;
}
function closed(node: SupplyNode, filter: ClosedReason): SupplyNode {
  return { ...node, closed: { filter, text: `it is ${filter}` } };
}
function noWay(nodes: SupplyNode[], demand: Demand): { text: string; fix: string } {
  const { placed, unplaced } = place({ nodes, demands: [demand] });
  t.equal(placed.length, 0);
  const { text, fix } = unplaced[0]!.why;
  return { text, fix: fixInWords(fix) };
}

t.test('the home fleet: each agent where its owner would expect it', async (t) => {
  const plan = place({
    nodes: homeFleet(),
    demands: [
      demandOf('lucidia', { model: ['llama3.1:8b', 'small'] }),
      demandOf('alice', { model: ['small'] }),
      demandOf('prism', { model: ['qwen2.5:14b', 'llama3.1:8b'] }),
      demandOf('echo', { model: ['auto'], placement: { class: ['pi', 'cloud'] } }),
      demandOf('sage', { model: ['claude', 'auto'], placement: { class: ['cloud', 'edge-gpu'] } }),
      demandOf('cipher', { model: ['claude'] }),
    ],
  });
  t.equal(where(plan, 'lucidia'), 'anvil', 'its first choice is only there');
  t.not(where(plan, 'alice'), 'anvil');
  t.equal(where(plan, 'prism'), 'anvil');
  t.equal(plan.placed.find(({ agent }) => agent === 'prism')?.model, 'qwen2.5:14b');
  t.not(where(plan, 'echo'), 'paid', 'what costs money comes last');
  t.equal(where(plan, 'sage'), 'paid', 'unless its model is the first choice');
  t.match(why(plan, 'cipher'), { text: /no node has a model named claude/, fix: /^fetch claude on / });
  const here = whyOf(plan.placed.find(({ agent }) => agent === 'lucidia')!);
  t.ok(here.scores.length >= 8 && here.score > 0);
});
t.test('the paid node takes over when no other node is left', async (t) => {
  const nodes = homeFleet().map((node) => (node.class === 'cloud' ? node : closed(node, 'away')));
  const plan = place({ nodes, demands: [demandOf('echo', { placement: { class: ['pi', 'cloud'] } })] });
  t.equal(where(plan, 'echo'), 'paid');
});
t.test('five nodes with the same model share agents evenly', async (t) => {
  const demands = Array.from({ length: 50 }, (_, i) => demandOf(`a${i}`, { model: ['small'] }));
  t.same(count(place({ nodes: homeFleet(), demands })), { alice: 10, aria: 10, codex: 10, lucidia: 10, octavia: 10 });
});
t.test('a node with four slots takes about four times as many', async (t) => {
  const models = (slots: number) => [modelOf('m', { slots, resident: true, residentBytes: 4 * GiB })];
  const nodes = [nodeOf('one', { models: models(1) }), nodeOf('four', { models: models(4) })];
  const counts = count(place({ nodes, demands: Array.from({ length: 50 }, (_, i) => demandOf(`a${i}`)) }));
  t.ok(counts.four! >= 38 && counts.four! <= 42, JSON.stringify(counts));
});
t.test('agents that stay count: newcomers go where there is less of a crowd', async (t) => {
  const crowd = Array.from({ length: 6 }, (_, i) => stayingOf(`old${i}`, 'small'));
  const nodes = [nodeOf('alice', { agents: crowd }), nodeOf('aria')];
  const demands = Array.from({ length: 4 }, (_, i) => demandOf(`a${i}`));
  t.same(count(place({ nodes, demands })), { aria: 4 });
});
t.test('priority first, then what is hardest to place', async (t) => {
  const models = [modelOf('m', { sizeBytes: 2 * GiB }), modelOf('n', { sizeBytes: 2 * GiB })];
  const one = [nodeOf('alice', { models, memoryFreeBytes: 3.5 * GiB })];
  const byPriority = place({
    nodes: one,
    demands: [demandOf('a', { model: ['m'], priority: 10 }), demandOf('z', { model: ['n'], priority: 90 })],
  });
  t.same([where(byPriority, 'a'), where(byPriority, 'z')], [null, 'alice']);
  t.match(why(byPriority, 'a'), { text: 'no node has memory free for m', fix: /free memory on alice/ });

  const two = [
    ...one,
    nodeOf('aria', { models: [modelOf('m', { sizeBytes: 2 * GiB })], memoryFreeBytes: 3.5 * GiB, health: 0.5 }),
  ];
  const byHardness = place({ nodes: two, demands: [demandOf('a', { model: ['m'] }), demandOf('z', { model: ['n'] })] });
  t.same([where(byHardness, 'a'), where(byHardness, 'z')], ['aria', 'alice'], 'z had one way only');
});
t.test('equal nodes are filled in the order of their names', async (t) => {
  const nodes = Array.from({ length: 9 }, (_, i) => nodeOf(`n${8 - i}`));
  const plan = place({ nodes, demands: Array.from({ length: 9 }, (_, i) => demandOf(`a${i}`)) });
  t.same(
    plan.placed.map(({ node }) => node),
    ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7', 'n8'],
  );
});
t.test('a node passed over for its company is still there for the next agent', async (t) => {
  const bob = stayingOf('bob', 'small', { placement: { avoidAgents: ['a'] } });
  const nodes = [nodeOf('alice', { agents: [bob] }), nodeOf('aria', { health: 0.1 })];
  const plan = place({ nodes, demands: [demandOf('a'), demandOf('c')] });
  t.same([where(plan, 'a'), where(plan, 'c')], ['aria', 'alice']);
});
t.test('the first pays for the weights, the next ones for their context', async (t) => {
  const models = [modelOf('m', { runtime: 'llama', sizeBytes: 3 * GiB, parametersB: 3, slots: 100 })];
  const demands = Array.from({ length: 20 }, (_, i) => demandOf(`a${String(i).padStart(2, '0')}`));
  const plan = place({ nodes: [nodeOf('alice', { models, memoryFreeBytes: 4 * GiB })], demands });
  // One context of 2,048 tokens at 112 KiB is 224 MiB: four of them fit the last GiB.
  t.equal(plan.placed.length, 4);
  t.match(fixInWords(plan.unplaced[0]!.why.fix), /lower limits\.contextTokens \(2048\) so that it fits alice/);
});
t.test('an agent returns to its memory when nothing else differs', async (t) => {
  const nodes = ['alice', 'aria', 'codex'].map((id) => nodeOf(id));
  t.equal(where(place({ nodes, demands: [demandOf('a', {}, 'codex')] }), 'a'), 'codex');
  t.equal(where(place({ nodes, demands: [demandOf('a')] }), 'a'), 'alice');
});
t.test('company: in both directions, and against agents that stay', async (t) => {
  const nodes = [
    nodeOf('alice', { agents: [stayingOf('bob', 'small', { placement: { avoidAgents: ['a'] } })] }),
    nodeOf('aria'),
  ];
  const plan = place({ nodes, demands: [demandOf('a'), demandOf('b', { placement: { avoidAgents: ['a', 'bob'] } })] });
  t.equal(where(plan, 'a'), 'aria', 'bob does not want it');
  t.match(why(plan, 'b'), { text: /all 2 nodes that could take it hold an agent/, fix: /placement\.avoidAgents/ });
});

t.test('company is kept within a space: whom a spec names is an agent of its own space', async (t) => {
  const elsewhere = <P extends { id: string; space: string }>(party: P): P => ({
    ...party,
    id: `${party.id} of the workshop`,
    space: 'workshop',
  });
  const bob = stayingOf('bob', 'small');
  const avoidsBob = demandOf('a', { placement: { avoidAgents: ['bob'] } });
  const nodes = [nodeOf('alice', { agents: [elsewhere(bob)] }), nodeOf('aria', { agents: [bob], health: 0.1 })];
  t.equal(where(place({ nodes, demands: [avoidsBob] }), 'a'), 'alice', 'that bob is another one');
  const there = elsewhere(avoidsBob);
  t.equal(where(place({ nodes, demands: [there] }), there.id), 'aria');
  const nearBob = { placement: { nearAgents: ['bob'] } };
  const sites = [
    nodeOf('alice', { site: 'barn', agents: [elsewhere(bob)] }),
    nodeOf('aria', { site: 'home', agents: [bob] }),
  ];
  const near = [demandOf('n', nearBob), elsewhere(demandOf('n', nearBob))];
  const plan = place({ nodes: sites, demands: near });
  t.same([where(plan, 'n'), where(plan, near[1]!.id)], ['aria', 'alice']);
  const spread = { placement: { spread: { group: 'crew', over: 'node' as const } } };
  const member = stayingOf('m', 'small', spread);
  const crew = [nodeOf('alice', { agents: [elsewhere(member)] }), nodeOf('aria', { agents: [member] })];
  const joins = [demandOf('s', spread), elsewhere(demandOf('s', spread))];
  const joined = place({ nodes: crew, demands: joins });
  t.same([where(joined, 's'), where(joined, joins[1]!.id)], ['alice', 'aria'], 'and so is a group that spreads');
});

t.test('an unplaced agent says what would fix it', async (t) => {
  const [alice, aria] = [nodeOf('alice'), nodeOf('aria')];
  const cases: [name: string, SupplyNode[], Demand, text: RegExp, fix: RegExp][] = [
    ['no node', [], demandOf('a'), /^no node has joined/, /^join a machine$/],
    ['away', [closed(alice, 'away')], demandOf('a'), /^no node is online$/, /^bring alice back, or join a machine$/],
    [
      'cordoned',
      [closed(alice, 'cordoned'), closed(aria, 'cordoned'), nodeOf('x', { class: 'cpu' })],
      demandOf('a', { placement: { class: ['pi'] } }),
      /^all 2 nodes of class pi are cordoned$/,
      /^let alice take agents again$/,
    ],
    [
      'mixed',
      [closed(alice, 'away'), closed(aria, 'cordoned')],
      demandOf('a'),
      /^none of the 2 nodes takes agents now: 1 not online, 1 cordoned$/,
      /^let aria take agents again$/,
    ],
    ['unheard', [closed(alice, 'unheard')], demandOf('a'), /only node has not been heard of/, /^wait until alice/],
    [
      'model',
      [alice, aria],
      demandOf('a', { model: ['x'] }),
      /^no node has a model named x$/,
      /^fetch x on alice, or set model: \[auto\]$/,
    ],
    [
      'model behind a cordon',
      [alice, closed(nodeOf('b', { models: [modelOf('x')] }), 'cordoned')],
      demandOf('a', { model: ['x'] }),
      /^no open node has a model named x$/,
      /^let b take agents again$/,
    ],
    [
      'two steps',
      [closed(alice, 'cordoned')],
      demandOf('a', { model: ['x'] }),
      /the only node is cordoned/,
      /^let alice take agents again; then fetch x on alice, or/,
    ],
    [
      'no chat model',
      [nodeOf('m', { models: [], pulls: ['ollama'] })],
      demandOf('a'),
      /^no node has a chat model$/,
      /^fetch a chat model on m$/,
    ],
    [
      'no chat model, a catalogue',
      [nodeOf('m', { models: [], pulls: ['llama'], fetchable: ['qwen'] })],
      demandOf('a'),
      /^no node has a chat model$/,
      /^fetch a chat model on m, for example qwen$/,
    ],
    [
      'a server that is away is not pulled to',
      [nodeOf('m', { models: [] })],
      demandOf('a', { model: ['x'] }),
      /^no node has a model named x$/,
      /^start the model server of m with x$/,
    ],
    [
      'of the wanted models the one that can be fetched',
      [nodeOf('m', { models: [], pulls: ['llama'], fetchable: ['qwen', 'qwen:3b'] })],
      demandOf('a', { model: ['x', 'Qwen:3B', 'auto'] }),
      /^no node has a model named/,
      /^fetch Qwen:3B on m$/,
    ],
    [
      'an embedding model is no chat model',
      [nodeOf('m', { models: [{ ...modelOf('all-minilm'), kind: 'embed' }], pulls: ['ollama'] })],
      demandOf('a', { model: ['All-MiniLM'] }),
      /^no node has a model named All-MiniLM$/,
      /^name a chat model in place of All-MiniLM, which makes embeddings, or set model: \[auto\]$/,
    ],
    [
      'what nothing can fetch',
      [nodeOf('m', { models: [], pulls: ['llama'], fetchable: ['qwen'] })],
      demandOf('a', { model: ['x'] }),
      /^no node has a model named x$/,
      /^put a GGUF file of x into the models folder of m/,
    ],
    [
      'class',
      [alice],
      demandOf('a', { placement: { class: ['gpu'] } }),
      /^there is no node of class gpu/,
      /add pi to placement.class/,
    ],
    [
      'cloud',
      [nodeOf('c', { class: 'cloud' })],
      demandOf('a'),
      /^only cloud nodes are there/,
      /add cloud to placement.class/,
    ],
    [
      'money last',
      [nodeOf('c', { class: 'cloud' }), closed(alice, 'away')],
      demandOf('a', { model: ['small'] }),
      /no node is online|none/,
      /bring alice back/,
    ],
    [
      'site, labels',
      [alice],
      demandOf('a', { placement: { site: ['attic'], labels: { room: 'x' } } }),
      /^there is no node at site attic with room=x/,
      /add home to placement.site; then label alice room=x/,
    ],
    [
      'named',
      [alice],
      demandOf('a', { placement: { nodes: ['zoe'] } }),
      /^there is no node named zoe/,
      /^name nodes that exist in placement.nodes, or join a machine as zoe$/,
    ],
    [
      'too large',
      [nodeOf('p', { models: [modelOf('h', { sizeBytes: 40 * GiB, parametersB: 70 })] })],
      demandOf('a', { model: ['h'] }),
      /no node has memory free for h/,
      /^name a smaller model than h, which fits p$/,
    ],
  ];
  for (const [name, nodes, demand, text, fix] of cases) {
    const said = noWay(nodes, demand);
    t.match(said.text, text, name);
    t.match(said.fix, fix, name);
  }
});
t.test('of two nodes that need as little, the larger is named', async (t) => {
  const nodes = [nodeOf('a'), nodeOf('b', { memoryTotalBytes: 80 * GiB }), nodeOf('c')];
  t.match(noWay(nodes, demandOf('x', { model: ['llama3.1:70b'] })).fix, /^fetch llama3\.1:70b on b/);
});

t.test('the fix is true: done as told, the agent is placed', async (t) => {
  const models = [modelOf('x')];
  const demands = [demandOf('a', { model: ['x'] })];
  const before = [closed(nodeOf('alice'), 'cordoned'), closed(nodeOf('b', { models }), 'cordoned')];
  t.equal(why(place({ nodes: before, demands }), 'a')?.fix, 'let b take agents again');
  t.equal(where(place({ nodes: [before[0]!, nodeOf('b', { models })], demands }), 'a'), 'b');
});
