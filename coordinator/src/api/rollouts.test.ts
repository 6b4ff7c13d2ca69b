// Rollouts through the API: what is refused and in which words, an approval, a red gate that stops, a model with its pins, and a rollout that
// is installed from outside.
import type {
  Alert,
  NodeCapacity,
  NodeView,
  RolloutDetails,
  RolloutPlan,
  RolloutTurn,
  RolloutView,
} from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, type FakeNode, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

async function fleetOf(t: Pick<typeof import('tap').default, 'teardown'>, count: number) {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const nodes: FakeNode[] = [];
  for (let i = 0; i < count; i++) nodes.push(await fleet.node(`n${i}`));
  return { fleet, nodes };
}
const post = <T = RolloutView>(fleet: ApiFleet, path: string, body?: unknown) => fleet.call<T>('POST', path, { body });
async function until(fleet: ApiFleet, id: string, holds: (view: RolloutDetails) => boolean): Promise<RolloutDetails> {
  let view: RolloutDetails | undefined;
  for (let i = 0; i < 100; i++) {
    view = (await fleet.call<RolloutDetails>('GET', `/v1/rollouts/${id}`)).body;
    if (holds(view)) return view;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${view?.state}: ${view?.reason} ${JSON.stringify(view?.subjects)}`);
}
const ring = { kind: 'configuration', labels: { set: { ring: 'a' } } };
const labels = async (fleet: ApiFleet) =>
  (await fleet.call<NodeView[]>('GET', '/v1/nodes')).body.map(({ labels }) => labels.ring ?? '-').join('');

t.test('what cannot be rolled out is refused in words', async (t) => {
  const { fleet } = await fleetOf(t, 1);
  const no = async (body: object, code: string, words: RegExp) => {
    const said = await fleet.problem('POST', '/v1/rollouts', { body });
    t.match(said, { code, detail: words });
  };
  await no({ what: { kind: 'node-agent', version: '9.9.9' } }, 'conflict', /no release 9\.9\.9 here; import it first/);
  await no({ what: ring, select: { names: ['nobody'] } }, 'no-such-node', /no node nobody/);
  await no({ what: ring, select: { class: 'moon' } }, 'invalid-request', /select\.class: expected/);
  await no({ what: ring, driver: 'outside' }, 'invalid-request', /only a node-agent/);
  await no({ what: ring, waves: [{ count: 1, percent: 5 }] }, 'invalid-request', /waves\.0/);
  await no({ what: ring, windows: [{ from: '06:00', to: '06:00' }] }, 'invalid-request', /another time than 06:00/);
  await no({ what: { kind: 'model', model: 'tiny' } }, 'conflict', /n0 has it already/);
  await no({ what: { kind: 'agent', change: {} } }, 'invalid-request', /change/);
  await fleet.coordinator.submit('releases-known', { releases: [{ version: '2.0.0', builds: {} }] });
  await no({ what: { kind: 'node-agent', version: '2.0.0' } }, 'conflict', /n0 does not update itself/);
  const { body } = await post<RolloutPlan>(fleet, '/v1/rollouts/plan', { what: ring });
  t.match(body, { waves: [{ size: 1, names: ['n0'] }], warnings: [/prove little/] });
  t.same((await fleet.call('GET', '/v1/rollouts')).body, [], 'a plan changes nothing');
  t.match(await fleet.problem('POST', '/v1/rollouts/none/pause', {}), { code: 'no-such-rollout' });
});

t.test('an approval is asked for when the wave is over, and once', async (t) => {
  const { fleet } = await fleetOf(t, 3);
  const order = {
    what: ring,
    waves: [{ count: 1 }, { percent: 100 }],
    soakSeconds: 1,
    approval: 'each',
    gates: ['update'],
  };
  const { body, status } = await post(fleet, '/v1/rollouts', order);
  t.equal(status, 201);
  const { id } = body;
  t.match(await fleet.problem('POST', `/v1/rollouts/${id}/approve`, {}), { code: 'conflict', detail: /is not over/ });
  t.match(await fleet.problem('POST', '/v1/rollouts', { body: order }), { detail: /is in the rollout .* already/ });
  await until(fleet, id, ({ waitsFor }) => waitsFor === 'approval');
  const alerts = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    return (await fleet.call<Alert[]>('GET', '/v1/alerts')).body.filter(({ kind }) => kind === 'rollout-waits');
  };
  t.match(await alerts(), [{ title: /waits for an approval/, actions: [{ verb: 'open-rollouts' }] }]);
  t.equal(await labels(fleet), 'a--');
  t.equal((await post(fleet, `/v1/rollouts/${id}/approve`)).status, 200);
  await until(fleet, id, ({ state }) => state === 'done');
  t.same(await alerts(), [], 'nobody is waited for any more');
  t.equal(await labels(fleet), 'aaa');
  const { body: events } = await fleet.call<{ type: string }[]>('GET', '/v1/events?limit=100');
  t.equal(events.filter(({ type }) => type === 'rollout-approval').length, 1);
  t.match((await fleet.call<string>('GET', '/metrics')).body, /blackroad_rollouts\{state="done"\} 1/);
  await post(fleet, `/v1/rollouts/${id}/roll-back`);
  await until(fleet, id, ({ state }) => state === 'rolled-back');
  t.equal(await labels(fleet), '---');
});

t.test('a model is pinned wave by wave; a red gate that stops waits for a person', async (t) => {
  const { fleet, nodes } = await fleetOf(t, 2);
  const capacity = (node: FakeNode, more: string[]) => {
    const told = fleet.coordinator.view.live.get(node.id)?.capacity;
    const [tiny] = told?.models ?? [];
    if (!told || !tiny) throw new Error(`${node.id} has told no model`);
    const models = [tiny, ...more.map((name) => ({ ...tiny, name }))].map((each) => ({ ...each, aliases: [] }));
    node.say('nodeCapacity', {}, { ...told, fetches: [], pulls: ['ollama'], models, evictable: more } as NodeCapacity);
  };
  const kept: Record<string, string[]> = {};
  const removed: string[] = [];
  for (const node of nodes) {
    capacity(node, []);
    node.onMessage = (decoded) => {
      if (decoded.name === 'keep') kept[node.id] = decoded.message.keep.map(({ model }) => model);
      if (decoded.name === 'removeModel') {
        removed.push(`${node.id} ${decoded.message.model}`);
        capacity(node, []);
      }
    };
  }
  const what = { kind: 'model', model: 'new:1b' };
  const order = { what, waves: [{ count: 1 }, { percent: 100 }], soakSeconds: 1, patienceSeconds: 3, onRed: 'stop' };
  const { id } = (await post(fleet, '/v1/rollouts', order)).body;
  await until(fleet, id, ({ waves }) => waves[0]?.told === 1);
  t.same(kept, { n0: ['new:1b'] });
  const red = await until(fleet, id, ({ state }) => state === 'stopped');
  t.match(red.reason, /the gate update is red: 1 of 1 did not get it; n0: not there 3 s after it was told/);
  capacity(nodes[0] as FakeNode, ['new:1b']);
  await post(fleet, `/v1/rollouts/${id}/resume`);
  await until(fleet, id, ({ wave, waves }) => wave === 2 && waves[1]?.told === 1);
  capacity(nodes[1] as FakeNode, ['new:1b']);
  await until(fleet, id, ({ state }) => state === 'done');
  await post(fleet, `/v1/rollouts/${id}/roll-back`);
  await until(fleet, id, ({ state }) => state === 'rolled-back');
  t.same(removed.sort(), ['n0 new:1b', 'n1 new:1b']);
  t.same(kept, { n0: [], n1: [] });
});

t.test('installed from outside: after a failure nobody is next, and a report may come twice', async (t) => {
  const { fleet } = await fleetOf(t, 3);
  const order = {
    what: { kind: 'node-agent', version: '2.0.0' },
    driver: 'outside',
    waves: [{ percent: 100 }],
    maxUnavailable: 3,
  };
  const { id } = (await post(fleet, '/v1/rollouts', order)).body;
  const report = (node: string, state: string) => post<RolloutTurn>(fleet, `/v1/rollouts/${id}/wave`, { node, state });
  t.match((await report('n0', 'begun')).body, {
    go: 'install',
    nodes: [{ node: 'n0' }, { node: 'n1' }, { node: 'n2' }],
  });
  t.match((await report('n0', 'failed')).body, { go: /^(wait|go-back|stop)$/ });
  t.equal((await report('n1', 'begun')).status, 409, 'not even before the gates were judged');
  await until(fleet, id, ({ state }) => state === 'rolled-back');
  for (const state of ['returned', 'returned'])
    t.match(await report('n0', state), { status: 200, body: { go: 'stop' } });
  t.equal((await report('n0', 'installed')).status, 409);
});

t.test('installed from outside: the coordinator says who is next, and when to stop', async (t) => {
  const { fleet, nodes } = await fleetOf(t, 2);
  const order = {
    what: { kind: 'node-agent', version: '2.0.0' },
    driver: 'outside',
    waves: [{ count: 1 }, { percent: 100 }],
    soakSeconds: 1,
  };
  const { id } = (await post(fleet, '/v1/rollouts', order)).body;
  const turn = async () => (await fleet.call<RolloutTurn>('GET', `/v1/rollouts/${id}/wave`)).body;
  const report = (node: string, state: string, text?: string) =>
    post<RolloutTurn>(fleet, `/v1/rollouts/${id}/wave`, { node, state, ...(text ? { text } : {}) });
  const hello = (node: FakeNode, version: string) => {
    const row = fleet.coordinator.view.nodes.get(node.id);
    const { boot = '', hardware = '', generation = 0 } = row ?? {};
    node.say('nodeHello', {}, { boot, version, hardware, generation, agentIds: true, upMs: 1, held: [] });
  };
  t.match(await turn(), { go: 'install', wave: 1, version: '2.0.0', nodes: [{ node: 'n0', was: '0.1.0' }] });
  t.equal((await report('n1', 'begun')).status, 409, 'not its wave');
  t.equal((await report('n0', 'begun')).status, 200);
  t.match(await turn(), { go: 'install', nodes: [{ node: 'n0' }] }, 'a playbook that was interrupted begins again');
  await report('n0', 'installed');
  t.match(await turn(), { go: 'wait' }, 'it has not said its version yet');
  hello(nodes[0] as FakeNode, '2.0.0');
  await until(fleet, id, ({ wave }) => wave === 2);
  t.match(await turn(), { go: 'install', nodes: [{ node: 'n1' }] });
  await report('n1', 'begun');
  await report('n1', 'failed', 'apt is broken');
  await until(fleet, id, ({ state }) => state === 'rolling-back');
  const back = await turn();
  t.match(back, {
    go: 'go-back',
    version: null,
    reason: /the gate update is red.*apt is broken/,
    nodes: [{ node: 'n0', was: '0.1.0' }],
  });
  hello(nodes[0] as FakeNode, '0.1.0');
  await report('n0', 'returned');
  await until(fleet, id, ({ state }) => state === 'rolled-back');
  t.match(await turn(), { go: 'stop', reason: /apt is broken/ });
});
