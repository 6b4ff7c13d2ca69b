// Properties over random fleets. The checkers compute capacity and rules anew, by the words of docs/placement.md, and call no function of
// placement except the estimate of context memory.

import { type AgentSpec, classes, fixInWords, type NodeModel } from '@blackroad/protocol';
import fc from 'fast-check';
import t from 'tap';
import { arbitrarySnapshot } from '../../../../test/fixtures/coordinator/arbitrary-snapshot.ts';
import { placeExhaustively } from '../../../../test/fixtures/coordinator/place-exhaustively.ts';
import {
  demandOf,
  GiB,
  modelOf,
  nodeOf,
  snapshotWith,
  stayingOf,
} from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { place } from '../../../../test/fixtures/coordinator/whole-plan.ts';
import { expectedKvBytesPerToken } from '../model/memory-fit.ts';
import type { PlacementPlan, PlacementSnapshot, SupplyNode } from '../model/supply.ts';
import { whyOf } from '../rules/score.ts';
import { planning } from './place.ts';

interface Sitting {
  spec: AgentSpec;
  model: string;
}
function claim(holds: boolean | undefined, what: string): void {
  if (!holds) throw new Error(`broken: ${what}`);
}
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The memory that a model needs for weights and the contexts of its agents. */
function needOfModel(model: NodeModel, on: readonly AgentSpec[]): number {
  const slots = Math.max(1, model.slots);
  const sequences = on.flatMap(({ limits, concurrency }) =>
    Array<number>(Math.min(concurrency, slots)).fill(
      expectedKvBytesPerToken(model) * Math.min(limits.contextTokens, model.contextTokens),
    ),
  );
  const busiest = sequences.sort((a, b) => b - a).slice(0, slots);
  const reckoned = model.sizeBytes + busiest.reduce((sum, kv) => sum + kv, 0);
  return Math.max(reckoned, model.peakBytes ?? 0, model.resident ? model.residentBytes : 0);
}
/** A model of a node, or one that it could fetch, as the largest report in the fleet describes it. */
function modelOn(snapshot: PlacementSnapshot, node: SupplyNode, name: string): NodeModel | undefined {
  const own = node.models.find((model) => model.name === name);
  if (own) return own;
  const reports = node.pulls.flatMap((runtime) => {
    const all = snapshot.nodes.flatMap(({ models }) => models);
    return all.filter((model) => model.name === name && model.runtime === runtime && model.sizeBytes > 0);
  });
  const first = reports.filter(({ runtime }) => runtime === reports[0]?.runtime);
  // The number of slots is a setting of the runtime on this node.
  const slots = node.models.find(({ runtime }) => runtime === reports[0]?.runtime)?.slots ?? 1;
  const largest = first.sort((a, b) => b.sizeBytes - a.sizeBytes)[0];
  return largest && { ...largest, resident: false, residentBytes: 0, peakBytes: 0, slots };
}
/** The memory in use beyond the free and the unloaded memory; by default all models without agents count as unloaded. */
function memoryOver(
  snapshot: PlacementSnapshot,
  node: SupplyNode,
  sitting: readonly Sitting[],
  isUnloaded: (model: string) => boolean = (model) => !node.waiting.has(model),
): number {
  if (node.memoryTotalBytes === 0) return 0;
  let over = -node.memoryFreeBytes;
  const names = new Set([...node.models.map(({ name }) => name), ...sitting.map(({ model }) => model)]);
  for (const name of names) {
    const model = modelOn(snapshot, node, name);
    if (!model || model.runtime === 'openai' || model.sizeBytes === 0) continue;
    const held = model.resident ? Math.max(model.sizeBytes, model.residentBytes) : 0;
    const on = sitting.filter((each) => each.model === name).map(({ spec }) => spec);
    if (on.length > 0) over += needOfModel(model, on) - held;
    else if (isUnloaded(name)) over -= held;
  }
  return over;
}
function booked(node: SupplyNode, sitting: readonly Sitting[]): number {
  const gain = classes.find(({ name }) => name === node.class)?.batchGain ?? 1;
  return sitting.reduce((sum, { spec, model: name }) => {
    const model = node.models.find((each) => each.name === name);
    if (!model || model.speed.decodeTps === 0) return sum;
    const streams = 1 + (Math.max(1, model.slots) - 1) * gain;
    return sum + (spec.load?.tokensPerMinute ?? 1) / (60 * model.speed.decodeTps * streams);
  }, 0);
}
function isAllowed({ placement }: AgentSpec, node: SupplyNode): boolean {
  return (
    (placement.class.length > 0 ? placement.class.includes(node.class) : node.class !== 'cloud') &&
    (placement.site.length === 0 || placement.site.includes(node.site)) &&
    (placement.nodes.length === 0 || placement.nodes.includes(node.id)) &&
    node.pricePerMillionTokens <= (placement.maxPricePerMillionTokens ?? 1e9) &&
    Object.entries(placement.labels).every(([key, value]) => node.labels[key] === value)
  );
}
function isPoolKept(sitting: readonly Sitting[]): boolean {
  const dedicated = sitting.find(({ spec }) => spec.placement.pool === 'dedicated');
  return !dedicated || sitting.every(({ model }) => model === dedicated.model);
}
function isApart(sitting: readonly Sitting[], { spec }: Sitting): boolean {
  return sitting.every(
    ({ spec: other }) =>
      other.name === spec.name ||
      (!spec.placement.avoidAgents.includes(other.name) && !other.placement.avoidAgents.includes(spec.name)),
  );
}

