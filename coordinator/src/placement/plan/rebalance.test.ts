// Moves for a gain: gains that justify a move, agents that are never moved for one, and a fleet without changes that has no more moves.
import type { AgentSpec, NodeHealth, NodeModel } from '@blackroad/protocol';
import fc from 'fast-check';
import t from 'tap';
import { paramsOf, SampleFleet } from '../../../../test/fixtures/coordinator/sample-fleet.ts';
import { GiB, modelOf } from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { apply } from '../../state/apply.ts';

const loaded = (given: Partial<NodeModel> = {}) =>
  modelOf('small', { resident: true, residentBytes: 1.1 * GiB, ...given });

/** Online nodes, long after the start, with one small model each. */
function pis(...ids: string[]): SampleFleet {
  const fleet = new SampleFleet();
  fleet.now += fleet.policy.restartGraceMs;
  fleet.tick();
  for (const id of ids) pi(fleet, id);
  return fleet;
}
function pi(fleet: SampleFleet, id: string, models: NodeModel[] = [loaded()]): void {
  fleet.online(id);
  fleet.capacity(id, { models });
}
function sick(fleet: SampleFleet, id: string, health: Partial<NodeHealth>): void {
  const row = { diskFreeBytes: 50 * GiB, ...health } as NodeHealth;
  fleet.apply([{ type: 'health', node: id, health: row, atMs: fleet.now }]);
}
function agents(fleet: SampleFleet, count: number, over: Partial<AgentSpec> = {}): void {
  for (let i = 0; i < count; i++) fleet.apply1(`a${i}`, over);
  fleet.plan();
}
function counts(fleet: SampleFleet): Record<string, number> {
  return Object.fromEntries([...fleet.view.agentsByNode].map(([node, names]) => [node, names.size]).sort());
}
/** Runs rounds with the rest time between them; returns the number of moves of each. */
function rounds(fleet: SampleFleet, count: number): number[] {
  return Array.from({ length: count }, () => {
    fleet.now += fleet.policy.rebalanceEveryMs;
    for (const id of fleet.view.nodes.keys()) apply(fleet.view, { type: 'seen', node: id, atMs: fleet.now });
    return moves(fleet.rebalance());
  });
}
const moves = (changes: ReturnType<SampleFleet['rebalance']>) => changes.filter(({ type }) => type === 'agent').length;
const texts = (changes: ReturnType<SampleFleet['rebalance']>) =>
  changes.flatMap((change) => (change.type === 'event' ? [change.row.text] : []));

t.test('agents that piled up on the first Pi share out over five, in a few rounds', async (t) => {
  const fleet = pis('alice');
  agents(fleet, 10);
  for (const id of ['aria', 'codex', 'lucidia', 'octavia']) pi(fleet, id);
  t.equal(moves(fleet.plan()), 0, 'nobody must move');
  const made = rounds(fleet, 8);
  t.ok(
    made.every((count) => count <= 2),
    'two a round',
  );
  t.same(made.slice(6), [0, 0], 'and then rest');
  const shares = Object.values(counts(fleet));
  t.equal(shares.length, 5);
  t.ok(Math.max(...shares) <= 3, JSON.stringify(counts(fleet)));
});

t.test('one is left alone for ten minutes, whatever it might gain', async (t) => {
  const fleet = pis('alice', 'aria');
  agents(fleet, 4, { placement: { class: [], site: [], labels: {}, nodes: ['alice'], avoidAgents: [] } });
  for (let i = 0; i < 4; i++) fleet.apply1(`a${i}`);
  t.equal(rounds(fleet, 1)[0], 2);
  sick(fleet, 'aria', { throttled: { now: true, sinceBoot: true } });
  t.equal(rounds(fleet, 1)[0], 0, 'its new node is in poor health at once');
  fleet.now += fleet.policy.rebalanceRestMs;
  t.equal(rounds(fleet, 1)[0], 2, 'after its rest it may go back');
});

