// Balena in the decisions, without balena: which device is believed to be which node, who is left out of a release and why, when a pin counts,
// and what a person did meanwhile.
import type {
  NodeInfo,
  RolloutDetails,
  RolloutPlan,
  RolloutView,
  RolloutWhat,
  SubjectState,
} from '@blackroad/protocol';
import t from 'tap';
import { uuidOf } from '../../../test/fixtures/balena-server.ts';
import { type ApiFleet, type FakeNode, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { rolloutRow, rolloutSubject } from '../../../test/fixtures/coordinator/rollout-rows.ts';
import type { BalenaDeviceRow, BalenaPinTold } from '../state/balena-stand.ts';
import type { View } from '../state/view.ts';
import { pinsDue } from './balena.ts';
import { evidenceOf } from './subjects.ts';

const release = (id: number, name: string) => ({ id, name, commit: id.toString(16).padStart(2, '0').repeat(20) });
const [old, fresh, other] = [release(1, '1.0.0'), release(2, '1.1.0'), release(3, '7.0.0')];
const fleets = [
  { slug: 'acme/home', tracks: old, releases: [fresh, old] },
  { slug: 'acme/lab', tracks: null, releases: [other] },
];
function device(n: number, over: Partial<BalenaDeviceRow> = {}): BalenaDeviceRow {
  return {
    ...{ id: n, uuid: uuidOf(n), fleet: 'acme/home', name: `device ${n}`, type: 'raspberrypi4-64', isOnline: true },
    ...{ status: 'operational', release: old, pinned: old, tag: null, hasToken: false },
    ...over,
  };
}

async function fleetOf(t: Pick<typeof import('tap').default, 'teardown'>, names: string[]) {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const nodes = new Map<string, FakeNode>();
  for (const name of names) nodes.set(name, await fleet.node(name));
  const isDevice = (id: string, uuid: string) => {
    const row = fleet.coordinator.view.nodes.get(id);
    nodes.get(id)?.say('nodeInfo', {}, { ...(row?.info as NodeInfo), balenaDevice: uuid });
  };
  const found = (...devices: BalenaDeviceRow[]) =>
    fleet.coordinator.submit('balena-found', { found: { askedMs: Date.now(), fleets, devices } });
  const tell = (outcome: BalenaPinTold['outcome'], text = '') => {
    const [pin] = pinsDue(fleet.coordinator.view, 1);
    if (!pin) throw new Error('nothing is to be pinned');
    return fleet.coordinator.submit('balena-pin', { told: { ...pin, outcome, text } });
  };
  return { fleet, isDevice, found, tell };
}
const what = { kind: 'balena', release: '1.1.0' };
const start = async (fleet: ApiFleet, over: object = {}) => {
  const body = { what, waves: [{ count: 1 }, { percent: 100 }], soakSeconds: 1, gates: ['update'], ...over };
  return (await fleet.call<RolloutView>('POST', '/v1/rollouts', { body })).body.id;
};
async function until(fleet: ApiFleet, id: string, holds: (view: RolloutDetails) => boolean): Promise<RolloutDetails> {
  let view: RolloutDetails | undefined;
  for (let i = 0; i < 100; i++) {
    view = (await fleet.call<RolloutDetails>('GET', `/v1/rollouts/${id}`)).body;
    if (holds(view)) return view;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${view?.state}: ${view?.reason} ${JSON.stringify(view?.subjects)}`);
}
const told = ({ subjects }: RolloutDetails) => subjects[0]?.state === 'told';

t.test('who is left out, and why', async (t) => {
  const { fleet, isDevice, found } = await fleetOf(t, ['n0', 'n1', 'n2', 'n3', 'n4', 'n5']);
  const no = await fleet.problem('POST', '/v1/rollouts', { body: { what } });
  t.match(no, { code: 'conflict', detail: /looks after no balena fleet, or balena has not answered yet/ });
  isDevice('n0', uuidOf(10));
  isDevice('n1', uuidOf(11));
  isDevice('n2', uuidOf(12));
  isDevice('n3', uuidOf(12));
  isDevice('n4', uuidOf(14));
  await found(device(10), device(11, { release: fresh }), device(12), device(15, { fleet: 'acme/lab' }));
  const plan = async (release = '1.1.0') => {
    const body = { what: { kind: 'balena', release } };
    return (await fleet.call<RolloutPlan>('POST', '/v1/rollouts/plan', { body })).body;
  };
  const { waves, leftOut } = await plan();
  t.same(
    waves.flatMap(({ names }) => names),
    ['n0', 'n1'],
    'a device that runs it and is pinned to another one goes on to get the pin',
  );
  t.same(Object.fromEntries(leftOut.map(({ name, why }) => [name, why])), {
    n2: 'says that it is the balena device 0c0c0c0, and is not alone in that',
    n3: 'says that it is the balena device 0c0c0c0, and is not alone in that',
    n4: 'is the balena device 0e0e0e0, which is in none of the fleets asked for',
    n5: 'runs on no balena device',
  });
  t.equal((await plan(fresh.commit.slice(0, 7))).waves.length, 2, 'by the beginning of its commit');
  t.match(await fleet.problem('POST', '/v1/rollouts/plan', { body: { what: { kind: 'balena', release: '0202' } } }), {
    detail: /is in acme\/home, which has no finished release 0202/,
  });
  await found(device(10, { release: null }), device(11, { release: fresh, pinned: fresh }));
  t.match(await fleet.problem('POST', '/v1/rollouts/plan', { body: { what } }), {
    detail: /n0 runs no release of its balena fleet yet; n1 has it already/,
  });
});

t.test('a pin counts when balena shows it, and not before', async (t) => {
  const { fleet, isDevice, found, tell } = await fleetOf(t, ['n0', 'n1']);
  isDevice('n0', uuidOf(10));
  isDevice('n1', uuidOf(11));
  await found(device(10), device(11));
  const id = await start(fleet);
  await until(fleet, id, told);
  t.same(
    pinsDue(fleet.coordinator.view, 9).map(({ node, release: { name } }) => `${node} ${name}`),
    ['n0 1.1.0'],
    'the first wave alone',
  );
  await tell('trouble', 'balena asks for fewer requests');
  t.match(await until(fleet, id, told), { subjects: [{ step: 'balena asks for fewer requests' }, {}] });
  await tell('pinned');
  t.same(pinsDue(fleet.coordinator.view, 9), [], 'once is enough');
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  t.ok(told(await until(fleet, id, () => true)), 'what was seen before the pin is no answer');
  await found(device(10, { pinned: fresh, status: 'updating 40 %' }), device(11));
  t.match(await until(fleet, id, told), { subjects: [{ step: 'updating 40 %' }, {}] });
  await found(device(10, { pinned: fresh, release: fresh }), device(11));
  await until(fleet, id, ({ wave, waves }) => wave === 2 && waves[1]?.told === 1);
  await tell('pinned');
  await found(device(10, { pinned: fresh, release: fresh }), device(11, { pinned: other }));
  await until(fleet, id, ({ subjects }) => subjects.some(({ step }) => step === 'a person pinned it to 7.0.0 since'));
  await until(fleet, id, ({ state }) => state === 'done');
  await fleet.call('POST', `/v1/rollouts/${id}/roll-back`);
  await until(fleet, id, ({ subjects }) => subjects[0]?.state === 'returning');
  t.match(
    pinsDue(fleet.coordinator.view, 9),
    [{ node: 'n0', release: { name: '1.0.0' } }],
    'what a person did is left',
  );
  await found(device(10), device(11, { pinned: other }));
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  t.match(await until(fleet, id, () => true), { state: 'rolling-back' }, 'it is not back by an old look');
  await tell('pinned');
  await found(device(10), device(11, { pinned: other }));
  await until(fleet, id, ({ state }) => state === 'rolled-back');
});

t.test('a device that is under way may be away, one that has it may not', async (t) => {
  const { fleet } = await fleetOf(t, ['n0']);
  const row = fleet.coordinator.view.nodes.get('n0');
  const view = { ...fleet.coordinator.view, nodes: new Map([['n0', { ...row, presence: 'lost' }]]) } as unknown as View;
  const lostIn = (what: RolloutWhat, state: SubjectState) =>
    evidenceOf(view, rolloutRow('r1', { what }), [rolloutSubject('r1', 'n0', { state })], 0).lost;
  const balena: RolloutWhat = { kind: 'balena', release: '1.1.0' };
  t.same(lostIn(balena, 'told'), [], 'its old container ends before the new one starts');
  t.same(lostIn(balena, 'done'), ['n0']);
  t.same(lostIn({ kind: 'model', model: 'tiny' }, 'told'), ['n0'], 'no other change takes a node away');
});

t.test('what balena refuses is a failure, and the late word on an order that was replaced is nothing', async (t) => {
  const { fleet, isDevice, found, tell } = await fleetOf(t, ['n0']);
  isDevice('n0', uuidOf(10));
  await found(device(10));
  const id = await start(fleet);
  await until(fleet, id, told);
  const [late] = pinsDue(fleet.coordinator.view, 1);
  await tell('refused', 'balena says: Release not found: 2');
  const red = await until(fleet, id, ({ state }) => state === 'rolling-back');
  t.match(red.reason, /the gate update is red: 1 of 1 did not get it; n0: balena says: Release not found: 2/);
  await until(fleet, id, ({ subjects }) => subjects[0]?.state === 'returning');
  if (late) await fleet.coordinator.submit('balena-pin', { told: { ...late, outcome: 'pinned', text: '' } });
  t.match(
    pinsDue(fleet.coordinator.view, 9),
    [{ release: { name: '1.0.0' } }],
    'it is still to be pinned to the old one',
  );
  await tell('pinned');
  await found();
  await until(fleet, id, ({ state }) => state === 'rolled-back');
});