function check(snapshot: PlacementSnapshot, plan: PlacementPlan): void {
  const yielded = new Map(plan.yielded.map((each) => [each.agent, each]));
  const staying = snapshot.nodes.flatMap((node) => node.agents.map((agent) => ({ ...agent, node })));
  const spec = new Map([...snapshot.demands, ...staying].map((each) => [each.spec.name, each.spec]));

  // Every agent is placed or unplaced exactly once, with a text.
  const ends = [...plan.placed, ...plan.unplaced].map(({ agent }) => agent).sort();
  const begun = [...snapshot.demands.map((demand) => demand.spec.name), ...yielded.keys()].sort();
  claim(same(ends, begun), 'every demand and everyone who gave way ends once');
  for (const { why } of plan.unplaced) {
    claim(why.text !== '' && why.fix.length > 0 && fixInWords(why.fix) !== '', 'unplaced with words and a fix');
    const refused = why.refused.reduce((sum, { nodes }) => sum + nodes, 0);
    claim(refused === snapshot.nodes.length, 'every node refused it once');
  }
  for (const placed of plan.placed) {
    const why = whyOf(placed);
    claim(
      why.scores.every(({ text, value }) => text !== '' && value >= 0 && value <= 1),
      'placed with words',
    );
    const sum = why.scores.reduce((all, { value, weight }) => all + value * weight, 0);
    claim(Math.abs(sum - why.score) < 2, 'the sum is what is shown, but for rounding');
  }
  for (const each of staying) {
    const to = yielded.get(each.spec.name)?.to;
    if (to === undefined) continue;
    claim(each.mayYield && each.node.closed === null, 'only who may yield does');
    claim(spec.get(to)!.priority > each.spec.priority, 'to a higher priority only');
    claim(
      plan.placed.some(({ agent, node }) => agent === to && node === each.node.id),
      'and not for nothing',
    );
  }

  for (const node of snapshot.nodes) {
    const before: Sitting[] = [...node.agents];
    const left = before.filter((each) => !yielded.has(each.spec.name));
    const news = plan.placed
      .filter((placed) => placed.node === node.id)
      .map(({ agent, model }) => ({ spec: spec.get(agent)!, model }));
    if (news.length === 0) continue;
    const after = [...left, ...news];
    claim(node.closed === null, 'closed nodes get nothing');
    for (const each of news) {
      claim(isAllowed(each.spec, node), 'the rules of the spec hold');
      claim(isApart(after, each), 'nobody sits with whom it avoids');
      const model = modelOn(snapshot, node, each.model)!;
      const reports = snapshot.nodes.flatMap(({ models }) => models.filter(({ name }) => name === model.name));
      const aliases = (node.models.includes(model) ? [model] : reports).flatMap((report) => report.aliases);
      const isWanted = each.spec.model.some(
        (name) => name === model.name || aliases.includes(name) || (name === 'auto' && node.defaultChat === model.name),
      );
      claim(isWanted && model.kind === 'chat', 'the model is a wanted one, by the name of the node');
    }
    claim(isPoolKept(after) || !isPoolKept(left), 'pools are kept');
    const pulled = [...new Set(news.map(({ model }) => model))].filter(
      (name) => !node.models.some((model) => model.name === name) && !before.some(({ model }) => model === name),
    );
    const fetched = pulled.reduce((sum, name) => sum + Math.ceil(modelOn(snapshot, node, name)!.sizeBytes * 1.1), 0);
    claim(fetched === 0 || fetched + GiB <= node.diskFreeBytes, 'what is fetched fits the disk');
    claim(booked(node, after) <= Math.max(booked(node, left), 1) + 1e-9, 'throughput is respected');
    const unloaded = new Set(
      plan.models.filter((each) => each.node === node.id && each.step === 'unload').map(({ model }) => model),
    );
    const over = memoryOver(snapshot, node, after, (model) => unloaded.has(model));
    // Where the agents that stay need more memory than there is, a plan adds nothing to their need before it.
    const owed = Math.max(0, memoryOver(snapshot, node, left), memoryOver(snapshot, node, before));
    claim(over <= owed, 'capacity is respected');
  }
  for (const { node: id, model: name, step, agents } of plan.models) {
    const node = snapshot.nodes.find((each) => each.id === id)!;
    const own = node.models.find((model) => model.name === name);
    if (step === 'pull') claim(!own, 'only what is missing is fetched');
    if (step === 'load') claim(own?.resident === false, 'only what is not loaded is loaded');
    if (step === 'unload') claim(own?.resident === true && agents === 0, 'only what nobody uses is unloaded');
    else claim(agents > 0, 'models in use have users');
  }
}