t.test('off a paid node to one that costs nothing, to an earlier model, off a sick node', async (t) => {
  const fleet = pis();
  fleet.online('paid');
  const cloud = modelOf('small', { runtime: 'openai', sizeBytes: 0, slots: 32, resident: true });
  fleet.capacity('paid', { models: [cloud], pricePerMillionTokens: 3 });
  agents(fleet, 1, { model: ['best', 'small'] });
  t.same(counts(fleet), { paid: 1 });
  pi(fleet, 'alice');
  t.match(paramsOf(fleet.rebalance(), 'agent-moved'), [
    { from: 'paid', node: 'alice', cause: 'rebalance', because: /alice costs nothing, paid \$3 a million tokens/ },
  ]);
  fleet.now += fleet.policy.rebalanceRestMs;
  pi(fleet, 'anvil', [modelOf('best', { parametersB: 3 })]);
  t.match(texts(fleet.rebalance()), [/to anvil with best: best on anvil comes before small/]);
  fleet.now += fleet.policy.rebalanceRestMs;
  pi(fleet, 'boxer', [modelOf('best', { parametersB: 3 })]);
  t.equal(moves(fleet.rebalance()), 0, 'as good');
  sick(fleet, 'anvil', { undervoltage: { now: true, sinceBoot: true } });
  t.match(texts(fleet.rebalance()), [/to boxer.*anvil is in poor health \(power supply too weak: undervoltage now\)/]);
});

t.test('never for less: a sicker, slower, later or dearer node gains nothing by its room', async (t) => {
  const fleet = pis('alice');
  agents(fleet, 6);
  pi(fleet, 'aria');
  sick(fleet, 'alice', {});
  sick(fleet, 'aria', { throttled: { now: false, sinceBoot: true } });
  pi(fleet, 'slow', [loaded({ speed: { prefillTps: 1, decodeTps: 2, samples: 5 } })]);
  pi(fleet, 'cold', []);
  fleet.capacity('cold', { models: [], pulls: ['ollama'] });
  t.same(rounds(fleet, 2), [0, 0]);
});

t.test('a machine that wavers around the bound of heat loses its agents once and gets none back by that', async (t) => {
  const fleet = pis('alice', 'aria');
  agents(fleet, 4);
  t.same(counts(fleet), { alice: 2, aria: 2 });
  const made: number[] = [];
  for (let i = 0; i < 40; i++) {
    sick(fleet, 'alice', { temperatureC: i % 2 === 0 ? 81 : 77 });
    sick(fleet, 'aria', { wifi: { signalDbm: i % 2 === 0 ? -70 : -90, reconnects: 0 } });
    made.push(...rounds(fleet, 1));
  }
  t.same(counts(fleet), { aria: 4 });
  t.equal(
    made.reduce((sum, each) => sum + each, 0),
    2,
    made.join(' '),
  );
});

t.test('who works stays, and so does everyone where moves are frozen, or while others must move', async (t) => {
  const fleet = pis('alice');
  agents(fleet, 4);
  for (let i = 0; i < 4; i++) {
    fleet.ready(`a${i}`);
    fleet.submit(`t${i}`, `a${i}`);
    fleet.report(`t${i}`, 'alice', 'running');
  }
  pi(fleet, 'aria');
  t.same(rounds(fleet, 1), [0], 'all work');
  fleet.report('t0', 'alice', 'done', { result: 'ok' });
  fleet.apply([{ type: 'frozen', frozen: [{ site: 'home', sinceMs: fleet.now, reason: 'x', released: [] }] }]);
  t.same(rounds(fleet, 1), [0], 'frozen');
  fleet.apply([{ type: 'frozen', frozen: [] }]);
  fleet.apply1('new');
  t.same(rounds(fleet, 1), [0], 'a new one first');
  fleet.plan();
  t.same(rounds(fleet, 1), [1]);
  t.equal(fleet.agent('a0').placement?.node, 'aria');
});

