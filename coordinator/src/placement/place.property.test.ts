// Properties over made-up fleets. The checkers work out capacity and rules anew, by the plain words of docs/placement.md,
// and call none of the code they check.
import fc from 'fast-check';
import t from 'tap';
import { demandOf, GiB, modelOf, nodeOf, stayingOf } from './fixture.ts';
import { place } from './place.ts';
import { kvBytesPerToken } from './room.ts';
import type { Demand, PlacementSnapshot, SupplyNode } from './supply.ts';

const names = ['m', 'n', 'o'];
const arbitraryModel = (name: string) =>
  fc
    .record({
      runtime: fc.constantFrom('ollama', 'llama', 'openai') as fc.Arbitrary<'ollama' | 'llama' | 'openai'>,
      size: fc.constantFrom(0, 0.3, 1, 3),
      parametersB: fc.constantFrom(0, 0.5, 3, 8),
      slots: fc.integer({ min: 0, max: 4 }),
      resident: fc.boolean(),
      held: fc.constantFrom(0, 1, 1.2),
      alias: fc.boolean(),
    })
    .map(({ size, held, alias, ...rest }) =>
      modelOf(name, {
        ...rest,
        sizeBytes: Math.round(size * GiB),
        residentBytes: rest.resident ? Math.round(size * held * GiB) : 0,
        aliases: alias ? [`alias-${name}`] : [],
      }),
    );
const closedFilters = ['cordoned', 'draining', 'away', 'quarantined', 'unheard', 'capacity', 'disk'];
const arbitraryNode = fc.record({
  class: fc.constantFrom('pi', 'gpu', 'cloud'),
  site: fc.constantFrom('home', 'attic'),
  room: fc.constantFrom('kitchen', 'bath'),
  closed: fc.option(fc.constantFrom(...closedFilters), { freq: 3 }),
  total: fc.constantFrom(0, 4, 8),
  free: fc.constantFrom(0.1, 0.5, 0.9),
  models: fc.tuple(...names.map((name) => fc.option(arbitraryModel(name), { freq: 2 }))),
  health: fc.constantFrom(0.5, 1),
  price: fc.constantFrom(0, 3),
  staying: fc.array(fc.record({ model: fc.constantFrom(...names), avoids: fc.boolean() }), { maxLength: 3 }),
});
const arbitraryDemand = fc.record({
  model: fc.uniqueArray(fc.constantFrom(...names, 'alias-m', 'auto'), { minLength: 1, maxLength: 3 }),
  class: fc.subarray(['pi', 'gpu', 'cloud']),
  site: fc.subarray(['home', 'attic']),
  labels: fc.constantFrom<Record<string, string>>({}, {}, { room: 'kitchen' }),
  nodes: fc.constantFrom<string[]>([], [], ['node-0'], ['node-1', 'node-9']),
  priority: fc.constantFrom(10, 50),
  contextTokens: fc.constantFrom(512, 4096, 16384),
  concurrency: fc.integer({ min: 1, max: 3 }),
});
const arbitrarySnapshot = fc
  .record({
    nodes: fc.array(arbitraryNode, { maxLength: 8 }),
    // Few kinds and many agents of each: agents that ask the same fill a node one after the other.
    demands: fc
      .array(
        fc.record({
          kind: arbitraryDemand,
          agents: fc.array(
            fc.record({
              avoid: fc.option(fc.nat(12), { freq: 3 }),
              last: fc.option(fc.constantFrom('node-0', 'node-2')),
            }),
            { maxLength: 9 },
          ),
        }),
        { maxLength: 4 },
      )
      .map((kinds) => kinds.flatMap(({ kind, agents }) => agents.map((agent) => ({ ...kind, ...agent })))),
  })
  .map(
    ({ nodes, demands }): PlacementSnapshot => ({
      nodes: nodes.map(({ room, closed, total, free, models, price, staying, ...rest }, i) => {
        const held = models.filter((model) => model !== null);
        return nodeOf(`node-${i}`, {
          ...rest,
          labels: { room },
          closed: closed === null ? null : { filter: closed, text: `it is ${closed}` },
          memoryTotalBytes: total * GiB,
          memoryFreeBytes: Math.round(total * free * GiB),
          models: held,
          defaultChat: held[0]?.name ?? null,
          pricePerMillionTokens: price,
          agents: staying.map(({ model, avoids }, j) =>
            stayingOf(`old-${i}-${j}`, model, { avoidAgents: avoids ? ['agent-3'] : [] }),
          ),
        });
      }),
      demands: demands.map(({ model, priority, contextTokens, concurrency, avoid, last, ...placement }, i) =>
        demandOf(
          `agent-${i}`,
          {
            model,
            priority,
            concurrency,
            limits: { contextTokens },
            placement: { ...placement, avoidAgents: avoid === null ? [] : [`agent-${avoid}`, 'old-0-0'] },
          },
          last,
        ),
      ),
    }),
  );

/** Bytes that a node's agents need beyond what was resident already. */
function needOf(node: SupplyNode, agents: { model: string; contextTokens: number; concurrency: number }[]): number {
  let need = 0;
  for (const model of node.models) {
    const on = agents.filter((agent) => agent.model === model.name);
    if (on.length === 0 || model.runtime === 'openai' || model.sizeBytes === 0) continue;
    const slots = Math.max(1, model.slots);
    const sequences = on.flatMap(({ contextTokens, concurrency }) =>
      Array(Math.min(concurrency, slots)).fill(kvBytesPerToken(model) * Math.min(contextTokens, model.contextTokens)),
    );
    const busiest = sequences.sort((a, b) => b - a).slice(0, slots);
    const whole = model.sizeBytes + busiest.reduce((sum, kv) => sum + kv, 0);
    need += model.resident ? Math.max(0, whole - Math.max(model.sizeBytes, model.residentBytes)) : whole;
  }
  return need;
}