t.test('plans are sound', async (t) => {
  const all = arbitrarySnapshot({ mayYield: true });
  fc.assert(
    fc.property(all, (snapshot) => check(snapshot, place(snapshot))),
    { numRuns: 1500 },
  );
  t.pass();
});
t.test('where nobody yields the plan is the exhaustive one, by either strategy', async (t) => {
  fc.assert(
    fc.property(arbitrarySnapshot({ mayYield: false }), (snapshot) => {
      const seats = place(snapshot).placed.map(({ agent, node, model }) => ({ agent, node, model }));
      claim(same(seats, placeExhaustively(snapshot)), 'the same seats in the same order');
    }),
    { numRuns: 1500 },
  );
  t.pass();
});
t.test('and so it is where alike nodes are shared by groups that come again at a lower priority', async (t) => {
  const agent = fc.record({
    priority: fc.constantFrom(20, 50, 80),
    class: fc.constantFrom<string[]>([], ['pi'], ['pi', 'gpu']),
  });
  const crowd = fc.record({ nodes: fc.integer({ min: 2, max: 5 }), agents: fc.array(agent, { maxLength: 20 }) });
  fc.assert(
    fc.property(crowd, ({ nodes: count, agents }) => {
      const nodes = Array.from({ length: count }, (_, i) => nodeOf(`node-${i}`));
      const demands = agents.map((each, i) =>
        demandOf(`agent-${i}`, { priority: each.priority, placement: { class: each.class } }),
      );
      const snapshot = snapshotWith(nodes, demands);
      const seats = place(snapshot).placed.map(({ agent: name, node, model }) => ({ agent: name, node, model }));
      claim(same(seats, placeExhaustively(snapshot)), 'the same seats in the same order');
    }),
    { numRuns: 200 },
  );
  t.pass();
});
t.test('the same snapshot gives the same plan, in whatever order it is written down', async (t) => {
  const shuffled = arbitrarySnapshot({ mayYield: true }).chain((snapshot) =>
    fc.record({
      snapshot: fc.constant(snapshot),
      nodes: fc.shuffledSubarray([...snapshot.nodes], { minLength: snapshot.nodes.length }),
      demands: fc.shuffledSubarray([...snapshot.demands], { minLength: snapshot.demands.length }),
    }),
  );
  fc.assert(
    fc.property(shuffled, ({ snapshot, nodes, demands }) => {
      const before = JSON.stringify(snapshot);
      const turned = nodes.map((node) => ({ ...node, agents: node.agents.toReversed() }));
      claim(same(place(snapshot), place({ ...snapshot, nodes: turned, demands })), 'order does not matter');
      claim(JSON.stringify(snapshot) === before, 'the snapshot is left as it was');
    }),
    { numRuns: 500 },
  );
  t.pass();
});
t.test('slices are many where there is much to do, and change nothing', async (t) => {
  const nodes = Array.from({ length: 400 }, (_, i) => nodeOf(`node-${(i * 7919) % 400}`));
  const demands = Array.from({ length: 1200 }, (_, i) => demandOf(`agent-${(i * 7919) % 1200}`));
  const snapshot = snapshotWith(nodes, demands);
  const slices = planning(snapshot);
  let count = 0;
  let step = slices.next();
  for (; !step.done; step = slices.next()) count++;
  t.ok(count > 3, `${count} pauses`);
  t.same(step.value, place(snapshot));
});
t.test('the checkers can fail', async (t) => {
  const big = modelOf('m', { parametersB: 8 });
  const [node, spec] = [nodeOf('x', { models: [big], memoryFreeBytes: GiB }), demandOf('a').spec];
  const [one, two] = [
    stayingOf('a', 'm'),
    stayingOf('b', 'm', { placement: { pool: 'dedicated', avoidAgents: ['a'] } }),
  ];
  t.equal(needOfModel(big, [spec, spec]), GiB + 2048 * 128 * 1024);
  t.equal(memoryOver(snapshotWith([node], []), node, [one]), 2048 * 128 * 1024);
  t.equal(booked(node, [one, one]), 2 / 600);
  t.notOk(isAllowed(spec, nodeOf('x', { class: 'cloud' })));
  t.notOk(
    isAllowed(
      demandOf('a', { placement: { maxPricePerMillionTokens: 1 } }).spec,
      nodeOf('x', { pricePerMillionTokens: 2 }),
    ),
  );
  t.notOk(isPoolKept([two, stayingOf('c', 'n')]));
  t.notOk(isApart([one], two));
  const plan = place(snapshotWith([nodeOf('x')], [demandOf('a')]));
  check(snapshotWith([nodeOf('x')], [demandOf('a')]), plan);
  const closed = nodeOf('x', { closed: { filter: 'away', text: 'it is away' } });
  t.throws(() => check(snapshotWith([closed], [demandOf('a')]), plan), /closed nodes get nothing/);
  const tiny = nodeOf('x', { memoryFreeBytes: 1 });
  t.throws(() => check(snapshotWith([tiny], [demandOf('a')]), plan), /capacity is respected/);
  t.throws(() => check(snapshotWith([nodeOf('x')], []), plan), /ends once/);
});