t.test('a long queue: an agent whose task waits goes to where it is shorter', async (t) => {
  const fleet = pis('alice');
  agents(fleet, 4, { placement: { class: [], site: [], labels: {}, nodes: [], avoidAgents: [] } });
  for (let i = 0; i < 4; i++) {
    fleet.ready(`a${i}`);
    fleet.submit(`t${i}`, `a${i}`, { attempts: 1 } as never);
  }
  fleet.report('t0', 'alice', 'running');
  pi(fleet, 'aria');
  fleet.now += 60_000;
  const changes = fleet.rebalance();
  t.match(texts(changes)[0], /tasks wait 45 s on alice, \d+ s on aria/);
  t.equal(fleet.agent('a0').placement?.node, 'alice', 'what runs is let run');
  t.ok([...fleet.view.tasks.values()].every(({ state }) => state !== 'failed'));
});

t.test('pack: a nearly empty node is freed, and none is filled for nothing', async (t) => {
  const fleet = pis('alice', 'aria', 'codex');
  agents(fleet, 9);
  t.same(counts(fleet), { alice: 3, aria: 3, codex: 3 });
  fleet.policy = { ...fleet.policy, placement: 'pack' };
  t.same(rounds(fleet, 2), [0, 0], 'three are not nearly empty');
  for (const name of ['a0', 'a1']) {
    const { placement } = fleet.agent(name);
    fleet.apply([
      {
        type: 'agent',
        row: { ...fleet.agent(name), placement: placement && { ...placement, node: 'codex', epoch: 2 }, epoch: 2 },
      },
    ]);
  }
  const before = counts(fleet);
  const [least] = Object.entries(before).sort(([, a], [, b]) => a - b)[0] as [string, number];
  rounds(fleet, 4);
  t.equal(counts(fleet)[least], undefined, JSON.stringify([before, counts(fleet)]));
  t.same(rounds(fleet, 2), [0, 0], 'at rest');
});

t.test('property: rounds on a fleet that does not change come to rest', async (t) => {
  const node = fc.record({
    slots: fc.constantFrom(1, 4),
    tps: fc.constantFrom(5, 10, 40),
    models: fc.constantFrom(['small'], ['small', 'large'], ['large']),
    price: fc.constantFrom(0, 0, 0, 2),
    throttled: fc.constantFrom(null, 'now', 'before'),
    free: fc.integer({ min: 1, max: 6 }),
  });
  const lists: string[][] = [['small'], ['large', 'small'], ['auto']];
  const agent = fc.record({ on: fc.nat(5), model: fc.constantFrom(...lists) });
  fc.assert(
    fc.property(
      fc.array(node, { minLength: 2, maxLength: 6 }),
      fc.array(agent, { minLength: 1, maxLength: 14 }),
      fc.constantFrom('spread' as const, 'pack' as const),
      (nodes, wanted, placement) => {
        const fleet = pis();
        fleet.policy = { ...fleet.policy, placement, rebalanceRestMs: 0 };
        nodes.forEach(({ slots, tps, models, price, throttled, free }, i) => {
          const speed = { prefillTps: 50, decodeTps: tps, samples: 3 };
          fleet.online(`n${i}`);
          fleet.capacity(`n${i}`, {
            models: models.map((name) => modelOf(name, { slots, speed })),
            memoryFreeBytes: free * GiB,
            ...(price > 0 ? { pricePerMillionTokens: price } : {}),
          });
          if (throttled) sick(fleet, `n${i}`, { throttled: { now: throttled === 'now', sinceBoot: true } });
          else sick(fleet, `n${i}`, {});
        });
        wanted.forEach(({ on, model }, i) => {
          fleet.apply1(`a${i}`, {
            model,
            placement: { class: [], site: [], labels: {}, nodes: [`n${on % nodes.length}`], avoidAgents: [] },
          });
        });
        fleet.plan();
        wanted.forEach(({ model }, i) => {
          fleet.apply1(`a${i}`, { model });
        });
        fleet.plan();
        fleet.plan();
        const made = rounds(fleet, 40);
        if (made.slice(36).some((count) => count > 0)) throw new Error(`no rest: ${made.join(' ')}`);
        const before = [...fleet.view.agents.values()].filter((row) => row.placement);
        fleet.plan();
        for (const { id, epoch } of before)
          if (fleet.agent(id).epoch !== epoch) throw new Error(`a plan undoes it for ${id}`);
      },
    ),
    { numRuns: 150 },
  );
  t.pass();
});
