// The home fleet with the six example agents: small ones on the Pis, the large one on the GPU box, whatever happens to the box.
import { readFileSync } from 'node:fs';
import type { AgentSpec } from '@blackroad/protocol';
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import { SampleFleet } from '../../../../test/fixtures/coordinator/sample-fleet.ts';
import { GiB, modelOf } from '../../../../test/fixtures/coordinator/sample-supply.ts';
import { apply } from '../../state/apply.ts';

const home = new URL('../../../../docs/examples/home.yaml', import.meta.url);
const specs = parseAllDocuments(readFileSync(home, 'utf8')).map(
  (each) => each.toJS() as Partial<AgentSpec> & { name: string },
);
const pis = ['pi-1', 'pi-2', 'pi-3', 'pi-4', 'pi-5'];

function homeFleet(): SampleFleet {
  const fleet = new SampleFleet();
  fleet.now += fleet.policy.restartGraceMs;
  fleet.tick();
  for (const id of pis) {
    fleet.addNode(id, { class: 'pi' });
    back(fleet, id);
  }
  fleet.addNode('gpu-box', { class: 'gpu' });
  back(fleet, 'gpu-box');
  return fleet;
}
const speed = (decodeTps: number) => ({ speed: { prefillTps: decodeTps * 10, decodeTps, samples: 5 } });
function back(fleet: SampleFleet, id: string): void {
  fleet.online(id);
  const models =
    id === 'gpu-box'
      ? [
          modelOf('llama3.3:70b', { parametersB: 70, sizeBytes: 42 * GiB, slots: 16, resident: true, ...speed(40) }),
          modelOf('llama3.2:1b', { parametersB: 1.2, sizeBytes: 1.3 * GiB, slots: 16, resident: true, ...speed(300) }),
        ]
      : [modelOf('llama3.2:1b', { parametersB: 1.2, sizeBytes: 1.3 * GiB, resident: true, ...speed(12) })];
  const room = id === 'gpu-box' ? 70 * GiB : 4.8 * GiB;
  fleet.capacity(id, { models, memoryTotalBytes: room, memoryFreeBytes: room });
}
function applyAll(fleet: SampleFleet): void {
  for (const { name, ...spec } of specs)
    fleet.apply1(name, { ...spec, onLoss: { policy: 'replace', afterSeconds: 0 } });
  fleet.plan();
}
const places = (fleet: SampleFleet) =>
  Object.fromEntries(
    [...fleet.view.agents.values()].map(({ spec, placement }) => [spec.name, placement?.node ?? null]),
  );
/** Time passes, in which the nodes that are there beat. */
function wait(fleet: SampleFleet, ms: number): void {
  for (const untilMs = fleet.now + ms; fleet.now < untilMs; ) {
    for (const { id, presence } of fleet.view.nodes.values())
      if (presence === 'online') apply(fleet.view, { type: 'seen', node: id, atMs: fleet.now });
    fleet.tick(1000);
  }
}
const isOnPi = (node: string | null | undefined) => node !== null && node !== undefined && pis.includes(node);

t.test('every small agent on a Pi, the large one on the GPU box', async (t) => {
  const fleet = homeFleet();
  applyAll(fleet);
  const { lucidia, ...small } = places(fleet);
  t.equal(lucidia, 'gpu-box');
  t.equal(Object.keys(small).length, 5);
  t.same(Object.values(small).sort(), pis, 'one on each');
  const why = [...fleet.view.agents.values()].find(({ spec }) => spec.name === 'echo')?.why;
  t.match(
    why?.scores.find(({ name }) => name === 'size'),
    { value: 0.8, text: 'class pi is fast enough; the less hardware, the more points' },
  );
});

t.test(
  'the box is pulled out: the large one falls back by its own list; it is back: the agent goes home',
  async (t) => {
    const fleet = homeFleet();
    applyAll(fleet);
    fleet.will('gpu-box');
    wait(fleet, fleet.policy.lostAfterMs + 1_000);
    wait(fleet, 1_000);
    fleet.plan();
    t.ok(isOnPi(places(fleet).lucidia), String(places(fleet).lucidia));
    back(fleet, 'gpu-box');
    fleet.plan();
    for (let round = 0; round < 4; round++) {
      wait(fleet, fleet.policy.rebalanceEveryMs);
      fleet.rebalance();
    }
    t.equal(places(fleet).lucidia, 'gpu-box');
    t.equal(Object.values(places(fleet)).filter(isOnPi).length, 5, 'and the small ones stay');
  },
);

t.test('without a Pi the small ones are on the box; with Pis again they go back, two a round', async (t) => {
  const fleet = homeFleet();
  for (const id of pis) fleet.will(id);
  wait(fleet, fleet.policy.lostAfterMs + 1_000);
  applyAll(fleet);
  t.same([...new Set(Object.values(places(fleet)))], ['gpu-box']);
  for (const id of pis) back(fleet, id);
  const texts: string[] = [];
  for (let round = 0; round < 6; round++) {
    wait(fleet, fleet.policy.rebalanceEveryMs);
    for (const change of fleet.rebalance()) if (change.type === 'event') texts.push(change.row.text);
  }
  t.equal(Object.values(places(fleet)).filter(isOnPi).length, 5);
  t.equal(places(fleet).lucidia, 'gpu-box');
  t.match(texts[0], /class pi is enough for it, and gpu-box keeps its room for larger models/);
});

t.test('a Pi that is too slow for people is no place, while there is another', async (t) => {
  const fleet = new SampleFleet();
  fleet.addNode('pi-1', { class: 'pi' });
  fleet.online('pi-1');
  fleet.capacity('pi-1', { models: [modelOf('llama3.2:3b', { parametersB: 3.2, ...speed(1.6) })] });
  fleet.addNode('gpu-box', { class: 'gpu' });
  back(fleet, 'gpu-box');
  fleet.apply1('echo', { model: ['small'] });
  fleet.plan();
  t.same(places(fleet), { echo: 'gpu-box' });
});

t.test(
  'more small agents than the Pis serve with ease go to the box, up to its share, and then everywhere',
  async (t) => {
    const fleet = homeFleet();
    for (let i = 0; i < 130; i++) fleet.apply1(`a${i}`, { model: ['small'], limits: { contextTokens: 64 } as never });
    fleet.plan();
    const on = (id: string) => [...fleet.view.agents.values()].filter(({ placement }) => placement?.node === id).length;
    t.equal(
      pis.reduce((sum, id) => sum + Math.min(8, on(id)), 0),
      40,
      'eight on each Pi',
    );
    t.ok(on('gpu-box') >= 64, `${on('gpu-box')} on the box: half of its slots`);
    for (let round = 0; round < 3; round++) {
      wait(fleet, fleet.policy.rebalanceEveryMs);
      t.same(fleet.rebalance(), [], 'and there they stay');
    }
  },
);