function check(snapshot: PlacementSnapshot): void {
  const plan = place(snapshot);
  const nodeOfId = new Map(snapshot.nodes.map((node) => [node.id, node]));
  const demandOfName = new Map(snapshot.demands.map((demand) => [demand.spec.name, demand]));

  // Every demand ends exactly once, with words.
  const ends = [...plan.placed, ...plan.unplaced].map(({ agent }) => agent).sort();
  claim(same(ends, [...demandOfName.keys()].sort()), 'every demand ends once');
  for (const { why } of plan.unplaced) claim(why.text !== '' && why.fix !== '', 'unplaced with words and a fix');
  for (const { why } of plan.placed) {
    claim(why.scores.every(({ text }) => text !== '') && why.considered === snapshot.nodes.length, 'placed with words');
    const refused = why.refused.reduce((sum, { nodes }) => sum + nodes, 0);
    claim(refused < snapshot.nodes.length, 'not every node refused it');
  }
  for (const { why } of plan.unplaced)
    claim(
      why.refused.reduce((sum, { nodes }) => sum + nodes, 0) === snapshot.nodes.length,
      'every node refused it once',
    );

  const at = new Map<string, string>();
  for (const node of snapshot.nodes) for (const { agent } of node.agents) at.set(agent, node.id);
  for (const { agent, node } of plan.placed) at.set(agent, node);
  const avoids = new Map<string, readonly string[]>();
  for (const node of snapshot.nodes) for (const each of node.agents) avoids.set(each.agent, each.avoidAgents);
  for (const { spec } of snapshot.demands) avoids.set(spec.name, spec.placement.avoidAgents);

  for (const { agent, node: id, model: name } of plan.placed) {
    const node = nodeOfId.get(id)!;
    const { spec } = demandOfName.get(agent)!;
    claim(node.closed === null, 'closed nodes get nothing');
    claim(allowed(spec, node), 'the rules of the spec hold');
    const model = node.models.find((each) => each.name === name)!;
    const isWanted = spec.model.some(
      (wanted) => wanted === name || model.aliases.includes(wanted) || (wanted === 'auto' && node.defaultChat === name),
    );
    claim(isWanted, 'the model is a wanted one, by the name of the node');
    for (const [other, place] of at) {
      if (place !== id || other === agent) continue;
      claim(
        !avoids.get(agent)?.includes(other) && !avoids.get(other)?.includes(agent),
        'nobody sits with whom it avoids',
      );
    }
  }
  for (const node of snapshot.nodes) {
    const placed = plan.placed.filter((each) => each.node === node.id);
    if (placed.length === 0 || node.memoryTotalBytes === 0) continue;
    const newcomers = placed.map(({ agent, model }) => {
      const { spec } = demandOfName.get(agent)!;
      return { model, contextTokens: spec.limits.contextTokens, concurrency: spec.concurrency };
    });
    const [before, after] = [needOf(node, [...node.agents]), needOf(node, [...node.agents, ...newcomers])];
    claim(after <= Math.max(before, node.memoryFreeBytes), 'capacity is respected');
  }
}
function allowed({ placement }: Demand['spec'], node: SupplyNode): boolean {
  return (
    (placement.class.length > 0 ? placement.class.includes(node.class) : node.class !== 'cloud') &&
    (placement.site.length === 0 || placement.site.includes(node.site)) &&
    (placement.nodes.length === 0 || placement.nodes.includes(node.id)) &&
    Object.entries(placement.labels).every(([key, value]) => node.labels[key] === value)
  );
}
function claim(holds: boolean | undefined, what: string): void {
  if (!holds) throw new Error(`broken: ${what}`);
}
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

t.test('plans are sound', async (t) => {
  fc.assert(fc.property(arbitrarySnapshot, check), { numRuns: 1000 });
  t.pass();
});
t.test('the same snapshot gives the same plan, in whatever order it is written down', async (t) => {
  const shuffled = arbitrarySnapshot.chain((snapshot) =>
    fc.record({
      snapshot: fc.constant(snapshot),
      nodes: fc.shuffledSubarray([...snapshot.nodes], { minLength: snapshot.nodes.length }),
      demands: fc.shuffledSubarray([...snapshot.demands], { minLength: snapshot.demands.length }),
    }),
  );
  fc.assert(
    fc.property(shuffled, ({ snapshot, nodes, demands }) => {
      const before = JSON.stringify(snapshot);
      claim(same(place(snapshot), place({ nodes, demands })), 'order does not matter');
      claim(JSON.stringify(snapshot) === before, 'the snapshot is left as it was');
    }),
    { numRuns: 400 },
  );
  t.pass();
});
t.test('the checkers can fail', async (t) => {
  t.equal(needOf(nodeOf('x', { models: [modelOf('m', { parametersB: 8 })] }), []), 0);
  const one = { model: 'm', contextTokens: 2048, concurrency: 1 };
  t.equal(needOf(nodeOf('x', { models: [modelOf('m', { parametersB: 8 })] }), [one, one]), GiB + 2048 * 128 * 1024);
  t.notOk(allowed(demandOf('a').spec, nodeOf('x', { class: 'cloud' })));
  t.throws(() => claim(false, 'x'), /broken: x/);
});
